"""The durable writer over the bus: what it holds, refuses, repeats, and leaves behind."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from services.booking import handlers
from services.booking.domain import BookingState, Terms
from services.booking.schemas.bookings import BookingOut
from services.booking.schemas.terms import TermsOut
from services.booking.writing import messages
from services.booking.writing.asking import RemoteWriter
from services.booking.writing.messages import (
    Asker,
    DemandAsked,
    DemandQuestion,
    HoldAsked,
    HoldQuestion,
    Outcome,
    Repeatable,
)
from services.capacity.domain import Resource
from services.contracts.ids import BookingId, OfferId
from services.contracts.intervals import Interval
from services.matching.domain import Requirement
from services.matching.engine.interface import Viewer
from services.matching.service import wire
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, transaction
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.settings import Settings
from tests.integration.booking.park import COPIES, HOUR, MILLING, MINUTE, Park, hold, open_park
from tests.support.matcher import Asker as Door
from tests.support.matcher import DistinctClock, RunningMatcher, asking, matcher_running
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration
ASKER = Asker(actor_kind="service_account", actor_id=UUID(int=7), request_id="r-1")


class Saved(BaseModel):
    """What the tests read of an answer."""

    id: UUID
    start: datetime


@dataclass
class Stand:
    sessions: Sessions
    clock: DistinctClock
    park: Park
    machine: Resource
    offer_id: OfferId
    door: Door
    matcher: RunningMatcher
    start: datetime

    def ask(self, *holds: HoldAsked, fresh: bool = False) -> list[Outcome]:
        writer = RemoteWriter(self.door.remote())
        return writer.hold(HoldQuestion(self.park.buyer, Viewer(), ASKER, holds, fresh=fresh))

    def slot(self, hours: float, *, minutes: int = 60, key: str | None = None) -> HoldAsked:
        start = self.start + hours * HOUR
        digest = hashlib.sha256(f"{start} {minutes}".encode()).digest()
        once = None if key is None else Repeatable(key, digest)
        return HoldAsked(self.machine.id, self.offer_id, start, minutes, once=once)

    def rows(self, statement: str) -> list[Any]:
        with transaction(self.sessions) as session:
            return list(session.connection().execute(text(statement)).all())


@pytest.fixture
def stand(sessions: Sessions, nats_server: EmbeddedNats) -> Iterator[Stand]:
    clock = DistinctClock(SystemClock().now())
    with transaction(sessions) as session:
        park = open_park(session, clock)
        machine = park.resource(buffer_before_minutes=5, buffer_after_minutes=10, setup_minutes=15)
        offer_id = park.offer(machine)
    start = clock.now().replace(minute=0, second=0, microsecond=0) + 2 * HOUR
    with (
        asking(nats_server.nats_url) as door,
        matcher_running(sessions, clock, nats_server.nats_url) as matcher,
    ):
        door.relay(sessions, clock)
        eventually(matcher.door.writing.writes, what="the writer writes")
        yield Stand(sessions, clock, park, machine, offer_id, door, matcher, start)


def test_it_leaves_behind_what_the_request_itself_would(stand: Stand) -> None:
    (outcome,) = stand.ask(stand.slot(0, key="k"))
    assert outcome.body is not None
    with transaction(stand.sessions) as session:
        other = hold(
            session, stand.clock, stand.park.buyer, stand.machine, stand.offer_id,
            start=stand.start + 5 * HOUR, minutes=60,
        )  # fmt: skip
    ours, theirs = stand.rows("SELECT * FROM booking ORDER BY during")
    differing = {name for name in ours._fields if getattr(ours, name) != getattr(theirs, name)}
    assert differing == {"id", "during"}
    assert theirs.id == other.id
    reserved = stand.rows(
        "SELECT resource_id, organisation_id, booked_by, unit, upper(during) - lower(during)"
        " FROM reservation"
    )
    assert len(set(reserved)) == 1
    assert reserved[0][-1] == timedelta(minutes=5 + 15 + 60 + 10)
    events = stand.rows(
        "SELECT subject, coalesce(payload, convert_from(events, 'utf8')::jsonb -> 0) AS payload"
        "  FROM outbox_event WHERE subject LIKE '%booking%'"
    )
    assert len({(one.subject, tuple(sorted(one.payload))) for one in events}) == 1
    held = BookingOut.model_validate_json(outcome.body)
    assert (held.id, held.state, held.version) == (ours.id, BookingState.HELD, 1)
    entries = stand.rows(
        "SELECT actor_id, action, request_id FROM audit_entry WHERE request_id IS NOT NULL"
    )
    assert entries == [(ASKER.actor_id, "booking.hold", "r-1")]


def test_bookings_carry_the_terms_of_their_resource(stand: Stand) -> None:
    terms = Terms(
        free_minutes=90, late_percent=50, late_minimum_minor=7, no_show_percent=80,
        no_show_minimum_minor=9, grace_minutes=20,
    )  # fmt: skip
    with transaction(stand.sessions) as session:
        handlers.put_terms(
            session=session, clock=stand.clock, organisation_id=stand.machine.organisation_id,
            resource_id=stand.machine.id, terms=terms,
        )  # fmt: skip
    (outcome,) = stand.ask(stand.slot(0, key="k"))
    assert outcome.body is not None
    answer = BookingOut.model_validate_json(outcome.body)
    assert answer.terms == TermsOut.of(terms)
    with transaction(stand.sessions) as session:
        booking = handlers.get_booking(
            session=session, organisation_id=stand.park.buyer, booking_id=BookingId(answer.id)
        )
    assert BookingOut.of(booking).model_dump_json().encode() == outcome.body
    (again,) = stand.ask(stand.slot(0, key="k"))
    assert again.body == outcome.body


def test_nobody_holds_more_than_it_may(stand: Stand) -> None:
    most = Settings().open_holds_max
    stand.ask(stand.slot(0, key="first"))
    with transaction(stand.sessions) as session:
        session.connection().execute(text(COPIES), {"count": most - 3})
    outcomes = stand.ask(*(stand.slot(hours, key=f"k{hours}") for hours in (6, 4, 2)))
    assert [one.declined for one in outcomes] == [None, None, messages.TOO_MANY]
    assert stand.rows("SELECT count(*) FROM booking") == [(most,)]
    keys = stand.rows("SELECT key FROM idempotency_key ORDER BY key")
    assert [one.key for one in keys] == ["first", "k4", "k6"], "who got nothing may ask again"
    (again,) = stand.ask(stand.slot(6, key="k6"))
    assert again.body == outcomes[0].body, "asking again is not holding more"


def test_a_slot_is_held_once_whoever_asks_together(stand: Stand) -> None:
    outcomes = stand.ask(*(stand.slot(hours) for hours in (0, 0, 1, 1.5, 8)))
    assert [one.body is not None for one in outcomes] == [True, False, False, True, True]
    assert {one.declined for one in outcomes} == {None, messages.NO_ROOM}
    assert stand.rows("SELECT count(*) FROM booking") == [(3,)]


def test_the_same_key_has_the_same_outcome(stand: Stand) -> None:
    first, again = stand.ask(stand.slot(0, key="k"), stand.slot(0, key="k"))
    (later,) = stand.ask(stand.slot(0, key="k"))
    (other,) = stand.ask(stand.slot(3, key="k"))
    assert first.body == again.body == later.body
    assert first.body is not None
    assert other == Outcome(declined=messages.REUSED)
    assert stand.rows("SELECT count(*) FROM booking") == [(1,)]


def test_whoever_books_beside_it_costs_that_slot_only(stand: Stand) -> None:
    with transaction(stand.sessions) as session:  # told to nobody yet
        hold(
            session, stand.clock, stand.park.buyer, stand.machine, stand.offer_id,
            start=stand.start + 4 * HOUR, minutes=60,
        )  # fmt: skip
    asked = [stand.slot(hours, key=f"k{hours}") for hours in (0, 2, 4, 6)]
    outcomes = stand.ask(*asked)
    assert [one.declined for one in outcomes] == [None, None, messages.TAKEN, None]
    keys = stand.rows("SELECT key FROM idempotency_key ORDER BY key")
    assert [one.key for one in keys] == ["k0", "k2", "k6"], "who got nothing may ask again"
    (again,) = stand.ask(stand.slot(4.5))
    assert again.declined == messages.NO_ROOM, "memory was read again"


def test_what_it_wrote_counts_before_the_event_comes(stand: Stand) -> None:
    stand.ask(stand.slot(0))
    engine = stand.matcher.door.market.projection
    assert engine is not None
    known = stand.matcher.state_hash()
    stand.door.relay(stand.sessions, stand.clock)
    eventually(lambda: not stand.matcher.door.market.own, what="its own event has come")
    assert stand.matcher.state_hash() == known
    stand.matcher.read_again({stand.machine.id})
    assert stand.matcher.state_hash() == known, "memory was what the record says"


def test_demands_are_matched_and_held_one_after_the_other(stand: Stand) -> None:
    window = Interval(stand.start, stand.start + 10 * HOUR)
    demand = Requirement(processes=frozenset({MILLING}), minutes=60, window=window)
    question = DemandQuestion(
        stand.park.buyer, Viewer(), ASKER, tuple(DemandAsked(demand) for _ in range(8))
    )
    subject = wire.subject(stand.matcher.door.answering._shard, messages.MATCH_AND_HOLD)  # noqa: SLF001 - whose it is
    (data,) = stand.door.ask_all([subject], wire.encode(question), 5.0)
    outcomes = messages.held_reply(data).outcomes
    starts = [Saved.model_validate_json(one.body).start for one in outcomes if one.body]
    apart = 90 * MINUTE  # 15 of set-up, 60 of work, 15 of buffers
    assert starts == [stand.start + number * apart for number in range(6)]
    assert {one.declined for one in outcomes[6:]} == {messages.NO_CANDIDATE}
