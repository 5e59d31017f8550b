"""SQL of sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, select

from services.access.domain.credentials import SignedIn
from services.access.tables import SessionRow
from services.contracts.ids import OrganisationId


def insert_session(session: Session, signed_in: SignedIn, token_hash: bytes) -> None:
    session.add(
        SessionRow(
            id=signed_in.id,
            token_hash=token_hash,
            person_id=signed_in.person_id,
            organisation_id=signed_in.organisation_id,
            created_at=signed_in.created_at,
            expires_at=signed_in.expires_at,
            last_seen_at=signed_in.last_seen_at,
            strong_at=signed_in.strong_at,
            revoked_at=signed_in.revoked_at,
            client=signed_in.client,
        )
    )
    session.flush()


def session_of_token(session: Session, token_hash: bytes) -> SignedIn | None:
    row = session.exec(select(SessionRow).where(SessionRow.token_hash == token_hash)).one_or_none()
    return None if row is None else _signed_in(row)


def session_by_id(session: Session, session_id: UUID, person_id: UUID) -> SignedIn | None:
    query = select(SessionRow).where(SessionRow.id == session_id, SessionRow.person_id == person_id)
    row = session.exec(query).one_or_none()
    return None if row is None else _signed_in(row)


def sessions_of_person(session: Session, person_id: UUID, now: datetime) -> list[SignedIn]:
    """Those not revoked and not past their end, newest first; idle ones included."""
    query = (
        select(SessionRow)
        .where(
            SessionRow.person_id == person_id,
            col(SessionRow.revoked_at).is_(None),
            col(SessionRow.expires_at) > now,
        )
        .order_by(col(SessionRow.created_at).desc(), col(SessionRow.id).desc())
    )
    return [_signed_in(row) for row in session.exec(query)]


def touch_session(session: Session, session_id: UUID, now: datetime) -> None:
    _update(session, session_id, last_seen_at=now)


def replace_token(session: Session, session_id: UUID, token_hash: bytes, **facts: Any) -> None:
    """Give the session another token, and ``facts`` other values; the old token is forgotten."""
    _update(session, session_id, token_hash=token_hash, **facts)


def revoke_sessions(session: Session, session_ids: list[UUID], now: datetime) -> int:
    """How many were not revoked yet."""
    done = _run(
        session,
        update(SessionRow)
        .where(col(SessionRow.id).in_(session_ids), col(SessionRow.revoked_at).is_(None))
        .values(revoked_at=now),
    )
    return done.rowcount


def _update(session: Session, session_id: UUID, **values: Any) -> None:
    _run(session, update(SessionRow).where(col(SessionRow.id) == session_id).values(**values))


def _run(session: Session, statement: Any) -> CursorResult[Any]:
    result: CursorResult[Any] = session.connection().execute(statement)
    return result


def _signed_in(row: SessionRow) -> SignedIn:
    acting = row.organisation_id
    return SignedIn(
        id=row.id,
        person_id=row.person_id,
        organisation_id=None if acting is None else OrganisationId(acting),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_seen_at=row.last_seen_at,
        strong_at=row.strong_at,
        revoked_at=row.revoked_at,
        client=row.client,
    )
