"""A registered site with one gateway and machines bound to its devices."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.capacity import handlers as capacity
from services.capacity.domain import CapacityRule, Visibility
from services.contracts.ids import GatewayId, ResourceId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction


class EmptyCatalogue:
    """Knows no codes; the machines here declare none."""

    def knows_process(self, code: str) -> bool:
        return code == ""

    knows_material = knows_process

    def knows_certificate(self, kind: str) -> bool:
        return kind == ""


@dataclass(frozen=True)
class Park:
    group: str
    node: str
    gateway_id: GatewayId
    resources: dict[str, ResourceId]


def register_park(
    sessions: Sessions, clock: Clock, *, group: str, node: str, devices: Sequence[str]
) -> Park:
    with transaction(sessions) as session:
        organisation = identity.create_organisation(
            session=session, clock=clock, name="Firm", name_zh="企业", kind=OrganisationKind.FIRM
        )
        site = identity.create_site(
            session=session,
            clock=clock,
            organisation_id=organisation.id,
            code=group,
            name="Works",
            name_zh="工厂",
            region_code="320505",
            park=None,
            lat=31.3,
            lon=120.5,
        )
        gateway = identity.create_gateway(
            session=session,
            clock=clock,
            organisation_id=organisation.id,
            site_id=site.id,
            edge_node=node,
        )
        resources = {}
        for device in devices:
            resource = capacity.register_resource(
                session=session,
                clock=clock,
                organisation_id=organisation.id,
                site_id=site.id,
                kind="machine",
                name=device,
                name_zh=device,
                timezone="Asia/Shanghai",
                units=1,
                rule=CapacityRule(),
                capabilities=[],
                calendar_ics=None,
                visibility=Visibility.PUBLIC,
                catalogue=EmptyCatalogue(),
            )
            resources[device] = resource.id
            capacity.bind_twin(
                session=session,
                clock=clock,
                organisation_id=organisation.id,
                resource_id=resource.id,
                gateway_id=gateway.id,
                device=device,
            )
    return Park(group, node, gateway.id, resources)
