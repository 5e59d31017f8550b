"""What moves a machine through its time: the seeded process, or a recording."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from gateway.plant.machine import Machine, item_facts, mode_facts
from gateway.plant.pace import FreezeCause
from gateway.plant.park import ParkMachine
from gateway.plant.process import Step, history, spindle_load
from gateway.plant.replay import Controller, Event, Facts, ItemAndMode
from services.contracts import machinery


class ProcessPlayer:
    """Plays the seeded process; ``speed`` seconds of it pass in one of wall time."""

    waits_for_server = False

    def __init__(self, spec: ParkMachine, *, seed: int, speed: float, load_every_s: float) -> None:
        self._steps: Iterator[Step] = history(spec.profile, device=spec.device, seed=seed)
        self._now = next(self._steps)
        self._speed = speed
        self._load_every_s = load_every_s
        self._noise = Random(f"{seed}:{spec.device}:load")  # noqa: S311 - a simulation

    def first_facts(self, machine: Machine) -> Facts:
        return {**self._facts(machine), machinery.SPINDLE_LOAD: self._load()}

    def facts_after_freeze(self, machine: Machine) -> Facts:
        """The end of the job has moved by as long as the machine stood."""
        return self._facts(machine)

    async def run(self, machine: Machine) -> None:
        machine.pace.thaw(FreezeCause.NOT_STARTED)
        loads = asyncio.create_task(self._sample_loads(machine))
        try:
            for step in self._steps:
                await machine.pace.reach(step.at_s / self._speed)
                self._now = step
                await machine.show(machine.changed(self._facts(machine)))
        finally:
            loads.cancel()

    def status(self) -> dict[str, object]:
        return {}

    def _facts(self, machine: Machine) -> Facts:
        step = self._now
        end_s = step.predicted_end_s
        return {
            **item_facts(step.item),
            **mode_facts(step.mode),
            machinery.EXECUTION: step.execution,
            machinery.PROGRAM_NAME: step.program,
            machinery.JOB_IDENTIFIER: step.job_id,
            machinery.PARTS_PRODUCED: step.parts,
            machinery.JOB_PREDICTED_END: None
            if end_s is None
            else machine.pace.due(end_s / self._speed),
        }

    async def _sample_loads(self, machine: Machine) -> None:
        while True:
            await asyncio.sleep(self._load_every_s)
            if not machine.pace.frozen:
                await machine.show(machine.changed({machinery.SPINDLE_LOAD: self._load()}))

    def _load(self) -> float:
        return spindle_load(self._now, self._noise.gauss(0, 1))


class ReplayPlayer:
    """Plays a recording once, from when a client first subscribes to Execution."""

    waits_for_server = True

    def __init__(
        self, scheduled: Sequence[tuple[float, Event]], report: Mapping[str, object]
    ) -> None:
        self._scheduled = scheduled
        self._report = report
        self._total = sum(event.is_execution for _, event in scheduled)
        self._played = 0
        self._begun = False
        self._done = False

    def first_facts(self, machine: Machine) -> Facts:  # noqa: ARG002 - a Player's signature
        return {}

    def facts_after_freeze(self, machine: Machine) -> Facts:  # noqa: ARG002 - same
        return {}

    async def run(self, machine: Machine) -> None:
        await machine.server.subscribed(machinery.EXECUTION)
        self._begun = True
        machine.pace.thaw(FreezeCause.NOT_STARTED)
        controller = Controller()
        said: ItemAndMode | None = None
        for due_s, event in self._scheduled:
            at = await machine.pace.reach(due_s)
            facts, item_and_mode = controller.take(event)
            if item_and_mode != said:
                facts |= item_facts(item_and_mode[0]) | mode_facts(item_and_mode[1])
                said = item_and_mode
            await machine.show(facts, at=at)
            self._played += event.is_execution
        self._done = True

    def status(self) -> dict[str, object]:
        return {
            "events_total": self._total,
            "events_played": self._played,
            "begun": self._begun,
            "done": self._done,
            **self._report,
        }
