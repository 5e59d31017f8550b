"""``nonagon demo``: the platform with a simulated park, live until Ctrl-C, or one checked story."""

import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, cast

import typer
from rich.console import Console

from gateway.demo.park import load_demo_park
from gateway.demo.stage import Stage
from gateway.readiness import process_began
from gateway.up import Platform, stop_on_signals
from services.runtime.clock import SystemClock
from services.runtime.logging import configure_logging
from services.runtime.settings import Settings

SPEED_LIVE: Final = 60.0
SPEED_STORY: Final = 120.0
REPLAY_FILE: Final = Path("nist-sms") / "Mazak03-20190702-20190703.txt"


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
    console, clock = Console(), SystemClock()
    recording = _recording(settings, console) if replay else None
    park = load_demo_park(with_replay=replay)
    stage = Stage(
        settings,
        Platform(settings, clock=clock, started_at=process_began(clock), by_copies=True),
        park,
        speed=speed or (SPEED_STORY if once else SPEED_LIVE),
        steady=once,
        recording=recording,
    )
    stop_on_signals()
    try:
        with stage:
            show = load_show()
            kept = show(stage, settings, console, once=once, recording=recording)
    except KeyboardInterrupt:
        console.print("stopped")
    else:
        raise typer.Exit(0 if kept else 1)


def load_show() -> Callable[..., bool]:
    """What the demo does; imported while its processes start, which takes them longer."""
    return cast("Callable[..., bool]", importlib.import_module("gateway.demo.show").show)


def _recording(settings: Settings, console: Console) -> Path:
    recording = settings.recorded_data / REPLAY_FILE
    if not recording.exists():
        console.print(
            f"[bold red]no recording at {recording}[/]: set NONAGON_RECORDED_DATA to the folder "
            f"that holds {REPLAY_FILE}"
        )
        raise typer.Exit(1)
    return recording.resolve()
