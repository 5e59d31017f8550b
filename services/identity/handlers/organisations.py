"""Organisations, their sites and the gateways on them."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import GatewayId, OrganisationId, SiteId
from services.identity.domain import (
    Gateway,
    Organisation,
    OrganisationKind,
    Site,
    check_site,
    check_sparkplug_id,
    normal_uscc,
)
from services.identity.store import communities
from services.identity.store import organisations as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class OrganisationNotFoundError(DomainError):
    code: ClassVar[str] = "organisation-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No organisation has the id {organisation_id}; list /organisations."
    zh: ClassVar[str] = "没有编号为 {organisation_id} 的组织；请查看 /organisations。"


class SiteNotFoundError(DomainError):
    code: ClassVar[str] = "site-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No site has the id {site_id}; list /sites."
    zh: ClassVar[str] = "没有编号为 {site_id} 的场所；请查看 /sites。"


class GatewayNotFoundError(DomainError):
    code: ClassVar[str] = "gateway-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No gateway has the id {gateway_id}; list /gateways."
    zh: ClassVar[str] = "没有编号为 {gateway_id} 的网关；请查看 /gateways。"


class GatewayInUseError(DomainError):
    code: ClassVar[str] = "gateway-in-use"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Gateway {gateway_id} serves machines of organisation {organisation_id}, or is its own;"
        " bind those machines elsewhere first."
    )
    zh: ClassVar[str] = (
        "网关 {gateway_id} 正服务于组织 {organisation_id} 的设备或归其所有；"
        "请先将设备绑定到其他网关。"
    )


class UsccTakenError(DomainError):
    code: ClassVar[str] = "uscc-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "An organisation with the credit code {uscc} is already registered; use it."
    zh: ClassVar[str] = "统一社会信用代码 {uscc} 已注册；请使用该组织。"


class SiteCodeTakenError(DomainError):
    code: ClassVar[str] = "site-code-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Site code {site_code!r} is in use; topics need a code of their own."
    zh: ClassVar[str] = "场所代码 {site_code!r} 已被使用；请另选一个。"


class ParkUnknownError(DomainError):
    code: ClassVar[str] = "park-unknown"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "No park has the code {park!r}; list /parks, or leave the park out."
    zh: ClassVar[str] = "没有代码为 {park!r} 的园区；请查看 /parks，或不填园区。"


class EdgeNodeTakenError(DomainError):
    code: ClassVar[str] = "edge-node-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The site already has an edge node {edge_node!r}; choose another id."
    zh: ClassVar[str] = "该场所已有边缘节点 {edge_node!r}；请另选一个编号。"


def create_organisation(
    *,
    session: Session,
    clock: Clock,
    name: str,
    name_zh: str,
    kind: OrganisationKind,
    uscc: str | None = None,
    organisation_id: OrganisationId | None = None,
) -> Organisation:
    """Register an organisation, under the id ``organisation_id`` if given.

    Raises:
        InvalidUsccError: the credit code fails GB 32100.
        UsccTakenError: another organisation has it.
    """
    organisation = Organisation(
        id=organisation_id or OrganisationId(clock.new_id()),
        name=name,
        name_zh=name_zh,
        kind=kind,
        uscc=None if uscc is None else normal_uscc(uscc),
    )
    if not store.insert_organisation(session, organisation):
        raise UsccTakenError(uscc=organisation.uscc)
    return organisation


def get_organisation(*, session: Session, organisation_id: OrganisationId) -> Organisation:
    organisation = store.organisation(session, organisation_id)
    if organisation is None:
        raise OrganisationNotFoundError(organisation_id=organisation_id)
    return organisation


def list_organisations(*, session: Session, after: UUID | None, limit: int) -> list[Organisation]:
    return store.organisations_after(session, after, limit)


def organisations_by_id(
    *, session: Session, organisation_ids: Collection[OrganisationId]
) -> dict[OrganisationId, Organisation]:
    """Those that exist."""
    found = store.organisations_by_id(session, list(organisation_ids))
    return {organisation.id: organisation for organisation in found}


def create_site(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    code: str,
    name: str,
    name_zh: str,
    region_code: str,
    park: str | None,
    lat: float,
    lon: float,
) -> Site:
    """Register a site of an organisation, perhaps in a park.

    Raises:
        InvalidSparkplugIdError, InvalidRegionCodeError, InvalidPositionError: malformed facts.
        OrganisationNotFoundError: nobody to own it.
        ParkUnknownError: no such park.
        SiteCodeTakenError: the code is another site's.
    """
    check_site(code=code, region_code=region_code, lat=lat, lon=lon)
    get_organisation(session=session, organisation_id=organisation_id)
    if park is not None and communities.park(session, park) is None:
        raise ParkUnknownError(park=park)
    site = Site(
        id=SiteId(clock.new_id()),
        organisation_id=organisation_id,
        code=code,
        name=name,
        name_zh=name_zh,
        region_code=region_code,
        park=park,
        lat=lat,
        lon=lon,
    )
    if not store.insert_site(session, site):
        raise SiteCodeTakenError(site_code=code)
    note(session, subject_kind="site", subject_id=site.id, after=site)
    return site


def get_site(*, session: Session, site_id: SiteId) -> Site:
    site = store.site(session, site_id)
    if site is None:
        raise SiteNotFoundError(site_id=site_id)
    return site


def list_sites(
    *,
    session: Session,
    after: UUID | None,
    limit: int,
    organisation_id: OrganisationId | None = None,
) -> list[Site]:
    return store.sites_after(session, after, limit, organisation_id)


def sites_by_id(*, session: Session, site_ids: Collection[SiteId]) -> dict[SiteId, Site]:
    """Those that exist."""
    return {site.id: site for site in store.sites_by_id(session, list(site_ids))}


def create_gateway(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    site_id: SiteId,
    edge_node: str,
) -> Gateway:
    """Register a gateway on a site of the organisation.

    Raises:
        InvalidSparkplugIdError: ``edge_node`` cannot stand in a topic.
        SiteNotFoundError: the organisation has no such site.
        EdgeNodeTakenError: the site has that edge node already.
    """
    check_sparkplug_id(edge_node)
    site = get_site(session=session, site_id=site_id)
    if site.organisation_id != organisation_id:
        raise SiteNotFoundError(site_id=site_id)
    gateway = Gateway(
        id=GatewayId(clock.new_id()),
        organisation_id=organisation_id,
        site_id=site_id,
        edge_node=edge_node,
    )
    if not store.insert_gateway(session, gateway):
        raise EdgeNodeTakenError(edge_node=edge_node)
    note(session, subject_kind="gateway", subject_id=gateway.id, after=gateway)
    return gateway


def get_gateway(
    *, session: Session, organisation_id: OrganisationId, gateway_id: GatewayId
) -> Gateway:
    """A gateway of the organisation.

    Raises:
        GatewayNotFoundError: it has none with that id.
    """
    gateway = store.gateway(session, gateway_id)
    if gateway is None or gateway.organisation_id != organisation_id:
        raise GatewayNotFoundError(gateway_id=gateway_id)
    return gateway


def get_served_gateway(
    *, session: Session, organisation_id: OrganisationId, gateway_id: GatewayId
) -> Gateway:
    """A gateway that may serve machines of the organisation: its own, or one it was let in to.

    Raises:
        GatewayNotFoundError: there is none with that id.
    """
    gateway = store.gateway(session, gateway_id)
    if gateway is None or not store.is_gateway_member(session, gateway_id, organisation_id):
        raise GatewayNotFoundError(gateway_id=gateway_id)
    return gateway


def share_gateway(
    *,
    session: Session,
    organisation_id: OrganisationId,
    gateway_id: GatewayId,
    member_id: OrganisationId,
) -> None:
    """Let a gateway of the organisation serve machines of ``member_id``; again changes nothing.

    Raises:
        GatewayNotFoundError, OrganisationNotFoundError: as they say.
    """
    gateway = get_gateway(session=session, organisation_id=organisation_id, gateway_id=gateway_id)
    get_organisation(session=session, organisation_id=member_id)
    store.insert_gateway_member(session, gateway, member_id)


def unshare_gateway(
    *,
    session: Session,
    organisation_id: OrganisationId,
    gateway_id: GatewayId,
    member_id: OrganisationId,
) -> None:
    """Serve machines of ``member_id`` no more.

    Raises:
        GatewayNotFoundError: the organisation has none with that id.
        GatewayInUseError: a machine of the member is bound to it.
    """
    gateway = get_gateway(session=session, organisation_id=organisation_id, gateway_id=gateway_id)
    if member_id == organisation_id or not store.delete_gateway_member(session, gateway, member_id):
        raise GatewayInUseError(gateway_id=gateway_id, organisation_id=member_id)


def list_gateway_members(
    *, session: Session, organisation_id: OrganisationId, gateway_id: GatewayId
) -> list[Organisation]:
    """The organisations whose machines the gateway serves, its owner among them."""
    get_gateway(session=session, organisation_id=organisation_id, gateway_id=gateway_id)
    return store.gateway_members(session, gateway_id)


def list_gateways(
    *,
    session: Session,
    organisation_id: OrganisationId,
    after: UUID | None,
    limit: int,
    site_id: SiteId | None = None,
) -> list[Gateway]:
    """A page of the organisation's gateways by id."""
    return store.gateways_after(session, organisation_id, after=after, limit=limit, site_id=site_id)


def owner_of_site(*, session: Session, code: str) -> OrganisationId | None:
    """The organisation whose site has the code, which is a Sparkplug group."""
    return store.owner_of_site(session, code)


def gateway_at(*, session: Session, group: str, edge_node: str) -> Gateway | None:
    """The gateway that publishes as ``edge_node`` in Sparkplug group ``group``."""
    return store.gateway_at(session, group, edge_node)
