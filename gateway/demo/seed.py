"""Registers the demonstration park through the public API; a second time changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.demo.api import DemoApi
from gateway.demo.park import TIMEZONE, DemoPark, ResourceEntry
from gateway.demo.people import DemoPeople

DIRECTION_BY_KIND: Final[Mapping[str, int]] = {
    "machine": 4,
    "lab_method": 4,
    "software_seats": 3,
    "expert": 3,
    "room": 5,
}


@dataclass(slots=True)
class Seeded:
    """Ids the platform gave, by the keys of the park file."""

    organisations: dict[str, str] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)
    gateways: dict[str, str] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)

    def resource_key(self, resource_id: str) -> str:
        return next(key for key, known in self.resources.items() if known == resource_id)


def register(people: DemoPeople, park: DemoPark) -> Seeded:
    """Make sites, gateways, resources and twins; each firm makes its own.

    Raises:
        ApiRefusedError: the state directory holds a park made from another park file.
    """
    made = Seeded()
    for organisation in park.organisations:
        account = people.account(organisation.key)
        made.organisations[organisation.key] = account.organisation_id
    _open_park(people, park)
    for site in park.sites:
        body: dict[str, Any] = site.model_dump(exclude={"key", "organisation"}) | {
            "region_code": park.region_code,
            "park": park.park.code,
        }
        made.sites[site.key] = _create(people.acting(site.organisation), "sites", site.key, body)
    owners = {site.key: site.organisation for site in park.sites}
    for gateway in park.gateways:
        body = {"site_id": made.sites[gateway.site], "edge_node": gateway.edge_node}
        owner = people.acting(owners[gateway.site])
        made.gateways[gateway.key] = _create(owner, "gateways", gateway.key, body)
        for member in _members(park, gateway.key):
            path = f"/gateways/{made.gateways[gateway.key]}/members/{made.organisations[member]}"
            owner.put(path)
    for resource in park.resources:
        _register(people.acting(resource.organisation), park, made, resource)
    return made


def _open_park(people: DemoPeople, park: DemoPark) -> None:
    """The operator registers the park."""
    body = park.park.model_dump(exclude={"operator"})
    people.acting(park.park.operator).post("/parks", body, key="demo-park")


def _admit(people: DemoPeople, park: DemoPark, made: Seeded) -> None:
    """The operator admits every firm of the park."""
    operator = people.acting(park.park.operator)
    for organisation_id in made.organisations.values():
        operator.put(f"/parks/{park.park.code}/members/{organisation_id}")


def _members(park: DemoPark, gateway: str) -> list[str]:
    """Firms whose machines hang on the gateway, as under the roof of the shared factory."""
    served = {
        resource.organisation: None
        for resource in park.resources
        if resource.twin is not None and resource.twin.gateway == gateway
    }
    return list(served)


def publish(people: DemoPeople, park: DemoPark, made: Seeded) -> None:
    """Offer every registered resource.

    Raises:
        ApiRefusedError: as :func:`register`.
    """
    for resource in park.resources:
        body = {
            "direction": DIRECTION_BY_KIND[resource.kind],
            "title": resource.name,
            "title_zh": resource.name_zh,
            "resource_ids": [made.resources[resource.key]],
            "price": {"price_minor": resource.price_per_hour, "setup_minor": resource.setup_fee},
        }
        owner = people.acting(resource.organisation)
        made.offers[resource.key] = _create(owner, "offers", resource.key, body)
    _admit(people, park, made)


def _register(api: DemoApi, park: DemoPark, made: Seeded, resource: ResourceEntry) -> None:
    calendar = park.calendars[resource.calendar]
    body = {
        "site_id": made.sites[resource.site],
        "kind": resource.kind,
        "name": resource.name,
        "name_zh": resource.name_zh,
        "timezone": TIMEZONE,
        "units": resource.units,
        "rule": {
            "setup_minutes": resource.setup_minutes,
            "buffer_before_minutes": resource.setup_minutes,
            "buffer_after_minutes": resource.buffer_after_minutes,
        },
        "capabilities": _capabilities(resource),
        "calendar_ics": calendar.ics(),
    }
    resource_id = _create(api, "resources", resource.key, body)
    made.resources[resource.key] = resource_id
    if resource.twin is not None:
        twin = {"gateway_id": made.gateways[resource.twin.gateway], "device": resource.key}
        api.put(f"/resources/{resource_id}/twin", twin)


def _capabilities(resource: ResourceEntry) -> list[dict[str, Any]]:
    shared = resource.capability.model_dump(mode="json", exclude={"processes"}, exclude_none=True)
    return [{"process": process, **shared} for process in resource.capability.processes]


def _create(api: DemoApi, kind: str, key: str, body: dict[str, Any]) -> str:
    return str(api.post(f"/{kind}", body, key=f"demo-{key}")["id"])
