"""Machines to book in benchmarks: rows of PostgreSQL, the same market in memory, and what is asked.

Half-hour slots of machines with one unit; ids are counted, so that peers can be told by numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg

from services.booking.writing.messages import Asker, HoldAsked, HoldQuestion, Repeatable
from services.capacity.domain import CapabilityDeclaration, Visibility
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.matching.domain import Listing, Rate
from services.matching.engine.interface import FreeGap, OfferedResource, Viewer, floor_minute
from services.matching.service.market import MarketResource
from services.matching.service.projection import Projection

PROVIDERS: Final = 50
BUYERS: Final = 50
SLOTS: Final = 1_440
SLOT_MINUTES: Final = 30
HORIZON_DAYS: Final = 60
PER_HOUR_MINOR: Final = 12_000
NOBODY: Final = Asker(actor_kind="platform")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class BookingMarket:
    """``machines`` machines, free from ``began`` for ``SLOTS`` half hours.

    Each performs one of ``processes`` processes, all at different prices.
    """

    machines: int
    began: datetime
    processes: int = 1

    def process(self, machine: int) -> str:
        return f"machining.process_{machine % self.processes}"

    def provider(self, machine: int) -> OrganisationId:
        return OrganisationId(UUID(int=1 + machine % PROVIDERS))

    def resource(self, machine: int) -> ResourceId:
        return ResourceId(UUID(bytes=sha256(f"machine {machine}".encode()).digest()[:16]))

    def offer(self, machine: int) -> OfferId:
        return OfferId(UUID(bytes=sha256(f"offer {machine}".encode()).digest()[:16]))

    def fill(self, connection: psycopg.Connection[Any]) -> None:
        """Store firms, sites, machines and their listings; as the administrator."""
        machines = range(self.machines)
        rows = connection.cursor()
        rows.executemany(
            "INSERT INTO organisation (id, name, name_zh, kind, verification)"
            " VALUES (%s, 'Firm', '企业', 'firm', 'unverified')",
            [(UUID(int=number),) for number in range(1, PROVIDERS + BUYERS + 1)],
        )
        rows.executemany(
            "INSERT INTO site (id, organisation_id, code, name, name_zh, region_code, lat, lon)"
            " VALUES (%s, %s, %s, 'Works', '工厂', '420111', 30.5, 114.3)",
            [
                (UUID(int=1_000 + one), UUID(int=1 + one), f"works-{one}")
                for one in range(PROVIDERS)
            ],
        )
        rows.executemany(
            "INSERT INTO resource (id, organisation_id, site_id, kind, name, name_zh, timezone,"
            " units, setup_minutes, buffer_before_minutes, buffer_after_minutes, notice_minutes,"
            " horizon_days, minimum_hours, minimum_quantity, visibility, created_at)"
            " VALUES (%s, %s, %s, 'machine', 'Mill', '铣床', 'UTC', 1, 0, 0, 0, 0, %s, 0.5, 1,"
            " 'public', now())",
            [
                (
                    self.resource(one),
                    self.provider(one),
                    UUID(int=1_000 + one % PROVIDERS),
                    HORIZON_DAYS,
                )
                for one in machines
            ],
        )
        rows.executemany(
            "INSERT INTO capability (id, organisation_id, resource_id, process, materials,"
            " certificates, attributes) VALUES (%s, %s, %s, %s, '{}', '[]', '{}')",
            [
                (self.resource(one), self.provider(one), self.resource(one), self.process(one))
                for one in machines
            ],
        )
        rows.executemany(
            "INSERT INTO listing (offer_id, resource_id, organisation_id, currency, per_hour_minor,"
            " setup_minor, minimum_minor, visibility, processes, active, created_at, updated_at)"
            " VALUES (%s, %s, %s, 'CNY', %s, 0, 0, 'public', %s, true, now(), now())",
            [
                (
                    self.offer(one),
                    self.resource(one),
                    self.provider(one),
                    self.rate(one).per_hour_minor,
                    [self.process(one)],
                )
                for one in machines
            ],
        )
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")

    def rate(self, machine: int) -> Rate:
        return Rate(per_hour_minor=PER_HOUR_MINOR + 2 * machine)

    def projection(self) -> Projection:
        """The same in memory, everything free."""
        first = floor_minute(self.began)
        gap = FreeGap(first, first + SLOTS * SLOT_MINUTES, 1)
        resources = {
            self.resource(one): MarketResource(
                offered=OfferedResource(
                    id=self.resource(one),
                    units=1,
                    notice_minutes=0,
                    minimum_minutes=30,
                    horizon_minutes=HORIZON_DAYS * 24 * 60,
                    capabilities=(CapabilityDeclaration(process=self.process(one)),),
                    gaps=(gap,),
                ),
                lives={self.resource(one): None},
                region="420111",
                again_at=self.began + timedelta(days=1),
                buffers=(0, 0),
            )
            for one in range(self.machines)
        }
        listings = [
            Listing(
                offer_id=self.offer(one),
                resource_id=self.resource(one),
                organisation_id=self.provider(one),
                rate=self.rate(one),
                visibility=Visibility.PUBLIC,
                place=None,
            )
            for one in range(self.machines)
        ]
        return Projection(listings, resources, stale_after=timedelta(seconds=30))


@dataclass(frozen=True)
class Asked:
    """Which machine and half hour each booking asks for, int64 ``(n,)`` both."""

    machine: Array
    slot: Array
    name: str = field(default="asked")

    def __len__(self) -> int:
        return len(self.machine)

    def part(self, first: int, count: int) -> "Asked":
        return Asked(
            self.machine[first : first + count],
            self.slot[first : first + count],
            f"{self.name}-{first}",
        )


def even(market: BookingMarket, count: int, seed: int) -> Asked:
    """Distinct slots, every machine alike: nobody is in anybody's way."""
    numbers = np.random.default_rng(seed).permutation(market.machines * SLOTS)[:count]
    return Asked(numbers // SLOTS, numbers % SLOTS, f"even-{seed}")


def hot(market: BookingMarket, count: int, seed: int, *, exponent: float = 1.2) -> Asked:
    """Machines by Zipf's law, any slot of them: rivals for the same half hours."""
    draw = np.random.default_rng(seed)
    weights = 1 / np.arange(1, market.machines + 1) ** exponent
    machine = draw.choice(market.machines, count, p=weights / weights.sum())
    return Asked(machine, draw.integers(0, SLOTS, count), f"hot-{seed}")


def questions(market: BookingMarket, asked: Asked, *, size: int) -> Sequence[HoldQuestion]:
    """``asked`` in questions of ``size`` slots, each of one buyer, each slot under a key."""
    minute = timedelta(minutes=SLOT_MINUTES)
    starts = [market.began + slot * minute for slot in range(SLOTS)]
    digest = sha256(b"a booking").digest()
    found = []
    for number, first in enumerate(range(0, len(asked), size)):
        buyer = OrganisationId(UUID(int=1 + PROVIDERS + number % BUYERS))
        holds = tuple(
            HoldAsked(
                resource_id=market.resource(machine),
                offer_id=market.offer(machine),
                start=starts[slot],
                minutes=SLOT_MINUTES,
                once=Repeatable(f"{asked.name} {first + index}", digest),
            )
            for index, (machine, slot) in enumerate(
                zip(
                    asked.machine[first : first + size].tolist(),
                    asked.slot[first : first + size].tolist(),
                    strict=True,
                )
            )
        )
        found.append(HoldQuestion(buyer, Viewer(buyer), NOBODY, holds))
    return found
