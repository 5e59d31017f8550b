"""Writing events in the transaction of the fact they tell."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import insert
from sqlmodel import Session, text

from services.contracts.events.envelope import Event
from services.runtime.tables import OutboxEvent

WAKE_CHANNEL = "nonagon_outbox"
"""NOTIFY channel: a hint to the relay, never the only way it learns of an event."""
_NEWEST = text(
    "SELECT newest.xid::text::bigint AS xid, newest.seq"
    "  FROM unnest(CAST(:subjects AS text[])) AS asked (subject)"
    " CROSS JOIN LATERAL (SELECT event.xid, event.seq FROM outbox_event AS event"
    "  WHERE event.subject = asked.subject ORDER BY event.xid DESC, event.seq DESC LIMIT 1) newest"
    " ORDER BY newest.xid DESC, newest.seq DESC LIMIT 1"
)
_OLDEST_RUNNING = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an event stands in the order of publication: all before it are told before it."""

    xid: int
    seq: int

    @classmethod
    def read(cls, written: str) -> Self:
        """From what ``str`` made of one."""
        xid, _, seq = written.partition(".")
        return cls(int(xid), int(seq))

    def __str__(self) -> str:
        return f"{self.xid}.{self.seq}"


NOWHERE = Position(0, 0)
"""Before every event."""


def newest(session: Session, subjects: Collection[str]) -> Position:
    """The newest event on ``subjects`` that anybody has committed, published yet or not."""
    row = session.connection().execute(_NEWEST, {"subjects": list(subjects)}).one_or_none()
    return NOWHERE if row is None else Position(row.xid, row.seq)


def settled(session: Session) -> Position:
    """Every event before it is visible to whatever ``session`` and others read from here on."""
    return Position(session.connection().execute(_OLDEST_RUNNING).scalar_one(), 0)


def emit(session: Session, event: Event, *, now: datetime) -> None:
    """Store ``event`` for publication once the transaction of ``session`` commits."""
    emit_all(session, [event], now=now)


def emit_all(session: Session, events: Sequence[Event], *, now: datetime) -> None:
    """Store ``events`` in their order and wake the relay once."""
    if not events:
        return
    rows = [
        {
            "event_id": event.id,
            "subject": event.subject(),
            "payload": event.model_dump(mode="json"),
            "created_at": now,
        }
        for event in events
    ]
    connection = session.connection()
    connection.execute(insert(OutboxEvent).inline(), rows)
    connection.execute(text(f"NOTIFY {WAKE_CHANNEL}"))
