"""Writing events in the transaction of the fact they tell."""

from datetime import datetime

from sqlmodel import Session, text

from services.contracts.events.envelope import Event
from services.runtime.tables import OutboxEvent

WAKE_CHANNEL = "nonagon_outbox"
"""NOTIFY channel: a hint to the relay, never the only way it learns of an event."""


def emit(session: Session, event: Event, *, now: datetime) -> None:
    """Store ``event`` for publication once the transaction of ``session`` commits."""
    session.add(
        OutboxEvent(
            event_id=event.id,
            subject=event.subject(),
            payload=event.model_dump(mode="json"),
            created_at=now,
        )
    )
    session.connection().execute(text(f"NOTIFY {WAKE_CHANNEL}"))
