"""Calendar feeds: whoever has the address reads, nobody finds it, and it can be revoked."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import icalendar
import pytest
from sqlalchemy import text
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import FEEDS_OPEN_MAX, Feed
from services.capacity.domain import Resource
from services.capacity.handlers import ResourceNotFoundError
from services.contracts.access import Principal, PrincipalKind
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.runtime.db import Sessions, transaction
from tests.integration.booking.park import Park, open_park
from tests.support.api import Document, Market, api_client
from tests.support.clock import START, FrozenClock

pytestmark = pytest.mark.integration


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


@pytest.fixture
def machine(park: Park) -> Resource:
    return park.resource()


@pytest.fixture
def offer_id(park: Park, machine: Resource) -> OfferId:
    return park.offer(machine)


def opened(park: Park, by: OrganisationId, resource: Resource | None = None) -> tuple[Feed, str]:
    return handlers.open_feed(
        session=park.session,
        clock=park.clock,
        organisation_id=by,
        resource_id=resource.id if resource else None,
        name="wall",
    )


def read(park: Park, token: str) -> set[str]:
    """UIDs of what is at an address."""
    told = handlers.read_feed(session=park.session, clock=park.clock, token=token)
    calendar = icalendar.Calendar.from_ical(told.decode())
    return {str(event["UID"]) for event in calendar.walk("VEVENT")}


def revoke(park: Park, feed: Feed, by: OrganisationId) -> None:
    handlers.revoke_feed(
        session=park.session, clock=park.clock, organisation_id=by, feed_id=feed.id
    )


def test_an_address_shows_the_bookings_of_its_organisation_or_of_its_resource_alone(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    other = park.resource("room")
    here, elsewhere = park.hold(machine, offer_id), park.hold(other, park.offer(other))
    _, whole = opened(park, park.buyer)
    _, part = opened(park, park.owner, machine)
    _, strange = opened(park, park.firm("Stranger"), machine)
    assert read(park, whole) == {f"{one.id}@nonagon" for one in (here, elsewhere)}
    assert read(park, part) == {f"{here.id}@nonagon"}
    assert read(park, strange) == set()


def test_what_an_address_tells_changes_with_the_bookings_and_with_nothing_else(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    booking = park.hold(machine, offer_id)
    _, token = opened(park, park.buyer)
    before = handlers.read_feed(session=park.session, clock=clock, token=token)
    clock.advance(timedelta(minutes=1))
    assert handlers.read_feed(session=park.session, clock=clock, token=token) == before
    park.confirm(booking.id)
    assert handlers.read_feed(session=park.session, clock=clock, token=token) != before


def test_the_address_is_kept_nowhere(park: Park) -> None:
    _, token = opened(park, park.owner)
    row = park.session.connection().execute(text("SELECT * FROM calendar_feed")).one()
    assert not any(token in str(value) or token.encode() in bytes(row.token_hash) for value in row)


def test_a_revoked_address_answers_no_more_and_is_revoked_once(park: Park) -> None:
    feed, token = opened(park, park.owner)
    _, kept = opened(park, park.owner)
    revoke(park, feed, park.owner)
    with pytest.raises(handlers.FeedClosedError):
        read(park, token)
    with pytest.raises(handlers.FeedNotFoundError):
        revoke(park, feed, park.owner)
    assert read(park, kept) == set()
    listed = handlers.list_feeds(
        session=park.session, organisation_id=park.owner, after=None, limit=10
    )
    assert [one.revoked_at for one in listed] == [START, None]


def test_others_neither_revoke_nor_list_a_feed(park: Park) -> None:
    feed, token = opened(park, park.owner)
    with pytest.raises(handlers.FeedNotFoundError):
        revoke(park, feed, park.buyer)
    assert read(park, token) == set()
    assert not handlers.list_feeds(
        session=park.session, organisation_id=park.buyer, after=None, limit=10
    )


def test_feeds_are_bounded_and_of_resources_that_there_are(park: Park) -> None:
    with pytest.raises(ResourceNotFoundError):
        handlers.open_feed(
            session=park.session,
            clock=park.clock,
            organisation_id=park.owner,
            resource_id=ResourceId(park.clock.new_id()),
            name="none",
        )
    feeds = [opened(park, park.owner)[0] for _ in range(FEEDS_OPEN_MAX)]
    with pytest.raises(handlers.TooManyFeedsError):
        opened(park, park.owner)
    revoke(park, feeds[0], park.owner)
    opened(park, park.owner)


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock) as client:
        yield client


@pytest.fixture
def booked(client: httpx.Client, clock: FrozenClock) -> Document:
    market = Market(client, clock)
    owner, buyer = market.organisation("Owner"), market.organisation("Buyer")
    resource = market.resource(owner, market.site(owner))
    asked: dict[str, Any] = {
        "organisation_id": buyer,
        "resource_id": resource,
        "offer_id": market.offer(owner, [resource])["id"],
        "start": (START + timedelta(hours=48)).isoformat(),
        "minutes": 60,
        "units": 1,
    }
    return market.post("bookings", asked)


def test_a_program_without_a_session_reads_what_has_changed_and_no_price(
    client: httpx.Client, sessions: Sessions, clock: FrozenClock, booked: Document
) -> None:
    buyer = OrganisationId(UUID(booked["organisation_id"]))
    acting = Principal(kind=PrincipalKind.PERSON, id=clock.new_id(), organisation_id=buyer)
    with transaction(sessions, acting) as session:
        feed, token = handlers.open_feed(
            session=session, clock=clock, organisation_id=buyer, resource_id=None, name="wall"
        )
    address = f"{client.base_url}feeds/{token}.ics"
    first = httpx.get(address, trust_env=False)
    assert (first.status_code, first.headers["content-type"]) == (
        200,
        "text/calendar; charset=utf-8",
    )
    assert booked["id"] in first.text
    assert booked["price"] is not None
    assert "CNY" not in first.text
    assert first.headers["cache-control"] == "private, max-age=300"
    again = httpx.get(address, headers={"If-None-Match": first.headers["etag"]}, trust_env=False)
    assert (again.status_code, again.content) == (304, b"")
    with transaction(sessions, acting) as session:
        handlers.revoke_feed(session=session, clock=clock, organisation_id=buyer, feed_id=feed.id)
    gone = httpx.get(address, trust_env=False)
    assert (gone.status_code, gone.json()["code"]) == (404, "feed-not-found")
    assert token not in gone.text
