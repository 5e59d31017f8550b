"""Use cases of ingest and of the worker: reports, live signs, lost links, quarantine."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

from sqlmodel import Session

from services.capacity import domain, store
from services.capacity.domain import (
    AVAILABLE,
    QUARANTINE_PAYLOAD_MAX,
    WITHDRAW_HORIZON,
    WITHDRAWING,
    Folded,
    GatewayTwins,
    LiveState,
    QuarantinedMessage,
    RecordResult,
    ReportedObservation,
    TwinRecord,
    Withdrawal,
    fold,
    is_sign_told,
    reliability_days,
    reliability_of,
    stored_text,
    unseen,
)
from services.capacity.handlers.resources import ResourceNotFoundError
from services.contracts.events.capacity import (
    GapsRestored,
    GapsWithdrawn,
    ResourceChanged,
    ResourceSeen,
    ResourceStateChanged,
)
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.identity import handlers as identity
from services.runtime.clock import Clock
from services.runtime.outbox import emit_all

TOPIC_MAX: Final = 400
ResourceEvent = ResourceStateChanged | GapsWithdrawn | GapsRestored | ResourceSeen | ResourceChanged
RELIABILITY_AT_ONCE: Final = 50
"""Twins whose days are added up in one transaction."""
CAUSE_MAX: Final = 1_000

_CAUSES: Final[Mapping[ResourceState, Literal["down", "off", "maintenance"]]] = MappingProxyType(
    {
        ResourceState.DOWN: "down",
        ResourceState.OFF: "off",
        ResourceState.MAINTENANCE: "maintenance",
    }
)


def twins_of(*, session: Session, group: str, edge_node: str) -> GatewayTwins | None:
    """The gateway publishing as ``edge_node`` in ``group`` and its twins; ``None`` when unknown."""
    gateway = identity.gateway_at(session=session, group=group, edge_node=edge_node)
    if gateway is None:
        return None
    return GatewayTwins(gateway.id, store.devices_of(session, gateway.id))


def record_observations(
    *, session: Session, clock: Clock, rows: Sequence[ReportedObservation]
) -> RecordResult:
    """Store a batch once, move the live states it concerns, tell what really changed.

    A row already stored under its (gateway, epoch, offset) moves nothing, and neither does a row
    older than what its resource already knows; both rules hold in whatever order batches arrive.

    Raises:
        ResourceNotFoundError: a row names a resource that does not exist or has no twin.
    """
    now = clock.now()
    new_keys = store.insert_observations(session, rows, now) if rows else set()
    fresh: dict[ResourceId, list[ReportedObservation]] = defaultdict(list)
    for row in rows:
        if row.key in new_keys:
            new_keys.discard(row.key)
            fresh[row.resource_id].append(row)
    records = store.lock_twin_records(session, fresh)
    strangers = fresh.keys() - records.keys()
    if strangers:
        raise ResourceNotFoundError(resource_id=min(strangers))
    folded = [fold(record, fresh[resource_id], now) for resource_id, record in records.items()]
    _settle(session, clock, list(records.values()), folded, now)
    stored = sum(map(len, fresh.values()))
    return RecordResult(
        stored=stored,
        duplicates=len(rows) - stored,
        state_changes=sum(len(each.changes) for each in folded),
    )


def record_seen(*, session: Session, clock: Clock, seen: Mapping[ResourceId, datetime]) -> None:
    """Note live signs; a fresh one restores the last reported state of a lost link."""
    now = clock.now()
    records = store.lock_twin_records(session, seen)
    folded = [
        domain.seen(record, seen[resource_id], now) for resource_id, record in records.items()
    ]
    _settle(session, clock, list(records.values()), folded, now)


def mark_unseen(*, session: Session, clock: Clock, stale_after: timedelta) -> list[ResourceId]:
    """Twins not seen for longer than ``stale_after`` become unknown since they were last seen.

    Returns:
        Those that became unknown now; a second call finds none of them.
    """
    now = clock.now()
    stale = store.stale_twins(session, now - stale_after)
    records = store.lock_twin_records(session, stale)
    folded = [unseen(record, now, stale_after) for record in records.values()]
    lost = [each for each in folded if each.changes]
    _store_folded(session, lost, now)
    _tell(session, _changed(clock, lost, now), now)
    return [each.record.live.resource_id for each in lost]


def tell_reliability(*, session: Session, clock: Clock) -> int:
    """Add up the days of up to ``RELIABILITY_AT_ONCE`` twins of which that is still to be done.

    Returns:
        How many there were; fewer than that many when no others are left.
    """
    now = clock.now()
    days = reliability_days(now)
    due = store.reliability_due(session, days.end, RELIABILITY_AT_ONCE)
    spent = store.time_spent(session, due, days)
    reliabilities = {
        key: reliability_of(
            able=sum((states.get(one, timedelta(0)) for one in AVAILABLE), timedelta(0)),
            failed=states.get(ResourceState.DOWN, timedelta(0)),
        )
        for key, states in spent.items()
    }
    news = store.put_reliabilities(session, reliabilities, days.end)
    changed = [
        ResourceChanged(
            id=clock.new_id(), occurred_at=now, resource_id=key, organisation_id=organisation_id
        )
        for key, organisation_id in news.items()
    ]
    _tell(session, changed, now)
    return len(due)


def mark_lost(
    *, session: Session, clock: Clock, resource_ids: Sequence[ResourceId]
) -> list[ResourceId]:
    """Twins whose agent or link was told to be gone become unknown now; the next sign heals it.

    Returns:
        Those that became unknown now.
    """
    now = clock.now()
    records = store.lock_twin_records(session, resource_ids)
    folded = [unseen(record, now, timedelta.min) for record in records.values()]
    lost = [each for each in folded if each.changes]
    _store_folded(session, lost, now)
    _tell(session, _changed(clock, lost, now), now)
    return [each.record.live.resource_id for each in lost]


def quarantine(*, session: Session, clock: Clock, topic: str, payload: bytes, cause: str) -> None:
    """Keep a message that could not be understood, cut to 64 KiB, with the cause.

    It belongs to the organisation whose site the topic's group names.
    """
    _, _, rest = topic.partition("/")
    owner = identity.owner_of_site(session=session, code=stored_text(rest.partition("/")[0]))
    store.insert_quarantined(
        session,
        QuarantinedMessage(
            id=clock.new_id(),
            topic=stored_text(topic)[:TOPIC_MAX],
            payload=payload[:QUARANTINE_PAYLOAD_MAX],
            payload_bytes=len(payload),
            cause=stored_text(cause)[:CAUSE_MAX],
            received_at=clock.now(),
            organisation_id=owner,
        ),
    )


def list_quarantine(
    *,
    session: Session,
    organisation_id: OrganisationId | None,
    after: UUID | None,
    limit: int,
) -> list[QuarantinedMessage]:
    """A page by id of one organisation's messages; of all that may be seen if not given."""
    return store.quarantined_after(session, organisation_id, after=after, limit=limit)


