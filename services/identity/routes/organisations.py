"""Organisations, sites and gateways."""

from uuid import UUID

from fastapi import Response

from services.contracts.ids import GatewayId, OrganisationId, SiteId
from services.contracts.policies import Action
from services.identity import handlers
from services.identity.domain import Organisation
from services.identity.schemas.organisations import (
    GatewayCreate,
    GatewayRead,
    OrganisationCreate,
    OrganisationRead,
    SiteCreate,
    SiteRead,
)
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    PrincipalDep,
    SessionDep,
    acting_organisation,
    requires,
)

router = api_router(tags=["identity"])


@router.post(
    "/organisations",
    status_code=201,
    response_model=OrganisationRead,
    dependencies=[requires(Action.ORGANISATION_CREATE)],
)
def create_organisation(
    asked: OrganisationCreate,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    principal: PrincipalDep,
) -> Response:
    """Register an organisation and become its owner; its credit code is checked (GB 32100)."""
    return creation.once(
        asked,
        lambda: OrganisationRead.of(
            handlers.found_organisation(
                session=session, clock=clock, principal=principal, **dict(asked)
            )
        ),
    )


@router.get(
    "/organisations",
    response_model=Page[OrganisationRead],
    dependencies=[requires(Action.ORGANISATION_READ)],
)
def list_organisations(session: SessionDep, page: PageDep) -> Page[OrganisationRead] | Response:
    """Organisations by id."""
    found = handlers.list_organisations(session=session, after=page.after, limit=page.fetch)
    return page.answer(found, OrganisationRead.of, name="organisations")


@router.get("/organisations/{organisation_id}", dependencies=[requires(Action.ORGANISATION_READ)])
def get_organisation(
    organisation_id: UUID, response: Response, session: SessionDep
) -> OrganisationRead:
    """One organisation; its ETag is what PATCH /organisation takes as If-Match."""
    found = handlers.get_organisation(
        session=session, organisation_id=OrganisationId(organisation_id)
    )
    response.headers["etag"] = etag(found)
    return OrganisationRead.of(found)


def etag(organisation: Organisation) -> str:
    """A strong validator (RFC 9110 §8.8.3)."""
    return f'"{organisation.version}"'


@router.post(
    "/sites",
    status_code=201,
    response_model=SiteRead,
    dependencies=[requires(Action.SITE_CREATE)],
)
def create_site(
    asked: SiteCreate,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Register a site; its code becomes the Sparkplug group of its gateways."""
    facts = dict(asked) | {"organisation_id": acting_organisation(acting, asked.organisation_id)}
    return creation.once(
        asked,
        lambda: SiteRead.of(handlers.create_site(session=session, clock=clock, **facts)),
    )


@router.get("/sites", response_model=Page[SiteRead], dependencies=[requires(Action.SITE_READ)])
def list_sites(
    session: SessionDep, page: PageDep, organisation_id: UUID | None = None
) -> Page[SiteRead] | Response:
    """Sites by id."""
    found = handlers.list_sites(
        session=session,
        after=page.after,
        limit=page.fetch,
        organisation_id=None if organisation_id is None else OrganisationId(organisation_id),
    )
    return page.answer(found, SiteRead.of, name="sites")


@router.get("/sites/{site_id}", dependencies=[requires(Action.SITE_READ)])
def get_site(site_id: UUID, session: SessionDep) -> SiteRead:
    """One site."""
    return SiteRead.of(handlers.get_site(session=session, site_id=SiteId(site_id)))


@router.post(
    "/gateways",
    status_code=201,
    response_model=GatewayRead,
    dependencies=[requires(Action.GATEWAY_CREATE)],
)
def create_gateway(
    asked: GatewayCreate,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Register an edge gateway on a site."""
    return creation.once(
        asked,
        lambda: GatewayRead.of(
            handlers.create_gateway(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                **dict(asked),
            )
        ),
    )


@router.get(
    "/gateways", response_model=Page[GatewayRead], dependencies=[requires(Action.GATEWAY_READ)]
)
def list_gateways(
    session: SessionDep, page: PageDep, acting: ActingDep, site_id: UUID | None = None
) -> Page[GatewayRead] | Response:
    """Gateways by id."""
    found = handlers.list_gateways(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
        site_id=None if site_id is None else SiteId(site_id),
    )
    return page.answer(found, GatewayRead.of, name="gateways")


@router.get("/gateways/{gateway_id}", dependencies=[requires(Action.GATEWAY_READ)])
def get_gateway(gateway_id: UUID, session: SessionDep, acting: ActingDep) -> GatewayRead:
    """One gateway."""
    return GatewayRead.of(
        handlers.get_gateway(
            session=session,
            organisation_id=acting.organisation_id,
            gateway_id=GatewayId(gateway_id),
        )
    )


@router.get(
    "/gateways/{gateway_id}/members",
    dependencies=[requires(Action.GATEWAY_SHARE)],
)
def list_gateway_members(
    gateway_id: UUID, session: SessionDep, acting: ActingDep
) -> list[OrganisationRead]:
    """The organisations whose machines a gateway serves, its owner among them."""
    found = handlers.list_gateway_members(
        session=session,
        organisation_id=acting.organisation_id,
        gateway_id=GatewayId(gateway_id),
    )
    return [OrganisationRead.of(one) for one in found]


@router.put(
    "/gateways/{gateway_id}/members/{organisation_id}",
    status_code=204,
    dependencies=[requires(Action.GATEWAY_SHARE)],
)
def share_gateway(
    gateway_id: UUID, organisation_id: UUID, session: SessionDep, acting: ActingDep
) -> None:
    """Let a gateway serve another organisation's machines, as under one roof."""
    handlers.share_gateway(
        session=session,
        organisation_id=acting.organisation_id,
        gateway_id=GatewayId(gateway_id),
        member_id=OrganisationId(organisation_id),
    )


@router.delete(
    "/gateways/{gateway_id}/members/{organisation_id}",
    status_code=204,
    dependencies=[requires(Action.GATEWAY_SHARE)],
)
def unshare_gateway(
    gateway_id: UUID, organisation_id: UUID, session: SessionDep, acting: ActingDep
) -> None:
    """Serve another organisation's machines no more."""
    handlers.unshare_gateway(
        session=session,
        organisation_id=acting.organisation_id,
        gateway_id=GatewayId(gateway_id),
        member_id=OrganisationId(organisation_id),
    )
