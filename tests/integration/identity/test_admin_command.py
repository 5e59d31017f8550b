"""``nonagon admin``: the platform's organisation and its three administrators."""

import json

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner, Result

from gateway.cli import app
from services.contracts.access import PLATFORM_ROLES
from services.contracts.errors import DomainError
from services.contracts.ids import PersonId
from services.identity import handlers
from services.runtime.database_roles import APP, MIGRATOR, enable_logins
from services.runtime.db import Sessions, transaction
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def people(
    sessions: Sessions, database_url: str, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NONAGON_DATABASE_URL", database_url)
    with transaction(sessions) as session:
        for name in ("ann", "bo", "cy"):
            handlers.create_person(
                session=session,
                person_id=PersonId(clock.new_id()),
                clock=clock,
                email=f"{name}@example.com",
                name=name,
                locale="en",
            )


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["admin", *arguments])


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output or result.exception
    return result.stdout


def refusal(*arguments: str) -> str:
    """The code of the error a command ends with."""
    error = run(*arguments).exception
    assert isinstance(error, DomainError), error
    return error.code


def test_three_people_are_appointed_and_told() -> None:
    assert "made the platform organisation Nonagon platform" in done("init")
    roles = sorted(PLATFORM_ROLES)
    for name, role in zip(("ann", "bo", "cy"), roles, strict=True):
        said = done("appoint", f"{name.upper()}@example.com", role)
        assert f"is {role} from now on" in said
    assert "nobody" not in said
    listed = json.loads(done("list", "--json"))
    assert {one["email"]: one["role"] for one in listed} == {
        "ann@example.com": roles[0],
        "bo@example.com": roles[1],
        "cy@example.com": roles[2],
    }


def test_nobody_holds_two_of_the_roles() -> None:
    done("init")
    done("appoint", "ann@example.com", "audit_admin")
    for role in ("audit_admin", "security_admin", "system_admin"):
        assert refusal("appoint", "ann@example.com", role) == "administrator-already"
    assert "nobody is now: audit_admin" in done("dismiss", "ann@example.com")
    done("appoint", "ann@example.com", "security_admin")


def test_there_is_one_platform() -> None:
    assert refusal("list") == "no-platform"
    assert refusal("appoint", "ann@example.com", "audit_admin") == "no-platform"
    done("init", "--name", "Test platform", "--name-zh", "示例平台")
    assert refusal("init") == "platform-exists"


def test_only_people_who_signed_up_and_only_these_roles() -> None:
    done("init")
    assert refusal("appoint", "dee@example.com", "audit_admin") == "nobody-with-address"
    assert refusal("appoint", "ann@example.com", "owner") == "not-an-administrator-role"
    assert run("appoint", "ann@example.com", "king").exit_code == 2
    assert refusal("dismiss", "ann@example.com") == "not-an-administrator"
    assert "nobody is: audit_admin, security_admin, system_admin" in done("list")


def test_the_audit_trail_tells(database_url: str) -> None:
    done("init")
    done("appoint", "ann@example.com", "audit_admin")
    done("list")
    done("dismiss", "ann@example.com")
    with psycopg.connect(database_url) as connection:
        told = connection.execute(
            "SELECT action, subject_kind, actor_kind FROM audit_entry ORDER BY chain, seq"
        ).fetchall()
    assert told == [
        ("platform.create", "organisation", "platform"),
        ("administrator.appoint", "membership", "platform"),
        ("administrator.dismiss", "membership", "platform"),
    ]


def test_works_by_the_login_that_migrates_and_by_no_doors(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "test-only"
    enable_logins(database_url, {MIGRATOR: secret, APP: secret})
    try:
        for login, outcome in ((APP, "admin-login-refused"), (MIGRATOR, None)):
            monkeypatch.setenv("NONAGON_DATABASE_URL", as_login(database_url, login, secret))
            if outcome is None:
                assert "made the platform" in done("init")
            else:
                assert refusal("init") == outcome
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for login in (APP, MIGRATOR):
                connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(login)))


def as_login(database_url: str, login: str, secret: str) -> str:
    place = database_url.partition("@")[2]
    return f"postgresql://{login}:{secret}@{place}"


def test_an_unreachable_database_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NONAGON_DATABASE_URL", "postgresql://a:b@127.0.0.1:1/x")
    assert refusal("list") == "database-unreachable"
