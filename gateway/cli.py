"""``nonagon …``: every command of the platform, each imported only when it is run."""

import locale
import sys
from enum import StrEnum
from importlib.metadata import version as version_of
from typing import Annotated, ClassVar

import typer

from gateway.door import load
from gateway.lazy_commands import LazyCommand, LazyGroup
from services.contracts.errors import DomainError
from services.matching.service.shard import InvalidShardError, Shard


class Commands(LazyGroup):
    table: ClassVar[dict[str, LazyCommand]] = {
        "up": LazyCommand("gateway.up:up", "Start the whole platform here, until Ctrl-C."),
        "prepare": LazyCommand("gateway.prepare:prepare", "Make what a first start waits for."),
        "demo": LazyCommand("gateway.demo.cli:demo", "Start it with a simulated park of machines."),
        "plant": LazyCommand("gateway.plant.cli:plant_app", "Run simulated machines (OPC UA)."),
        "edge": LazyCommand("edge.cli:app", "Run the agent of a factory gateway."),
        "match": LazyCommand("gateway.commands.match:match", "Find capacity for a demand."),
        "route": LazyCommand(
            "gateway.commands.route:route", "Plan a chain of work over several firms, and hold it."
        ),
        "book": LazyCommand(
            "gateway.commands.book:book_app",
            "List free slots and bookings; hold, confirm or cancel.",
        ),
        "round": LazyCommand("gateway.commands.round:round_app", "Pool demands, match a batch."),
        "import": LazyCommand(
            "gateway.commands.importing:import_app", "Put many offers on the market at once."
        ),
        "ledger": LazyCommand("gateway.commands.ledger:ledger_app", "Verify that money balances."),
        "search": LazyCommand("gateway.commands.search:search_app", "Rebuild the search index."),
        "ca": LazyCommand("gateway.commands.ca:ca_app", "Make certificates for MQTT by TLS."),
        "audit": LazyCommand("gateway.commands.audit:audit_app", "Verify the audit trail."),
        "admin": LazyCommand("gateway.commands.admin:admin_app", "Appoint administrators."),
        "run": LazyCommand("gateway.cli:run", "Run one door against servers of your own."),
        "migrate": LazyCommand("gateway.migrate:migrate", "Bring the database to this version."),
        "doctor": LazyCommand("gateway.doctor:doctor", "Say how the running platform is."),
        "version": LazyCommand("gateway.cli:version", "Print the version."),
    }


app = typer.Typer(
    cls=Commands,
    name="nonagon",
    help="Nonagon 九向: industrial capacity measured, matched and never booked twice.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _options() -> None:
    """Take no options of the group's own; the callback makes typer build a group."""


class DoorName(StrEnum):
    HTTP = "http"
    INGEST = "ingest"
    WORKER = "worker"
    MATCHER = "matcher"


def run(
    name: DoorName,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Which part of the market a matcher keeps.")
    ] = None,
) -> None:
    """Run one door, configured by NONAGON_… variables."""
    if shard is None:
        load(name)()
        return
    if name is not DoorName.MATCHER:
        raise typer.BadParameter("only a matcher keeps a shard", param_hint="--shard")
    try:
        Shard.read(shard)
    except InvalidShardError as error:
        raise typer.BadParameter(error.text(_language()), param_hint="--shard") from error
    load(name)(shard)


def version() -> None:
    """Print the version."""
    typer.echo(f"nonagon {version_of('nonagon')}")


def main() -> None:
    try:
        app()
    except DomainError as error:
        typer.echo(error.text(_language()), err=True)
        sys.exit(1)


def _language() -> str:
    return (locale.getlocale()[0] or "en").lower()


if __name__ == "__main__":
    main()
