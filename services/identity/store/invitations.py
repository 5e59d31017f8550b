"""SQL of invitations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, func, update
from sqlmodel import Session, col, select

from services.contracts.access import Role
from services.contracts.ids import OrganisationId
from services.identity.domain import Invitation
from services.identity.tables import InvitationRow


def insert_invitation(session: Session, invitation: Invitation, token_hash: bytes) -> None:
    session.add(
        InvitationRow(
            id=invitation.id,
            organisation_id=invitation.organisation_id,
            email=invitation.email,
            roles=sorted(invitation.roles),
            token_hash=token_hash,
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )
    )
    session.flush()


def invitation(session: Session, organisation_id: UUID, invitation_id: UUID) -> Invitation | None:
    query = select(InvitationRow).where(
        InvitationRow.organisation_id == organisation_id, InvitationRow.id == invitation_id
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _invitation(row)


def invitation_of_token(session: Session, token_hash: bytes) -> Invitation | None:
    query = select(InvitationRow).where(InvitationRow.token_hash == token_hash)
    row = session.exec(query).one_or_none()
    return None if row is None else _invitation(row)


def invitations_after(
    session: Session, organisation_id: UUID, *, after: UUID | None, limit: int
) -> list[Invitation]:
    query = (
        select(InvitationRow)
        .where(InvitationRow.organisation_id == organisation_id)
        .order_by(col(InvitationRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(InvitationRow.id) > after)
    return [_invitation(row) for row in session.exec(query)]


def count_open(session: Session, organisation_id: UUID, now: datetime) -> int:
    query = select(func.count()).where(
        col(InvitationRow.organisation_id) == organisation_id, *_open(now)
    )
    return session.exec(query).one()


def accept(session: Session, invitation_id: UUID, now: datetime) -> bool:
    """Whether it was open until now; of two who accept at once only one hears yes."""
    return _close(session, invitation_id, now, accepted_at=now)


def revoke(session: Session, invitation_id: UUID, now: datetime) -> bool:
    """Whether it was open until now."""
    return _close(session, invitation_id, now, revoked_at=now)


def _close(session: Session, invitation_id: UUID, now: datetime, **values: datetime) -> bool:
    done: CursorResult[Any] = session.connection().execute(
        update(InvitationRow)
        .where(col(InvitationRow.id) == invitation_id, *_open(now))
        .values(**values)
    )
    return done.rowcount == 1


def _open(now: datetime) -> tuple[Any, ...]:
    return (
        col(InvitationRow.accepted_at).is_(None),
        col(InvitationRow.revoked_at).is_(None),
        col(InvitationRow.expires_at) > now,
    )


def _invitation(row: InvitationRow) -> Invitation:
    return Invitation(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        email=row.email,
        roles=frozenset(Role(role) for role in row.roles),
        created_at=row.created_at,
        expires_at=row.expires_at,
        accepted_at=row.accepted_at,
        revoked_at=row.revoked_at,
    )
