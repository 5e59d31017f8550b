"""What a batch of messages amounts to, before the database has seen it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.contracts.telemetry import Observation


class NodeKey(NamedTuple):
    """An edge node by its Sparkplug ids; the group is the site's code."""

    group: str
    node: str


class DeviceKey(NamedTuple):
    node: NodeKey
    device: str


class JournalKey(NamedTuple):
    """One place in one journal: what a receipt speaks about."""

    node: NodeKey
    epoch: int
    offset: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as the broker delivered it, and which of our connections it came over."""

    topic: str
    payload: bytes
    received_at: datetime
    connection: int


@dataclass(frozen=True, slots=True)
class Reported:
    """An observation from the journal of an edge, valid for its signal."""

    key: JournalKey
    topic: str
    observation: Observation


@dataclass(frozen=True, slots=True)
class Poison:
    """A journalled metric that can never become an observation: quarantined, then receipted."""

    key: JournalKey
    topic: str
    payload: bytes
    cause: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A message nobody can attribute or read: quarantined, never receipted."""

    topic: str
    payload: bytes
    cause: str


@dataclass(slots=True)
class Batch:
    """Everything one transaction will write, and what is to be asked of the nodes.

    ``lost`` holds only devices still lost when the batch ended: a death followed by a birth
    within one batch is a reconnect, not an outage.
    """

    reported: dict[JournalKey, Reported] = field(default_factory=dict)
    repeated: int = 0
    poison: dict[JournalKey, Poison] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    seen: dict[DeviceKey, datetime] = field(default_factory=dict)
    lost: dict[DeviceKey, datetime] = field(default_factory=dict)
    rebirths: dict[NodeKey, str] = field(default_factory=dict)
    messages: int = 0

    def __len__(self) -> int:
        """Observations in it, which is what its size limit counts."""
        return len(self.reported) + len(self.poison)

    def report(self, observation: Reported) -> None:
        if observation.key in self.reported:
            self.repeated += 1
        else:
            self.reported[observation.key] = observation

    def see(self, device: DeviceKey, at: datetime) -> None:
        self.lost.pop(device, None)
        known = self.seen.get(device)
        self.seen[device] = at if known is None else max(known, at)

    def lose(self, device: DeviceKey, at: datetime) -> None:
        self.seen.pop(device, None)
        self.lost[device] = at

    def nodes(self) -> Iterator[NodeKey]:
        """Every node whose gateway must be known to write or answer this batch."""
        named: set[NodeKey] = set(self.rebirths)
        named.update(key.node for key in self.reported)
        named.update(key.node for key in self.poison)
        named.update(device.node for device in self.seen)
        named.update(device.node for device in self.lost)
        return iter(sorted(named))
