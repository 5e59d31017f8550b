"""SQL of calendar feeds."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, func, select, update

from services.booking.domain import Feed
from services.booking.tables import CalendarFeedRow
from services.contracts.ids import OrganisationId, ResourceId


def insert_feed(session: Session, feed: Feed, token_hash: bytes) -> None:
    session.add(
        CalendarFeedRow(
            id=feed.id,
            organisation_id=feed.organisation_id,
            resource_id=feed.resource_id,
            name=feed.name,
            token_hash=token_hash,
            created_at=feed.created_at,
        )
    )
    session.flush()


def lock_feed(session: Session, organisation_id: OrganisationId, feed_id: UUID) -> Feed | None:
    """The open feed, revoked by nobody else until this transaction ends."""
    query = select(CalendarFeedRow).where(
        col(CalendarFeedRow.id) == feed_id,
        col(CalendarFeedRow.organisation_id) == organisation_id,
        col(CalendarFeedRow.revoked_at).is_(None),
    )
    row = session.exec(query.with_for_update()).one_or_none()
    return None if row is None else _feed(row)


def feed_of_token(session: Session, token_hash: bytes) -> Feed | None:
    """The open feed with that hash. Comparing hashes, an index tells nothing of the token."""
    query = select(CalendarFeedRow).where(
        col(CalendarFeedRow.token_hash) == token_hash, col(CalendarFeedRow.revoked_at).is_(None)
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _feed(row)


def count_open_feeds(session: Session, organisation_id: OrganisationId) -> int:
    query = select(func.count()).where(
        col(CalendarFeedRow.organisation_id) == organisation_id,
        col(CalendarFeedRow.revoked_at).is_(None),
    )
    return session.exec(query).one()


def feeds_after(
    session: Session, organisation_id: OrganisationId, *, after: UUID | None, limit: int
) -> list[Feed]:
    """A page in id order, revoked ones included."""
    query = select(CalendarFeedRow).where(col(CalendarFeedRow.organisation_id) == organisation_id)
    if after is not None:
        query = query.where(col(CalendarFeedRow.id) > after)
    found = session.exec(query.order_by(col(CalendarFeedRow.id)).limit(limit))
    return [_feed(row) for row in found]


def revoke_feed(session: Session, feed_id: UUID, now: datetime) -> None:
    session.exec(
        update(CalendarFeedRow).where(col(CalendarFeedRow.id) == feed_id).values(revoked_at=now)
    )


def _feed(row: CalendarFeedRow) -> Feed:
    return Feed(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        resource_id=ResourceId(row.resource_id) if row.resource_id else None,
        name=row.name,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
