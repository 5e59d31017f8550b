"""Use cases around a resource: register it, give it a calendar, a twin and maintenance."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.capacity import store
from services.capacity.domain import (
    NEVER_REPORTED,
    CapabilityDeclaration,
    CapacityRule,
    Companion,
    InvalidResourceError,
    LiveState,
    Resource,
    ServiceCatalogue,
    TwinRecord,
    Visibility,
    check_calendar,
    check_companions,
    check_resource,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.capacity import ResourceChanged, ResourceRegistered
from services.contracts.ids import GatewayId, OrganisationId, ResourceId, SiteId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.identity import handlers as identity
from services.identity.domain import Site, check_sparkplug_id
from services.runtime.clock import Clock
from services.runtime.outbox import emit, emit_all
from services.runtime.tenancy import also_showing


class ResourceNotFoundError(DomainError):
    code: ClassVar[str] = "resource-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No resource has the id {resource_id}; list /resources."
    zh: ClassVar[str] = "没有编号为 {resource_id} 的资源；请查看 /resources。"


class TwinTakenError(DomainError):
    code: ClassVar[str] = "twin-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Device {device!r} of gateway {gateway_id} is the twin of another resource;"
        " choose another device."
    )
    zh: ClassVar[str] = "网关 {gateway_id} 的设备 {device!r} 已绑定其他资源；请选择其他设备。"


def register_resource(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    site_id: SiteId,
    kind: str,
    name: str,
    name_zh: str,
    timezone: str,
    units: int,
    rule: CapacityRule,
    capabilities: Sequence[CapabilityDeclaration],
    calendar_ics: str | None,
    visibility: Visibility,
    catalogue: ServiceCatalogue,
    space_id: UUID | None = None,
    companions: Sequence[Companion] = (),
) -> Resource:
    """Register a resource of any kind; without a calendar it works around the clock.

    Raises:
        InvalidResourceError, UnknownServiceCodeError, CalendarError: malformed facts.
        InvalidCompanionError: a companion that could never be booked along.
        SiteNotFoundError: no such site.
    """
    now = clock.now()
    identity.get_organisation(session=session, organisation_id=organisation_id)
    site = identity.get_site(session=session, site_id=site_id)
    resource = Resource(
        id=ResourceId(clock.new_id()),
        organisation_id=organisation_id,
        site_id=site_id,
        kind=kind,
        name=name,
        name_zh=name_zh,
        timezone=timezone,
        units=units,
        rule=rule,
        capabilities=tuple(capabilities),
        visibility=visibility,
        created_at=now,
        park=site.park,
        space_id=space_id,
        companions=tuple(companions),
    )
    check_resource(resource, catalogue)
    _check_site(resource, site)
    _check_shared(session, resource)
    _check_companions(session, resource)
    store.insert_resource(session, resource, [clock.new_id() for _ in capabilities])
    if calendar_ics is not None:
        check_calendar(calendar_ics)
        store.put_calendar(session, resource, calendar_ics)
    registered = ResourceRegistered(
        id=clock.new_id(),
        occurred_at=now,
        resource_id=resource.id,
        organisation_id=organisation_id,
        kind=kind,
        audience=resource.audience,
    )
    emit(session, registered, now=now)
    return resource


def register_resources(
    *, session: Session, clock: Clock, resources: Sequence[Resource], catalogue: ServiceCatalogue
) -> None:
    """Register many resources of one site at once, which are without companions and calendars.

    Raises:
        InvalidResourceError, UnknownServiceCodeError: malformed facts, of the first such resource.
        SiteNotFoundError: no such site.
    """
    sites = {
        site_id: identity.get_site(session=session, site_id=site_id)
        for site_id in {one.site_id for one in resources}
    }
    for resource in resources:
        assert not resource.companions, "companions are put once the resources are there"
        check_resource(resource, catalogue)
        _check_site(resource, sites[resource.site_id])
    shared = {
        (one.organisation_id, one.visibility, one.park, one.space_id): one for one in resources
    }
    for resource in shared.values():
        _check_shared(session, resource)
    count = sum(len(one.capabilities) for one in resources)
    store.insert_resources(session, resources, [clock.new_id() for _ in range(count)])
    now = clock.now()
    registered = [
        ResourceRegistered(
            id=clock.new_id(),
            occurred_at=now,
            resource_id=one.id,
            organisation_id=one.organisation_id,
            kind=one.kind,
            audience=one.audience,
        )
        for one in resources
    ]
    emit_all(session, registered, now=now)


def get_resource(*, session: Session, resource_id: ResourceId) -> Resource:
    """One resource.

    Raises:
        ResourceNotFoundError: there is none with that id.
    """
    found = store.resources_by_id(session, [resource_id])
    if not found:
        raise ResourceNotFoundError(resource_id=resource_id)
    return found[0]


def resources_by_id(
    *, session: Session, resource_ids: Collection[ResourceId]
) -> dict[ResourceId, Resource]:
    """Those that exist."""
    return {
        resource.id: resource for resource in store.resources_by_id(session, list(resource_ids))
    }


def companions_of(*, session: Session, resources: Iterable[Resource]) -> dict[ResourceId, Resource]:
    """Every companion of ``resources``, whether or not the caller may see it."""
    ids = {companion.resource_id for one in resources for companion in one.companions}
    with also_showing(session, ids):
        return resources_by_id(session=session, resource_ids=ids)


def affected_resources(
    *, session: Session, resource_ids: Collection[ResourceId]
) -> set[ResourceId]:
    """Whose free time or live state may change for matching when ``resource_ids`` change.

    They, their companions, which a booking takes along, and all that need one of these.
    """
    known = resources_by_id(session=session, resource_ids=resource_ids).values()
    concerned = {companion.resource_id for one in known for companion in one.companions}
    concerned |= set(resource_ids)
    return concerned | store.leaders(session, concerned)


def list_resources(
    *,
    session: Session,
    after: UUID | None,
    limit: int,
    kind: str | None = None,
    organisation_id: OrganisationId | None = None,
) -> list[Resource]:
    """A page by id."""
    return store.resources_after(
        session, after=after, limit=limit, kind=kind, organisation_id=organisation_id
    )


def stop_sharing(
    *,
    session: Session,
    organisation_id: OrganisationId,
    park: str | None = None,
    space_id: UUID | None = None,
) -> None:
    """Show resources to their own organisation only once it left the park or space."""
    store.narrow_to_organisation(session, organisation_id, park=park, space_id=space_id)


def show_to_everybody(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_ids: Collection[ResourceId],
) -> None:
    """Make own resources public that only the own firm saw; others stay as they are.

    Raises:
        ResourceNotFoundError: one is not the organisation's.
    """
    for resource_id in sorted(set(resource_ids)):
        resource = _own_resource(session, organisation_id, resource_id)
        if resource.visibility in {Visibility.PRIVATE, Visibility.ORGANISATION}:
            store.make_public(session, resource_id)
            public = replace(resource, visibility=Visibility.PUBLIC)
            _tell_changed(session, clock, public)


def put_calendar(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    ics: str,
) -> None:
    """Replace the working calendar.

    Raises:
        CalendarError: malformed or too costly; names the line or event.
        ResourceNotFoundError: the organisation has no such resource.
    """
    check_calendar(ics)
    resource = _own_resource(session, organisation_id, resource_id)
    store.put_calendar(session, resource, ics)
    _tell_changed(session, clock, resource)


def put_companions(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    companions: Sequence[Companion],
) -> None:
    """Replace what the resource needs beside itself; existing bookings keep what they took.

    Raises:
        InvalidCompanionError: a companion that could never be booked along.
        ResourceNotFoundError: the organisation has no such resource.
    """
    resource = _own_resource(session, organisation_id, resource_id)
    changed = replace(resource, companions=tuple(companions))
    _check_companions(session, changed)
    store.put_companions(session, changed)
    _tell_changed(session, clock, changed)


def bind_twin(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    gateway_id: GatewayId,
    device: str,
) -> None:
    """Make a device of a gateway the live twin; its state is unknown until it reports.

    Binding the same device again changes nothing.

    Raises:
        TwinTakenError: the device is another resource's twin.
        InvalidSparkplugIdError: ``device`` cannot stand in a topic.
        ResourceNotFoundError, GatewayNotFoundError: the organisation has no such thing.
    """
    check_sparkplug_id(device)
    resource = _own_resource(session, organisation_id, resource_id)
    identity.get_served_gateway(
        session=session, organisation_id=organisation_id, gateway_id=gateway_id
    )
    if store.twin_of(session, resource_id) == (gateway_id, device):
        return
    if not store.put_twin(session, resource, gateway_id, device):
        raise TwinTakenError(gateway_id=gateway_id, device=device)
    unknown = LiveState(resource_id, ResourceState.UNKNOWN, NEVER_REPORTED, since=clock.now())
    store.put_twin_record(session, resource, TwinRecord(unknown))
    _tell_changed(session, clock, resource)


def schedule_maintenance(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    during: Interval,
    reason: str,
) -> None:
    """Take the whole resource out of its working time; existing bookings stay.

    Raises:
        ResourceNotFoundError: the organisation has no such resource.
    """
    resource = _own_resource(session, organisation_id, resource_id)
    store.insert_maintenance(session, clock.new_id(), resource, during, reason)
    _tell_changed(session, clock, resource)


def _tell_changed(session: Session, clock: Clock, resource: Resource) -> None:
    now = clock.now()
    changed = ResourceChanged(
        id=clock.new_id(),
        occurred_at=now,
        resource_id=resource.id,
        organisation_id=resource.organisation_id,
        audience=resource.audience,
    )
    emit(session, changed, now=now)


def _own_resource(
    session: Session, organisation_id: OrganisationId, resource_id: ResourceId
) -> Resource:
    """A resource of the organisation; another's is as good as absent."""
    resource = get_resource(session=session, resource_id=resource_id)
    if resource.organisation_id != organisation_id:
        raise ResourceNotFoundError(resource_id=resource_id)
    return resource


