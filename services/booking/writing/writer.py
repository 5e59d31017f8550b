"""Writes decided slots: all of a batch in one transaction, and whoever cannot be had left out.

PostgreSQL decides, as for everybody else: unique keys, the exclusion constraint of reservations,
foreign keys. Memory was right about nearly all slots, so first the whole batch is written as if it
were about all. When that is refused, keys and slots are taken one statement each with those left
out that stand already. When rivals wait for each other, or something else is refused, the batch is
halved until it is known whose fault it is.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

import psycopg
import structlog
from msgspec.structs import replace
from sqlmodel import Session

from services.booking.domain import Terms
from services.booking.writing import documents, store
from services.booking.writing.deciding import Taken
from services.booking.writing.kill_points import KillPoint, Reached, carry_on
from services.booking.writing.messages import Repeatable
from services.booking.writing.store import Columns, Cursor, Place
from services.contracts.ids import BookingId, ResourceId
from services.runtime.audit import store as audit
from services.runtime.audit.entry import ChainId, Fact
from services.runtime.db import Sessions, transaction

REFUSED: Final = (
    psycopg.errors.IntegrityError,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
Telling = Callable[[Collection[BookingId]], Mapping[ChainId, Sequence[Fact]]]
"""What the audit trail is told when these bookings are written, by chain."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Written:
    """What became of a batch: bookings that stand, answers that stood under keys already.

    ``bodies`` are the answers to bookings agreed under terms. Those ``over`` are more than their
    organisations may hold. ``doubtful`` are resources of which memory said something else than
    PostgreSQL.
    """

    held: set[BookingId] = field(default_factory=set)
    bodies: dict[BookingId, bytes] = field(default_factory=dict)
    over: set[BookingId] = field(default_factory=set)
    saved: dict[Place, tuple[Repeatable, bytes]] = field(default_factory=dict)
    doubtful: set[ResourceId] = field(default_factory=set)
    failed: set[BookingId] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Ready:
    """A batch made ready to be written: as it came, in the order of writing, and its columns."""

    arrived: Sequence[Taken]
    ordered: Sequence[Taken]
    columns: Columns

    @classmethod
    def of(cls, batch: Collection[Taken]) -> Self:
        ordered = store.in_order(batch)
        return cls(list(batch), ordered, store.columns(ordered))


