"""``nonagon audit``: sign the ends of the audit chains, and verify every chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway.commands.api import JsonOption, console, errors, print_json
from gateway.endpoints import read_endpoints
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.audit import handlers
from services.runtime.audit.anchors import Anchors, read_anchors
from services.runtime.audit.entry import PLATFORM, ChainId
from services.runtime.audit.handlers import Report
from services.runtime.audit.keys import public_key, public_path
from services.runtime.audit.store import count
from services.runtime.clock import SystemClock
from services.runtime.database_roles import APP
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.settings import Settings

EXIT_DAMAGED: Final = 1

audit_app = typer.Typer(
    help="Sign the ends of the audit chains; verify them.",
    no_args_is_help=True,
    add_completion=False,
)


class NoTrailError(DomainError):
    code: ClassVar[str] = "no-audit-trail"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No database to read: no platform runs on {state_dir}. Start `nonagon up`, or set"
        " NONAGON_DATABASE_URL."
    )
    zh: ClassVar[str] = (
        "没有可读取的数据库：{state_dir} 上没有运行中的平台。请运行 `nonagon up`，"
        "或设置 NONAGON_DATABASE_URL。"
    )


class NoAnchorsError(DomainError):
    code: ClassVar[str] = "no-anchors"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no file of anchors {path}; name a copy by --anchors."
    zh: ClassVar[str] = "锚定文件 {path} 不存在；请用 --anchors 指定副本。"


@audit_app.command("anchor")
def anchor_command(
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Sign the chains' ends and add them to the file of anchors; exit 1 if one went backwards."""
    settings = Settings()
    with _sessions(settings) as sessions:
        done = handlers.anchor(sessions=sessions, settings=settings, clock=SystemClock())
    path = handlers.anchor_file(settings)
    if as_json:
        receded = [str(chain) for chain in done.receded]
        print_json({"added": done.added, "receded": receded, "file": str(path)})
    else:
        console.print(f"{done.added} heads added to {path}", markup=False, soft_wrap=True)
        for chain in done.receded:
            errors.print(f"{_named(chain)} is shorter than when it was anchored", markup=False)
    if done.receded:
        raise typer.Exit(EXIT_DAMAGED)


@audit_app.command("verify")
def verify_command(
    anchors: Annotated[
        Path | None, typer.Option(help="File of anchors, best a copy from another machine.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--public-key", help="Key they are signed with (PEM).")
    ] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Recompute every chain; exit 1 and name the first broken entry of each that is damaged."""
    settings = Settings()
    known = _anchors(settings, anchors, key)
    with _sessions(settings) as sessions, handlers.reading(sessions) as session:
        total = count(session)
        session.rollback()
        with _progress() as progress:
            task = progress.add_task("entries", total=total)
            report = handlers.verify(
                session=session,
                anchors=known,
                progress=lambda done: progress.update(task, completed=done),
            )
            progress.update(task, completed=report.entries)
    if as_json:
        print_json(_document(report))
    else:
        _show(report)
    if not report.is_sound:
        raise typer.Exit(EXIT_DAMAGED)


@contextmanager
def _sessions(settings: Settings) -> Iterator[Sessions]:
    running = read_endpoints(settings.state_path)
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        raise NoTrailError(state_dir=settings.state_path)
    engine = engine_for(url, pool_max=1, application="audit", role=APP)
    try:
        yield sessions_for(engine)
    finally:
        engine.dispose()


def _anchors(settings: Settings, path: Path | None, key: Path | None) -> Anchors:
    """What is anchored; nothing, if no file is named and none was made yet."""
    chosen = path or handlers.anchor_file(settings)
    if not chosen.exists():
        if path is not None:
            raise NoAnchorsError(path=path)
        return Anchors()
    return read_anchors(chosen, public_key(key or public_path(handlers.anchor_key_file(settings))))


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )


def _named(chain: ChainId) -> str:
    return "platform" if chain == PLATFORM else str(chain)


def _document(report: Report) -> dict[str, Any]:
    return {
        "sound": report.is_sound,
        "chains": report.chains,
        "entries": report.entries,
        "anchored_chains": report.anchored,
        "anchored_at": report.anchored_at and report.anchored_at.isoformat(),
        "damages": [{**asdict(damage), "chain": _named(damage.chain)} for damage in report.damages],
    }


def _show(report: Report) -> None:
    since = "never" if report.anchored_at is None else report.anchored_at.isoformat()
    console.print(
        f"{report.entries} entries in {report.chains} chains;"
        f" {report.anchored} chains anchored, last {since}"
    )
    if report.is_sound:
        console.print("[green]every chain is as it was written[/]")
        return
    table = Table("chain", "first broken entry", "what was done to it")
    for damage in report.damages:
        table.add_row(_named(damage.chain), str(damage.seq), damage.breach.value)
    console.print(table)
