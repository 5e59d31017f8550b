"""What a driver is to the agent: a task that samples one machine and reports to a listener."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from edge.config import EdgeConfig, MachineConfig, SecurityPolicy
from edge.machine import Feature, Sample


class DriverUnusableError(Exception):
    """What a driver needs on this computer cannot be had; the text says what and why."""


class LinkState(StrEnum):
    """Where the supervisor of one endpoint stands."""

    BACKOFF = "backoff"
    CONNECTING = "connecting"
    RESOLVING = "resolving"
    SUBSCRIBING = "subscribing"
    VERIFYING = "verifying"
    ONLINE = "online"


class Refusal(StrEnum):
    """Why the agent takes no session from a server that answers."""

    UNCONFIRMED = "certificate-unconfirmed"
    SWAPPED = "certificate-swapped"
    EXPIRED = "certificate-expired"
    UNFIT = "certificate-unfit"
    REVOKED = "certificate-revoked"
    NOT_OFFERED = "encryption-not-offered"
    OWN_EXPIRED = "own-certificate-expired"
    NONSENSE = "handshake-nonsense"


class Listener(Protocol):
    """Where a driver reports; every call returns at once."""

    def link_changed(self, state: LinkState) -> None: ...

    def link_up(self, offered: frozenset[Feature]) -> None:
        """A session is verified; the samples that follow first are its initial values."""

    def link_lost(self, cause: str, refusal: Refusal | None = None) -> None:
        """Nothing is known of the machine any more; called after every failed attempt.

        ``refusal`` is given when it was the agent that would not talk.
        """

    def link_protected(self, policy: SecurityPolicy, *, until: datetime | None) -> None:
        """How the session is protected, and when the server's certificate expires."""

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
    def __call__(
        self, config: EdgeConfig, listeners: Sequence[tuple[MachineConfig, Listener]]
    ) -> Sequence[Driver]:
        """A driver for each listener, in the same order."""
