"""The judge of money finds what a ledger that loses or doubles something would leave."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from services.booking.domain import Booking
from services.booking.writing.messages import SCOPE
from services.contracts.events.booking import ChargeDue
from services.contracts.money import Money
from services.ledger import handlers as ledger
from services.ledger.domain import AccountKind, Subject
from services.runtime.db import Sessions, transaction
from tests.faults.kills.money import MoneyFindings, judge_money, waiting
from tests.faults.kills.record import Acknowledged, Internal, Record, Refusal
from tests.integration.booking.park import HOUR, Park, open_park
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration
DUE = 6_000
FACT = UUID(int=9)
SOUND = MoneyFindings(charges=[], internal=[], keys=[], refusals=[], parked=[])


@dataclass(frozen=True)
class Left:
    """A booking that was charged once, an internal booking, and what was acknowledged of them."""

    url: str
    sessions: Sessions
    clock: FrozenClock
    park: Park
    booking: Booking
    record: Record

    def judged(self) -> MoneyFindings:
        return judge_money(self.url, self.record)

    def charge(self, because: str) -> None:
        with transaction(self.sessions) as session:
            ledger.charge(
                session=session,
                clock=self.clock,
                debtor=self.booking.organisation_id,
                creditor=self.booking.provider_id,
                amount=Money(DUE, "CNY"),
                because=because,
                subject=Subject("booking", self.booking.id),
            )

    def run(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement.encode(), values)


@pytest.fixture
def left(database_url: str, sessions: Sessions, clock: FrozenClock) -> Left:
    record = Record()
    with transaction(sessions) as session:
        park = open_park(session, clock)
        machine = park.resource()
        booking = park.hold(machine, park.offer(machine), start=clock.now() + HOUR)
        source, target = (
            ledger.open_internal_account(
                session=session,
                clock=clock,
                organisation_id=park.buyer,
                kind=AccountKind.COST_CENTRE,
                code=code,
                name=code,
                currency="CNY",
            ).account.id
            for code in ("a", "b")
        )
        ledger.book_internally(
            session=session,
            clock=clock,
            organisation_id=park.buyer,
            source=source,
            target=target,
            amount=Money(5, "CNY"),
            because="machine time",
            subject=Subject("booking", booking.id),
            fact_id=FACT,
        )
    told = {"organisation_id": str(park.buyer), "provider_id": str(booking.provider_id)}
    answer = json.dumps(told).encode()
    record.held(Acknowledged(booking.id, "key", "", {}, answer, charge_minor=DUE))
    record.booked_internally(Internal(park.buyer, FACT, source, target, 5))
    made = Left(database_url, sessions, clock, park, booking, record)
    made.charge("late_cancellation")
    made.run(
        "INSERT INTO idempotency_key (organisation_id, scope, key, request_hash, status, body,"
        " created_at) VALUES (%s, %s, 'key', '', 201, %s, now())",
        park.buyer, SCOPE, answer,
    )  # fmt: skip
    return made


def test_nothing_is_wrong_where_everything_is_booked_once(left: Left) -> None:
    assert left.judged() == SOUND
    assert left.judged().told() == []


def test_a_charge_that_is_missing_is_found(left: Left) -> None:
    left.run("DELETE FROM ledger_transaction WHERE kind = 'charge'")
    assert len(left.judged().charges) == 1


def test_a_charge_that_is_booked_twice_is_found(left: Left) -> None:
    left.charge("no_show")
    assert len(left.judged().charges) == 1


def test_a_charge_nobody_was_told_of_is_found(left: Left) -> None:
    left.record.bookings[left.booking.id].charge_minor = 0
    assert len(left.judged().charges) == 1


def test_a_charge_that_was_asked_for_without_an_answer_may_be_or_not(left: Left) -> None:
    known = left.record.bookings[left.booking.id]
    known.charge_minor, known.asked = 0, "cancelled"
    assert left.judged() == SOUND


def test_an_internal_booking_with_another_amount_is_found(left: Left) -> None:
    left.record.internal[0] = replace(left.record.internal[0], amount_minor=6)
    assert len(left.judged().internal) == 1


def test_an_internal_booking_acknowledged_to_nobody_is_found(left: Left) -> None:
    left.record.internal.clear()
    assert len(left.judged().internal) == 1


def test_a_key_that_stands_for_another_answer_is_found(left: Left) -> None:
    left.run("UPDATE idempotency_key SET body = 'other'")
    assert left.judged().keys == ["key"]


@pytest.mark.parametrize(("hours", "units", "wrong"), [(0.0, 1, 0), (0.0, 2, 1), (20.0, 1, 1)])
def test_a_refusal_needs_bookings_that_were_in_the_way(
    left: Left, hours: float, units: int, wrong: int
) -> None:
    start = left.booking.interval.start + hours * HOUR
    end = start + timedelta(minutes=30)
    left.record.refused(Refusal("other", left.booking.resource_id, start, end, units, missed=1))
    assert len(left.judged().refusals) == wrong
    assert left.record.outcomes["slot taken after a lost answer"] == 1


def test_a_key_that_was_refused_must_not_stand(left: Left) -> None:
    slot = left.booking.interval
    left.record.refused(Refusal("key", left.booking.resource_id, slot.start, slot.end, 1, 0))
    assert left.judged().keys == ["key refused, yet kept"]


def test_what_is_not_yet_published_waits(left: Left) -> None:
    events, charges = waiting(left.url)
    assert events > 0
    assert charges == 0
    left.run("UPDATE outbox_event SET published_at = now()")
    assert waiting(left.url) == (0, 0)
    left.run(
        "UPDATE outbox_event SET subject = %s WHERE seq = (SELECT min(seq) FROM outbox_event)",
        ChargeDue.subject(),
    )
    assert waiting(left.url) == (0, 1)
