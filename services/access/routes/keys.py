"""API keys of the acting organisation's service accounts."""

from uuid import UUID

from fastapi import Response

from services.access.handlers import keys
from services.access.routes.opening import NOT_STORED, AccessDep, PersonDep
from services.access.schemas import ApiKeyIn, ApiKeyMadeOut, ApiKeyOut
from services.contracts.ids import ServiceAccountId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, SessionDep, requires

router = api_router(prefix="/service-accounts/{service_account_id}/keys", tags=["access"])


@router.post("", status_code=201, dependencies=[requires(Action.API_KEY_CREATE)])
def create_api_key(
    service_account_id: UUID,
    asked: ApiKeyIn,
    response: Response,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    person: PersonDep,
) -> ApiKeyMadeOut:
    """Make a key; its token is shown this once. Idempotency-Key is not read: no token is kept."""
    key, token = keys.create_key(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        service_account_id=ServiceAccountId(service_account_id),
        created_by=person.person_id,
        name=asked.name,
        roles=None if asked.roles is None else frozenset(asked.roles),
        lasts=asked.lasts,
    )
    response.headers.update(NOT_STORED)
    return ApiKeyMadeOut.made(key, token)


@router.get("", response_model=Page[ApiKeyOut], dependencies=[requires(Action.API_KEY_READ)])
def list_api_keys(
    service_account_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ApiKeyOut] | Response:
    """Keys of the account by id, revoked and expired ones too."""
    found = keys.list_keys(
        session=session,
        organisation_id=acting.organisation_id,
        service_account_id=ServiceAccountId(service_account_id),
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, ApiKeyOut.of, name="api-keys")


@router.delete("/{key_id}", status_code=204, dependencies=[requires(Action.API_KEY_REVOKE)])
def revoke_api_key(
    service_account_id: UUID,
    key_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    access: AccessDep,
) -> None:
    """Refuse the key from now on."""
    keys.revoke_key(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        service_account_id=ServiceAccountId(service_account_id),
        key_id=key_id,
    )
    access.authenticator.forget(key_id)
