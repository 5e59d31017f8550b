"""Which machines a plant simulates: a park file, or N made-up ones."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gateway.plant.process import PROFILES, Profile
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import SPARKPLUG_ID

FaultCommand = Literal[
    "fault",
    "clear",
    "stop-server",
    "start-server",
    "bad-quality",
    "wrong-type",
    "hold",
    "resume",
]
FAULT_COMMANDS: Final[tuple[str, ...]] = get_args(FaultCommand)
MACHINES_MAX: Final = 200
_DEFAULT_PROFILE: Final = "milling"


class ParkFileError(DomainError):
    code = "park-file-invalid"
    kind = ErrorKind.INVALID
    en = "park file {path} cannot be used: {cause}"
    zh = "园区文件 {path} 无法使用：{cause}"


def _profile(chosen: Any) -> Any:
    """A name, or a mapping of a profile's fields over a named ``base``."""
    if isinstance(chosen, str):
        if chosen not in PROFILES:
            raise ValueError(f"unknown profile {chosen!r}; known: {', '.join(PROFILES)}")
        return PROFILES[chosen]
    if isinstance(chosen, dict):
        fields = dict(chosen)
        base = _profile(fields.pop("base", _DEFAULT_PROFILE))
        return {**base.model_dump(), **fields}
    return chosen


class ParkMachine(BaseModel):
    """One simulated machine; ``device`` is also its Sparkplug device id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field(pattern=f"^{SPARKPLUG_ID.pattern}$")
    name: str = Field(min_length=1, max_length=200)
    manufacturer: str = "Nonagon"
    model: str = "Simulated machine"
    serial: str = "0"
    kind: str = _DEFAULT_PROFILE
    port: int = Field(default=0, ge=0, le=65_535, description="0: given by --base-port, or free")
    profile: Annotated[Profile, BeforeValidator(_profile)] = PROFILES[_DEFAULT_PROFILE]

    @model_validator(mode="before")
    @classmethod
    def _profile_of_kind(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "profile" not in fields:
            kind = fields.get("kind", _DEFAULT_PROFILE)
            return {**fields, "profile": kind if kind in PROFILES else _DEFAULT_PROFILE}
        return fields


class ScriptedFault(BaseModel):
    """A command the plant gives itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    command: FaultCommand
    after_s: float = Field(ge=0, description="wall time since all servers listened")


class Park(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    machines: tuple[ParkMachine, ...] = Field(min_length=1, max_length=MACHINES_MAX)
    faults: tuple[ScriptedFault, ...] = ()

    @model_validator(mode="after")
    def _devices_are_one_each(self) -> "Park":
        devices = [machine.device for machine in self.machines]
        twice = {device for device in devices if devices.count(device) > 1}
        if twice:
            raise ValueError(f"device {', '.join(sorted(twice))} stands twice")
        unknown = {fault.device for fault in self.faults}.difference(devices)
        if unknown:
            raise ValueError(f"faults name unknown device {', '.join(sorted(unknown))}")
        return self


def read_park(path: Path) -> Park:
    """Read a YAML park file: a list of machines, or ``machines:`` and ``faults:``.

    Raises:
        ParkFileError: it cannot be read, or says something a park cannot be.
    """
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Park.model_validate({"machines": said} if isinstance(said, list) else said)
    except OSError as error:
        raise ParkFileError(path=path, cause=error.strerror or error) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParkFileError(path=path, cause=f"not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ParkFileError(path=path, cause=f"{where}: {first['msg']}") from error


def made_up_park(count: int) -> Park:
    """``count`` machines of all kinds in turn."""
    kinds = list(PROFILES)
    return Park(
        machines=tuple(
            ParkMachine(
                device=f"{kinds[number % len(kinds)]}-{number + 1:02d}",
                name=f"{kinds[number % len(kinds)].capitalize()} {number + 1:02d}",
                model=f"{kinds[number % len(kinds)]} simulator",
                serial=f"SIM-{number + 1:04d}",
                kind=kinds[number % len(kinds)],
                profile=PROFILES[kinds[number % len(kinds)]],
            )
            for number in range(count)
        )
    )
