"""SQL that forgets credentials nobody can use any more. Runs as the worker, which sees all rows."""

from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, text

from services.access.tables import SessionRow, TicketRow

_TRIES = text("DELETE FROM attempt WHERE NOT :cutoff < ANY(tried_at)")


def delete_sessions_ended_before(session: Session, cutoff: datetime) -> int:
    done = session.connection().execute(
        delete(SessionRow).where(col(SessionRow.expires_at) < cutoff)
    )
    return done.rowcount


def delete_tickets_ended_before(session: Session, cutoff: datetime) -> int:
    done = session.connection().execute(delete(TicketRow).where(col(TicketRow.expires_at) < cutoff))
    return done.rowcount


def delete_tries_before(session: Session, cutoff: datetime) -> int:
    """Subjects nobody tried since."""
    return session.connection().execute(_TRIES, {"cutoff": cutoff}).rowcount
