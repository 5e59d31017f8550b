"""SQL of accounts at OpenID providers."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from services.access.tables import OutsideAccountRow
from services.contracts.ids import PersonId


def insert_outside_account(
    session: Session, hashed: bytes, person_id: UUID, issuer: str, now: datetime
) -> None:
    session.add(
        OutsideAccountRow(subject_hash=hashed, person_id=person_id, issuer=issuer, created_at=now)
    )
    session.flush()


def person_of_outside_account(session: Session, hashed: bytes) -> PersonId | None:
    """Whose it is; the transaction presents the hash."""
    row = session.get(OutsideAccountRow, hashed)
    return None if row is None else PersonId(row.person_id)
