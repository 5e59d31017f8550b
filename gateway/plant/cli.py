"""``nonagon plant``: simulated machines on loopback, and commands to break and mend them."""

import asyncio
import json
import logging
import os
import signal
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from gateway.plant.blueprint import load_blueprint
from gateway.plant.certificates import Certificates
from gateway.plant.clock import SystemClock
from gateway.plant.control import PlantControl
from gateway.plant.park import MACHINES_MAX, Park, made_up_park, read_park
from gateway.plant.plant import Plant, open_replay
from services.contracts.errors import DomainError, ErrorKind

plant_app = typer.Typer(help="Simulated machines as real OPC UA servers.")
Device = Annotated[str, typer.Argument(help="Its device id, e.g. mill-01.")]


class PlantNotRunningError(DomainError):
    code: ClassVar[str] = "plant-not-running"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "no plant runs here ({endpoints} is missing); start one by `nonagon demo`, or name its "
        "state directory by NONAGON_STATE_DIR"
    )
    zh: ClassVar[str] = (
        "此处没有运行工厂模拟器（缺少 {endpoints}）；请用 `nonagon demo` 启动，"
        "或用 NONAGON_STATE_DIR 指定状态目录"
    )


@plant_app.callback(invoke_without_command=True)
def plant(
    context: typer.Context,
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
    replay_speed: Annotated[
        float | None, typer.Option(min=0, help="Speed of the replay alone; default: --speed.")
    ] = None,
    load_interval: Annotated[
        float, typer.Option(min=0.001, help="Seconds between spindle loads of a machine.")
    ] = 1.0,
    control_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port for fault injection; 0: any free one.")
    ] = 0,
    *,
    offer_none: Annotated[
        bool, typer.Option("--offer-none", help="Take sessions without encryption too.")
    ] = False,
    endpoints_file: Annotated[
        Path | None,
        typer.Option(help="JSON of where they listen; default: run/plant.json in --state-dir."),
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(envvar="NONAGON_STATE_DIR", help="Keeps address space and certificates."),
    ] = Path("var"),
) -> None:
    """Run simulated machines until Ctrl-C or SIGTERM; or command a running plant."""
    usual = (state_dir or Path("var")) / "run" / "plant.json"
    if context.invoked_subcommand is not None:
        context.obj = usual
        return
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # what fails is said here, once
    try:
        chosen = made_up_park(machines) if park is None else read_park(park)
        played = None if replay is None else open_replay(replay, device=replay_device, park=chosen)
        running = Plant(
            chosen,
            blueprint=load_blueprint(state_dir),
            certificates=Certificates(state_dir, SystemClock()),
            clock=SystemClock(),
            seed=seed,
            speed=speed,
            replay_speed=replay_speed,
            base_port=base_port,
            load_every_s=load_interval,
            replay=played,
            offers_none=offer_none,
        )
        _run(running, chosen, endpoints_file or usual, control_port)
    except DomainError as error:
        typer.echo(f"nonagon plant: {error}", err=True)
        raise typer.Exit(1) from error


def _run(running: Plant, park: Park, endpoints_file: Path, control_port: int) -> None:
    endpoints_file.unlink(missing_ok=True)  # an earlier plant's is no sign of life
    asyncio.run(_serve(running, park, endpoints_file, control_port))


async def _serve(running: Plant, park: Park, endpoints_file: Path, control_port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def announce() -> None:
        endpoints = running.endpoints()
        _write(endpoints_file, endpoints)
        for endpoint in endpoints:
            typer.echo(f"{endpoint['device']}\t{endpoint['url']}\t{endpoint['certificate']}")
        count = len(park.machines)
        typer.echo(f"{count} machines listen; control on {endpoints[0]['control']}")

    await running.run(stop=stop, ready=announce, control_port=control_port)


def _write(path: Path, endpoints: list[dict[str, str]]) -> None:
    """Whole or not at all: somebody is waiting for this file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(endpoints, indent=2) + "\n")
    unfinished.replace(path)


@plant_app.command()
def fault(context: typer.Context, device: Device) -> None:
    """Break DEVICE: out of service at its OPC UA server."""
    _command(context, "fault", device)


@plant_app.command()
def clear(context: typer.Context, device: Device) -> None:
    """Take every fault of DEVICE away."""
    _command(context, "clear", device)


@plant_app.command()
def hold(context: typer.Context, device: Device) -> None:
    """Let DEVICE's time stand still."""
    _command(context, "hold", device)


@plant_app.command()
def resume(context: typer.Context, device: Device) -> None:
    """Let DEVICE's time go on."""
    _command(context, "resume", device)


@plant_app.command("stop-server")
def stop_server(context: typer.Context, device: Device) -> None:
    """Close DEVICE's OPC UA server, as a power cut would."""
    _command(context, "stop-server", device)


@plant_app.command("start-server")
def start_server(context: typer.Context, device: Device) -> None:
    """Open DEVICE's OPC UA server again."""
    _command(context, "start-server", device)


@plant_app.command("bad-quality")
def bad_quality(context: typer.Context, device: Device) -> None:
    """Give DEVICE's state a bad status code."""
    _command(context, "bad-quality", device)


@plant_app.command("wrong-type")
def wrong_type(context: typer.Context, device: Device) -> None:
    """Make DEVICE's state number a text."""
    _command(context, "wrong-type", device)


def _command(context: typer.Context, command: str, device: str) -> None:
    endpoints: Path = context.obj
    try:
        if not endpoints.exists():
            raise PlantNotRunningError(endpoints=endpoints)
        PlantControl.of_endpoints(endpoints).send(command, device)
    except DomainError as error:
        typer.echo(f"nonagon plant: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{device}: {command}")
