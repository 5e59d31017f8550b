"""The live state of a resource with a twin: how reports move it, when it is stale.

Reports reach us late, twice and out of order, so each signal keeps a cursor: within one journal
epoch the higher offset wins, and a report of another epoch wins only when its source timestamp is
not older. A report that does not win is history, never the latest state.

A source timestamp more than an hour ahead of our clock, or before the year 2000, is kept as sent
and flagged. Wherever time is reasoned about, the agent's receive time stands in for it, and our
own clock if that is absurd as well: a machine with a wrong clock cannot put ``since`` into the
future or win against every other epoch for years.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from services.contracts.ids import GatewayId, ResourceId
from services.contracts.telemetry import (
    JobPredictionSource,
    Observation,
    Quality,
    ResourceState,
    Signal,
)

WITHDRAW_HORIZON: Final = timedelta(hours=24)
"""How much near time is withdrawn while a resource is down, off or in maintenance."""
WITHDRAWING: Final = frozenset({ResourceState.DOWN, ResourceState.OFF, ResourceState.MAINTENANCE})
AVAILABLE: Final = frozenset({ResourceState.EXECUTING, ResourceState.IDLE, ResourceState.SETUP})
SOURCE_AHEAD_MAX: Final = timedelta(hours=1)
SOURCE_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LINK_RESTORED_WITHIN: Final = timedelta(minutes=1)
"""A live sign older than this does not prove that a lost link is back."""
SEEN_TOLD_EVERY: Final = timedelta(seconds=2)
"""Live signs within one such slice of the clock are told once."""
LINK_LOST: Final = "link lost"
NEVER_REPORTED: Final = "never reported"
BAD_QUALITY: Final = "bad quality"
UNREADABLE: Final = "unreadable state"
JOURNAL_MAX: Final = 2**63 - 1
COUNT_MAX: Final = 2**53
TEXT_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class ReportedObservation:
    """An observation with its place in the journal of the gateway that sent it.

    Raises:
        ValueError: epoch or offset outside 63 bits.
    """

    gateway_id: GatewayId
    resource_id: ResourceId
    epoch: int
    journal_offset: int
    observation: Observation

    def __post_init__(self) -> None:
        if not (0 <= self.epoch <= JOURNAL_MAX and 1 <= self.journal_offset <= JOURNAL_MAX):
            raise ValueError(f"no place in a journal: {self.epoch}:{self.journal_offset}")

    @property
    def key(self) -> tuple[GatewayId, int, int]:
        return self.gateway_id, self.epoch, self.journal_offset


@dataclass(frozen=True, slots=True)
class GatewayTwins:
    """A gateway and the resources its devices stand for."""

    gateway_id: GatewayId
    resources: Mapping[str, ResourceId]


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What became of a batch: new rows, rows already stored, real changes of state."""

    stored: int
    duplicates: int
    state_changes: int


@dataclass(frozen=True, slots=True)
class LiveState:
    """The latest known of a resource with a twin; ``since`` is the machine's own time of change."""

    resource_id: ResourceId
    state: ResourceState
    reason: str | None
    since: datetime
    source_at: datetime | None = None
    received_at: datetime | None = None
    seen_at: datetime | None = None
    job_id: str | None = None
    job_predicted_end: datetime | None = None
    prediction_source: JobPredictionSource | None = None
    part_count: int | None = None
    execution: str | None = None
    epoch: int | None = None
    journal_offset: int | None = None
    quality: Quality = Quality.STALE
    reliability: int | None = None
    """In thousandths; see ``capacity.domain.reliability``. No report tells it."""

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the last live sign; ``None`` when there never was one."""
        return None if self.seen_at is None else max(0.0, (now - self.seen_at).total_seconds())

    def is_measured(self, now: datetime, stale_after: timedelta) -> bool:
        """Whether this is knowledge: a known state, seen recently."""
        return self.state is not ResourceState.UNKNOWN and not is_stale(
            self.seen_at, now, stale_after
        )


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of the report that set a signal."""

    epoch: int
    journal_offset: int
    at: datetime

    def yields_to(self, other: "Cursor") -> bool:
        """Whether ``other`` is the newer knowledge."""
        if other.epoch == self.epoch:
            return other.journal_offset > self.journal_offset
        return other.at >= self.at


