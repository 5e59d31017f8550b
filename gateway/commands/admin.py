"""``nonagon admin``: the platform's own organisation and who administers it.

It works in the database itself, as whoever holds the login may: nobody becomes an administrator of
the platform over HTTP.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, ClassVar, Final

import psycopg
import typer
from rich.table import Table
from sqlmodel import Session

from gateway.commands.api import JsonOption, console, print_json
from gateway.endpoints import read_endpoints
from services.contracts.access import PLATFORM_ROLES, Role
from services.contracts.errors import DomainError, ErrorKind
from services.identity.domain import Member
from services.identity.handlers import administration
from services.runtime.audit.recording import Occasion, begin
from services.runtime.clock import SystemClock
from services.runtime.database_roles import WORKER
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.settings import Settings

ROLES: Final = ", ".join(sorted(PLATFORM_ROLES))
CONNECT_TIMEOUT_S: Final = 5

admin_app = typer.Typer(
    help="Set up the platform's organisation; appoint its administrators.",
    no_args_is_help=True,
    add_completion=False,
)
EmailArgument = Annotated[
    str, typer.Argument(metavar="EMAIL", help="The address the person signed up with.")
]


class NoAdminDatabaseError(DomainError):
    code: ClassVar[str] = "no-database"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No database to administer: no platform runs on {state_dir}. Start `nonagon up`, or set"
        " NONAGON_DATABASE_URL."
    )
    zh: ClassVar[str] = (
        "没有可管理的数据库：{state_dir} 上没有运行中的平台。请运行 `nonagon up`，"
        "或设置 NONAGON_DATABASE_URL。"
    )


class AdminDatabaseUnreachableError(DomainError):
    code: ClassVar[str] = "database-unreachable"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "The database does not answer: {cause}"
    zh: ClassVar[str] = "数据库没有响应：{cause}"


class AdminLoginError(DomainError):
    code: ClassVar[str] = "admin-login-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "Login {login} may not work as {role}. Set NONAGON_DATABASE_URL to the login that migrates,"
        " as docs/how-to/own-servers.md shows."
    )
    zh: ClassVar[str] = (
        "登录角色 {login} 不能以 {role} 身份工作。"
        "请将 NONAGON_DATABASE_URL 设为执行迁移的登录角色，参见 docs/how-to/own-servers.md。"
    )


@admin_app.command("init")
def init_command(
    name: Annotated[str, typer.Option(help="Name in English.")] = "Nonagon platform",
    name_zh: Annotated[str, typer.Option(help="Name in Chinese.")] = "九向平台",
) -> None:
    """Make the organisation that runs the platform; there is one."""
    with _transaction("platform.create") as session:
        made = administration.create_platform(
            session=session, clock=SystemClock(), name=name, name_zh=name_zh
        )
    _say(f"made the platform organisation {made.name} ({made.id})")
    _say(f"next: nonagon admin appoint EMAIL ROLE, one person for each of {ROLES}")


@admin_app.command("appoint")
def appoint_command(
    email: EmailArgument,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help=f"One of {ROLES}.")],
) -> None:
    """Make somebody who has signed up an administrator; nobody holds two of the roles."""
    with _transaction("administrator.appoint") as session:
        administration.appoint(session=session, clock=SystemClock(), email=email, role=role)
        vacant = _vacant(administration.administrators(session=session))
    _say(f"{email} is {role} from now on, by PUT /session/organisation and a second factor")
    if vacant:
        _say(f"nobody is yet: {', '.join(vacant)}")


@admin_app.command("dismiss")
def dismiss_command(email: EmailArgument) -> None:
    """Take an administrator's role away; open sessions lose it within a second."""
    with _transaction("administrator.dismiss") as session:
        held = administration.dismiss(session=session, email=email)
        vacant = _vacant(administration.administrators(session=session))
    _say(f"{email} is no longer {', '.join(sorted(held.roles))}")
    if vacant:
        _say(f"nobody is now: {', '.join(vacant)}")


@admin_app.command("list")
def list_command(
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Show who administers the platform."""
    with _transaction("administrator.list") as session:
        found = administration.administrators(session=session)
    if as_json:
        print_json([_document(member) for member in found])
        return
    table = Table("role", "address", "name", "since")
    for member in found:
        table.add_row(*_document(member).values())
    console.print(table)
    if vacant := _vacant(found):
        _say(f"nobody is: {', '.join(vacant)}")


@contextmanager
def _transaction(action: str) -> Iterator[Session]:
    """One transaction for all organisations, which the audit trail tells as ``action``.

    Raises:
        NoAdminDatabaseError, AdminDatabaseUnreachableError, AdminLoginError: as they say.
    """
    settings = Settings()
    running = read_endpoints(settings.state_path)
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        raise NoAdminDatabaseError(state_dir=settings.state_path)
    _check_login(url)
    engine = engine_for(url, pool_max=1, application="admin", role=WORKER)
    try:
        with transaction(sessions_for(engine)) as session:
            begin(session, Occasion(action), clock=SystemClock())
            yield session
    finally:
        engine.dispose()


def _check_login(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            may = connection.execute(
                "SELECT pg_has_role(oid, 'SET') FROM pg_roles WHERE rolname = %s", [WORKER]
            ).fetchone()
            login = connection.info.user
    except psycopg.OperationalError as error:
        raise AdminDatabaseUnreachableError(cause=str(error).partition("\n")[0]) from error
    if may != (True,):
        raise AdminLoginError(login=login, role=WORKER)


def _vacant(found: list[Member]) -> list[str]:
    held = {role for member in found for role in member.membership.roles}
    return sorted(PLATFORM_ROLES - held)


def _document(member: Member) -> dict[str, str]:
    return {
        "role": ", ".join(sorted(member.membership.roles)),
        "email": member.person.email,
        "name": member.person.name,
        "since": member.membership.created_at.isoformat(timespec="seconds"),
    }


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True, highlight=False)
