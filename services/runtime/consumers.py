"""Consumers of events: what one is, and how it handles each event exactly once.

The bus delivers at least once. The inbox row and the handler's own writes share one transaction,
so a redelivery after a lost acknowledgement finds the row and changes nothing.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlmodel import Session, text

from services.contracts.events.envelope import Event
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

EventT = TypeVar("EventT", bound=Event)
EventT_contra = TypeVar("EventT_contra", bound=Event, contravariant=True)

ERROR_TEXT_MAX = 2_000


class Handle(Protocol[EventT_contra]):
    """A use case that follows an event. It never commits; raising means: deliver again later."""

    def __call__(self, *, session: Session, clock: Clock, event: EventT_contra) -> None: ...


@dataclass(frozen=True, slots=True)
class Consumer(Generic[EventT]):
    """One subscriber of one event type. ``name`` is its durable name on the bus: never rename it.

    A context lists its own as ``CONSUMERS: tuple[Consumer[Any], ...]`` in ``consumers.py``.
    """

    name: str
    event: type[EventT]
    handle: Handle[EventT]


def handle_once(
    sessions: Sessions, clock: Clock, consumer: Consumer[EventT], event: EventT
) -> bool:
    """Run ``consumer`` on ``event`` unless it already has; whether it ran.

    Whatever the handler raises undoes the inbox row with everything else and is passed on.
    """
    with transaction(sessions) as session:
        if not _claim(session, consumer.name, event.id, now=clock.now()):
            return False
        consumer.handle(session=session, clock=clock, event=event)
    return True


def park(
    sessions: Sessions,
    *,
    consumer: str,
    event_id: UUID,
    subject: str,
    payload: dict[str, Any],
    cause: str,
    now: datetime,
) -> None:
    """Keep an event that ``consumer`` failed on too often, for a person to look at and replay."""
    with transaction(sessions) as session:
        session.connection().execute(
            text(
                "INSERT INTO parked_event (consumer, event_id, subject, payload, cause, parked_at)"
                " VALUES (:consumer, :event_id, :subject, cast(:payload AS jsonb), :cause, :now)"
                " ON CONFLICT (consumer, event_id) DO UPDATE"
                " SET cause = excluded.cause, parked_at = excluded.parked_at"
            ),
            {
                "consumer": consumer,
                "event_id": event_id,
                "subject": subject,
                "payload": json.dumps(payload),
                "cause": cause[:ERROR_TEXT_MAX],
                "now": now,
            },
        )


def _claim(session: Session, consumer: str, event_id: UUID, *, now: datetime) -> bool:
    inserted = session.connection().execute(
        text(
            "INSERT INTO inbox_entry (consumer, event_id, handled_at)"
            " VALUES (:consumer, :event_id, :now) ON CONFLICT DO NOTHING"
        ),
        {"consumer": consumer, "event_id": event_id, "now": now},
    )
    return bool(inserted.rowcount)
