"""Turning a recording into what a machine shows, and when.

Every ``execution`` row becomes one write of the Execution node, in file order, with its own
SourceTimestamp. Rows are sometimes out of order (an adapter stamps the loss of its machine with
the last time it heard of it), but a node's time never runs back, so a row is due no earlier than
the one before it, and an execution no earlier than a spacing after the last.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.plant.shdr import UNAVAILABLE, Recording
from services.contracts import machinery
from services.contracts.machinery import MachineVariable
from services.contracts.telemetry import MachineryItemState, MachineryOperationMode

EXECUTION_KEYS: Final = frozenset({"execution", "Program_Status"})
_AVAILABILITY: Final = frozenset({"avail"})
_MODE: Final = frozenset({"mode"})
_EMERGENCY_STOP: Final = frozenset({"estop"})
_PROGRAM: Final = frozenset({"program"})
_PARTS: Final = frozenset({"PartCountAct"})
_LOAD: Final = frozenset({"Sload", "S2load"})
_SHOWN: Final = EXECUTION_KEYS.union(_AVAILABILITY, _MODE, _EMERGENCY_STOP, _PROGRAM, _PARTS, _LOAD)
_SETUP_MODES: Final = frozenset({"MANUAL", "MANUAL_DATA_INPUT", "EDIT"})
_LOAD_PERCENT_MAX: Final = 1_000.0
_COUNT: Final = re.compile(r"[0-9]{1,10}")
_COUNTER_MODULUS: Final = 2**32

Facts = dict[MachineVariable, object]
ItemAndMode = tuple[MachineryItemState, MachineryOperationMode]


@dataclass(frozen=True, slots=True)
class Event:
    """A row that changes what the machine shows."""

    at: datetime
    key: str
    value: str

    @property
    def is_execution(self) -> bool:
        return self.key in EXECUTION_KEYS


def events_of(recording: Recording) -> list[Event]:
    """The rows a replay shows, in file order."""
    return [Event(row.at, row.key, row.value) for row in recording.rows if row.key in _SHOWN]


def schedule(
    events: Sequence[Event], *, began_at: datetime, speed: float, spacing_s: float
) -> Iterator[tuple[float, Event]]:
    """Pair each event with the seconds after the replay's start at which it is due.

    ``speed`` 0 means as fast as the spacing allows. What is older than ``began_at`` is due at once.
    """
    due_s, execution_due_s = 0.0, -spacing_s
    for event in events:
        recorded_s = (event.at - began_at) / timedelta(seconds=1)
        due_s = max(due_s, recorded_s / speed if speed else 0.0)
        if event.is_execution:
            due_s = execution_due_s = max(due_s, execution_due_s + spacing_s)
        yield due_s, event


class Controller:
    """What a machine's controller has said so far, and what OPC 40001-1 makes of it."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._counted = 0
        self._parts = 0

    def take(self, event: Event) -> tuple[Facts, ItemAndMode]:
        """The variables this event sets, and item state and mode after it."""
        return self._facts(event), self._item_and_mode()

    def _facts(self, event: Event) -> Facts:
        if event.is_execution:
            self._said["execution"] = event.value
            return {machinery.EXECUTION: event.value}
        if event.key in _PROGRAM:
            program = "" if event.value == UNAVAILABLE else event.value
            return {machinery.PROGRAM_NAME: program, machinery.JOB_IDENTIFIER: program}
        if event.key in _PARTS:
            return self._count(event.value)
        if event.key in _LOAD:
            return _load(event.value)
        self._said[event.key] = event.value
        return {}

    def _count(self, value: str) -> Facts:
        """A controller's counter starts anew with each job; the lifetime counter goes on."""
        if not _COUNT.fullmatch(value):
            return {}
        counted = int(value)
        self._parts += counted - self._counted if counted >= self._counted else counted
        self._counted = counted
        return {machinery.PARTS_PRODUCED: self._parts % _COUNTER_MODULUS}

    def _item_and_mode(self) -> ItemAndMode:
        """The MTConnect column of the canonical state map."""
        said = self._said.get
        mode = said("mode", UNAVAILABLE)
        if said("avail") == UNAVAILABLE or said("execution", UNAVAILABLE) == UNAVAILABLE:
            return MachineryItemState.NOT_AVAILABLE, MachineryOperationMode.NONE
        shown = MachineryOperationMode.PROCESSING
        if mode == UNAVAILABLE:
            shown = MachineryOperationMode.NONE
        elif mode in _SETUP_MODES:
            shown = MachineryOperationMode.SETUP
        if said("estop") == "TRIGGERED":
            return MachineryItemState.OUT_OF_SERVICE, shown
        if said("execution") == "ACTIVE":
            return MachineryItemState.EXECUTING, shown
        return MachineryItemState.NOT_EXECUTING, shown


def _load(value: str) -> Facts:
    try:
        load = float(value)
    except ValueError:
        return {}
    return {machinery.SPINDLE_LOAD: load} if 0 <= load <= _LOAD_PERCENT_MAX else {}
