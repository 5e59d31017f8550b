"""SQL of time: reservations, withdrawals, and the facts free gaps follow from."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, bindparam
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlmodel import Session, col, select, text

from services.capacity.domain import MINUTES_MAX, LiveState, Reservation, StateChange, Withdrawal
from services.capacity.store.telemetry import live_states
from services.capacity.tables import GapWithdrawalRow
from services.contracts.ids import BookingId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState

REACH = timedelta(minutes=MINUTES_MAX)
"""How far outside a window something taken can still keep its buffers out of it."""

_NEAR = bindparam("near", type_=TSTZRANGE)
_DURING = bindparam("during", type_=TSTZRANGE)
_CALENDARS = text("SELECT resource_id, ics FROM working_calendar WHERE resource_id = ANY(:ids)")
_MAINTENANCE = text(
    "SELECT resource_id, during FROM maintenance WHERE resource_id = ANY(:ids) AND during && :near"
).bindparams(_NEAR)
_RESERVATIONS = text(
    "SELECT resource_id, booking_id, unit, during FROM reservation"
    " WHERE resource_id = ANY(:ids) AND during && :near"
).bindparams(_NEAR)
_WITHDRAWN = text(
    "SELECT resource_id, during FROM gap_withdrawal"
    " WHERE resource_id = ANY(:ids) AND restored_at IS NULL"
)
_BUSY_UNITS = text(
    "SELECT DISTINCT unit FROM reservation WHERE resource_id = :resource_id AND during && :during"
).bindparams(_DURING)
_RESERVE = text(
    "INSERT INTO reservation (booking_id, resource_id, unit, during)"
    " SELECT CAST(:booking_id AS uuid), CAST(:resource_id AS uuid), unit, :during"
    " FROM unnest(CAST(:units AS integer[])) AS unit ORDER BY unit"
    " ON CONFLICT DO NOTHING"
).bindparams(_DURING)
_RELEASE = text("DELETE FROM reservation WHERE booking_id = :booking_id")
_DAY_CHANGES = text(
    "(SELECT at, state, reason, id FROM state_change"
    "  WHERE resource_id = :resource_id AND at <= :start ORDER BY at DESC, id DESC LIMIT 1)"
    " UNION ALL"
    " (SELECT at, state, reason, id FROM state_change"
    "  WHERE resource_id = :resource_id AND at > :start AND at < :end)"
    " ORDER BY at, id"
)
_OPEN_CAUSES = text(
    "SELECT resource_id, cause FROM gap_withdrawal"
    " WHERE resource_id = ANY(:ids) AND restored_at IS NULL FOR UPDATE"
)
_RESTORE = text(
    "UPDATE gap_withdrawal SET restored_at = greatest(withdrawn_at, :now)"
    " WHERE resource_id = ANY(:ids) AND restored_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What takes or limits the time of resources, by resource."""

    calendars: Mapping[ResourceId, str]
    maintenance: Mapping[ResourceId, Sequence[Interval]]
    reservations: Mapping[ResourceId, Sequence[Reservation]]
    withdrawn: Mapping[ResourceId, Sequence[Interval]]
    live: Mapping[ResourceId, LiveState]


def slot_facts(session: Session, ids: Sequence[ResourceId], window: Interval) -> SlotFacts:
    """Everything free gaps of ``ids`` inside ``window`` follow from."""
    near = _range(window.widened(before=REACH, after=REACH))
    calendars = _rows(session, _CALENDARS, ids=list(ids))
    reservations: dict[ResourceId, list[Reservation]] = defaultdict(list)
    for row in _rows(session, _RESERVATIONS, ids=list(ids), near=near):
        reservations[row["resource_id"]].append(
            Reservation(row["booking_id"], row["unit"], _interval(row["during"]))
        )
    return SlotFacts(
        calendars={row["resource_id"]: row["ics"] for row in calendars},
        maintenance=_intervals(_rows(session, _MAINTENANCE, ids=list(ids), near=near)),
        reservations=reservations,
        withdrawn=_intervals(_rows(session, _WITHDRAWN, ids=list(ids))),
        live=live_states(session, ids),
    )


