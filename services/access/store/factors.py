"""SQL of second factors. The transaction works for the person."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.access.tables import PasskeyRow, RecoveryCodeRow, TotpRow


class Totp(NamedTuple):
    secret: bytes
    confirmed: bool
    last_step: int


def put_totp(session: Session, person_id: UUID, secret: bytes, now: datetime) -> None:
    """An unconfirmed secret, in place of any other."""
    values = {"secret": secret, "created_at": now, "confirmed_at": None, "last_step": 0}
    session.connection().execute(
        insert(TotpRow)
        .values(person_id=person_id, **values)
        .on_conflict_do_update(index_elements=["person_id"], set_=values)
    )


def totp_of(session: Session, person_id: UUID) -> Totp | None:
    row = session.get(TotpRow, person_id, populate_existing=True)
    return None if row is None else Totp(row.secret, row.confirmed_at is not None, row.last_step)


def spend_step(session: Session, person_id: UUID, step: int) -> bool:
    """Whether ``step`` was not spent yet; of two that use a code at once, one does."""
    done = session.connection().execute(
        update(TotpRow)
        .where(col(TotpRow.person_id) == person_id, col(TotpRow.last_step) < step)
        .values(last_step=step)
    )
    return done.rowcount == 1


def confirm_totp(session: Session, person_id: UUID, now: datetime) -> None:
    session.connection().execute(
        update(TotpRow).where(col(TotpRow.person_id) == person_id).values(confirmed_at=now)
    )


def delete_totp(session: Session, person_id: UUID) -> bool:
    done = session.connection().execute(delete(TotpRow).where(col(TotpRow.person_id) == person_id))
    return done.rowcount == 1


def replace_recovery_codes(
    session: Session, person_id: UUID, hashes: Sequence[bytes], now: datetime
) -> None:
    session.connection().execute(
        delete(RecoveryCodeRow).where(col(RecoveryCodeRow.person_id) == person_id)
    )
    session.add_all(
        RecoveryCodeRow(person_id=person_id, code_hash=hashed, created_at=now) for hashed in hashes
    )
    session.flush()


def spend_recovery_code(session: Session, person_id: UUID, hashed: bytes) -> bool:
    """Whether it was one of the person's; then it is gone."""
    done = session.connection().execute(
        delete(RecoveryCodeRow).where(
            col(RecoveryCodeRow.person_id) == person_id, col(RecoveryCodeRow.code_hash) == hashed
        )
    )
    return done.rowcount == 1


def count_recovery_codes(session: Session, person_id: UUID) -> int:
    query = (
        select(func.count())
        .select_from(RecoveryCodeRow)
        .where(col(RecoveryCodeRow.person_id) == person_id)
    )
    return session.exec(query).one()


def count_passkeys(session: Session, person_id: UUID) -> int:
    query = (
        select(func.count()).select_from(PasskeyRow).where(col(PasskeyRow.person_id) == person_id)
    )
    return session.exec(query).one()
