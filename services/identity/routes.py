"""HTTP doors of identity."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.contracts.ids import GatewayId, OrganisationId, SiteId
from services.identity import handlers
from services.identity.schemas import (
    GatewayCreate,
    GatewayRead,
    OrganisationCreate,
    OrganisationRead,
    SiteCreate,
    SiteRead,
)
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ClockDep, CreationDep, SessionDep

router = APIRouter(tags=["identity"])


@router.post("/organisations", status_code=201, response_model=OrganisationRead)
def create_organisation(
    asked: OrganisationCreate, session: SessionDep, clock: ClockDep, creation: CreationDep
) -> Response:
    """Register an organisation; its credit code is checked (GB 32100)."""
    return creation.once(
        asked,
        lambda: OrganisationRead.of(
            handlers.create_organisation(session=session, clock=clock, **dict(asked))
        ),
    )


@router.get("/organisations", response_model=Page[OrganisationRead])
def list_organisations(session: SessionDep, page: PageDep) -> Page[OrganisationRead] | Response:
    """Organisations by id."""
    found = handlers.list_organisations(session=session, after=page.after, limit=page.fetch)
    return page.answer(found, OrganisationRead.of, name="organisations")


@router.get("/organisations/{organisation_id}")
def get_organisation(organisation_id: UUID, session: SessionDep) -> OrganisationRead:
    """One organisation."""
    return OrganisationRead.of(
        handlers.get_organisation(session=session, organisation_id=OrganisationId(organisation_id))
    )


@router.post("/sites", status_code=201, response_model=SiteRead)
def create_site(
    asked: SiteCreate, session: SessionDep, clock: ClockDep, creation: CreationDep
) -> Response:
    """Register a site; its code becomes the Sparkplug group of its gateways."""
    return creation.once(
        asked,
        lambda: SiteRead.of(handlers.create_site(session=session, clock=clock, **dict(asked))),
    )


@router.get("/sites", response_model=Page[SiteRead])
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


@router.get("/sites/{site_id}")
def get_site(site_id: UUID, session: SessionDep) -> SiteRead:
    """One site."""
    return SiteRead.of(handlers.get_site(session=session, site_id=SiteId(site_id)))


@router.post("/gateways", status_code=201, response_model=GatewayRead)
def create_gateway(
    asked: GatewayCreate, session: SessionDep, clock: ClockDep, creation: CreationDep
) -> Response:
    """Register an edge gateway on a site."""
    return creation.once(
        asked,
        lambda: GatewayRead.of(
            handlers.create_gateway(session=session, clock=clock, **dict(asked))
        ),
    )


@router.get("/gateways", response_model=Page[GatewayRead])
def list_gateways(
    session: SessionDep, page: PageDep, site_id: UUID | None = None
) -> Page[GatewayRead] | Response:
    """Gateways by id."""
    found = handlers.list_gateways(
        session=session,
        after=page.after,
        limit=page.fetch,
        site_id=None if site_id is None else SiteId(site_id),
    )
    return page.answer(found, GatewayRead.of, name="gateways")


@router.get("/gateways/{gateway_id}")
def get_gateway(gateway_id: UUID, session: SessionDep) -> GatewayRead:
    """One gateway."""
    return GatewayRead.of(handlers.get_gateway(session=session, gateway_id=GatewayId(gateway_id)))
