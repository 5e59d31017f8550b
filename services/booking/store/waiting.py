"""SQL of waiting lists."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range
from sqlmodel import Session, col, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from services.booking.domain import Entry, EntryState
from services.booking.tables import WaitlistEntryRow
from services.contracts.ids import BookingId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval


def insert_entry(session: Session, entry: Entry) -> None:
    """Add a waiting entry; it is looked at soon."""
    session.add(
        WaitlistEntryRow(
            id=entry.id,
            organisation_id=entry.organisation_id,
            provider_id=entry.provider_id,
            resource_id=entry.resource_id,
            offer_id=entry.offer_id,
            within=Range(entry.within.start, entry.within.end),
            minutes=entry.minutes,
            units=entry.units,
            state=entry.state.value,
            expires_at=entry.expires_at,
            created_at=entry.created_at,
            updated_at=entry.updated_at,
        )
    )
    session.flush()


def save_entry(session: Session, entry: Entry) -> None:
    """Write that an entry read under lock waits no more."""
    written: dict[str, Any] = {"state": entry.state.value, "updated_at": entry.updated_at}
    if entry.booking_id is not None:
        written["booking_id"] = entry.booking_id
    session.exec(
        update(WaitlistEntryRow).where(col(WaitlistEntryRow.id) == entry.id).values(**written)
    )


def find_entry(session: Session, entry_id: UUID) -> Entry | None:
    return _first(session, select(WaitlistEntryRow).where(col(WaitlistEntryRow.id) == entry_id))


def lock_entry(session: Session, entry_id: UUID) -> Entry | None:
    """The entry, changed by nobody else until this transaction ends."""
    query = select(WaitlistEntryRow).where(col(WaitlistEntryRow.id) == entry_id)
    return _first(session, query.with_for_update())


def entries_after(
    session: Session,
    *,
    organisation_id: OrganisationId,
    after: UUID | None,
    limit: int,
    resource_id: ResourceId | None,
    states: Collection[EntryState] | None,
) -> list[Entry]:
    """A page in id order, which is the order of asking."""
    query = select(WaitlistEntryRow).where(col(WaitlistEntryRow.organisation_id) == organisation_id)
    if after is not None:
        query = query.where(col(WaitlistEntryRow.id) > after)
    if resource_id is not None:
        query = query.where(col(WaitlistEntryRow.resource_id) == resource_id)
    if states is not None:
        query = query.where(col(WaitlistEntryRow.state).in_(states))
    return _found(session, query.order_by(col(WaitlistEntryRow.id)).limit(limit))


def count_waiting(session: Session, organisation_id: OrganisationId) -> int:
    query = select(func.count()).where(
        col(WaitlistEntryRow.organisation_id) == organisation_id,
        col(WaitlistEntryRow.state) == EntryState.WAITING,
    )
    return session.exec(query).one()


def due_resource(session: Session) -> ResourceId | None:
    """A resource whose waiting list is to be looked at; the one that was asked for first."""
    query = (
        select(WaitlistEntryRow.resource_id)
        .where(*_waiting(), col(WaitlistEntryRow.is_due))
        .order_by(col(WaitlistEntryRow.id))
        .limit(1)
    )
    found = session.exec(query).one_or_none()
    return None if found is None else ResourceId(found)


def lock_waiting(session: Session, resource_id: ResourceId) -> list[Entry]:
    """Who waits for the resource, first come first; nobody else promotes or marks them."""
    query = select(WaitlistEntryRow).where(
        *_waiting(), col(WaitlistEntryRow.resource_id) == resource_id
    )
    return _found(session, query.order_by(col(WaitlistEntryRow.id)).with_for_update())


def mark_due(session: Session, resource_ids: Collection[ResourceId] | None = None) -> None:
    """Have the waiting lists of ``resource_ids``, or all, looked at again.

    Waits for who is looking at them now: what it has not seen yet is looked at after it.
    """
    statement = update(WaitlistEntryRow).where(*_waiting())
    if resource_ids is not None:
        statement = statement.where(col(WaitlistEntryRow.resource_id).in_(resource_ids))
    session.exec(statement.values(is_due=True))


def mark_seen(session: Session, entry_ids: Collection[UUID]) -> None:
    """Nothing is free for these as things stand."""
    session.exec(
        update(WaitlistEntryRow).where(col(WaitlistEntryRow.id).in_(entry_ids)).values(is_due=False)
    )


def expire_entries(session: Session, *, now: datetime) -> None:
    """End the waiting of those whose time is over."""
    session.exec(
        update(WaitlistEntryRow)
        .where(*_waiting(), col(WaitlistEntryRow.expires_at) <= now)
        .values(state=EntryState.EXPIRED, updated_at=now)
    )


def _waiting() -> tuple[Any]:
    return (col(WaitlistEntryRow.state) == EntryState.WAITING,)


def _first(session: Session, query: SelectOfScalar[WaitlistEntryRow]) -> Entry | None:
    found = _found(session, query)
    return found[0] if found else None


def _found(session: Session, query: SelectOfScalar[WaitlistEntryRow]) -> list[Entry]:
    rows = session.exec(query, execution_options={"populate_existing": True})
    return [_entry(row) for row in rows]


def _entry(row: WaitlistEntryRow) -> Entry:
    start, end = row.within.lower, row.within.upper
    assert start is not None, "ck_waitlist_entry_within_bounded"
    assert end is not None, "ck_waitlist_entry_within_bounded"
    return Entry(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        provider_id=OrganisationId(row.provider_id),
        resource_id=ResourceId(row.resource_id),
        offer_id=OfferId(row.offer_id) if row.offer_id else None,
        within=Interval(start, end),
        minutes=row.minutes,
        units=row.units,
        state=EntryState(row.state),
        booking_id=BookingId(row.booking_id) if row.booking_id else None,
        expires_at=row.expires_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
