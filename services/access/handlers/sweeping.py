"""Forgetting credentials that are over; a job of the worker."""

from datetime import timedelta
from typing import Final

from sqlmodel import Session

from services.access.domain.attempts import WINDOW
from services.access.store import sweeping as store
from services.runtime.clock import Clock

SESSIONS_KEPT: Final = timedelta(days=180)
"""How long after its end a session can be looked up, as the audit trail names it."""


def forget_ended(*, session: Session, clock: Clock) -> int:
    """Delete sessions long over, tickets past their end and tries that count no more; how many."""
    now = clock.now()
    return (
        store.delete_sessions_ended_before(session, now - SESSIONS_KEPT)
        + store.delete_tickets_ended_before(session, now)
        + store.delete_tries_before(session, now - WINDOW)
    )
