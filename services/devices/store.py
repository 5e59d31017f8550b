"""SQL of the devices context."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from services.contracts.ids import GatewayId, OrganisationId
from services.devices.domain import Credential, Enrolment
from services.devices.tables import CredentialRow, EnrolmentRow


def insert_enrolment(session: Session, enrolment: Enrolment, token_hash: bytes) -> None:
    session.add(
        EnrolmentRow(
            id=enrolment.id,
            organisation_id=enrolment.organisation_id,
            gateway_id=enrolment.gateway_id,
            token_hash=token_hash,
            created_at=enrolment.created_at,
            created_by=enrolment.created_by,
            expires_at=enrolment.expires_at,
        )
    )
    session.flush()


def open_enrolments(session: Session, gateway_id: UUID, *, now: datetime) -> int:
    """How many codes of the gateway could be redeemed at ``now``."""
    return session.exec(
        select(func.count())
        .select_from(EnrolmentRow)
        .where(
            EnrolmentRow.gateway_id == gateway_id,
            col(EnrolmentRow.redeemed_at).is_(None),
            EnrolmentRow.expires_at > now,
        )
    ).one()


def enrolment_of_code(session: Session, token_hash: bytes) -> Enrolment | None:
    """The enrolment, locked: of two who redeem a code at once, one waits and finds it spent."""
    row = session.exec(
        select(EnrolmentRow).where(EnrolmentRow.token_hash == token_hash).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    return Enrolment(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        gateway_id=GatewayId(row.gateway_id),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        redeemed_at=row.redeemed_at,
    )


def mark_redeemed(session: Session, enrolment_id: UUID, *, now: datetime) -> None:
    session.connection().execute(
        update(EnrolmentRow).where(col(EnrolmentRow.id) == enrolment_id).values(redeemed_at=now)
    )


def insert_credential(session: Session, credential: Credential, token_hash: bytes) -> None:
    session.add(
        CredentialRow(
            id=credential.id,
            organisation_id=credential.organisation_id,
            gateway_id=credential.gateway_id,
            token_hash=token_hash,
            created_at=credential.created_at,
        )
    )
    session.flush()


def credential_of_secret(session: Session, token_hash: bytes) -> Credential | None:
    row = session.exec(
        select(CredentialRow).where(CredentialRow.token_hash == token_hash)
    ).one_or_none()
    return None if row is None else _credential(row)


def credential(
    session: Session, *, organisation_id: UUID, gateway_id: UUID, credential_id: UUID
) -> Credential | None:
    row = session.exec(
        select(CredentialRow).where(
            CredentialRow.id == credential_id,
            CredentialRow.gateway_id == gateway_id,
            CredentialRow.organisation_id == organisation_id,
        )
    ).one_or_none()
    return None if row is None else _credential(row)


def credentials_after(
    session: Session,
    *,
    organisation_id: UUID,
    gateway_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Credential]:
    query = (
        select(CredentialRow)
        .where(
            CredentialRow.gateway_id == gateway_id,
            CredentialRow.organisation_id == organisation_id,
        )
        .order_by(col(CredentialRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(CredentialRow.id) > after)
    return [_credential(row) for row in session.exec(query)]


def mark_used(session: Session, credential_id: UUID, *, now: datetime) -> None:
    session.connection().execute(
        update(CredentialRow).where(col(CredentialRow.id) == credential_id).values(last_used_at=now)
    )


def revoke(session: Session, credential_id: UUID, *, now: datetime) -> bool:
    """Whether it held until now."""
    return bool(
        session.connection()
        .execute(
            update(CredentialRow)
            .where(col(CredentialRow.id) == credential_id, col(CredentialRow.revoked_at).is_(None))
            .values(revoked_at=now)
        )
        .rowcount
    )


def revoke_before(session: Session, newest: Credential, *, now: datetime) -> list[UUID]:
    """Revoke what the gateway had before ``newest``; which those were."""
    return list(
        session.connection()
        .execute(
            update(CredentialRow)
            .where(
                col(CredentialRow.gateway_id) == newest.gateway_id,
                col(CredentialRow.id) < newest.id,
                col(CredentialRow.revoked_at).is_(None),
            )
            .values(revoked_at=now)
            .returning(col(CredentialRow.id))
        )
        .scalars()
    )


def holding(session: Session, credential_ids: Collection[UUID]) -> set[UUID]:
    """Those that are known and not revoked."""
    return set(
        session.exec(
            select(CredentialRow.id).where(
                col(CredentialRow.id).in_(credential_ids), col(CredentialRow.revoked_at).is_(None)
            )
        )
    )


def _credential(row: CredentialRow) -> Credential:
    return Credential(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        gateway_id=GatewayId(row.gateway_id),
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
