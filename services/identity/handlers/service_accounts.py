"""Programs that act for organisations; their keys are kept by ``services.access``."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, ServiceAccountId
from services.identity.domain import ServiceAccount, check_roles
from services.identity.domain.people import SERVICE_ACCOUNTS_MAX
from services.identity.handlers.organisations import get_organisation
from services.identity.store import people as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class ServiceAccountNotFoundError(DomainError):
    code: ClassVar[str] = "service-account-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No service account has the id {account_id}; list /service-accounts."
    zh: ClassVar[str] = "没有编号为 {account_id} 的服务账号；请查看 /service-accounts。"


class ServiceAccountTakenError(DomainError):
    code: ClassVar[str] = "service-account-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The organisation has a service account {name!r}; choose another name."
    zh: ClassVar[str] = "该组织已有服务账号 {name!r}；请另选名称。"


class TooManyServiceAccountsError(DomainError):
    code: ClassVar[str] = "too-many-service-accounts"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The organisation has {most} service accounts; delete one first."
    zh: ClassVar[str] = "该组织已有 {most} 个服务账号；请先删除一个。"


def create_service_account(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    name: str,
    roles: Collection[Role],
) -> ServiceAccount:
    """Let a program act for an organisation.

    Raises:
        RolesInvalidError: they cannot be held there.
        ServiceAccountTakenError: one has that name.
        TooManyServiceAccountsError: the organisation has as many as it may.
    """
    organisation = get_organisation(session=session, organisation_id=organisation_id)
    check_roles(frozenset(roles), organisation.kind)
    if store.count_service_accounts(session, organisation_id) >= SERVICE_ACCOUNTS_MAX:
        raise TooManyServiceAccountsError(most=SERVICE_ACCOUNTS_MAX)
    account = ServiceAccount(
        id=ServiceAccountId(clock.new_id()),
        organisation_id=organisation_id,
        name=name,
        roles=frozenset(roles),
        created_at=clock.now(),
    )
    if not store.insert_service_account(session, account):
        raise ServiceAccountTakenError(name=name)
    note(session, subject_kind="service_account", subject_id=account.id, after=account)
    return account


def get_service_account(
    *, session: Session, organisation_id: OrganisationId, account_id: ServiceAccountId
) -> ServiceAccount:
    """A service account of the organisation.

    Raises:
        ServiceAccountNotFoundError: it has none with that id.
    """
    found = store.service_account(session, organisation_id, account_id)
    if found is None:
        raise ServiceAccountNotFoundError(account_id=account_id)
    return found


def list_service_accounts(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[ServiceAccount]:
    """A page by id."""
    return store.service_accounts_after(session, organisation_id, after=after, limit=limit)


def delete_service_account(
    *, session: Session, organisation_id: OrganisationId, account_id: ServiceAccountId
) -> None:
    """Delete a service account and every key of it.

    Raises:
        ServiceAccountNotFoundError: the organisation has none with that id.
    """
    known = get_service_account(
        session=session, organisation_id=organisation_id, account_id=account_id
    )
    store.delete_service_account(session, account_id)
    note(session, subject_kind="service_account", subject_id=account_id, before=known)