def _check_shared(session: Session, resource: Resource) -> None:
    """Refuse to share with a park or space the organisation does not belong to."""
    if resource.visibility not in {Visibility.PARK, Visibility.SPACE}:
        return
    reach = identity.reach(session=session, organisation_id=resource.organisation_id)
    if resource.visibility is Visibility.PARK and resource.park not in reach.parks:
        raise InvalidResourceError(
            name=resource.name,
            field="visibility",
            value="park",
            wanted="name a site in a park that admitted the organisation",
        )
    if resource.visibility is Visibility.SPACE and resource.space_id not in reach.spaces:
        raise InvalidResourceError(
            name=resource.name,
            field="space_id",
            value=str(resource.space_id),
            wanted="name a chain space of the organisation",
        )


def _check_companions(session: Session, resource: Resource) -> None:
    """Judge companions under lock: another change at the same time could make them reach deeper."""
    if not resource.companions:
        return
    ids = {companion.resource_id for companion in resource.companions}
    store.lock_resources(session, {resource.id, *ids})
    known = resources_by_id(session=session, resource_ids=ids)
    leaders = store.leaders(session, [resource.id])
    check_companions(
        resource,
        {key: one for key, one in known.items() if one.organisation_id == resource.organisation_id},
        accompanies=[
            one.name for one in resources_by_id(session=session, resource_ids=leaders).values()
        ],
    )


def _check_site(resource: Resource, site: Site) -> None:
    if site.organisation_id != resource.organisation_id:
        raise InvalidResourceError(
            name=resource.name,
            field="site_id",
            value=str(site.id),
            wanted="name a site of the organisation",
        )
