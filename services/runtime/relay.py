"""The outbox relay: publishes what committed transactions wrote, in commit-safe order.

Row order is not commit order, so a row counts only once every transaction older than its own has
ended (``xid < pg_snapshot_xmin``): from then on nothing can appear before it. The price: one long
writing transaction anywhere in the server holds back the events of all that began after it.
One relay publishes at a time; others stand by on an advisory lock.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, text

from services.runtime.bus import BusUnavailableError, OutgoingEvent
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.outbox import WAKE_CHANNEL, Position

BATCH_MAX: Final = 500
POLL_S: Final = 0.5
FAILURE_WAIT_S: Final = 1.0
CONNECT_TIMEOUT_S: Final = 5
PUBLISHED_KEPT: Final = timedelta(days=1)
HANDLED_KEPT: Final = timedelta(days=8)
"""Longer than the stream keeps an event, or a late redelivery would be handled twice."""
PRUNE_ROWS_MAX: Final = 10_000

_ADVISORY_LOCK: Final = 0x6E6F6E61  # "nona"
_CLAIM: Final = """
SELECT xid::text::bigint AS xid, seq, event_id, subject, payload, events
  FROM outbox_event
 WHERE seq = ANY (ARRAY(
   SELECT seq FROM (
     SELECT seq, sum(event_count) OVER (ORDER BY xid, seq) - event_count AS before_it
       FROM (SELECT xid, seq, event_count FROM outbox_event
              WHERE published_at IS NULL AND xid < pg_snapshot_xmin(pg_current_snapshot())
              ORDER BY xid, seq LIMIT :batch_max) AS oldest) AS counted
    WHERE before_it < :batch_max))
 ORDER BY xid, seq
   FOR UPDATE SKIP LOCKED
"""
_PRUNE_OUTBOX: Final = """
DELETE FROM outbox_event WHERE seq IN (
    SELECT seq FROM outbox_event WHERE published_at < :before ORDER BY seq LIMIT :rows_max)
"""
_PRUNE_INBOX: Final = """
DELETE FROM inbox_entry WHERE ctid IN (
    SELECT ctid FROM inbox_entry WHERE handled_at < :before LIMIT :rows_max)
"""

log = structlog.get_logger(__name__)

Publish = Callable[[Sequence[OutgoingEvent]], None]
"""Publishes in order; returns once all are stored, raises ``BusUnavailableError`` otherwise."""


def relay_once(
    sessions: Sessions, publish: Publish, *, now: datetime, batch_max: int = BATCH_MAX
) -> int:
    """Publish the oldest unpublished events and mark them; how many there were.

    Rows are taken until they tell ``batch_max`` events; the last may tell more.

    Raises:
        BusUnavailableError: nothing is marked; the next run publishes them again.
    """
    with transaction(sessions) as session:
        if not _is_only_relay(session):
            return 0
        rows = session.connection().execute(text(_CLAIM), {"batch_max": batch_max}).all()
        if not rows:
            return 0
        events = [event for row in rows for event in _events(row)]
        publish(events)
        session.connection().execute(
            text("UPDATE outbox_event SET published_at = :now WHERE seq = ANY(:seqs)"),
            {"now": now, "seqs": [row.seq for row in rows]},
        )
        return len(events)


def _events(row: Row[Any]) -> Iterator[OutgoingEvent]:
    """What a row tells: one event, or several, of which the last is where the row stands.

    Whoever has heard one of the others has not heard all of the row: that one stands before it.
    """
    here = Position(row.xid, row.seq)
    if row.events is None:
        yield OutgoingEvent(row.event_id, row.subject, row.payload, here)
        return
    payloads = json.loads(row.events)
    for payload in payloads[:-1]:
        before = Position(row.xid, row.seq - 1)
        yield OutgoingEvent(UUID(payload["id"]), row.subject, payload, before)
    yield OutgoingEvent(UUID(payloads[-1]["id"]), row.subject, payloads[-1], here)


def prune(sessions: Sessions, *, now: datetime) -> int:
    """Delete published events and inbox rows that nothing can ask for any more; how many.

    In transactions of ``PRUNE_ROWS_MAX`` rows, so that none holds the relay back for long.
    """
    events = _prune_all(sessions, _PRUNE_OUTBOX, before=now - PUBLISHED_KEPT)
    return events + _prune_all(sessions, _PRUNE_INBOX, before=now - HANDLED_KEPT)


def _prune_all(sessions: Sessions, statement: str, *, before: datetime) -> int:
    total = 0
    while True:
        with transaction(sessions) as session:
            deleted: int = (
                session.connection()
                .execute(text(statement), {"before": before, "rows_max": PRUNE_ROWS_MAX})
                .rowcount
            )
        total += deleted
        if deleted < PRUNE_ROWS_MAX:
            return total


def unpublished(sessions: Sessions) -> int:
    """Events still waiting for the relay."""
    with transaction(sessions) as session:
        count: int = session.connection().scalar(
            text(
                "SELECT coalesce(sum(event_count), 0) FROM outbox_event WHERE published_at IS NULL"
            )
        )
        return count


class Relay:
    """Runs :func:`relay_once` in a thread of its own until told to stop."""

    def __init__(
        self, *, sessions: Sessions, database_url: str, publish: Publish, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._database_url = database_url
        self._publish = publish
        self._clock = clock
        self.stuck_on: str | None = None
        """Why events do not leave; ``None`` while all is well."""

    def run(self, stop: threading.Event) -> None:
        """Relay until ``stop`` is set, whatever happens to the database or the broker."""
        while not stop.is_set():
            try:
                with self._listening() as listener:
                    self._relay_until_stopped(listener, stop)
            except (psycopg.Error, DBAPIError) as error:
                self._wait_after(f"database: {error}", stop)

    def _listening(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self._database_url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="nonagon-relay",
        )
        connection.execute(f"LISTEN {WAKE_CHANNEL}")
        return connection

    def _relay_until_stopped(
        self, listener: psycopg.Connection[Any], stop: threading.Event
    ) -> None:
        while not stop.is_set():
            if self._relay_batch(stop) < BATCH_MAX:
                for _ in listener.notifies(timeout=POLL_S, stop_after=1):
                    pass

    def _relay_batch(self, stop: threading.Event) -> int:
        try:
            count = relay_once(self._sessions, self._publish, now=self._clock.now())
        except BusUnavailableError as error:
            self._wait_after(f"broker: {error}", stop)
            return 0
        self.stuck_on = None
        return count

    def _wait_after(self, cause: str, stop: threading.Event) -> None:
        self.stuck_on = cause
        log.warning("outbox relay waits", cause=cause)
        stop.wait(FAILURE_WAIT_S)


def _is_only_relay(session: Session) -> bool:
    locked: bool = session.connection().scalar(
        text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK}
    )
    return locked