def free_units(session: Session, resource_id: UUID, units: int, during: Interval) -> list[int]:
    """Unit numbers with no committed reservation that overlaps ``during``, lowest first."""
    rows = _rows(session, _BUSY_UNITS, resource_id=resource_id, during=_range(during))
    busy = {row["unit"] for row in rows}
    return [unit for unit in range(units) if unit not in busy]


def insert_reservations(
    session: Session, resource_id: UUID, reservations: Sequence[Reservation]
) -> bool:
    """Whether all of one booking were stored; if a rival has one of the units, none is.

    Waits for rivals that have not committed yet: ``ON CONFLICT`` honours the exclusion constraint.
    """
    savepoint = session.begin_nested()
    inserted = session.connection().execute(
        _RESERVE,
        {
            "booking_id": reservations[0].booking_id,
            "resource_id": resource_id,
            "during": _range(reservations[0].during),
            "units": [reservation.unit for reservation in reservations],
        },
    )
    if inserted.rowcount == len(reservations):
        savepoint.commit()
        return True
    savepoint.rollback()
    return False


def delete_reservations(session: Session, booking_id: BookingId) -> None:
    session.connection().execute(_RELEASE, {"booking_id": booking_id})


def state_changes(session: Session, resource_id: ResourceId, day: Interval) -> list[StateChange]:
    """Changes inside ``day`` in time order, after the one in force when it began."""
    rows = _rows(session, _DAY_CHANGES, resource_id=resource_id, start=day.start, end=day.end)
    return [
        StateChange(resource_id, row["at"], ResourceState(row["state"]), row["reason"])
        for row in rows
    ]


def open_withdrawals(
    session: Session, ids: Sequence[ResourceId]
) -> dict[ResourceId, ResourceState]:
    """Cause of the open withdrawal of each resource that has one; locked for the transaction."""
    rows = _rows(session, _OPEN_CAUSES, ids=list(ids))
    return {row["resource_id"]: ResourceState(row["cause"]) for row in rows}


def restore_withdrawals(session: Session, ids: Sequence[ResourceId], now: datetime) -> None:
    if ids:
        session.connection().execute(_RESTORE, {"ids": list(ids), "now": now})


def insert_withdrawals(session: Session, withdrawals: Sequence[Withdrawal]) -> None:
    session.add_all(
        GapWithdrawalRow(
            id=withdrawal.id,
            resource_id=withdrawal.resource_id,
            during=_range(withdrawal.during),
            cause=withdrawal.cause.value,
            withdrawn_at=withdrawal.withdrawn_at,
            restored_at=withdrawal.restored_at,
        )
        for withdrawal in withdrawals
    )
    session.flush()


def withdrawals_since(
    session: Session, *, since: datetime, after: UUID | None, limit: int
) -> list[Withdrawal]:
    query = (
        select(GapWithdrawalRow)
        .where(GapWithdrawalRow.withdrawn_at >= since)
        .order_by(col(GapWithdrawalRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(GapWithdrawalRow.id) > after)
    return [
        Withdrawal(
            id=row.id,
            resource_id=ResourceId(row.resource_id),
            during=_interval(row.during),
            cause=ResourceState(row.cause),
            withdrawn_at=row.withdrawn_at,
            restored_at=row.restored_at,
        )
        for row in session.exec(query)
    ]


def _rows(session: Session, statement: TextClause, **params: Any) -> Sequence[RowMapping]:
    return session.connection().execute(statement, params).mappings().all()


def _intervals(rows: Sequence[RowMapping]) -> dict[ResourceId, list[Interval]]:
    grouped: dict[ResourceId, list[Interval]] = defaultdict(list)
    for row in rows:
        grouped[row["resource_id"]].append(_interval(row["during"]))
    return grouped


def _range(interval: Interval) -> Range[datetime]:
    return Range(interval.start, interval.end)


def _interval(during: Any) -> Interval:
    """A bounded range out of a typed column or out of the driver."""
    return Interval(during.lower, during.upper)
