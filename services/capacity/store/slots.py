"""SQL of time: reservations, withdrawals, and the facts free gaps follow from."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, bindparam
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlmodel import Session, col, select, text

from services.capacity.domain import (
    MINUTES_MAX,
    Reservation,
    Resource,
    StateChange,
    Withdrawal,
)
from services.capacity.tables import GapWithdrawalRow
from services.contracts.ids import BookingId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState

REACH = timedelta(minutes=MINUTES_MAX)
"""How far outside a window something taken can still keep its buffers out of it."""

_NEAR = bindparam("near", type_=TSTZRANGE)
_DURING = bindparam("during", type_=TSTZRANGE)
_CALENDARS = text("SELECT resource_id, ics FROM working_calendar WHERE resource_id = ANY(:ids)")
_TAKEN = text(
    "SELECT 'reservation' AS taken_by, resource_id, booking_id, unit, during FROM reservation"
    "  WHERE resource_id = ANY(:ids) AND during && :near"
    " UNION ALL SELECT 'maintenance', resource_id, NULL, NULL, during FROM maintenance"
    "  WHERE resource_id = ANY(:ids) AND during && :near"
    " UNION ALL SELECT 'withdrawal', resource_id, NULL, NULL, during FROM gap_withdrawal"
    "  WHERE resource_id = ANY(:ids) AND restored_at IS NULL"
).bindparams(_NEAR)
_RESERVE = text(
    """
    WITH free AS (
        SELECT generate_series(0, :units_of_resource - 1) AS unit
        EXCEPT SELECT unit FROM reservation
         WHERE resource_id = :resource_id AND during && :during
    ), chosen AS (
        SELECT unit FROM free ORDER BY unit < :first, unit LIMIT :units
    ), reserved AS (
        INSERT INTO reservation
            (booking_id, resource_id, organisation_id, booked_by, unit, during)
        SELECT CAST(:booking_id AS uuid), CAST(:resource_id AS uuid),
               CAST(:organisation_id AS uuid), CAST(:booked_by AS uuid), unit, :during
          FROM chosen WHERE (SELECT count(*) FROM chosen) = :units ORDER BY unit
        ON CONFLICT DO NOTHING
        RETURNING unit
    )
    SELECT (SELECT count(*) FROM chosen) AS chosen,
           ARRAY(SELECT unit FROM reserved ORDER BY unit) AS reserved
    """
).bindparams(_DURING)
_IS_RESERVED = text(
    "SELECT EXISTS (SELECT FROM reservation WHERE resource_id = :resource_id AND during && :during)"
).bindparams(_DURING)
_MEMBERS = text("SELECT DISTINCT resource_id FROM reservation WHERE booking_id = :booking_id")
_TAKERS = text(
    "SELECT DISTINCT booking_id FROM reservation"
    " WHERE resource_id = ANY(:ids) AND during && :during"
).bindparams(_DURING)
_RELEASE = text("DELETE FROM reservation WHERE booking_id = :booking_id")
_KEEP = text(
    """
    DELETE FROM reservation AS given USING (
        SELECT resource_id, unit,
               row_number() OVER (PARTITION BY resource_id ORDER BY unit) AS place,
               count(*) OVER (PARTITION BY resource_id) AS taken
          FROM reservation WHERE booking_id = :booking_id
    ) AS had
     WHERE given.booking_id = :booking_id AND given.resource_id = had.resource_id
       AND given.unit = had.unit AND had.place > had.taken * :kept / :of
    """
)
_DAY_CHANGES = text(
    """
    SELECT asked.resource_id, change.at, change.state, change.reason
      FROM unnest(CAST(:ids AS uuid[]), CAST(:starts AS timestamptz[]),
                  CAST(:ends AS timestamptz[])) AS asked (resource_id, start, until)
     CROSS JOIN LATERAL (
        (SELECT at, state, reason, id FROM state_change
          WHERE resource_id = asked.resource_id AND at <= asked.start
          ORDER BY at DESC, id DESC LIMIT 1)
        UNION ALL
        (SELECT at, state, reason, id FROM state_change
          WHERE resource_id = asked.resource_id AND at > asked.start AND at < asked.until)
     ) AS change
     ORDER BY change.at, change.id
    """
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of reserving: units that seemed free, and those now taken, all or none."""

    chosen: int
    reserved: Sequence[int]


