"""SQL of single-use tickets. The caller presents the ticket's hash (``tenancy.bind``)."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import Session, col, select

from services.access.domain.tickets import TicketPurpose
from services.access.tables import TicketRow


class Ticket(NamedTuple):
    person_id: UUID | None
    facts: dict[str, Any]


def insert_ticket(
    session: Session,
    *,
    token_hash: bytes,
    purpose: TicketPurpose,
    person_id: UUID | None,
    facts: dict[str, Any],
    now: datetime,
    expires_at: datetime,
) -> None:
    session.add(
        TicketRow(
            token_hash=token_hash,
            purpose=purpose,
            person_id=person_id,
            facts=facts,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()


def find_ticket(
    session: Session, token_hash: bytes, purpose: TicketPurpose, now: datetime
) -> Ticket | None:
    """The ticket if it still holds; it stays."""
    query = select(TicketRow).where(
        TicketRow.token_hash == token_hash,
        TicketRow.purpose == purpose,
        col(TicketRow.expires_at) > now,
    )
    row = session.exec(query).one_or_none()
    return None if row is None else Ticket(row.person_id, row.facts)


def take_ticket(
    session: Session, token_hash: bytes, purpose: TicketPurpose, now: datetime
) -> Ticket | None:
    """The ticket if it still holds; of two that take it at once, one gets it."""
    row = (
        session.connection()
        .execute(
            delete(TicketRow)
            .where(
                col(TicketRow.token_hash) == token_hash,
                col(TicketRow.purpose) == purpose,
                col(TicketRow.expires_at) > now,
            )
            .returning(col(TicketRow.person_id), col(TicketRow.facts))
        )
        .one_or_none()
    )
    return None if row is None else Ticket(row.person_id, row.facts)


def delete_tickets_of(session: Session, person_id: UUID, purpose: TicketPurpose) -> None:
    session.connection().execute(
        delete(TicketRow).where(
            col(TicketRow.person_id) == person_id, col(TicketRow.purpose) == purpose
        )
    )
