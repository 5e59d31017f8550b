"""Registers the demonstration park through the public API; a second time changes nothing."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from pydantic import BaseModel

from gateway.demo.api import DemoApi
from gateway.demo.park import TIMEZONE, DemoPark, GatewayEntry, ResourceEntry, SiteEntry
from gateway.demo.people import DemoPeople
from gateway.endpoints import write_private

REQUESTS_AT_ONCE: Final = 4
Thing = TypeVar("Thing")
DIRECTION_BY_KIND: Final[Mapping[str, int]] = {
    "machine": 4,
    "lab_method": 4,
    "software_seats": 3,
    "expert": 3,
    "room": 5,
}


class Seeded(BaseModel):
    """Ids the platform gave, by the keys of the park file; ``park`` is the file's digest."""

    park: str = ""
    organisations: dict[str, str] = {}
    sites: dict[str, str] = {}
    gateways: dict[str, str] = {}
    resources: dict[str, str] = {}
    offers: dict[str, str] = {}

    def resource_key(self, resource_id: str) -> str:
        return next(key for key, known in self.resources.items() if known == resource_id)

    @classmethod
    def kept(cls, state_dir: Path, park: DemoPark) -> Self | None:
        """What an earlier demo registered of the same park; ``None`` when none came so far."""
        try:
            found = cls.model_validate_json(_kept_path(state_dir).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return found if found.park == _digest(park) else None

    def keep(self, state_dir: Path, park: DemoPark) -> None:
        """For :meth:`kept`, once everything is registered."""
        write_private(_kept_path(state_dir), self.model_copy(update={"park": _digest(park)}))


def register_machines(people: DemoPeople, park: DemoPark) -> Seeded:
    """Make sites, gateways, machines and their twins; each firm makes its own.

    Raises:
        ApiRefusedError: the state directory holds a park made from another park file.
    """
    made = Seeded()
    for organisation in park.organisations:
        account = people.account(organisation.key)
        made.organisations[organisation.key] = account.organisation_id
    _open_park(people, park)
    _at_once(lambda site: _open_site(people, park, made, site), park.sites)
    _at_once(lambda gateway: _set_up(people, park, made, gateway), park.gateways)
    _at_once(lambda machine: _register(people, park, made, machine), park.machines)
    return made


def register_others(people: DemoPeople, park: DemoPark, made: Seeded) -> None:
    """Make the resources no gateway watches: laboratories, seats, experts, rooms.

    Raises:
        ApiRefusedError: as :func:`register_machines`.
    """
    others = [resource for resource in park.resources if resource.twin is None]
    _at_once(lambda resource: _register(people, park, made, resource), others)


def _open_park(people: DemoPeople, park: DemoPark) -> None:
    """The operator registers the park."""
    body = park.park.model_dump(exclude={"operator"})
    people.acting(park.park.operator).post("/parks", body, key="demo-park")


def _open_site(people: DemoPeople, park: DemoPark, made: Seeded, site: SiteEntry) -> None:
    body: dict[str, Any] = site.model_dump(exclude={"key", "organisation"}) | {
        "region_code": park.region_code,
        "park": park.park.code,
    }
    made.sites[site.key] = _create(people.acting(site.organisation), "sites", site.key, body)


def _set_up(people: DemoPeople, park: DemoPark, made: Seeded, gateway: GatewayEntry) -> None:
    """The site's firm registers the gateway, for itself and for those it shares it with."""
    owner = people.acting(park.owner(gateway))
    body = {"site_id": made.sites[gateway.site], "edge_node": gateway.edge_node}
    made.gateways[gateway.key] = _create(owner, "gateways", gateway.key, body)
    for member in _members(park, gateway.key):
        path = f"/gateways/{made.gateways[gateway.key]}/members/{made.organisations[member]}"
        owner.put(path)


def _admit(people: DemoPeople, park: DemoPark, made: Seeded) -> None:
    """The operator admits every firm of the park."""
    operator = people.acting(park.park.operator)
    members = [f"/parks/{park.park.code}/members/{one}" for one in made.organisations.values()]
    _at_once(operator.put, members)


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
        ApiRefusedError: as :func:`register_machines`.
    """

    def offer(resource: ResourceEntry) -> None:
        body = {
            "direction": DIRECTION_BY_KIND[resource.kind],
            "title": resource.name,
            "title_zh": resource.name_zh,
            "resource_ids": [made.resources[resource.key]],
            "price": {"price_minor": resource.price_per_hour, "setup_minor": resource.setup_fee},
        }
        owner = people.acting(resource.organisation)
        made.offers[resource.key] = _create(owner, "offers", resource.key, body)

    _at_once(offer, park.resources)
    _admit(people, park, made)


def _at_once(act: Callable[[Thing], object], things: Sequence[Thing]) -> None:
    """As different firms would; the first refusal is raised."""
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        for done in [pool.submit(act, thing) for thing in things]:
            done.result()


def _register(people: DemoPeople, park: DemoPark, made: Seeded, resource: ResourceEntry) -> None:
    api = people.acting(resource.organisation)
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


def _kept_path(state_dir: Path) -> Path:
    return state_dir / "demo" / "park.json"


def _digest(park: DemoPark) -> str:
    return hashlib.sha256(park.model_dump_json().encode()).hexdigest()