def slot_facts(session: Session, ids: Sequence[ResourceId], window: Interval) -> SlotFacts:
    """Everything free gaps of ``ids`` inside ``window`` follow from, but their live states."""
    near = _range(window.widened(before=REACH, after=REACH))
    calendars = _rows(session, _CALENDARS, ids=list(ids))
    reservations: dict[ResourceId, list[Reservation]] = defaultdict(list)
    maintenance: dict[ResourceId, list[Interval]] = defaultdict(list)
    withdrawn: dict[ResourceId, list[Interval]] = defaultdict(list)
    for row in _rows(session, _TAKEN, ids=list(ids), near=near):
        resource_id, during = row["resource_id"], _interval(row["during"])
        if row["taken_by"] == "reservation":
            taken = Reservation(row["booking_id"], row["unit"], during)
            reservations[resource_id].append(taken)
        else:
            whole = maintenance if row["taken_by"] == "maintenance" else withdrawn
            whole[resource_id].append(during)
    return SlotFacts(
        calendars={row["resource_id"]: row["ics"] for row in calendars},
        maintenance=maintenance,
        reservations=reservations,
        withdrawn=withdrawn,
    )


def reserve_units(
    session: Session,
    resource: Resource,
    *,
    booking_id: BookingId,
    booked_by: OrganisationId,
    during: Interval,
    units: int,
    first: int,
) -> Attempt:
    """Take the lowest free units from ``first`` on; if a rival has one of them, none is taken.

    Waits for rivals that have not committed yet: ``ON CONFLICT`` honours the exclusion constraint.
    """
    asked = {
        "resource_id": resource.id,
        "organisation_id": resource.organisation_id,
        "booked_by": booked_by,
        "units_of_resource": resource.units,
        "booking_id": booking_id,
        "during": _range(during),
        "units": units,
        "first": first,
    }
    if units == 1:  # nothing partial to undo
        return _attempt(session, asked)
    savepoint = session.begin_nested()
    attempt = _attempt(session, asked)
    if len(attempt.reserved) == units:
        savepoint.commit()
        return attempt
    savepoint.rollback()
    return Attempt(attempt.chosen, ())


def _attempt(session: Session, asked: Mapping[str, object]) -> Attempt:
    row = session.connection().execute(_RESERVE, dict(asked)).one()
    return Attempt(row.chosen, row.reserved)


def has_reservation(session: Session, resource_id: ResourceId, during: Interval) -> bool:
    asked = {"resource_id": resource_id, "during": _range(during)}
    return bool(session.connection().execute(_IS_RESERVED, asked).scalar_one())


def members(session: Session, booking_id: BookingId) -> set[ResourceId]:
    """Every resource of which the booking has a unit."""
    rows = session.connection().execute(_MEMBERS, {"booking_id": booking_id})
    return {ResourceId(one) for one in rows.scalars()}


def takers(session: Session, ids: Collection[ResourceId], during: Interval) -> set[BookingId]:
    """Bookings that have a unit of one of ``ids`` at some time of ``during``."""
    asked = {"ids": list(ids), "during": _range(during)}
    return {BookingId(one) for one in session.connection().execute(_TAKERS, asked).scalars()}


def delete_reservations(session: Session, booking_id: BookingId) -> None:
    session.connection().execute(_RELEASE, {"booking_id": booking_id})


def delete_units(session: Session, booking_id: BookingId, *, kept: int, of: int) -> None:
    """Of every resource the booking has, keep the lowest ``kept / of`` of its units."""
    session.connection().execute(_KEEP, {"booking_id": booking_id, "kept": kept, "of": of})


def state_changes(
    session: Session, days: Mapping[ResourceId, Interval]
) -> dict[ResourceId, list[StateChange]]:
    """Changes inside each resource's day in time order, after the one in force when it began."""
    grouped: dict[ResourceId, list[StateChange]] = defaultdict(list)
    for row in _rows(
        session,
        _DAY_CHANGES,
        ids=list(days),
        starts=[day.start for day in days.values()],
        ends=[day.end for day in days.values()],
    ):
        change = StateChange(
            row["resource_id"], row["at"], ResourceState(row["state"]), row["reason"]
        )
        grouped[change.resource_id].append(change)
    return grouped


def open_withdrawals(
    session: Session, ids: Sequence[ResourceId]
) -> dict[ResourceId, ResourceState]:
    """Cause of the open withdrawal of each resource that has one; locked for the transaction."""
    rows = _rows(session, _OPEN_CAUSES, ids=list(ids))
    return {row["resource_id"]: ResourceState(row["cause"]) for row in rows}


def restore_withdrawals(session: Session, ids: Sequence[ResourceId], now: datetime) -> None:
    if ids:
        session.connection().execute(_RESTORE, {"ids": list(ids), "now": now})


def insert_withdrawals(
    session: Session,
    withdrawals: Sequence[Withdrawal],
    owners: Mapping[ResourceId, OrganisationId],
) -> None:
    session.add_all(
        GapWithdrawalRow(
            id=withdrawal.id,
            organisation_id=owners[withdrawal.resource_id],
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


def _range(interval: Interval) -> Range[datetime]:
    return Range(interval.start, interval.end)


def _interval(during: Any) -> Interval:
    """A bounded range out of a typed column or out of the driver."""
    return Interval(during.lower, during.upper)
