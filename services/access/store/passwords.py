"""SQL of passwords. The transaction works for the person."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from services.access.tables import PasswordRow


def put_password(session: Session, person_id: UUID, verifier: str, now: datetime) -> None:
    values = {"verifier": verifier, "changed_at": now}
    session.connection().execute(
        insert(PasswordRow)
        .values(person_id=person_id, **values)
        .on_conflict_do_update(index_elements=["person_id"], set_=values)
    )


def verifier_of(session: Session, person_id: UUID) -> str | None:
    row = session.get(PasswordRow, person_id, populate_existing=True)
    return None if row is None else row.verifier
