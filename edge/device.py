"""One device of the agent: hears its driver, keeps the twin, records what is observed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from edge.clock import Clock
from edge.config import SecurityPolicy
from edge.drivers.protocol import LinkState, Refusal
from edge.machine import Feature, MachineTwin, Sample
from edge.recorder import Recorder

VOUCH_HEARTBEAT_S: Final = 7.0
"""A live sign needs the server's clock to have moved this recently."""


class Device:
    """The listener of one driver."""

    def __init__(self, *, twin: MachineTwin, recorder: Recorder, clock: Clock) -> None:
        self.twin = twin
        self._recorder = recorder
        self._clock = clock
        self._heartbeat_s: float | None = None
        self.seen_at: datetime | None = None
        self.link_state = LinkState.BACKOFF
        self.refusal: Refusal | None = None
        self.policy: SecurityPolicy | None = None
        self.certificate_until: datetime | None = None
        self.connects_count = 0
        self.samples_count = 0
        self.items_desired = len(Feature)
        self.items_actual = 0
        self.items_bad = 0
        self.queue_length = 0

    @property
    def seconds_since_good(self) -> float | None:
        """Since the server's clock was last seen to move; nothing before the first time."""
        if self._heartbeat_s is None:
            return None
        return self._clock.monotonic() - self._heartbeat_s

    @property
    def can_vouch(self) -> bool:
        """Whether the values are really good now, and would be journalled if they changed."""
        age_s = self.seconds_since_good
        return (
            self.link_state is LinkState.ONLINE
            and self.twin.is_known
            and age_s is not None
            and age_s <= VOUCH_HEARTBEAT_S
            and self._recorder.is_healthy
        )

    def link_changed(self, state: LinkState) -> None:
        if state is LinkState.CONNECTING:
            self.connects_count += 1
        self.link_state = state

    def link_protected(self, policy: SecurityPolicy, *, until: datetime | None) -> None:
        self.policy, self.certificate_until = policy, until

    def link_up(self, offered: frozenset[Feature]) -> None:
        self.refusal = None
        self._recorder.record(self.twin.link_up(offered, now=self._clock.now()))

    def link_lost(self, _cause: str, refusal: Refusal | None = None) -> None:
        self.items_actual = 0
        self.refusal = refusal
        self._recorder.record(self.twin.link_lost(now=self._clock.now()))

    def sampled(self, batch: Sequence[Sample]) -> None:
        self.samples_count += len(batch)
        self._recorder.record(self.twin.apply(batch, now=self._clock.now()))

    def items_counted(self, *, desired: int, actual: int, bad: int) -> None:
        self.items_desired, self.items_actual, self.items_bad = desired, actual, bad

    def queue_depth(self, depth: int) -> None:
        self.queue_length = depth

    def heartbeat(self) -> None:
        self._heartbeat_s = self._clock.monotonic()
        if self.can_vouch:
            self.seen_at = self._clock.now()
