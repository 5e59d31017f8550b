"""What was owed, charged and refused against the ledger and the keys. Asks SQL only."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import psycopg

from services.booking.writing.messages import SCOPE
from services.contracts.events.booking import ChargeDue
from tests.faults.kills.record import Acknowledged, Internal, Record, Refusal

WAITING: Final = """
    SELECT (SELECT count(*) FROM outbox_event WHERE published_at IS NULL),
           (SELECT count(*) FROM outbox_event WHERE subject = %s AND NOT EXISTS (
              SELECT FROM inbox_entry WHERE consumer = 'ledger-charges'
                 AND inbox_entry.event_id = outbox_event.event_id))
"""
CHARGED: Final = """
    SELECT t.subject_id, a.kind, a.organisation_id, e.amount_minor
      FROM ledger_transaction t
      JOIN ledger_entry e ON e.transaction_id = t.id
      JOIN ledger_account a ON a.id = e.account_id
     WHERE t.kind = 'charge'
"""
INTERNAL: Final = """
    SELECT t.fact_id, e.account_id, e.amount_minor
      FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_id = t.id
     WHERE t.kind = 'internal'
"""
KEYS: Final = "SELECT key, body FROM idempotency_key WHERE scope = %s"
TIMES: Final = "SELECT resource_id, lower(during), upper(during) FROM booking"
PARKED: Final = "SELECT consumer, subject, cause FROM parked_event"
Legs = dict[UUID, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class MoneyFindings:
    """What is wrong; nothing if every list is empty.

    ``charges`` and ``internal`` are not in the ledger once, with their amount and sides; ``keys``
    stand for another answer than was given; ``refusals`` said of a slot that it is taken which
    fewer bookings ever overlapped than its machine has units; ``parked`` are events given up.
    """

    charges: list[str]
    internal: list[str]
    keys: list[str]
    refusals: list[str]
    parked: list[str]

    def told(self) -> list[str]:
        """Everything found, in words."""
        kinds = ("charge", "internal booking", "key", "refused for nothing", "parked")
        return [
            f"{kind}: {what}" for kind, found in zip(kinds, astuple(self), strict=True)
            for what in found
        ]  # fmt: skip


def waiting(database_url: str) -> tuple[int, int]:
    """Events still to be published, and charges the ledger has yet to hear of."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(WAITING.encode(), (ChargeDue.subject(),)).fetchone()
    assert row is not None
    return row[0], row[1]


def judge_money(database_url: str, record: Record) -> MoneyFindings:
    """Money moved once for everything acknowledged, and for nothing else."""
    with psycopg.connect(database_url) as connection:
        keys = connection.execute(KEYS.encode(), (SCOPE,)).fetchall()
        return MoneyFindings(
            charges=_charges(_legs(connection, CHARGED), record.bookings),
            internal=_internal(_legs(connection, INTERNAL), record.internal),
            keys=_keys({key: bytes(body) for key, body in keys}, record),
            refusals=_refusals(connection, record.refusals),
            parked=[" ".join(row) for row in connection.execute(PARKED.encode())],
        )


def _legs(connection: psycopg.Connection[Any], query: str) -> Legs:
    legs: Legs = defaultdict(list)
    for of, *leg in connection.execute(query.encode()):
        legs[of].append(tuple(leg))
    return legs


def _charges(legs: Legs, bookings: Mapping[UUID, Acknowledged]) -> list[str]:
    wrong = []
    for booking in bookings.values():
        charged, owed = legs.pop(booking.id, []), _owed(booking)
        if booking.asked is None and sorted(charged) != sorted(owed):
            wrong.append(f"{booking.id} owes {owed}, is charged {charged}")
    return wrong + [f"{other} of no booking" for other in legs]


def _owed(booking: Acknowledged) -> list[tuple[Any, ...]]:
    minor, told = booking.charge_minor, booking.told
    if not minor:
        return []
    return [
        ("payable", UUID(told["organisation_id"]), -minor),
        ("receivable", UUID(told["provider_id"]), minor),
    ]


def _internal(legs: Legs, acknowledged: Iterable[Internal]) -> list[str]:
    wrong = []
    for done in acknowledged:
        booked = legs.pop(uuid5(done.organisation_id, str(done.fact_id)), [])
        due = [(done.source, -done.amount_minor), (done.target, done.amount_minor)]
        if sorted(booked) != sorted(due):
            wrong.append(f"{done.fact_id} is {booked} instead of {due}")
    return wrong + [f"{other} was acknowledged to nobody" for other in legs]


def _keys(saved: Mapping[str, bytes], record: Record) -> list[str]:
    other = [
        booking.key
        for booking in record.bookings.values()
        if saved.get(booking.key) != booking.answer
    ]
    return other + [f"{one.key} refused, yet kept" for one in record.refusals if one.key in saved]


def _refusals(connection: psycopg.Connection[Any], refusals: Iterable[Refusal]) -> list[str]:
    times: dict[UUID, list[tuple[datetime, datetime]]] = defaultdict(list)
    for resource_id, start, end in connection.execute(TIMES.encode()):
        times[resource_id].append((start, end))
    return [
        f"{one.resource_id} from {one.start}"
        for one in refusals
        if sum(one.start < end and start < one.end for start, end in times[one.resource_id])
        < one.units
    ]
