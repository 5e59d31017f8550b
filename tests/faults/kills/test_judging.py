"""The judge of the kills finds what a platform that loses or doubles something would leave."""

from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest

from services.booking.domain import Booking
from services.runtime.db import Sessions, transaction
from tests.faults.kills.judging import Findings, judge
from tests.faults.kills.record import Acknowledged
from tests.integration.booking.park import HOUR, open_park
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Left:
    """Two held bookings, hour after hour on one machine, and what was acknowledged of them."""

    url: str
    bookings: tuple[Booking, Booking]
    acknowledged: dict[UUID, Acknowledged]

    def judged(self) -> Findings:
        return judge(self.url, self.acknowledged)

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture
def left(database_url: str, sessions: Sessions, clock: FrozenClock) -> Left:
    with transaction(sessions) as session:
        park = open_park(session, clock)
        machine = park.resource()
        offer = park.offer(machine)
        start = clock.now() + HOUR
        first = park.hold(machine, offer, start=start)
        second = park.hold(machine, offer, start=start + HOUR)
    known: dict[UUID, Acknowledged] = {one.id: acknowledged(one.id) for one in (first, second)}
    return Left(database_url, (first, second), known)


def acknowledged(booking_id: UUID) -> Acknowledged:
    return Acknowledged(id=booking_id, key="key", token="", asked_body={}, answer=b"")


def test_nothing_is_wrong_where_everything_acknowledged_is_there(left: Left) -> None:
    assert left.judged().nothing_wrong


def test_what_is_gone_was_lost(left: Left) -> None:
    left.run(
        "DELETE FROM reservation WHERE booking_id = (SELECT min(id::text)::uuid FROM booking)",
        "DELETE FROM booking WHERE id = (SELECT min(id::text)::uuid FROM booking)",
    )
    (lost,) = left.judged().lost
    assert lost.endswith("not there")


def test_a_confirmation_that_was_acknowledged_must_be_there(left: Left) -> None:
    left.acknowledged[left.bookings[0].id].state = "confirmed"
    assert left.judged().lost == [f"{left.bookings[0].id} was confirmed, is held"]


def test_what_was_asked_without_an_answer_may_be_or_not(left: Left) -> None:
    left.acknowledged[left.bookings[0].id].asked = "cancelled"
    assert left.judged().nothing_wrong


def test_a_booking_no_answer_told_of_is_a_second_outcome(left: Left) -> None:
    del left.acknowledged[left.bookings[1].id]
    assert left.judged().made_twice == [str(left.bookings[1].id)]


def test_one_unit_taken_twice_is_an_overlap_whatever_the_constraint_says(left: Left) -> None:
    left.run(
        "ALTER TABLE reservation DROP CONSTRAINT ex_reservation_no_overlap",
        "UPDATE reservation SET during = tstzrange(lower(during) - interval '1 minute',"
        " upper(during)) WHERE lower(during) = (SELECT max(lower(during)) FROM reservation)",
    )
    found = left.judged()
    assert len(found.overlaps) == 1
    assert found.lost == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM reservation",
        "UPDATE booking SET state = 'cancelled'",
        "UPDATE booking SET units = 2",
        "UPDATE reservation SET during = tstzrange(lower(during), lower(during) + interval '1 s')",
    ],
)
def test_a_booking_occupies_its_units_for_its_time_or_nothing(left: Left, statement: str) -> None:
    left.run(statement)
    assert len(left.judged().unreserved) == 2


def test_a_reservation_of_no_booking_is_found(left: Left) -> None:
    left.run("DELETE FROM booking")
    assert len(left.judged().unreserved) == 2


@pytest.mark.parametrize(("entries", "off"), [((5, -5), {}), ((5, -4), {"CNY": 1})])
def test_money_adds_up_to_nothing_in_every_currency(
    left: Left, entries: tuple[int, int], off: dict[str, int]
) -> None:
    left.run(
        "DROP TABLE IF EXISTS ledger_entry CASCADE",
        "CREATE TABLE ledger_entry (currency text, amount_minor bigint)",
        "INSERT INTO ledger_entry VALUES ('EUR', 7), ('EUR', -7)",
        *(f"INSERT INTO ledger_entry VALUES ('CNY', {entry})" for entry in entries),  # noqa: S608
    )
    assert left.judged().ledger == off
