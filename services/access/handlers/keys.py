"""API keys of service accounts: made once, shown once, revoked for good."""

from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.access.domain.credentials import KEY_LASTS_MAX, KEYS_PER_ACCOUNT_MAX, ApiKey
from services.access.domain.tokens import TokenKind
from services.access.handlers.drawing import draw
from services.access.store import keys as store
from services.contracts.access import Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, ServiceAccountId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class ApiKeyNotFoundError(DomainError):
    code: ClassVar[str] = "api-key-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "The service account has no API key {key_id}; list its keys."
    zh: ClassVar[str] = "该服务账号没有 API 密钥 {key_id}；请查看其密钥列表。"


class KeyWiderThanAccountError(DomainError):
    code: ClassVar[str] = "key-wider-than-account"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The account does not hold {roles}; a key narrows its roles: {held}."
    zh: ClassVar[str] = "该服务账号不具有角色 {roles}；密钥只能缩小其角色：{held}。"


class KeyLastsTooLongError(DomainError):
    code: ClassVar[str] = "key-lasts-too-long"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "A key lasts 1 to {days_max} days, not {days}; make a new one before it ends."
    )
    zh: ClassVar[str] = "密钥有效期为 1 至 {days_max} 天，而非 {days} 天；请在到期前新建。"


class TooManyKeysError(DomainError):
    code: ClassVar[str] = "too-many-keys"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The service account has {keys_max} live keys; revoke one first."
    zh: ClassVar[str] = "该服务账号已有 {keys_max} 个有效密钥；请先撤销一个。"


def create_key(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    service_account_id: ServiceAccountId,
    created_by: UUID,
    name: str,
    roles: frozenset[Role] | None = None,
    lasts: timedelta = KEY_LASTS_MAX,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once.

    Raises:
        ServiceAccountNotFoundError: not of this organisation.
        KeyWiderThanAccountError: ``roles`` has one the account lacks; none given: all it has.
        KeyLastsTooLongError: longer than a year, or no time at all.
        TooManyKeysError: the account has as many as it may.
    """
    held = identity.get_service_account(
        session=session, organisation_id=organisation_id, account_id=service_account_id
    ).roles
    wanted = roles or held
    if not wanted <= held:
        raise KeyWiderThanAccountError(roles=", ".join(sorted(wanted - held)), held=_text(held))
    if not timedelta(0) < lasts <= KEY_LASTS_MAX:
        raise KeyLastsTooLongError(days=lasts.days, days_max=KEY_LASTS_MAX.days)
    now = clock.now()
    live = store.count_live_keys(session, organisation_id, service_account_id, now)
    if live >= KEYS_PER_ACCOUNT_MAX:
        raise TooManyKeysError(keys_max=KEYS_PER_ACCOUNT_MAX)
    drawn = draw(TokenKind.API_KEY)
    key = ApiKey(
        id=clock.new_id(),
        organisation_id=organisation_id,
        service_account_id=service_account_id,
        name=name,
        roles=wanted,
        created_at=now,
        created_by=created_by,
        expires_at=now + lasts,
        revoked_at=None,
        last_used_at=None,
    )
    store.insert_key(session, key, drawn.hash)
    note(session, subject_kind="api_key", subject_id=key.id, after=key)
    return key, drawn.text


def list_keys(
    *,
    session: Session,
    organisation_id: OrganisationId,
    service_account_id: ServiceAccountId,
    after: UUID | None,
    limit: int,
) -> list[ApiKey]:
    """Keys of the account, revoked and expired ones too, by id.

    Raises:
        ServiceAccountNotFoundError: not of this organisation.
    """
    identity.get_service_account(
        session=session, organisation_id=organisation_id, account_id=service_account_id
    )
    return store.keys_of_account(
        session, organisation_id, service_account_id, after=after, limit=limit
    )


def revoke_key(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    service_account_id: ServiceAccountId,
    key_id: UUID,
) -> None:
    """Refuse the key from now on.

    Raises:
        ApiKeyNotFoundError: the organisation's account has no such key.
    """
    if not store.revoke_key(session, organisation_id, service_account_id, key_id, clock.now()):
        raise ApiKeyNotFoundError(key_id=key_id)


def _text(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(roles))
