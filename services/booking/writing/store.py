"""The SQL of the durable writer: whole batches, one statement per table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from sqlmodel import Session

from services.booking.domain import LIMITS, Terms
from services.booking.writing import documents
from services.booking.writing.arrays import (
    Column,
    Minutes,
    Numbers,
    Octets,
    Texts,
    Uuids,
    register,
)
from services.booking.writing.deciding import Taken
from services.booking.writing.messages import SCOPE, Repeatable
from services.contracts.ids import BookingId, OrganisationId, ResourceId
from services.runtime.outbox import WAKE_CHANNEL

Cursor = psycopg.Cursor[Any]
Place = tuple[OrganisationId, str]
"""An organisation and a key of its requests."""
LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '200ms'"
"""Nobody else's open transaction holds up a batch for longer; it is then split."""

_CLAIM: Final = f"""
INSERT INTO idempotency_key (organisation_id, scope, key, request_hash, status, body, created_at)
SELECT organisation_id, '{SCOPE}', key, request_hash, 201, body, %b
  FROM unnest(%b, %b, %b, %b) AS t (organisation_id, key, request_hash, body)
"""  # noqa: S608 - own constant
_UNLESS_CLAIMED: Final = " ON CONFLICT DO NOTHING RETURNING organisation_id, key"
_SAVED: Final = f"""
SELECT saved.organisation_id, saved.key, saved.request_hash, saved.body
  FROM idempotency_key AS saved
  JOIN unnest(%b, %b) AS t (organisation_id, key) USING (organisation_id, key)
 WHERE saved.scope = '{SCOPE}'
"""  # noqa: S608 - own constant
_FORGET: Final = f"""
DELETE FROM idempotency_key USING unnest(%b, %b) AS t (organisation_id, key)
 WHERE idempotency_key.organisation_id = t.organisation_id AND scope = '{SCOPE}'
   AND idempotency_key.key = t.key
"""  # noqa: S608 - own constant
_RESERVE: Final = """
INSERT INTO reservation (booking_id, resource_id, organisation_id, booked_by, unit, during)
SELECT booking_id, resource_id, provider_id, organisation_id, 0, tstzrange(since, until)
  FROM unnest(%b, %b, %b, %b, %b, %b)
    AS t (booking_id, resource_id, provider_id, organisation_id, since, until)
"""
_UNLESS_TAKEN: Final = " ON CONFLICT DO NOTHING RETURNING booking_id"
_BOOK: Final = """
INSERT INTO booking (id, organisation_id, provider_id, resource_id, offer_id, demand_id, during,
       units, setup_minutes, state, hold_until, price_minor, currency, at_risk, created_at,
       updated_at, version, {terms})
SELECT id, organisation_id, provider_id, resource_id, offer_id, demand_id, tstzrange(since, until),
       1, setup_minutes, 'held', %(hold_until)b, price_minor, currency, false, %(now)b, %(now)b, 1,
       {agreed}
  FROM unnest(%(id)b, %(organisation_id)b, %(provider_id)b, %(resource_id)b, %(offer_id)b,
              %(demand_id)b, %(since)b, %(until)b, %(setup_minutes)b, %(price_minor)b, %(currency)b)
    AS t (id, organisation_id, provider_id, resource_id, offer_id, demand_id, since, until,
          setup_minutes, price_minor, currency)
  LEFT JOIN unnest(%(termed)b, {columns}) AS terms (resource_id, {terms}) USING (resource_id)
""".format(
    terms=", ".join(LIMITS),
    agreed=", ".join(f"coalesce(terms.{name}, 0)" for name in LIMITS),
    columns=", ".join(f"%({name})b" for name in LIMITS),
)
_TERMS: Final = f"""
SELECT resource_id, {", ".join(LIMITS)} FROM cancellation_policy WHERE resource_id = ANY(%b)
"""  # noqa: S608 - own constant
_ONE_COUNTS: Final = """
SELECT pg_advisory_xact_lock(hashtextextended('open-holds:' || organisation_id, 0))
  FROM unnest(%b) AS t (organisation_id)
"""
_OPEN_HOLDS: Final = """
SELECT organisation_id, (SELECT count(*) FROM (SELECT FROM booking
         WHERE booking.organisation_id = t.organisation_id AND state = 'held' AND hold_until > %b
         LIMIT %b) AS held)
  FROM unnest(%b) AS t (organisation_id)
"""
_TELL: Final = f"""
INSERT INTO outbox_event (event_id, subject, events, event_count, created_at)
VALUES (uuidv7(), '{documents.SUBJECT}', %b, %b, %b)
"""  # noqa: S608 - own constant