@dataclass(frozen=True, slots=True)
class TwinRecord:
    """A live state with what is needed to judge the next report.

    ``reported`` is the state the machine last told, which a returning link restores.
    """

    live: LiveState
    reported: ResourceState = ResourceState.UNKNOWN
    reported_reason: str | None = None
    cursors: Mapping[Signal, Cursor] = field(default_factory=dict)

    @property
    def link_lost(self) -> bool:
        return self.live.state is ResourceState.UNKNOWN and self.live.reason == LINK_LOST


@dataclass(frozen=True, slots=True)
class StateChange:
    """A state taken at an instant. ``previous`` is ``None`` for history that arrived late."""

    resource_id: ResourceId
    at: datetime
    state: ResourceState
    reason: str | None
    previous: ResourceState | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """A record after reports: ``changes`` moved its state, ``history`` only fills the timeline."""

    record: TwinRecord
    changes: tuple[StateChange, ...] = ()
    history: tuple[StateChange, ...] = ()


def is_stale(seen_at: datetime | None, now: datetime, stale_after: timedelta) -> bool:
    """Whether the last live sign is older than ``stale_after``, or there never was one."""
    return seen_at is None or now - seen_at > stale_after


def is_sign_told(before: LiveState, after: LiveState) -> bool:
    """Whether a live sign is told downstream: a job moved, or a slice of the clock began.

    Whatever else moved, such as a part count, waits for the next sign that is told.
    """
    if after.seen_at is None:
        return False
    if (before.job_id, before.job_predicted_end) != (after.job_id, after.job_predicted_end):
        return True
    return before.seen_at is None or _slice(before.seen_at) != _slice(after.seen_at)


def _slice(seen_at: datetime) -> int:
    return (seen_at - SOURCE_EARLIEST) // SEEN_TOLD_EVERY


def is_suspect(source_at: datetime, now: datetime) -> bool:
    """Whether a source timestamp cannot be true."""
    return not SOURCE_EARLIEST <= source_at <= now + SOURCE_AHEAD_MAX


def trusted_time(observation: Observation, now: datetime) -> datetime:
    """The source timestamp, or the best stand-in for one that cannot be true."""
    for instant in (observation.source_at, observation.received_at):
        if not is_suspect(instant, now):
            return instant
    return now


def fold(record: TwinRecord, reports: Sequence[ReportedObservation], now: datetime) -> Folded:
    """Apply newly stored reports of one resource, in journal order, to its record."""
    folding = _Folding(record, _reasons(reports), now)
    for report in _journal_order(reports, now):
        folding.take(report)
    return folding.result()


def seen(record: TwinRecord, seen_at: datetime, now: datetime) -> Folded:
    """Apply a live sign; a fresh one brings a lost link's last reported state back."""
    sign = min(seen_at, now)
    live = record.live
    if live.seen_at is None or sign > live.seen_at:
        live = replace(live, seen_at=sign)
    if not record.link_lost or now - sign > LINK_RESTORED_WITHIN or live.seen_at != sign:
        return Folded(replace(record, live=live))
    if record.reported is ResourceState.UNKNOWN:
        live = replace(live, reason=record.reported_reason)
        return Folded(replace(record, live=live))
    change = StateChange(
        live.resource_id, sign, record.reported, record.reported_reason, ResourceState.UNKNOWN
    )
    live = replace(live, state=change.state, reason=change.reason, since=sign)
    return Folded(replace(record, live=live), changes=(change,))


def unseen(record: TwinRecord, now: datetime, stale_after: timedelta) -> Folded:
    """A record whose link is lost becomes unknown since its last live sign; others stay."""
    live = record.live
    if live.state is ResourceState.UNKNOWN or not is_stale(live.seen_at, now, stale_after):
        return Folded(record)
    since = live.seen_at or now
    change = StateChange(
        live.resource_id, since, ResourceState.UNKNOWN, LINK_LOST, previous=live.state
    )
    live = replace(live, state=change.state, reason=change.reason, since=since)
    return Folded(replace(record, live=live), changes=(change,))


def _journal_order(
    reports: Sequence[ReportedObservation], now: datetime
) -> list[ReportedObservation]:
    """By offset inside an epoch; epochs by the time their first report tells."""
    by_place = sorted(reports, key=lambda report: (report.epoch, report.journal_offset))
    epochs = [list(group) for _, group in groupby(by_place, key=lambda report: report.epoch)]
    epochs.sort(key=lambda epoch: trusted_time(epoch[0].observation, now))
    return [report for epoch in epochs for report in epoch]


def _reasons(reports: Sequence[ReportedObservation]) -> dict[datetime, str | None]:
    """Reasons by the source timestamp they share with the state they explain."""
    return {
        report.observation.source_at: _text(report.observation)
        for report in reports
        if report.observation.signal is Signal.STATE_REASON
    }


