"""Bookings as an iCalendar: what a calendar program that subscribes to it would show."""

from datetime import timedelta
from typing import Any

import icalendar
import pytest
from sqlmodel import Session

from services.booking import handlers
from services.capacity.domain import Resource
from services.contracts.ids import OfferId, OrganisationId
from tests.integration.booking.park import HOUR, TTL, Park, open_park
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


def shown(
    park: Park, organisation_id: OrganisationId, resource: Resource | None = None
) -> dict[str, Any]:
    """Events by UID, read back."""
    told = handlers.calendar_of(
        session=park.session,
        clock=park.clock,
        organisation_id=organisation_id,
        resource_id=resource.id if resource else None,
    )
    calendar = icalendar.Calendar.from_ical(told.decode())
    return {str(event["UID"]): event for event in calendar.walk("VEVENT")}


def test_both_parties_see_the_slot_and_how_firm_it_is(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.hold(machine, offer_id)
    for party in (park.buyer, park.owner):
        event = shown(park, party)[f"{booking.id}@nonagon"]
        assert (event["DTSTART"].dt, event["DTEND"].dt) == (START + HOUR, START + 2 * HOUR)
        assert (str(event["STATUS"]), int(event["SEQUENCE"])) == ("TENTATIVE", 0)
    park.confirm(booking.id)
    assert str(shown(park, park.buyer)[f"{booking.id}@nonagon"]["STATUS"]) == "CONFIRMED"


def test_a_change_keeps_the_uid_and_raises_the_sequence(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    booking = park.confirm(park.hold(machine, offer_id).id)
    park.move(booking)
    (uid, event), *others = shown(park, park.buyer).items()
    assert (uid, others) == (f"{booking.id}@nonagon", [])
    assert (event["DTSTART"].dt, int(event["SEQUENCE"])) == (START + 2 * HOUR, 2)


def test_what_was_cancelled_or_ran_out_stays_as_cancelled(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    given = park.hold(machine, offer_id)
    park.cancel(given.id)
    lost = park.hold(machine, offer_id)
    clock.advance(TTL)
    handlers.expire_overdue(session=park.session, clock=clock, limit=10)
    events = shown(park, park.buyer)
    for booking in (given, lost):
        event = events[f"{booking.id}@nonagon"]
        assert (str(event["STATUS"]), str(event["TRANSP"])) == ("CANCELLED", "TRANSPARENT")


def test_a_calendar_of_one_resource_has_only_its_bookings_and_none_of_strangers(
    park: Park, machine: Resource, offer_id: OfferId
) -> None:
    other = park.resource("room")
    elsewhere = park.hold(other, park.offer(other))
    here = park.hold(machine, offer_id)
    assert set(shown(park, park.buyer)) == {f"{one.id}@nonagon" for one in (here, elsewhere)}
    assert set(shown(park, park.owner, machine)) == {f"{here.id}@nonagon"}
    assert shown(park, park.firm("Stranger")) == {}


def test_what_is_long_over_is_left_out(
    park: Park, machine: Resource, offer_id: OfferId, clock: FrozenClock
) -> None:
    park.hold(machine, offer_id)
    clock.advance(timedelta(days=31))
    assert shown(park, park.buyer) == {}
