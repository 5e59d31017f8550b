"""Members and service accounts of the acting organisation."""

from uuid import UUID

from fastapi import Response

from services.contracts.ids import PersonId, ServiceAccountId
from services.contracts.policies import Action
from services.identity import handlers
from services.identity.routes.persons import PersonIdDep
from services.identity.schemas.people import (
    MemberChange,
    MemberRead,
    ServiceAccountCreate,
    ServiceAccountRead,
)
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["identity"])


@router.get(
    "/members", response_model=Page[MemberRead], dependencies=[requires(Action.MEMBER_READ)]
)
def list_members(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[MemberRead] | Response:
    """Members and their roles, by person."""
    found = handlers.list_members(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, MemberRead.of, name="members")


@router.delete("/members/me", status_code=204, dependencies=[requires(Action.MEMBER_LEAVE)])
def leave_organisation(session: SessionDep, acting: ActingDep, person_id: PersonIdDep) -> None:
    """Leave the organisation you act for; its last owner cannot."""
    handlers.remove_member(
        session=session, organisation_id=acting.organisation_id, person_id=person_id
    )


@router.put("/members/{person_id}", dependencies=[requires(Action.MEMBER_CHANGE)])
def change_member(
    person_id: UUID, asked: MemberChange, session: SessionDep, acting: ActingDep
) -> MemberRead:
    """Give a member other roles; the last owner stays one."""
    handlers.change_roles(
        session=session,
        organisation_id=acting.organisation_id,
        person_id=PersonId(person_id),
        roles=asked.roles,
    )
    return MemberRead.of(
        handlers.get_member(
            session=session,
            organisation_id=acting.organisation_id,
            person_id=PersonId(person_id),
        )
    )


@router.delete(
    "/members/{person_id}", status_code=204, dependencies=[requires(Action.MEMBER_REMOVE)]
)
def remove_member(person_id: UUID, session: SessionDep, acting: ActingDep) -> None:
    """End a membership; the person's sessions act for the organisation no more."""
    handlers.remove_member(
        session=session, organisation_id=acting.organisation_id, person_id=PersonId(person_id)
    )


@router.post(
    "/service-accounts",
    status_code=201,
    response_model=ServiceAccountRead,
    dependencies=[requires(Action.SERVICE_ACCOUNT_CREATE)],
)
def create_service_account(
    asked: ServiceAccountCreate,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Let a program act for the organisation, by keys made under /service-accounts/{id}/keys."""
    return creation.once(
        asked,
        lambda: ServiceAccountRead.of(
            handlers.create_service_account(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                name=asked.name,
                roles=asked.roles,
            )
        ),
    )


@router.get(
    "/service-accounts",
    response_model=Page[ServiceAccountRead],
    dependencies=[requires(Action.SERVICE_ACCOUNT_READ)],
)
def list_service_accounts(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ServiceAccountRead] | Response:
    """Service accounts by id."""
    found = handlers.list_service_accounts(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, ServiceAccountRead.of, name="service-accounts")


@router.get(
    "/service-accounts/{service_account_id}",
    dependencies=[requires(Action.SERVICE_ACCOUNT_READ)],
)
def get_service_account(
    service_account_id: UUID, session: SessionDep, acting: ActingDep
) -> ServiceAccountRead:
    """One service account."""
    return ServiceAccountRead.of(
        handlers.get_service_account(
            session=session,
            organisation_id=acting.organisation_id,
            account_id=ServiceAccountId(service_account_id),
        )
    )


@router.delete(
    "/service-accounts/{service_account_id}",
    status_code=204,
    dependencies=[requires(Action.SERVICE_ACCOUNT_DELETE)],
)
def delete_service_account(
    service_account_id: UUID, session: SessionDep, acting: ActingDep
) -> None:
    """Delete a service account and every key of it."""
    handlers.delete_service_account(
        session=session,
        organisation_id=acting.organisation_id,
        account_id=ServiceAccountId(service_account_id),
    )