def cursor_of(session: Session) -> Cursor:
    """Of the driver's connection in the transaction of ``session``; it takes columns."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection), "the engine's driver is psycopg"
    register(connection)
    return connection.cursor(binary=True)


@dataclass(frozen=True, slots=True)
class Columns:
    """A batch as the statements take it, each value made binary once; see :func:`columns`."""

    count: int
    bookings: Column
    organisations: Column
    providers: Column
    resources: Column
    offers: Column
    demands: Column
    since: Column
    until: Column
    busy_from: Column
    busy_until: Column
    setup_minutes: Column
    price_minor: Column
    currency: Column
    keys: tuple[Column, ...]
    """Whose, key, digest and answer of the repeatable requests; nothing if none is."""
    events: bytes


def columns(batch: Sequence[Taken]) -> Columns:
    """``batch`` made ready to be sent."""
    return Columns(
        count=len(batch),
        bookings=Uuids.of([one.booking_id for one in batch]),
        organisations=Uuids.of([one.organisation_id for one in batch]),
        providers=Uuids.of([one.provider_id for one in batch]),
        resources=Uuids.of([one.resource_id for one in batch]),
        offers=Uuids.of([one.offer_id for one in batch]),
        demands=Uuids.of([one.demand_id for one in batch]),
        since=Minutes.of([one.start for one in batch]),
        until=Minutes.of([one.end for one in batch]),
        busy_from=Minutes.of([one.busy_from for one in batch]),
        busy_until=Minutes.of([one.busy_until for one in batch]),
        setup_minutes=Numbers.of([one.setup_minutes for one in batch]),
        price_minor=Numbers.of([one.price_minor for one in batch]),
        currency=Texts.of([one.currency for one in batch]),
        keys=_keys(batch),
        events=b"[" + b",".join([one.event for one in batch]) + b"]",
    )


def in_order(batch: Collection[Taken]) -> list[Taken]:
    """As they are to be written: every writer goes through a guard in one direction.

    Rows of one resource, and so of one partition, come together, earliest first.
    """
    return sorted(batch, key=lambda one: (one.resource_id.bytes, one.start))


def claim(cursor: Cursor, batch: Columns, *, now: datetime) -> None:
    """Save each answer under its key.

    Raises:
        UniqueViolation: a key stands already.
    """
    if batch.keys:
        cursor.execute(_CLAIM, (now, *batch.keys), prepare=True)


def claim_free(cursor: Cursor, batch: Columns, *, now: datetime) -> set[Place]:
    """As :func:`claim`, leaving out keys that stand already; those now claimed."""
    if not batch.keys:
        return set()
    cursor.execute(_CLAIM + _UNLESS_CLAIMED, (now, *batch.keys), prepare=True)
    return {(OrganisationId(row[0]), row[1]) for row in cursor}


def saved(cursor: Cursor, places: Sequence[Place]) -> dict[Place, tuple[Repeatable, bytes]]:
    """What stands under keys: the request, and its answer."""
    if not places:
        return {}
    cursor.execute(_SAVED, _places(places), prepare=True)
    return {
        (OrganisationId(row[0]), row[1]): (Repeatable(row[1], bytes(row[2])), bytes(row[3]))
        for row in cursor
    }


def forget(cursor: Cursor, places: Sequence[Place]) -> None:
    """Give back keys claimed in this transaction."""
    if places:
        cursor.execute(_FORGET, _places(places), prepare=True)


def reserve(cursor: Cursor, batch: Columns) -> None:
    """Take the slots.

    Raises:
        ExclusionViolation: somebody else has one of them.
    """
    cursor.execute(_RESERVE, _reservations(batch), prepare=True)


def reserve_free(cursor: Cursor, batch: Columns) -> set[BookingId]:
    """Take the slots nobody else has; the bookings that got theirs."""
    if not batch.count:
        return set()
    cursor.execute(_RESERVE + _UNLESS_TAKEN, _reservations(batch), prepare=True)
    return {BookingId(row[0]) for row in cursor}


def terms_of(cursor: Cursor, batch: Sequence[Taken]) -> dict[ResourceId, Terms]:
    """What new bookings of these resources are agreed under, of those that have terms."""
    resources = list({one.resource_id for one in batch})
    cursor.execute(_TERMS, (Uuids.of(resources),), prepare=True)
    return {ResourceId(row[0]): Terms(*row[1:]) for row in cursor}


def open_holds(
    cursor: Cursor, batch: Sequence[Taken], *, most: int, now: datetime
) -> dict[OrganisationId, int]:
    """How many slots each organisation of ``batch`` holds, up to ``most``.

    Others who count for one of them wait until this transaction ends, as they do for each other.
    """
    counted = Uuids.of(sorted({one.organisation_id for one in batch}))
    cursor.execute(_ONE_COUNTS, (counted,), prepare=True)
    cursor.execute(_OPEN_HOLDS, (now, most, counted), prepare=True)
    return {OrganisationId(row[0]): row[1] for row in cursor}


def book(
    cursor: Cursor,
    batch: Columns,
    terms: Mapping[ResourceId, Terms],
    *,
    now: datetime,
    hold_until: datetime,
) -> None:
    """Write the bookings of slots taken under ``terms``, and tell of them."""
    if not batch.count:
        return
    cursor.execute(
        _BOOK,
        {
            "hold_until": hold_until,
            "now": now,
            "id": batch.bookings,
            "organisation_id": batch.organisations,
            "provider_id": batch.providers,
            "resource_id": batch.resources,
            "offer_id": batch.offers,
            "demand_id": batch.demands,
            "since": batch.since,
            "until": batch.until,
            "setup_minutes": batch.setup_minutes,
            "price_minor": batch.price_minor,
            "currency": batch.currency,
            "termed": Uuids.of(list(terms)),
            **{name: Numbers.of([getattr(one, name) for one in terms.values()]) for name in LIMITS},
        },
        prepare=True,
    )
    # One row for all: a row of its own would cost an event half of what its booking costs.
    cursor.execute(_TELL, (batch.events, batch.count, now), prepare=True)
    cursor.execute(f"NOTIFY {WAKE_CHANNEL}")


def _keys(batch: Sequence[Taken]) -> tuple[Column, ...]:
    keyed = [(one, one.once) for one in batch if one.once is not None]
    if not keyed:
        return ()
    return (
        Uuids.of([one.organisation_id for one, _ in keyed]),
        Texts.of([once.key for _, once in keyed]),
        Octets.of([once.digest for _, once in keyed]),
        Octets.of([one.body for one, _ in keyed]),
    )


def _places(places: Sequence[Place]) -> tuple[object, ...]:
    return Uuids.of([place[0] for place in places]), Texts.of([place[1] for place in places])


def _reservations(batch: Columns) -> tuple[Column, ...]:
    return (
        batch.bookings,
        batch.resources,
        batch.providers,
        batch.organisations,
        batch.busy_from,
        batch.busy_until,
    )
