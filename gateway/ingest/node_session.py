"""The Sparkplug B 3.0 session of one edge node, as the host sees it. Pure.

A session knows which births it holds, what the aliases of data mean, whether a death is this
session's, and whether messages are missing. It delays nothing: journal offsets order the data,
so a gap in ``seq`` only matters because a birth or a death may have been in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.contracts.sparkplug import (
    BD_SEQ_METRIC,
    SEQ_MODULUS,
    DataType,
    MalformedPayloadError,
    Metric,
    Payload,
)

REORDER_TOLERANCE: Final = timedelta(seconds=2)
"""How long a missing message may still arrive before the node is asked to start over."""
REORDER_WINDOW: Final = 16
"""A ``seq`` further ahead or behind is a gap at once; half of this is common in one burst."""


@dataclass(frozen=True, slots=True)
class NamedMetric:
    """A metric with the name and the datatype its birth gave it."""

    name: str
    datatype: DataType
    metric: Metric


class SequenceTracker:
    """Notices missing ``seq`` numbers, forgiving ones that come late or twice."""

    def __init__(self) -> None:
        self._expected = 0
        self._missing: set[int] = set()
        self._deadline: datetime | None = None

    def restart(self) -> None:
        """After a node birth, whose own ``seq`` is 0."""
        self._expected = 1
        self._missing.clear()
        self._deadline = None

    def accept(self, seq: int, at: datetime) -> bool:
        """Note ``seq``; false when the messages between cannot merely be late."""
        if seq == self._expected:
            self._expected = (seq + 1) % SEQ_MODULUS
            return True
        if seq in self._missing:
            self._arrived_late(seq)
            return True
        ahead = (seq - self._expected) % SEQ_MODULUS
        if ahead <= REORDER_WINDOW:
            self._skipped(ahead, at)
            return True
        return SEQ_MODULUS - ahead <= REORDER_WINDOW  # told twice

    def gave_up(self, now: datetime) -> bool:
        """Whether something has been missing for longer than it may be late."""
        return self._deadline is not None and now >= self._deadline

    def _arrived_late(self, seq: int) -> None:
        self._missing.remove(seq)
        if not self._missing:
            self._deadline = None

    def _skipped(self, count: int, at: datetime) -> None:
        self._missing.update((self._expected + step) % SEQ_MODULUS for step in range(count))
        self._expected = (self._expected + count + 1) % SEQ_MODULUS
        self._deadline = self._deadline or at + REORDER_TOLERANCE


class NodeSession:
    """Births, aliases, ``bdSeq`` and ``seq`` of one edge node."""

    def __init__(self) -> None:
        self._bd_seq: int | None = None
        self._aliases: dict[str | None, dict[int, tuple[str, DataType]]] = {}
        self._sequence = SequenceTracker()

    @property
    def is_alive(self) -> bool:
        return self._bd_seq is not None

    @property
    def devices(self) -> frozenset[str]:
        """Devices born in this session and not dead."""
        return frozenset(device for device in self._aliases if device is not None)

    def node_birth(self, payload: Payload) -> frozenset[str]:
        """Begin a session; the devices that died with the one before, whose death was not told.

        A rebirth keeps its ``bdSeq`` and kills nothing.

        Raises:
            MalformedPayloadError: no usable ``bdSeq``, or ambiguous aliases.
        """
        bd_seq, aliases = _bd_seq(payload), _aliases(payload)
        lost = self.devices if self._bd_seq not in {None, bd_seq} else frozenset()
        self._bd_seq = bd_seq
        self._aliases = {None: aliases}
        self._sequence.restart()
        return lost

    def node_death(self, payload: Payload) -> frozenset[str]:
        """End the session if the death is its own; the devices that died with it.

        Raises:
            MalformedPayloadError: no usable ``bdSeq``.
        """
        if _bd_seq(payload) != self._bd_seq:
            return frozenset()  # the late Will of a session that is already replaced
        lost = self.devices
        self.forget()
        return lost

    def device_birth(self, device: str, payload: Payload) -> None:
        """Learn what the aliases of ``device`` mean from now on.

        Raises:
            MalformedPayloadError: ambiguous aliases, or a metric without a name.
        """
        self._aliases[device] = _aliases(payload)

    def device_death(self, device: str) -> None:
        self._aliases.pop(device, None)

    def forget(self) -> None:
        """Know nothing until the next node birth."""
        self._bd_seq = None
        self._aliases = {}

    def in_order(self, payload: Payload, at: datetime) -> bool:
        """Note the message's ``seq``; false when this session has lost messages for good."""
        return payload.seq is not None and self._sequence.accept(payload.seq, at)

    def has_gap(self, now: datetime) -> bool:
        """Whether messages stayed missing beyond the reorder tolerance."""
        return self.is_alive and self._sequence.gave_up(now)

    def named(self, device: str | None, metrics: Sequence[Metric]) -> list[NamedMetric] | None:
        """The metrics by name; ``None`` when the device is unborn or an alias is unknown."""
        aliases = self._aliases.get(device)
        if aliases is None:
            return None
        named = []
        for metric in metrics:
            if metric.name is not None:
                named.append(NamedMetric(metric.name, metric.datatype, metric))
                continue
            known = aliases.get(metric.alias) if metric.alias is not None else None
            if known is None:
                return None
            named.append(NamedMetric(known[0], known[1], metric))
        return named


def _bd_seq(payload: Payload) -> int:
    for metric in payload.metrics:
        if metric.name == BD_SEQ_METRIC and type(metric.value) is int:
            return metric.value
    raise MalformedPayloadError(f"no integer {BD_SEQ_METRIC}")


def _aliases(payload: Payload) -> dict[int, tuple[str, DataType]]:
    aliases: dict[int, tuple[str, DataType]] = {}
    for metric in payload.metrics:
        if metric.name is None:
            raise MalformedPayloadError(f"birth metric with alias {metric.alias} has no name")
        if metric.alias is None:
            continue
        if metric.alias in aliases:
            raise MalformedPayloadError(f"alias {metric.alias} stands for two metrics")
        aliases[metric.alias] = (metric.name, metric.datatype)
    return aliases
