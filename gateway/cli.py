"""``nonagon …``: every command of the platform, each imported only when it is run."""

import locale
import sys
from enum import StrEnum
from importlib.metadata import version as version_of
from typing import ClassVar

import typer

from gateway.door import load
from gateway.lazy_commands import LazyCommand, LazyGroup
from services.contracts.errors import DomainError


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
        "book": LazyCommand("gateway.commands.book:book_app", "Hold, confirm or cancel a slot."),
        "round": LazyCommand("gateway.commands.round:round_app", "Pool demands, match a batch."),
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


def run(name: DoorName) -> None:
    """Run one door, configured by NONAGON_… variables."""
    load(name)()


def version() -> None:
    """Print the version."""
    typer.echo(f"nonagon {version_of('nonagon')}")


def main() -> None:
    try:
        app()
    except DomainError as error:
        language = (locale.getlocale()[0] or "en").lower()
        typer.echo(error.text(language), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
