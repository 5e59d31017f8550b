"""``nonagon ledger``: verify that accounts, transactions, escrows and payments agree."""

from dataclasses import asdict
from typing import ClassVar, Final

import typer

from gateway.commands.api import JsonOption, console, errors, print_json
from gateway.endpoints import read_endpoints
from services.contracts.errors import DomainError, ErrorKind
from services.ledger import handlers
from services.runtime.database_roles import WORKER
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.settings import Settings

EXIT_UNSOUND: Final = 1

ledger_app = typer.Typer(
    help="Verify that the ledger balances.", no_args_is_help=True, add_completion=False
)


class NoLedgerError(DomainError):
    code: ClassVar[str] = "no-ledger"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No database to read: no platform runs on {state_dir}. Start `nonagon up`, or set"
        " NONAGON_DATABASE_URL."
    )
    zh: ClassVar[str] = (
        "没有可读取的数据库：{state_dir} 上没有运行中的平台。请运行 `nonagon up`，"
        "或设置 NONAGON_DATABASE_URL。"
    )


@ledger_app.callback()
def _options() -> None:
    """Take no options of the group's own; the callback makes typer build a group."""


@ledger_app.command("check")
def check_command(
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Ask every invariant of every row; exit 1 and name what breaks one."""
    report = _report(Settings())
    if as_json:
        print_json({"sound": report.is_sound, "ledger_sum": report.total, **asdict(report)})
    else:
        console.print(
            f"{report.entries} entries in {report.transactions} transactions on"
            f" {report.accounts} accounts sum to {report.total};"
            f" {report.escrows} escrows, {report.payments} payments"
        )
        for breach in report.breaches:
            errors.print(breach, markup=False)
        if report.is_sound:
            console.print("[green]every invariant holds[/]")
    if not report.is_sound:
        raise typer.Exit(EXIT_UNSOUND)


def _report(settings: Settings) -> handlers.Report:
    running = read_endpoints(settings.state_path)
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        raise NoLedgerError(state_dir=settings.state_path)
    engine = engine_for(url, pool_max=1, application="ledger", role=WORKER)
    try:
        with transaction(sessions_for(engine)) as session:
            return handlers.check(session=session)
    finally:
        engine.dispose()
