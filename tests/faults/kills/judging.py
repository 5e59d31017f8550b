"""What the database holds in the end against what was acknowledged. Asks SQL, not the platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg

from tests.faults.kills.record import Acknowledged

STATES: Final = "SELECT id, state FROM booking"
OVERLAPS: Final = """
    SELECT a.booking_id, b.booking_id, a.resource_id
    FROM reservation a
    JOIN reservation b ON b.resource_id = a.resource_id AND b.unit = a.unit
        AND b.booking_id > a.booking_id AND b.during && a.during
"""
UNRESERVED: Final = """
    SELECT booking.id, booking.state, booking.units, count(reservation.booking_id)
    FROM booking
    LEFT JOIN reservation ON reservation.booking_id = booking.id
        AND reservation.resource_id = booking.resource_id
        AND reservation.during @> booking.during
    GROUP BY booking.id
    HAVING count(reservation.booking_id) <>
        CASE WHEN booking.state IN ('held', 'confirmed', 'started') THEN booking.units ELSE 0 END
"""
OF_NO_BOOKING: Final = """
    SELECT booking_id FROM reservation
    WHERE booking_id NOT IN (SELECT id FROM booking)
"""
LEDGER: Final = """
    SELECT currency, sum(amount_minor)::bigint FROM ledger_entry
    GROUP BY currency HAVING sum(amount_minor) <> 0
"""


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong; nothing if every list is empty and the ledger balances.

    ``made_twice`` are bookings no answer told of though every request was repeated until it was
    answered: a second outcome of a key. ``unreserved`` occupy more or less than their units.
    """

    lost: list[str]
    overlaps: list[str]
    unreserved: list[str]
    made_twice: list[str]
    ledger: dict[str, int]

    @property
    def ledger_sum(self) -> int:
        """How far the currencies are from nothing, taken together."""
        return sum(map(abs, self.ledger.values()))

    @property
    def nothing_wrong(self) -> bool:
        found = (self.lost, self.overlaps, self.unreserved, self.made_twice, self.ledger)
        return not any(found)


def judge(database_url: str, acknowledged: Mapping[UUID, Acknowledged]) -> Findings:
    """Everything acknowledged is there, nothing is there twice, and money adds up.

    Args:
        database_url: of a database whose bookings are all of the run.
        acknowledged: what the writers were told.
    """
    with psycopg.connect(database_url) as connection:
        states: dict[UUID, str] = dict(_rows(connection, STATES))
        return Findings(
            lost=[
                f"{booking.id} was {booking.state}, is {states.get(booking.id, 'not there')}"
                for booking in acknowledged.values()
                if states.get(booking.id) not in booking.may_be
            ],
            overlaps=_shown(connection, OVERLAPS),
            unreserved=[*_shown(connection, UNRESERVED), *_shown(connection, OF_NO_BOOKING)],
            made_twice=[str(made) for made in states.keys() - acknowledged.keys()],
            ledger=dict(_rows(connection, LEDGER)) if _has_ledger(connection) else {},
        )


def _has_ledger(connection: psycopg.Connection[Any]) -> bool:
    return bool(_rows(connection, "SELECT to_regclass('ledger_entry') IS NOT NULL")[0][0])


def _shown(connection: psycopg.Connection[Any], query: str) -> list[str]:
    return [" ".join(map(str, row)) for row in _rows(connection, query)]


def _rows(connection: psycopg.Connection[Any], query: str) -> list[Any]:
    return connection.execute(query.encode()).fetchall()
