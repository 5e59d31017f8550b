"""``nonagon-edge``: run the agent, check its configuration, look at its journal."""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from edge.agent import MetricsPortInUseError, run_agent
from edge.config import ConfigError, EdgeConfig, load_config
from edge.credential import write_credential
from edge.drivers.protocol import DriverUnusableError
from edge.enrolment import EnrolmentFailedError, redeem
from edge.journal import JournalInUseError, JournalUnavailableError, journal_summary
from edge.logging import configure_logging
from edge.trust import certificate, trust

app = typer.Typer(
    name="edge",
    help="The agent beside the machine: reads OPC UA, journals, publishes Sparkplug B.",
    no_args_is_help=True,
)
ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file, schema 1")]


@app.command()
def run(config: ConfigPath) -> None:
    """Run the agent until SIGTERM or Ctrl-C."""
    configure_logging(as_json=not sys.stderr.isatty())
    settings = _loaded(config)
    try:
        asyncio.run(run_agent(settings))
    except (
        DriverUnusableError,
        JournalInUseError,
        JournalUnavailableError,
        MetricsPortInUseError,
        OSError,
    ) as error:
        _refuse(str(error))


@app.command()
def check(config: ConfigPath) -> None:
    """Check CONFIG and show what would be connected."""
    settings = _loaded(config)
    gateway = settings.gateway
    table = Table(title=f"{gateway.group}/{gateway.edge_node} → {settings.broker.url}")
    for heading in ("device", "machine", "profile", "endpoint", "security"):
        table.add_column(heading)
    for machine in settings.machines:
        endpoint = machine.endpoint
        table.add_row(
            machine.device, machine.machine, machine.profile, endpoint.url, endpoint.security
        )
    Console().print(table)


@app.command()
def status(config: ConfigPath) -> None:
    """Show what the journal holds; works beside a running agent and after it died."""
    settings = _loaded(config)
    try:
        summary = journal_summary(settings.journal.path)
    except (FileNotFoundError, sqlite3.Error) as error:
        _refuse(str(error))
    table = Table(title=str(settings.journal.path), show_header=False)
    table.add_row("epoch", str(summary.epoch))
    table.add_row("observations made", str(summary.made))
    table.add_row("waiting for a receipt", str(summary.waiting))
    table.add_row("given up for a limit", str(summary.evicted))
    Console().print(table)


@app.command()
def enroll(
    url: Annotated[str, typer.Argument(metavar="URL", help="of the platform, https://…")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="shown when the enrolment was made")],
    credential: Annotated[
        Path, typer.Option(metavar="PATH", help="file to write, readable by you alone")
    ] = Path("credential.json"),
    *,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Fetch the secret in the clear from elsewhere too.")
    ] = False,
) -> None:
    """Exchange a one-time CODE for this gateway's credential; again with a new code renews it."""
    if not os.access(credential.parent, os.W_OK):  # or the code would be spent for nothing
        _refuse(f"{credential.parent} cannot be written; choose another --credential")
    try:
        given = redeem(url, code, insecure=insecure)
        write_credential(credential, given)
    except (EnrolmentFailedError, OSError) as error:
        _refuse(str(error))
    Console(soft_wrap=True, markup=False, highlight=False).print(
        f"enrolled {given.group}/{given.edge_node}: name {credential} as `credential` under"
        " `broker` in the agent's configuration"
    )


app.command()(trust)
app.command()(certificate)


def _loaded(path: Path) -> EdgeConfig:
    try:
        return load_config(path)
    except ConfigError as error:
        _refuse(str(error))


def _refuse(text: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True, markup=False, highlight=False).print(text)
    raise typer.Exit(code=1)


def main() -> None:
    app()
