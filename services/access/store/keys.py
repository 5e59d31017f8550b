"""SQL of API keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, func, update
from sqlmodel import Session, col, select

from services.access.domain.credentials import ApiKey
from services.access.tables import ApiKeyRow
from services.contracts.access import Role
from services.contracts.ids import OrganisationId, ServiceAccountId


def insert_key(session: Session, key: ApiKey, token_hash: bytes) -> None:
    session.add(
        ApiKeyRow(
            id=key.id,
            token_hash=token_hash,
            organisation_id=key.organisation_id,
            service_account_id=key.service_account_id,
            name=key.name,
            roles=sorted(key.roles),
            created_at=key.created_at,
            created_by=key.created_by,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
        )
    )
    session.flush()


def key_of_token(session: Session, token_hash: bytes) -> ApiKey | None:
    row = session.exec(select(ApiKeyRow).where(ApiKeyRow.token_hash == token_hash)).one_or_none()
    return None if row is None else _key(row)


def keys_of_account(
    session: Session, organisation_id: UUID, account_id: UUID, *, after: UUID | None, limit: int
) -> list[ApiKey]:
    query = (
        select(ApiKeyRow)
        .where(
            ApiKeyRow.organisation_id == organisation_id,
            ApiKeyRow.service_account_id == account_id,
        )
        .order_by(col(ApiKeyRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(ApiKeyRow.id) > after)
    return [_key(row) for row in session.exec(query)]


def count_live_keys(
    session: Session, organisation_id: UUID, account_id: UUID, now: datetime
) -> int:
    query = (
        select(func.count())
        .select_from(ApiKeyRow)
        .where(
            col(ApiKeyRow.organisation_id) == organisation_id,
            col(ApiKeyRow.service_account_id) == account_id,
            col(ApiKeyRow.revoked_at).is_(None),
            col(ApiKeyRow.expires_at) > now,
        )
    )
    return session.exec(query).one()


def touch_key(session: Session, key_id: UUID, now: datetime) -> None:
    session.connection().execute(
        update(ApiKeyRow).where(col(ApiKeyRow.id) == key_id).values(last_used_at=now)
    )


def revoke_key(
    session: Session, organisation_id: UUID, account_id: UUID, key_id: UUID, now: datetime
) -> bool:
    """Whether there is such a key; revoking again changes nothing."""
    done: CursorResult[Any] = session.connection().execute(
        update(ApiKeyRow)
        .where(
            col(ApiKeyRow.organisation_id) == organisation_id,
            col(ApiKeyRow.service_account_id) == account_id,
            col(ApiKeyRow.id) == key_id,
        )
        .values(revoked_at=func.coalesce(ApiKeyRow.revoked_at, now))
    )
    return done.rowcount == 1


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        service_account_id=ServiceAccountId(row.service_account_id),
        name=row.name,
        roles=frozenset(map(Role, row.roles)),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