class _Folding:
    """A record while reports are applied to it; ``_values`` are the fields that differ so far."""

    def __init__(
        self, record: TwinRecord, reasons: Mapping[datetime, str | None], now: datetime
    ) -> None:
        self._live = record.live
        self._state = record.live.state
        self._reported = record.reported
        self._reported_reason = record.reported_reason
        self._cursors = dict(record.cursors)
        self._reasons = reasons
        self._now = now
        self._seen_at = record.live.seen_at
        self._values: dict[str, Any] = {}
        self._changes: list[StateChange] = []
        self._history: list[StateChange] = []

    def take(self, report: ReportedObservation) -> None:
        observation = report.observation
        received_at = min(observation.received_at, self._now)
        if self._seen_at is None or received_at > self._seen_at:
            self._seen_at = received_at
        signal = observation.signal
        if signal is Signal.SPINDLE_LOAD:
            return
        place = Cursor(report.epoch, report.journal_offset, trusted_time(observation, self._now))
        cursor = self._cursors.get(signal)
        wins = cursor is None or cursor.yields_to(place)
        if wins:
            self._cursors[signal] = place
        if signal is Signal.STATE:
            self._take_state(observation, place, wins=wins)
        elif wins and signal is Signal.STATE_REASON:
            self._take_reason(_text(observation))
        elif wins:
            name, read = _VALUES[signal]
            self._values[name] = read(observation)

    def result(self) -> Folded:
        return Folded(
            TwinRecord(
                replace(self._live, **self._values, seen_at=self._seen_at),
                self._reported,
                self._reported_reason,
                self._cursors,
            ),
            tuple(self._changes),
            tuple(self._history),
        )

    def _take_state(self, observation: Observation, place: Cursor, *, wins: bool) -> None:
        state, reason = _state(observation)
        reason = reason or self._reasons.get(observation.source_at)
        resource_id = self._live.resource_id
        if not wins:
            self._history.append(StateChange(resource_id, place.at, state, reason))
            return
        self._reported, self._reported_reason = state, reason
        if state is not self._state:
            change = StateChange(resource_id, place.at, state, reason, previous=self._state)
            self._changes.append(change)
            self._values.update(state=state, reason=reason, since=place.at)
            self._state = state
        elif reason is not None:
            self._values["reason"] = reason
        self._values.update(
            source_at=place.at,
            received_at=observation.received_at,
            epoch=place.epoch,
            journal_offset=place.journal_offset,
            quality=observation.quality,
        )

    def _take_reason(self, reason: str | None) -> None:
        self._reported_reason = reason
        if self._state is not ResourceState.UNKNOWN:
            self._values["reason"] = reason


def _good_value(observation: Observation) -> str | float | datetime | None:
    return observation.value if observation.quality is Quality.GOOD else None


def _state(observation: Observation) -> tuple[ResourceState, str | None]:
    value = _good_value(observation)
    if value is None:
        return ResourceState.UNKNOWN, BAD_QUALITY
    try:
        return ResourceState(str(value)), None
    except ValueError:
        return ResourceState.UNKNOWN, UNREADABLE


def _text(observation: Observation) -> str | None:
    value = _good_value(observation)
    return None if value is None or value == "" else stored_text(str(value))


def stored_text(text: str) -> str:
    """``text`` as PostgreSQL can hold it: no NUL, no more than ``TEXT_MAX`` characters."""
    return text[:TEXT_MAX].replace("\x00", "\ufffd")


def _instant(observation: Observation) -> datetime | None:
    value = _good_value(observation)
    return value if isinstance(value, datetime) else None


def _count(observation: Observation) -> int | None:
    value = _good_value(observation)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value <= COUNT_MAX else None


def _prediction_source(observation: Observation) -> JobPredictionSource | None:
    try:
        return JobPredictionSource(str(_good_value(observation)))
    except ValueError:
        return None


_VALUES: Final[Mapping[Signal, tuple[str, Callable[[Observation], object]]]] = MappingProxyType(
    {
        Signal.JOB_ID: ("job_id", _text),
        Signal.JOB_PREDICTED_END: ("job_predicted_end", _instant),
        Signal.JOB_PREDICTION_SOURCE: ("prediction_source", _prediction_source),
        Signal.PARTS: ("part_count", _count),
        Signal.EXECUTION: ("execution", _text),
    }
)
"""The field each signal sets, and how it is read."""