class DurableWriter:
    """Writes batches.

    Args:
        sessions: transactions in the name of the platform.
        open_max: how many slots an organisation may hold at a time; ``None`` is any number.
        reached: told of the points where dying matters most.
    """

    def __init__(
        self, sessions: Sessions, *, open_max: int | None = None, reached: Reached = carry_on
    ) -> None:
        self._open_max = open_max
        self._sessions = sessions
        self._reached = reached

    def write(
        self, batch: Ready, *, now: datetime, hold_until: datetime, telling: Telling
    ) -> Written:
        """Write ``batch``; it is committed when this returns.

        Raises:
            psycopg.OperationalError, sqlalchemy.exc.DBAPIError: the server went away, and nobody
                knows whether the batch is committed. A key asks.
        """
        work = _Work(now, hold_until, telling, batch.arrived, Written())
        if batch.ordered:
            self._write(batch.ordered, work, batch.columns)
        return work.written

    def saved(self, places: Sequence[Place]) -> dict[Place, tuple[Repeatable, bytes]]:
        """Answers that stand under keys."""
        with transaction(self._sessions) as session:
            return store.saved(store.cursor_of(session), places)

    def _write(self, batch: Sequence[Taken], work: "_Work", columns: Columns | None = None) -> None:
        try:
            self._whole(batch, columns or store.columns(batch), work)
        except REFUSED as error:
            log.info("batch refused, written in part", slots=len(batch), cause=_cause(error))
            self._part(batch, work)

    def _part(self, batch: Sequence[Taken], work: "_Work") -> None:
        try:
            self._free(batch, work)
        except REFUSED as error:
            if len(batch) == 1:
                log.warning("slot not written", booking=batch[0].booking_id, cause=_cause(error))
                work.written.failed.add(batch[0].booking_id)
                work.written.doubtful.add(batch[0].resource_id)
                return
            middle = len(batch) // 2
            self._write(batch[:middle], work)
            self._write(batch[middle:], work)

    def _whole(self, batch: Sequence[Taken], columns: Columns, work: "_Work") -> None:
        """All that may be held of it, or an error."""
        with self._committing() as (session, cursor):
            with cursor.connection.pipeline():
                cursor.execute(store.LOCK_TIMEOUT)
                terms, batch = self._agreed(cursor, batch)
                if terms:
                    columns = store.columns(batch)
                store.claim(cursor, columns, now=work.now)
                over = self._over(cursor, batch, work)
                if over:
                    store.forget(cursor, _places(one for one in batch if one.booking_id in over))
                    batch = [one for one in batch if one.booking_id not in over]
                    columns = store.columns(batch)
                store.reserve(cursor, columns)
                store.book(cursor, columns, terms, now=work.now, hold_until=work.hold_until)
            held = {one.booking_id for one in batch}
            _tell(session, work, held)
        work.written.held |= held
        work.written.over |= over
        work.written.bodies |= _bodies(batch, terms)

    def _free(self, batch: Sequence[Taken], work: "_Work") -> None:
        """What is free of it."""
        with self._committing() as (session, cursor):
            cursor.execute(store.LOCK_TIMEOUT)
            terms, batch = self._agreed(cursor, batch)
            claimed = store.claim_free(cursor, store.columns(batch), now=work.now)
            standing = [
                place
                for place in map(place_of, batch)
                if place is not None and place not in claimed
            ]
            saved = store.saved(cursor, standing)
            asked = [one for one in batch if place_of(one) not in saved]
            over = self._over(cursor, asked, work)
            allowed = [one for one in asked if one.booking_id not in over]
            held = store.reserve_free(cursor, store.columns(allowed))
            lost = [one for one in asked if one.booking_id not in held]
            store.forget(cursor, _places(lost))
            kept = [one for one in asked if one.booking_id in held]
            store.book(cursor, store.columns(kept), terms, now=work.now, hold_until=work.hold_until)
            _tell(session, work, held)
        written = work.written
        written.held |= held
        written.bodies |= _bodies(kept, terms)
        written.saved |= saved
        written.over |= over
        settled = held | over
        written.doubtful |= {one.resource_id for one in batch if one.booking_id not in settled}

    def _agreed(
        self, cursor: Cursor, batch: Sequence[Taken]
    ) -> tuple[Mapping[ResourceId, Terms], Sequence[Taken]]:
        """The terms of the batch, and its slots with answers that tell them."""
        terms = store.terms_of(cursor, batch)
        if not terms:
            return terms, batch
        return terms, [
            replace(one, body=documents.under(terms[one.resource_id], one.body, start=one.start))
            if one.resource_id in terms
            else one
            for one in batch
        ]

    def _over(self, cursor: Cursor, batch: Sequence[Taken], work: "_Work") -> set[BookingId]:
        """Those their organisations may not hold as well; who came first may."""
        if self._open_max is None or not batch:
            return set()
        held = store.open_holds(cursor, batch, most=self._open_max, now=work.now)
        count = Counter(one.organisation_id for one in batch)
        if all(held[one] + count[one] <= self._open_max for one in count):
            return set()
        wanted, over = {one.booking_id for one in batch}, set()
        for one in work.arrived:
            if one.booking_id not in wanted:
                continue
            held[one.organisation_id] += 1
            if held[one.organisation_id] > self._open_max:
                over.add(one.booking_id)
        return over

    @contextmanager
    def _committing(self) -> Iterator[tuple[Session, Cursor]]:
        with transaction(self._sessions) as session:
            yield session, store.cursor_of(session)
            self._reached(KillPoint.BEFORE_COMMIT)


@dataclass(frozen=True, slots=True)
class _Work:
    now: datetime
    hold_until: datetime
    telling: Telling
    arrived: Sequence[Taken]
    written: Written


def _bodies(held: Sequence[Taken], terms: Mapping[ResourceId, Terms]) -> dict[BookingId, bytes]:
    return {one.booking_id: one.body for one in held if one.resource_id in terms} if terms else {}


def _places(batch: Iterable[Taken]) -> list[Place]:
    return [place for place in map(place_of, batch) if place is not None]


def place_of(one: Taken) -> Place | None:
    """Where the answer of a repeatable request is kept."""
    return None if one.once is None else (one.organisation_id, one.once.key)


def _tell(session: Session, work: _Work, held: Collection[BookingId]) -> None:
    """Last, for it locks the end of a chain until the commit; in order of chains, as all do."""
    audit.append_all(session, work.telling(held))


def _cause(error: psycopg.Error) -> str:
    return str(error).partition("\n")[0]
