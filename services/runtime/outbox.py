"""Writing events in the transaction of the fact they tell."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session, text

from services.contracts.events.envelope import Event
from services.runtime.tables import OutboxEvent

WAKE_CHANNEL = "nonagon_outbox"
"""NOTIFY channel: a hint to the relay, never the only way it learns of an event."""


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
