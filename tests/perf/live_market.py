"""The benchmark's market as rows of PostgreSQL: what the record says, and a matcher reads."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import Range
from sqlmodel import Session

from services.capacity.tables import (
    CapabilityRow,
    MaintenanceRow,
    ResourceRow,
    ResourceStateRow,
)
from services.contracts.intervals import Interval
from services.contracts.telemetry import Quality
from services.identity.tables import OrganisationRow, SiteRow
from services.matching.domain import Requirement
from services.matching.tables import ListingRow
from services.runtime.db import Sessions, transaction
from tests.perf import matching_market
from tests.perf.matching_market import NOW, Demands, Machines

OWNER: Final = UUID(int=1)
SITES: Final = 8
ROWS_AT_ONCE: Final = 5_000
REGIONS: Final = ("420111", "310115", "440305", "330106", "320508", "510104", "110108", "370202")


@dataclass(frozen=True)
class LiveMarket:
    """``held`` in the database since ``began``; what was planned for ``NOW`` is moved there."""

    held: Machines
    began: datetime

    def requirement(self, asked: Demands, index: int) -> Requirement:
        plain = matching_market.requirement(asked, index)
        moved = self.began - NOW
        return replace(plain, window=Interval(plain.window.start + moved, plain.window.end + moved))


def fill(sessions: Sessions, held: Machines, now: datetime) -> LiveMarket:
    """Store ``held``: a site for every eighth, a state each, free time around maintenance."""
    began = now.replace(second=0, microsecond=0)
    market = LiveMarket(held, began)
    snapshot = matching_market.snapshot(held)
    with transaction(sessions) as session:
        session.add(OrganisationRow(id=OWNER, name="Owner", name_zh="示例", kind="firm"))
        session.flush()
        _insert(session, SiteRow, [_site(number) for number in range(SITES)])
        _insert(session, ResourceRow, [_resource(number, now) for number in range(len(held))])
        resources = list(snapshot.resources.values())
        _insert(session, CapabilityRow, [_capability(one) for one in resources])
        _insert(session, ResourceStateRow, [_state(one, now) for one in resources])
        _insert(session, MaintenanceRow, list(_maintenance(held, began)))
        _insert(session, ListingRow, [_listing(one, snapshot, now) for one in snapshot.listings])
    return market


def _insert(session: Session, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    for first in range(0, len(rows), ROWS_AT_ONCE):
        session.connection().execute(insert(table), rows[first : first + ROWS_AT_ONCE])


def _site(number: int) -> dict[str, Any]:
    return {
        "id": UUID(int=100 + number),
        "organisation_id": OWNER,
        "code": f"site-{number}",
        "name": "Works",
        "name_zh": "工厂",
        "region_code": REGIONS[number],
        "lat": 30.5,
        "lon": 114.3,
    }


def _resource(number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": UUID(int=number + 1),
        "organisation_id": OWNER,
        "site_id": UUID(int=100 + number % SITES),
        "kind": "machine",
        "name": "Mill",
        "name_zh": "铣床",
        "timezone": "UTC",
        "units": 1,
        "setup_minutes": 0,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "notice_minutes": 0,
        "horizon_days": 60,
        "minimum_hours": 0.5,
        "visibility": "public",
        "created_at": now,
    }


def _capability(resource: Any) -> dict[str, Any]:
    (one,) = resource.capabilities
    return {
        "id": resource.id,
        "organisation_id": OWNER,
        "resource_id": resource.id,
        "process": one.process,
        "materials": list(one.materials),
        "envelope_mm": list(one.envelope_mm),
        "tolerance_um": one.tolerance_um,
        "certificates": [asdict(held) for held in one.certificates],
        "attributes": {},
    }


def _state(resource: Any, now: datetime) -> dict[str, Any]:
    return {
        "resource_id": resource.id,
        "organisation_id": OWNER,
        "state": resource.state.value,
        "since": now,
        "seen_at": now - timedelta(hours=1),
        "quality": int(Quality.GOOD),
        "reported": resource.state.value,
        "cursors": {},
    }


def _maintenance(held: Machines, began: datetime) -> Iterator[dict[str, Any]]:
    """Everything of the two days ahead that is no gap."""
    minute = timedelta(minutes=1)
    number = 0
    for index, gaps in enumerate(held.gaps.tolist()):
        until = -24 * 60
        spans = [(start, end) for start, end in gaps if start < end]
        for start, end in [*spans, (48 * 60, 48 * 60)]:
            if until < start:
                number += 1
                yield {
                    "id": UUID(int=number),
                    "organisation_id": OWNER,
                    "resource_id": UUID(int=index + 1),
                    "during": Range(began + until * minute, began + start * minute),
                    "reason": "taken",
                }
            until = max(until, end)


def _listing(listing: Any, snapshot: Any, now: datetime) -> dict[str, Any]:
    rate, place = listing.rate, listing.place
    capabilities = snapshot.resources[listing.resource_id].capabilities
    return {
        "offer_id": listing.offer_id,
        "resource_id": listing.resource_id,
        "organisation_id": OWNER,
        "currency": rate.currency,
        "per_hour_minor": rate.per_hour_minor,
        "setup_minor": rate.setup_minor,
        "minimum_minor": rate.minimum_minor,
        "visibility": "public",
        "processes": [one.process for one in capabilities],
        "active": True,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "created_at": now,
        "updated_at": now,
    }
