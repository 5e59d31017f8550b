"""``nonagon demo``: the platform with a simulated park, live until Ctrl-C, or one checked story."""

import logging
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import psutil
import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from gateway.accounts import Account
from gateway.demo.api import ApiRefusedError, DemoApi
from gateway.demo.enrolment import enrol
from gateway.demo.measure import Record
from gateway.demo.park import load_demo_park
from gateway.demo.people import DemoPeople
from gateway.demo.promises import BrokenPromiseError, Teller
from gateway.demo.seed import Seeded, publish, register
from gateway.demo.stage import Stage
from gateway.demo.story import BUYER, Story
from gateway.up import Platform, stop_on_signals
from services.runtime.clock import SystemClock
from services.runtime.logging import configure_logging
from services.runtime.settings import Settings

SPEED_LIVE: Final = 60.0
SPEED_STORY: Final = 120.0
REPLAY_FILE: Final = Path("nist-sms") / "Mazak03-20190702-20190703.txt"
WARNINGS_EVERY_S: Final = 0.5


def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Tell and check the story unattended, then exit.")
    ] = False,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="One more machine plays a recorded day of a real Mazak."),
    ] = False,
    speed: Annotated[
        float | None, typer.Option(min=0.01, help="Machine seconds per second.")
    ] = None,
) -> None:
    """Run the whole platform here with a simulated park."""
    settings = Settings()
    configure_logging(settings, process="demo")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    console = Console()
    recording = _recording(settings, console) if replay else None
    park = load_demo_park(with_replay=replay)
    began = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    stage = Stage(
        settings,
        Platform(settings, clock=SystemClock(), started_at=began),
        park,
        speed=speed or (SPEED_STORY if once else SPEED_LIVE),
        steady=once,
        recording=recording,
    )
    stop_on_signals()
    try:
        with stage, DemoApi.at(stage.http_url) as api:
            people = DemoPeople(api, park, settings.state_path)
            seeded = register(people, park)
            owners = {site.key: site.organisation for site in park.sites}
            for gateway in park.gateways:
                owner = people.acting(owners[gateway.site])
                enrol(owner, seeded.gateways[gateway.key], stage.credential_path(gateway))
            stage.start_agents()
            publish(people, park, seeded)
            if once:
                _tell(stage, people, seeded, console, recording)
            else:
                _stay(stage, people, seeded, console)
    except KeyboardInterrupt:
        console.print("stopped")
    except (BrokenPromiseError, ApiRefusedError) as broken:
        console.print(f"[bold red]broken promise:[/] {broken}")
        raise typer.Exit(1) from broken


def _recording(settings: Settings, console: Console) -> Path:
    recording = settings.recorded_data / REPLAY_FILE
    if not recording.exists():
        console.print(
            f"[bold red]no recording at {recording}[/]: set NONAGON_RECORDED_DATA to the folder "
            f"that holds {REPLAY_FILE}"
        )
        raise typer.Exit(1)
    return recording.resolve()


def _tell(
    stage: Stage, people: DemoPeople, seeded: Seeded, console: Console, recording: Path | None
) -> None:
    teller = Teller(console)
    console.print(f"the page is at {stage.http_url}")
    with Record(stage.database_url) as record:
        story = Story(
            stage=stage,
            people=people,
            record=record,
            seeded=seeded,
            teller=teller,
            console=console,
            began_at=stage.platform.readiness.started_at,
        )
        story.machines_come_online()
        _note_ready(stage, console)
        if recording is not None:
            story.a_recording_is_replayed(recording)
        story.tell()
    kept = len(teller.lines)
    seconds = sum(line.seconds for line in teller.lines)
    console.print(Panel(f"{kept} promises kept in {seconds:.0f} s", style="green"))


def _stay(stage: Stage, people: DemoPeople, seeded: Seeded, console: Console) -> None:
    with Record(stage.database_url) as record:
        story = Story(
            stage=stage,
            people=people,
            record=record,
            seeded=seeded,
            teller=Teller(console),
            console=console,
            began_at=stage.platform.readiness.started_at,
        )
        story.machines_come_online()
        _note_ready(stage, console)
        demand, candidate = story.a_demand_is_matched()
        story.a_slot_is_booked(demand, candidate)
    device = seeded.resource_key(candidate["resource_id"])
    console.print(_what_to_try(stage.http_url, device, people.account(BUYER)))
    quiet = threading.Event()
    while not quiet.wait(WARNINGS_EVERY_S):
        stage.platform.show_warnings()


def _note_ready(stage: Stage, console: Console) -> None:
    readiness = stage.note_ready()
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in readiness.steps.items())
    console.print(f"[dim]since the command: {steps}[/]")


def _what_to_try(url: str, device: str, buyer: Account) -> Panel:
    nonagon = _as_typed(Path(sys.argv[0]))
    table = Table.grid(padding=(0, 2))
    table.add_row("look", f"[bold]{url}[/]", "the park, live (中文 / English)")
    table.add_row("sign in", f"[bold]{url}/sign-in[/]", f"{buyer.email}  {buyer.password}")
    table.add_row("break", f"{nonagon} plant fault {device}", "its card, its slots, its booking")
    table.add_row("mend", f"{nonagon} plant clear {device}", "and they come back")
    table.add_row(
        "match",
        f"{nonagon} match --as xinghuo --process machining.turning --hours 2",
        "with reasons",
    )
    table.add_row("inside", f"{nonagon} doctor", "processes, memory, backlog")
    table.add_row("stop", "Ctrl-C", "nothing of it stays running")
    return Panel(table, title="Nonagon 九向 · demo park")


def _as_typed(program: Path) -> Path | str:
    """The command as it can be typed here: from this folder if it lies below, else by its name."""
    here = Path.cwd()
    if program.is_absolute() and program.is_relative_to(here):
        return program.relative_to(here)
    return program if program.parts[0] == ".venv" else "nonagon"
