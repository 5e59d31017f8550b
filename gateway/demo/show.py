"""What the demo does on its stage: registers the park, then tells the story or stays."""

import sys
import threading
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from gateway.accounts import Account
from gateway.demo.api import ApiRefusedError, DemoApi
from gateway.demo.enrolment import enrol
from gateway.demo.measure import Record
from gateway.demo.park import GatewayEntry
from gateway.demo.people import DemoPeople
from gateway.demo.promises import BrokenPromiseError, Teller
from gateway.demo.seed import Seeded, publish, register_machines, register_others
from gateway.demo.stage import Stage
from gateway.demo.story import BUYER, Story
from services.runtime.settings import Settings

WARNINGS_EVERY_S: Final = 0.5


def show(
    stage: Stage, settings: Settings, console: Console, *, once: bool, recording: Path | None
) -> bool:
    """Run the demo to its end, or until Ctrl-C; whether it kept what it promised."""
    try:
        _show(stage, settings, console, once=once, recording=recording)
    except (BrokenPromiseError, ApiRefusedError) as broken:
        console.print(f"[bold red]broken promise:[/] {broken}")
        return False
    return True


def _show(
    stage: Stage, settings: Settings, console: Console, *, once: bool, recording: Path | None
) -> None:
    kept = Seeded.kept(settings.state_path, stage.park)
    stage.finish()
    with DemoApi.at(stage.http_url) as api:
        people = DemoPeople(api, stage.park, settings.state_path)
        if kept is None:
            seeded = _open(stage, people, settings.state_path)
        else:
            seeded = _reopened(stage, people, kept)
        if once:
            _tell(stage, people, seeded, console, recording)
        else:
            _stay(stage, people, seeded, console)


def _open(stage: Stage, people: DemoPeople, state_dir: Path) -> Seeded:
    """Register the park as its people would; what is there already is made no second time."""
    seeded = register_machines(people, stage.park)
    for gateway in stage.park.gateways:
        _enrol(stage, people, seeded, gateway)
    register_others(people, stage.park, seeded)
    publish(people, stage.park, seeded)
    seeded.keep(state_dir, stage.park)
    return seeded


def _reopened(stage: Stage, people: DemoPeople, kept: Seeded) -> Seeded:
    """The park as it was; an agent whose credential was revoked begins again with a new one."""
    for gateway in stage.park.gateways:
        if _enrol(stage, people, kept, gateway):
            stage.kill_agent(gateway)
    return kept


def _enrol(stage: Stage, people: DemoPeople, seeded: Seeded, gateway: GatewayEntry) -> bool:
    owner = people.acting(stage.park.owner(gateway))
    return enrol(owner, seeded.gateways[gateway.key], stage.credential_path(gateway))


def _tell(
    stage: Stage, people: DemoPeople, seeded: Seeded, console: Console, recording: Path | None
) -> None:
    console.print(f"the page is at {stage.http_url}")
    with Record(stage.database_url) as record:
        story = _opening(stage, people, seeded, console, record)
        if recording is not None:
            story.a_recording_is_replayed(recording)
        story.tell()
    kept = len(story.teller.lines)
    seconds = sum(line.seconds for line in story.teller.lines)
    console.print(Panel(f"{kept} promises kept in {seconds:.0f} s", style="green"))


def _stay(stage: Stage, people: DemoPeople, seeded: Seeded, console: Console) -> None:
    with Record(stage.database_url) as record:
        story = _opening(stage, people, seeded, console, record)
        demand, candidate = story.a_demand_is_matched()
        story.a_slot_is_booked(demand, candidate)
    device = seeded.resource_key(candidate["resource_id"])
    console.print(_what_to_try(stage.http_url, device, people.account(BUYER)))
    quiet = threading.Event()
    while not quiet.wait(WARNINGS_EVERY_S):
        stage.platform.show_warnings()


def _opening(
    stage: Stage, people: DemoPeople, seeded: Seeded, console: Console, record: Record
) -> Story:
    """The story up to the moment the park is live."""
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
    return story


def _note_ready(stage: Stage, console: Console) -> None:
    readiness = stage.note_ready()
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in readiness.steps.items())
    console.print(f"[dim]since the command: {steps}[/]", soft_wrap=True)


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
