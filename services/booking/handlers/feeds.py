"""Use cases of calendar feeds: open one, list, revoke, and read one by its secret address."""

import secrets
from dataclasses import replace
from uuid import UUID

from sqlmodel import Session

from services.booking import store
from services.booking.domain import (
    FEED_TOKEN_BYTES,
    FEEDS_OPEN_MAX,
    Feed,
    FeedClosedError,
    FeedNotFoundError,
    TooManyFeedsError,
    feed_hash,
    feed_token,
)
from services.booking.handlers.calendars import calendar_of
from services.capacity import handlers as capacity
from services.contracts.access import ANONYMOUS, Principal, PrincipalKind
from services.contracts.ids import OrganisationId, ResourceId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.tenancy import bind


def open_feed(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId | None,
    name: str,
) -> tuple[Feed, str]:
    """A new feed of the organisation's bookings, or of those of one resource, and its token.

    The token is told this once.

    Raises:
        TooManyFeedsError: as many are open as may be.
        ResourceNotFoundError: no such thing.
    """
    if resource_id is not None:
        capacity.get_resource(session=session, resource_id=resource_id)
    if store.count_open_feeds(session, organisation_id) >= FEEDS_OPEN_MAX:
        raise TooManyFeedsError(most=FEEDS_OPEN_MAX)
    feed = Feed(
        id=clock.new_id(),
        organisation_id=organisation_id,
        resource_id=resource_id,
        name=name,
        created_at=clock.now(),
    )
    token = feed_token(secrets.token_bytes(FEED_TOKEN_BYTES))
    store.insert_feed(session, feed, feed_hash(token))
    note(session, subject_kind="calendar_feed", subject_id=feed.id, after=feed)
    return feed, token


def list_feeds(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Feed]:
    """A page by id, revoked ones included."""
    return store.feeds_after(session, organisation_id, after=after, limit=limit)


def revoke_feed(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, feed_id: UUID
) -> None:
    """Answer at its address no more.

    Raises:
        FeedNotFoundError: the organisation has no such open feed.
    """
    known = store.lock_feed(session, organisation_id, feed_id)
    if known is None:
        raise FeedNotFoundError(feed_id=feed_id)
    now = clock.now()
    store.revoke_feed(session, feed_id, now)
    revoked = replace(known, revoked_at=now)
    note(session, subject_kind="calendar_feed", subject_id=feed_id, before=known, after=revoked)


def read_feed(*, session: Session, clock: Clock, token: str) -> bytes:
    """The calendar at a secret address; the transaction works for its organisation after.

    It shows of resources what everybody in the organisation sees, not what is private in it.

    Returns:
        iCalendar text in UTF-8, without prices.

    Raises:
        FeedClosedError: there is none, or no more.
    """
    hashed = feed_hash(token)
    bind(session, ANONYMOUS, credential=hashed)
    feed = store.feed_of_token(session, hashed)
    if feed is None:
        raise FeedClosedError
    program = Principal(kind=PrincipalKind.SERVICE_ACCOUNT, organisation_id=feed.organisation_id)
    bind(session, program)
    return calendar_of(
        session=session,
        clock=clock,
        organisation_id=feed.organisation_id,
        resource_id=feed.resource_id,
    )
