"""What a driver is to the agent: a task that samples one machine and reports to a listener."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from edge.config import MachineConfig
from edge.machine import Feature, Sample


class LinkState(StrEnum):
    """Where the supervisor of one endpoint stands."""

    BACKOFF = "backoff"
    CONNECTING = "connecting"
    RESOLVING = "resolving"
    SUBSCRIBING = "subscribing"
    VERIFYING = "verifying"
    ONLINE = "online"


class Listener(Protocol):
    """Where a driver reports; every call returns at once."""

    def link_changed(self, state: LinkState) -> None: ...

    def link_up(self, offered: frozenset[Feature]) -> None:
        """A session is verified; the samples that follow first are its initial values."""

    def link_lost(self, cause: str) -> None:
        """Nothing is known of the machine any more; called after every failed attempt."""

    def sampled(self, batch: Sequence[Sample]) -> None:
        """Readings that arrived together."""

    def items_counted(self, *, desired: int, actual: int, bad: int) -> None: ...

    def queue_depth(self, depth: int) -> None: ...

    def heartbeat(self) -> None:
        """The server's own clock has moved: the session is alive."""


class Driver(Protocol):
    """Reads one machine until cancelled; it has no way to write to it."""

    async def run(self) -> None: ...


class DriverFactory(Protocol):
    def __call__(self, machine: MachineConfig, listener: Listener) -> Driver: ...
