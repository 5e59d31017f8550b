"""The demonstration park as its file describes it, and what plant and gateways make of it."""

from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field

from edge.config import (
    BrokerConfig,
    EdgeConfig,
    EndpointConfig,
    GatewayConfig,
    JournalConfig,
    MachineConfig,
    SecurityPolicy,
)
from gateway.plant.park import Park, ParkMachine

PARK_FILE: Final = Path(__file__).with_name("park.yaml")
TIMEZONE: Final = "Asia/Shanghai"
REPLAY_KEY: Final = "mazak-03"
FIRST_SHIFT_DAY: Final = date(2026, 1, 1)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OrganisationEntry(_Entry):
    key: str
    kind: str
    name: str
    name_zh: str


class SiteEntry(_Entry):
    key: str
    organisation: str
    code: str
    name: str
    name_zh: str
    lat: float
    lon: float


class GatewayEntry(_Entry):
    key: str
    site: str
    edge_node: str


class CalendarEntry(_Entry):
    """Shifts on ``days`` (RFC 5545 BYDAY) from ``from`` to ``to``, local time."""

    days: str
    start: str = Field(alias="from")
    end: str = Field(alias="to")

    def ics(self) -> str:
        """The shifts as a recurring event; ``24:00`` is midnight."""
        start, end = self.start.replace(":", ""), self.end.replace(":", "")
        day = FIRST_SHIFT_DAY
        until = day.replace(day=day.day + 1) if end == "2400" else day
        lines = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Nonagon//demo//EN",
            "BEGIN:VEVENT",
            "UID:shifts",
            f"DTSTART;TZID={TIMEZONE}:{day:%Y%m%d}T{start}00",
            f"DTEND;TZID={TIMEZONE}:{until:%Y%m%d}T{'0000' if end == '2400' else end}00",
            f"RRULE:FREQ=WEEKLY;BYDAY={self.days}",
            "X-NONAGON-KIND:WORKING",
            "END:VEVENT",
            "END:VCALENDAR",
        ]
        return "\r\n".join(lines) + "\r\n"


class TwinEntry(_Entry):
    gateway: str
    manufacturer: str
    model: str
    serial: str
    profile: str


class CapabilityEntry(_Entry):
    processes: list[str]
    materials: list[str]
    envelope_mm: tuple[int, int, int] | None = None
    tolerance_um: int | None = None
    certificates: list[dict[str, Any]]


class ResourceEntry(_Entry):
    key: str
    name: str
    name_zh: str
    organisation: str
    site: str
    kind: str
    calendar: str
    capability: CapabilityEntry
    price_per_hour: int
    setup_fee: int
    units: int = 1
    setup_minutes: int = 0
    buffer_after_minutes: int = 0
    twin: TwinEntry | None = None


class ParkEntry(_Entry):
    """The park itself and the key of the organisation that operates it."""

    code: str
    operator: str
    name: str
    name_zh: str


class DemoPark(_Entry):
    park: ParkEntry
    region_code: str
    organisations: list[OrganisationEntry]
    sites: list[SiteEntry]
    gateways: list[GatewayEntry]
    calendars: dict[str, CalendarEntry]
    resources: list[ResourceEntry]

    @property
    def machines(self) -> list[ResourceEntry]:
        """Resources with a live twin."""
        return [resource for resource in self.resources if resource.twin is not None]

    def owner(self, gateway: GatewayEntry) -> str:
        """The key of the firm at whose site the gateway stands."""
        return next(site.organisation for site in self.sites if site.key == gateway.site)

    def machines_of(self, gateway: GatewayEntry) -> list[ResourceEntry]:
        return [one for one in self.machines if one.twin and one.twin.gateway == gateway.key]


def load_demo_park(*, with_replay: bool) -> DemoPark:
    """The park of ``park.yaml``; with replay, one more machine that plays a recording."""
    park = DemoPark.model_validate(
        yaml.load(PARK_FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    )
    if not with_replay:
        return park
    model = next(one for one in park.machines if one.twin and one.twin.profile == "turning")
    assert model.twin is not None
    replayed = model.model_copy(
        update={
            "key": REPLAY_KEY,
            "name": "Turning centre (recorded)",
            "name_zh": "车铣中心（回放）",
            "twin": model.twin.model_copy(update={"serial": "REPLAY-03"}),
        }
    )
    return park.model_copy(update={"resources": [*park.resources, replayed]})


def plant_park(park: DemoPark, *, steady: bool) -> Park:
    """What the plant simulates; ``steady`` machines neither fail nor need maintenance."""
    return Park.model_validate(
        {"machines": [_plant_machine(machine, steady=steady) for machine in park.machines]}
    )


def _plant_machine(machine: ResourceEntry, *, steady: bool) -> ParkMachine:
    twin = machine.twin
    assert twin is not None
    habits = {"fault_probability": 0, "maintenance_probability": 0} if steady else {}
    return ParkMachine.model_validate(
        {
            "device": machine.key,
            "name": machine.name,
            "manufacturer": twin.manufacturer,
            "model": twin.model,
            "serial": twin.serial,
            "kind": twin.profile,
            "profile": {"base": twin.profile, **habits},
        }
    )


def edge_config(
    park: DemoPark,
    gateway: GatewayEntry,
    *,
    broker_url: str,
    credential: Path,
    plant_endpoints: list[dict[str, str]],
    journal: Path,
) -> EdgeConfig:
    """The configuration of one gateway's agent; retries are short, this is one machine."""
    sites = {site.key: site.code for site in park.sites}
    endpoints = {endpoint["device"]: endpoint for endpoint in plant_endpoints}
    return EdgeConfig(
        schema_version=1,
        gateway=GatewayConfig(group=sites[gateway.site], edge_node=gateway.edge_node),
        broker=BrokerConfig(url=broker_url, credential=credential, retry_max_s=2),
        journal=JournalConfig(path=journal),
        machines=[
            MachineConfig(
                device=machine.key,
                endpoint=EndpointConfig(
                    url=endpoints[machine.key]["url"],
                    security=SecurityPolicy.AES256_SHA256_RSA_PSS,
                    trust=[endpoints[machine.key]["certificate"]],
                    retry_max_s=3,
                ),
                machine=endpoints[machine.key]["machine"],
                publish_ms=200,
                sampling_ms=100,
            )
            for machine in park.machines_of(gateway)
        ],
    )
