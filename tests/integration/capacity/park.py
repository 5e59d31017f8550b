"""A small park to put tests in: one firm, one site, one gateway, resources of any kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from services.capacity import handlers
from services.capacity.domain import (
    CapabilityDeclaration,
    CapacityRule,
    ReportedObservation,
    Resource,
    Visibility,
)
from services.contracts.ids import GatewayId, OrganisationId, ResourceId, SiteId
from services.contracts.telemetry import Observation, Quality, Signal
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.clock import Clock
from services.runtime.tables import OutboxEvent

STALE_AFTER = timedelta(seconds=30)
EPOCH = 7


class AnyCode:
    """A catalogue that knows every code but those named ``unknown``."""

    def knows_process(self, code: str) -> bool:
        return code != "unknown"

    def knows_material(self, code: str) -> bool:
        return code != "unknown"

    def knows_certificate(self, kind: str) -> bool:
        return kind != "unknown"


@dataclass(frozen=True)
class Park:
    organisation_id: OrganisationId
    site_id: SiteId
    gateway_id: GatewayId


def build_park(session: Session, clock: Clock) -> Park:
    firm = identity.create_organisation(
        session=session, clock=clock, name="Mills", name_zh="铣削厂", kind=OrganisationKind.FIRM
    )
    site = identity.create_site(
        session=session,
        clock=clock,
        organisation_id=firm.id,
        code="wuhan-1",
        name="Wuhan",
        name_zh="武汉",
        region_code="420106",
        park=None,
        lat=30.5,
        lon=114.3,
    )
    gateway = identity.create_gateway(
        session=session,
        clock=clock,
        organisation_id=firm.id,
        site_id=site.id,
        edge_node="edge-1",
    )
    return Park(firm.id, site.id, gateway.id)


def register(
    session: Session,
    clock: Clock,
    park: Park,
    *,
    name: str = "Mill",
    kind: str = "machine",
    units: int = 1,
    rule: CapacityRule | None = None,
    capabilities: Sequence[CapabilityDeclaration] = (),
    calendar_ics: str | None = None,
    timezone: str = "Asia/Shanghai",
    site_id: SiteId | None = None,
) -> Resource:
    return handlers.register_resource(
        session=session,
        clock=clock,
        organisation_id=park.organisation_id,
        site_id=site_id or park.site_id,
        kind=kind,
        name=name,
        name_zh="机床",
        timezone=timezone,
        units=units,
        rule=rule or CapacityRule(),
        capabilities=capabilities,
        calendar_ics=calendar_ics,
        visibility=Visibility.PUBLIC,
        catalogue=AnyCode(),
    )


def register_machine(
    session: Session, clock: Clock, park: Park, *, device: str = "mill-1"
) -> ResourceId:
    resource = register(session, clock, park, name=device)
    handlers.bind_twin(
        session=session,
        clock=clock,
        organisation_id=park.organisation_id,
        resource_id=resource.id,
        gateway_id=park.gateway_id,
        device=device,
    )
    return resource.id


def reported(
    park: Park,
    resource_id: ResourceId,
    offset: int,
    value: str | float | datetime | None,
    *,
    at: datetime,
    signal: Signal = Signal.STATE,
    epoch: int = EPOCH,
) -> ReportedObservation:
    observation = Observation("mill-1", signal, value, Quality.GOOD, at, at)
    return ReportedObservation(park.gateway_id, resource_id, epoch, offset, observation)


def told(session: Session) -> list[tuple[str, dict[str, object]]]:
    """Events in the outbox in the order they were told: short name and payload."""
    session.flush()
    rows = session.exec(select(OutboxEvent).order_by(col(OutboxEvent.seq)))
    return [(row.subject.split(".")[-2], row.payload or {}) for row in rows]
