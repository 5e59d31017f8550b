"""``nonagon-edge trust`` and ``certificate``: who believes whom between agent and machine."""

import pkgutil
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console

from edge.clock import SystemClock
from edge.config import ConfigError, EdgeConfig, MachineConfig, load_config
from edge.drivers.protocol import DriverUnusableError

_PINS: Final = "edge.drivers.opcua_pin"
_CERTIFICATES: Final = "edge.drivers.certificates"
"""Both are loaded only when asked for: OPC UA takes its time to import."""
UNPRINTABLE: Final = "\N{REPLACEMENT CHARACTER}"
ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file, schema 1")]


def trust(
    config: ConfigPath,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="as CONFIG names it")],
    *,
    fingerprint: Annotated[
        str | None,
        typer.Option(metavar="SHA256", help="Pin without asking, if the server shows this one."),
    ] = None,
) -> None:
    """Show the certificate of DEVICE's server, and pin it once you have compared it there."""
    settings, machine = _chosen(config, device)
    pins: Any = pkgutil.resolve_name(_PINS)
    try:
        shown = pins.look(settings, machine)
        _show(machine, shown)
        if shown.is_trusted and shown.objection is None:
            _say(f"{device} is trusted already")
            return
        if shown.objection is not None:
            _refuse(shown.objection)
        _confirm(shown.fingerprint, fingerprint)
        path = pins.pin(settings, machine, shown)
    except DriverUnusableError as error:
        _refuse(str(error))
    _say(f"pinned in {path}; a running agent tries it at its next attempt")


def certificate(config: ConfigPath) -> None:
    """Show the agent's own certificate, for the machines to trust; made if there is none."""
    settings = _loaded(config)
    certificates: Any = pkgutil.resolve_name(_CERTIFICATES)
    try:
        own = certificates.open_identity(settings, now=SystemClock().now())
    except DriverUnusableError as error:
        _refuse(str(error))
    _list(
        "the agent's own certificate",
        ("file", str(own.path)),
        ("fingerprint", certificates.fingerprint(own.certificate)),
        ("application URI", own.application_uri),
        ("valid to", f"{own.expires_at:%Y-%m-%d}"),
    )


def _show(machine: MachineConfig, shown: Any) -> None:
    _list(
        f"{machine.device} at {machine.endpoint.url}",
        ("fingerprint", shown.fingerprint),
        ("subject", shown.subject),
        ("application URI", shown.application_uri),
        ("valid", f"{shown.valid_from:%Y-%m-%d} to {shown.valid_to:%Y-%m-%d}"),
        ("offers", ", ".join(shown.offers)),
        ("configured", f"security: {machine.endpoint.security}"),
    )


def _list(title: str, *rows: tuple[str, str]) -> None:
    """No table: a fingerprint must be whole on the narrowest terminal.

    Texts a server chose are shown without what could command a terminal.
    """
    _say(title)
    for name, text in rows:
        printable = "".join(
            sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text
        )
        _say(f"  {name:<17}{printable}")


def _confirm(shown: str, expected: str | None) -> None:
    """A person compares; a script names what it expects."""
    if expected is None:
        asked = "Is this the fingerprint the machine itself shows? Pin it"
        typer.confirm(asked, default=False, abort=True)
    elif expected.replace(":", "").lower().removeprefix("sha256") != shown.partition(":")[2]:
        _refuse(f"the server shows {shown}, not {expected}: nothing was pinned")


def _chosen(config: Path, device: str) -> tuple[EdgeConfig, MachineConfig]:
    settings = _loaded(config)
    machines = {machine.device: machine for machine in settings.machines}
    if device not in machines:
        _refuse(f"{config} has no device {device}; it has {', '.join(machines)}")
    return settings, machines[device]


def _loaded(path: Path) -> EdgeConfig:
    try:
        return load_config(path)
    except ConfigError as error:
        _refuse(str(error))


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, soft_wrap=True, markup=False, highlight=False)


def _say(text: str) -> None:
    _console().print(text)


def _refuse(text: str) -> NoReturn:
    _console(stderr=True).print(text)
    raise typer.Exit(code=1)