def live_states(
    *, session: Session, resource_ids: Sequence[ResourceId] | None = None
) -> dict[ResourceId, LiveState]:
    """Latest states of the resources that have a twin; all of them by default."""
    return store.live_states(session, resource_ids)


def _settle(
    session: Session,
    clock: Clock,
    before: Sequence[TwinRecord],
    folded: Sequence[Folded],
    now: datetime,
) -> None:
    """Store what reports made of their resources and tell it downstream."""
    _store_folded(session, folded, now)
    events = [
        *_changed(clock, folded, now),
        *_settled_withdrawals(session, clock, folded, now),
        *_seen(clock, before, folded, now),
    ]
    _tell(session, events, now)


def _tell(session: Session, events: Sequence[ResourceEvent], now: datetime) -> None:
    """Emit each event for those who may see its resource."""
    if events:
        audiences = store.audiences(session, {ResourceId(event.resource_id) for event in events})
        told = [
            event.model_copy(update={"audience": audiences[ResourceId(event.resource_id)]})
            for event in events
        ]
        emit_all(session, told, now=now)


def _store_folded(session: Session, folded: Sequence[Folded], now: datetime) -> None:
    store.update_twin_records(session, [each.record for each in folded])
    store.insert_state_changes(
        session, [change for each in folded for change in (*each.history, *each.changes)], now
    )


def _changed(clock: Clock, folded: Sequence[Folded], now: datetime) -> list[ResourceStateChanged]:
    return [
        ResourceStateChanged(
            id=clock.new_id(),
            occurred_at=now,
            resource_id=change.resource_id,
            state=change.state,
            previous=change.previous,
            reason=change.reason,
            since=change.at,
        )
        for each in folded
        for change in each.changes
    ]


def _seen(
    clock: Clock, before: Sequence[TwinRecord], folded: Sequence[Folded], now: datetime
) -> list[ResourceSeen]:
    return [
        ResourceSeen(
            id=clock.new_id(),
            occurred_at=now,
            resource_id=live.resource_id,
            seen_at=live.seen_at,
            part_count=live.part_count,
            job_id=live.job_id,
            job_predicted_end=live.job_predicted_end,
        )
        for known, live in zip(
            (record.live for record in before), (each.record.live for each in folded), strict=True
        )
        if live.seen_at is not None and is_sign_told(known, live)
    ]


def _settled_withdrawals(
    session: Session, clock: Clock, folded: Sequence[Folded], now: datetime
) -> list[GapsWithdrawn | GapsRestored]:
    """Withdraw the near time of what went down, off or into maintenance; restore what came back.

    Unknown does neither: a machine that fell silent while down has not recovered.
    """
    states = {
        each.record.live.resource_id: each.record.live.state for each in folded if each.changes
    }
    causes = store.open_withdrawals(session, list(states)) if states else {}
    restored = [key for key, state in states.items() if state in AVAILABLE and key in causes]
    withdrawn = [
        Withdrawal(
            id=clock.new_id(),
            resource_id=resource_id,
            during=Interval.starting(now, WITHDRAW_HORIZON),
            cause=state,
            withdrawn_at=now,
            restored_at=None,
        )
        for resource_id, state in states.items()
        if state in WITHDRAWING and causes.get(resource_id) is not state
    ]
    replaced = [withdrawal.resource_id for withdrawal in withdrawn]
    store.restore_withdrawals(session, [*restored, *replaced], now)
    store.insert_withdrawals(session, withdrawn, store.owners(session, replaced))
    return [
        *(_withdrawn(clock, withdrawal) for withdrawal in withdrawn),
        *(GapsRestored(id=clock.new_id(), occurred_at=now, resource_id=key) for key in restored),
    ]


def _withdrawn(clock: Clock, withdrawal: Withdrawal) -> GapsWithdrawn:
    return GapsWithdrawn(
        id=clock.new_id(),
        occurred_at=withdrawal.withdrawn_at,
        resource_id=withdrawal.resource_id,
        start=withdrawal.during.start,
        end=withdrawal.during.end,
        cause=_CAUSES[withdrawal.cause],
    )
