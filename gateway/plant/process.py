"""How a machine spends its time: a seeded semi-Markov process over item state and operation mode.

A job follows a pause and a setup and is made of cycles, one part each; between jobs a machine may
be maintained, within a job it may fail. Times are seconds of the machine's own time since its
start; nothing here reads a clock, and a seed and a device name give the same history every time.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.contracts.telemetry import MachineryItemState, MachineryOperationMode

_WAIT_SPREAD: Final = 0.4
_PREDICTION_SPREAD: Final = 0.03
_BUSY_AT_START: Final = 0.6
_SETUP_AT_START: Final = 0.15
_LOAD_SPREAD: Final = 0.12
_LOAD_PERCENT_MAX: Final = 150.0


class Profile(BaseModel):
    """The habits of a kind of machine; durations are medians in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cycle_s: float = Field(gt=0, description="one part")
    cycle_spread: float = Field(default=0.05, ge=0, le=1, description="sigma of its logarithm")
    parts_min: int = Field(default=5, ge=1)
    parts_max: int = Field(default=40, ge=1)
    setup_s: float = Field(default=1_200, gt=0)
    idle_s: float = Field(default=600, gt=0)
    maintenance_s: float = Field(default=2_700, gt=0)
    maintenance_probability: float = Field(default=0.03, ge=0, le=1, description="per job")
    fault_s: float = Field(default=900, gt=0)
    fault_probability: float = Field(default=0.000_5, ge=0, le=1, description="per part")
    load_percent: float = Field(default=45, ge=0, le=_LOAD_PERCENT_MAX)

    @model_validator(mode="after")
    def _parts_in_order(self) -> "Profile":
        if self.parts_min > self.parts_max:
            raise ValueError(f"parts_min {self.parts_min} exceeds parts_max {self.parts_max}")
        return self


PROFILES: Final = {
    "milling": Profile(cycle_s=420, parts_min=4, parts_max=30, setup_s=2_400, load_percent=48),
    "turning": Profile(cycle_s=95, parts_min=40, parts_max=200, setup_s=1_500, load_percent=55),
    "grinding": Profile(cycle_s=260, parts_min=10, parts_max=60, setup_s=1_800, load_percent=30),
    "edm": Profile(cycle_s=3_600, parts_min=1, parts_max=6, setup_s=2_700, load_percent=12),
    "sheet": Profile(cycle_s=45, parts_min=50, parts_max=400, setup_s=900, load_percent=62),
    "additive": Profile(cycle_s=14_400, parts_min=1, parts_max=3, setup_s=3_600, load_percent=20),
    "measuring": Profile(cycle_s=300, parts_min=3, parts_max=25, setup_s=600, load_percent=8),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What the machine shows from ``at_s`` until the next step."""

    at_s: float
    item: MachineryItemState
    mode: MachineryOperationMode
    execution: str
    program: str
    job_id: str
    parts: int
    predicted_end_s: float | None
    load_percent: float


def history(profile: Profile, *, device: str, seed: int) -> Iterator[Step]:
    """The machine's whole, endless life, oldest step first."""
    walk = _Walk(profile, device, Random(f"{seed}:{device}"))  # noqa: S311 - a simulation
    yield from walk.begin()
    while True:
        yield walk.pause()
        if walk.happens(profile.maintenance_probability):
            yield walk.maintain()
        yield walk.set_up()
        yield from walk.run_job()


def spindle_load(step: Step, noise: float) -> float:
    """Per cent of rated load for a standard normal ``noise``; nothing turns, nothing loads."""
    if step.item is not MachineryItemState.EXECUTING:
        return 0.0
    load = step.load_percent * (1 + _LOAD_SPREAD * noise)
    return round(min(max(load, 0.0), _LOAD_PERCENT_MAX), 1)


class _Walk:
    """Where the machine stands; each method shows a step and lets its duration pass."""

    def __init__(self, profile: Profile, device: str, random: Random) -> None:
        self._profile = profile
        self._device = device
        self._random = random
        self._jobs = random.randrange(100, 900)
        self._now = Step(
            at_s=0.0,
            item=MachineryItemState.NOT_EXECUTING,
            mode=MachineryOperationMode.PROCESSING,
            execution="READY",
            program="",
            job_id="",
            parts=random.randrange(1_000, 50_000),
            predicted_end_s=None,
            load_percent=profile.load_percent,
        )

    def happens(self, probability: float) -> bool:
        return self._random.random() < probability

    def begin(self) -> Iterator[Step]:
        """A park is found in the middle of its work, not at the dawn of it."""
        drawn = self._random.random()
        if drawn < _BUSY_AT_START:
            yield from self.run_job(share_done=self._random.random())
        elif drawn < _BUSY_AT_START + _SETUP_AT_START:
            yield self.set_up()
            yield from self.run_job()

    def pause(self) -> Step:
        return self._show(
            self._wait(self._profile.idle_s),
            item=MachineryItemState.NOT_EXECUTING,
            mode=MachineryOperationMode.PROCESSING,
            execution="READY",
            program="",
            job_id="",
            predicted_end_s=None,
        )

    def maintain(self) -> Step:
        return self._show(
            self._wait(self._profile.maintenance_s),
            item=MachineryItemState.NOT_EXECUTING,
            mode=MachineryOperationMode.MAINTENANCE,
            execution="STOPPED",
        )

    def set_up(self) -> Step:
        return self._show(
            self._wait(self._profile.setup_s),
            item=MachineryItemState.NOT_EXECUTING,
            mode=MachineryOperationMode.SETUP,
            execution="STOPPED",
        )

    def run_job(self, share_done: float = 0.0) -> Iterator[Step]:
        self._jobs += 1
        planned = self._random.randint(self._profile.parts_min, self._profile.parts_max)
        done = min(int(planned * share_done), planned - 1)
        self._now = replace(
            self._now,
            job_id=f"{self._device}-{self._jobs:04d}",
            program=f"O{self._random.randrange(1_000, 9_999)}",
            mode=MachineryOperationMode.PROCESSING,
        )
        for left in range(planned - done, 0, -1):
            if self.happens(self._profile.fault_probability):
                yield self._fail(left)
            yield self._make_part(left)

    def _make_part(self, left: int) -> Step:
        cycle_s = self._profile.cycle_s * math.exp(
            self._random.gauss(0, self._profile.cycle_spread)
        )
        step = self._show(
            cycle_s,
            item=MachineryItemState.EXECUTING,
            execution="ACTIVE",
            predicted_end_s=self._predict(left),
        )
        self._now = replace(self._now, parts=self._now.parts + 1)
        return step

    def _fail(self, left: int) -> Step:
        repair_s = self._wait(self._profile.fault_s)
        return self._show(
            repair_s,
            item=MachineryItemState.OUT_OF_SERVICE,
            execution="STOPPED",
            predicted_end_s=self._predict(left) + self._profile.fault_s,
        )

    def _predict(self, left: int) -> float:
        """What a controller would say: parts left at the nominal cycle, a little wrong."""
        error = 1 + _PREDICTION_SPREAD * self._random.uniform(-1, 1)
        return self._now.at_s + left * self._profile.cycle_s * error

    def _wait(self, median_s: float) -> float:
        return median_s * math.exp(self._random.gauss(0, _WAIT_SPREAD))

    def _show(self, duration_s: float, **changes: object) -> Step:
        shown = replace(self._now, **changes)  # type: ignore[arg-type]
        self._now = replace(shown, at_s=shown.at_s + duration_s)
        return shown
