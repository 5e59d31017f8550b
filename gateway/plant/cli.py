"""``nonagon plant``: simulated machines on loopback, until Ctrl-C or SIGTERM."""

import asyncio
import json
import logging
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from gateway.plant.blueprint import load_blueprint
from gateway.plant.clock import SystemClock
from gateway.plant.park import MACHINES_MAX, Park, made_up_park, read_park
from gateway.plant.plant import Plant, open_replay
from services.contracts.errors import DomainError

plant_app = typer.Typer(help="Simulated machines as real OPC UA servers.")


@plant_app.callback(invoke_without_command=True)
def plant(
    machines: Annotated[
        int, typer.Option(min=1, max=MACHINES_MAX, help="How many made-up machines.")
    ] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same history.")] = 1,
    base_port: Annotated[
        int, typer.Option(min=0, max=65_000, help="First port, one each; 0: any free ones.")
    ] = 0,
    park: Annotated[
        Path | None, typer.Option(help="YAML park file, instead of --machines.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="SHDR recording that one machine plays.")
    ] = None,
    replay_device: Annotated[
        str | None, typer.Option(help="Which machine plays it; default: the first.")
    ] = None,
    speed: Annotated[
        float,
        typer.Option(min=0, help="Machine seconds per second; 0: replay as fast as possible."),
    ] = 1.0,
    load_interval: Annotated[
        float, typer.Option(min=0.001, help="Seconds between spindle loads of a machine.")
    ] = 1.0,
    control_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port for fault injection; 0: any free one.")
    ] = 0,
    endpoints_file: Annotated[
        Path | None, typer.Option(help="JSON file written once every server listens.")
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(envvar="NONAGON_STATE_DIR", help="Keeps the prepared address space."),
    ] = Path("var"),
) -> None:
    """Run simulated machines until Ctrl-C or SIGTERM."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # what fails is said here, once
    try:
        chosen = made_up_park(machines) if park is None else read_park(park)
        played = None if replay is None else open_replay(replay, device=replay_device, park=chosen)
        running = Plant(
            chosen,
            blueprint=load_blueprint(state_dir),
            clock=SystemClock(),
            seed=seed,
            speed=speed,
            base_port=base_port,
            load_every_s=load_interval,
            replay=played,
        )
        if endpoints_file is not None:
            endpoints_file.unlink(missing_ok=True)  # an earlier plant's is no sign of life
        asyncio.run(_serve(running, chosen, endpoints_file, control_port))
    except DomainError as error:
        typer.echo(f"nonagon plant: {error}", err=True)
        raise typer.Exit(1) from error


async def _serve(
    running: Plant, park: Park, endpoints_file: Path | None, control_port: int
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def announce() -> None:
        endpoints = running.endpoints()
        if endpoints_file is not None:
            _write(endpoints_file, endpoints)
        count = len(park.machines)
        typer.echo(f"{count} machines listen; control on {endpoints[0]['control']}")
        if endpoints_file is None:
            typer.echo(json.dumps(endpoints, indent=2))

    await running.run(stop=stop, ready=announce, control_port=control_port)


def _write(path: Path, endpoints: list[dict[str, str]]) -> None:
    """Whole or not at all: somebody is waiting for this file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(endpoints, indent=2) + "\n")
    unfinished.replace(path)
