"""SQL of passkeys. The transaction works for the person, or presents the credential's hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.access.domain.passkey import Passkey
from services.access.tables import PasskeyRow
from services.contracts.ids import PersonId


def insert_passkey(session: Session, passkey: Passkey, credential_hash: bytes) -> bool:
    """Whether it was stored; not when it is registered already."""
    inserted = session.connection().execute(
        insert(PasskeyRow)
        .values(
            id=passkey.id,
            person_id=passkey.person_id,
            credential_hash=credential_hash,
            credential=passkey.credential,
            public_key=passkey.public_key,
            sign_count=passkey.sign_count,
            name=passkey.name,
            created_at=passkey.created_at,
        )
        .on_conflict_do_nothing()
        .returning(col(PasskeyRow.id))
    )
    return inserted.first() is not None


def passkeys_of(session: Session, person_id: UUID) -> list[Passkey]:
    query = (
        select(PasskeyRow)
        .where(col(PasskeyRow.person_id) == person_id)
        .order_by(col(PasskeyRow.id))
    )
    return [_passkey(row) for row in session.exec(query)]


def passkey_of_hash(session: Session, credential_hash: bytes) -> Passkey | None:
    query = select(PasskeyRow).where(col(PasskeyRow.credential_hash) == credential_hash)
    row = session.exec(query).one_or_none()
    return None if row is None else _passkey(row)


def note_use(session: Session, passkey_id: UUID, sign_count: int, now: datetime) -> None:
    """The counter only grows: of two uses at once the older does not set it back."""
    session.connection().execute(
        update(PasskeyRow)
        .where(col(PasskeyRow.id) == passkey_id)
        .values(
            sign_count=func.greatest(PasskeyRow.sign_count, sign_count),
            last_used_at=now,
        )
    )


def delete_passkey(session: Session, person_id: UUID, passkey_id: UUID) -> bool:
    done = session.connection().execute(
        delete(PasskeyRow).where(
            col(PasskeyRow.person_id) == person_id, col(PasskeyRow.id) == passkey_id
        )
    )
    return done.rowcount == 1


def _passkey(row: PasskeyRow) -> Passkey:
    return Passkey(
        id=row.id,
        person_id=PersonId(row.person_id),
        credential=row.credential,
        public_key=row.public_key,
        sign_count=row.sign_count,
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
