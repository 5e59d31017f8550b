"""Small markets: builders with telling defaults, and whole ones drawn from a seed."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st

from services.capacity.domain import (
    CapabilityDeclaration,
    Certificate,
    Gap,
    Provenance,
    Visibility,
    joint_gaps,
)
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching.domain import CertificateNeed, Listing, Place, Rate, Requirement
from services.matching.engine.interface import (
    FreeGap,
    OfferedResource,
    Snapshot,
    Viewer,
    floor_minute,
    instant_of,
)
from services.matching.ranking import PRICE_ALONE, WEIGHT_MAX, Ranking
from tests.support.clock import START as NOW

Drawn = TypeVar("Drawn")
NOW_MINUTE = floor_minute(NOW)
MILLING = "machining.milling"
TURNING = "machining.turning"
STEEL = "metal.steel"
WUHAN = Place(30.5928, 114.3055)
SHANGHAI = Place(31.2304, 121.4737)
EVERYBODY = OrganisationId(UUID(int=1))
FIRMS = (EVERYBODY, OrganisationId(UUID(int=2)))
PARKS = ("optics-valley", "east-lake")
SPACES = (UUID(int=11), UUID(int=12))
DAY = timedelta(days=1)


def offer(number: int) -> OfferId:
    return OfferId(UUID(int=1_000 + number))


def machine(number: int) -> ResourceId:
    return ResourceId(UUID(int=2_000 + number))


def gap(start: int, end: int, units: int = 1) -> FreeGap:
    """Free from ``start`` to ``end`` minutes after now."""
    return FreeGap(NOW_MINUTE + start, NOW_MINUTE + end, units)


def joined(own: Iterable[FreeGap], companion: Iterable[FreeGap], units: int) -> tuple[FreeGap, ...]:
    """The free time of a resource that needs ``units`` of a companion, as capacity joins it."""
    joint = joint_gaps(_gaps(own), [(_gaps(companion), units)], shortest=timedelta())
    return tuple(
        FreeGap(floor_minute(one.interval.start), floor_minute(one.interval.end), one.free_units)
        for one in joint
    )


def _gaps(free: Iterable[FreeGap]) -> list[Gap]:
    return [
        Gap(
            machine(0),
            Interval(instant_of(one.start), instant_of(one.end)),
            one.units,
            Provenance.DECLARED,
            None,
        )
        for one in free
        if one.start < one.end
    ]


def capability(**changes: Any) -> CapabilityDeclaration:
    plain = CapabilityDeclaration(
        process=MILLING, materials=(STEEL,), envelope_mm=(400, 300, 200), tolerance_um=20
    )
    return replace(plain, **changes)


def resource(number: int = 1, **changes: Any) -> OfferedResource:
    plain = OfferedResource(
        id=machine(number),
        units=1,
        notice_minutes=0,
        minimum_minutes=30,
        horizon_minutes=60 * 24 * 60,
        capabilities=(capability(),),
        gaps=(gap(0, 10_000),),
    )
    return replace(plain, **changes)


def listing(number: int = 1, **changes: Any) -> Listing:
    plain = Listing(
        offer_id=offer(number),
        resource_id=machine(number),
        organisation_id=EVERYBODY,
        rate=Rate(per_hour_minor=10_000),
        visibility=Visibility.PUBLIC,
        place=WUHAN,
    )
    return replace(plain, **changes)


def requirement(**changes: Any) -> Requirement:
    plain = Requirement(
        processes=frozenset({MILLING}), minutes=120, window=Interval(NOW, NOW + 5 * DAY)
    )
    return replace(plain, **changes)


def market(*offered: OfferedResource, listings: Sequence[Listing] | None = None) -> Snapshot:
    """``offered`` under ``listings``; by default each under an offer of its own."""
    if listings is None:
        listings = [
            listing(number, resource_id=one.id) for number, one in enumerate(offered, start=1)
        ]
    return Snapshot(tuple(listings), {one.id: one for one in offered})


PROCESSES = (MILLING, MILLING, TURNING)
MATERIALS = (STEEL, "metal.aluminium", "polymer")
KINDS = ("iso-9001", "cnas")
PLACES = (None, WUHAN, SHANGHAI, Place(30.6, 114.4))
SPAN = 240
"""Minutes over which drawn times spread; small, so that stepping stays cheap."""
FAR = 24 * 60 - SPAN // 2
"""Drawn times lie around the end of the withdraw horizon, where the live state matters."""


MEASURED_SHARE = 0.2


class Draw:
    """Everything a random market and its demands are made of, from one seed.

    Plain choices instead of composed strategies: many times faster, and biased so that about half
    of the demands find something.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def maybe(self, likely: float, make: Callable[[], Drawn]) -> Drawn | None:
        return make() if self.random.random() < likely else None

    def some(self, things: Sequence[Drawn], most: int) -> list[Drawn]:
        return self.random.sample(things, self.random.randint(0, most))

    def one(self, *things: Drawn) -> Drawn:
        return self.random.choice(things)

    def envelope(self) -> tuple[int, int, int]:
        return (self.one(50, 100, 200), self.one(50, 100, 200), self.one(50, 100, 200))

    def certificate(self) -> Certificate:
        return Certificate(
            kind=self.one(*KINDS),
            scope=self.one("", "hardness"),
            valid_to=self.one(None, NOW.date(), NOW.date() + DAY, date(2020, 1, 1)),
        )

    def capability(self) -> CapabilityDeclaration:
        return CapabilityDeclaration(
            process=self.one(*PROCESSES),
            materials=tuple(self.some(MATERIALS, 3)),
            envelope_mm=self.maybe(0.8, self.envelope),
            tolerance_um=self.one(None, 10, 20, 50, 65_536),
            certificates=tuple(self.certificate() for _ in range(self.one(0, 1, 3))),
        )

    def gap(self) -> FreeGap:
        start = FAR + self.random.randint(0, SPAN)
        return gap(start, start + self.random.randint(0, SPAN), self.one(1, 2, 3))

    def resource(self, number: int) -> OfferedResource:
        return OfferedResource(
            id=machine(number),
            units=self.one(1, 2, 3),
            notice_minutes=self.one(0, 0, 0, FAR + 60),
            minimum_minutes=self.one(1, 1, 30),
            horizon_minutes=self.one(FAR + 180, 86_400, 86_400),
            capabilities=tuple(self.capability() for _ in range(self.one(1, 2, 3))),
            gaps=tuple(self.gap() for _ in range(self.one(0, 1, 2, 4))),
            state=self.one(None, None, None, *ResourceState),
            provenance=self.one(*Provenance),
            seen_at=self.one(None, NOW - timedelta(seconds=7), NOW - timedelta(hours=5)),
            reliability=self.one(None, 0, 900, 1_000),
            setup_minutes=self.one(0, 0, 15, 90),
            minimum_quantity=self.one(1, 1, 1, 20),
        )

    def rate(self) -> Rate:
        return Rate(
            per_hour_minor=self.one(0, 1_000, 1_001, 5_000),
            setup_minor=self.one(0, 0, 300),
            minimum_minor=self.one(0, 0, 2_000),
            currency=self.one("CNY", "CNY", "CNY", "CNY", "EUR"),
        )

    def listing(self, number: int, resource_id: ResourceId) -> Listing:
        return listing(
            number,
            resource_id=resource_id,
            organisation_id=self.one(*FIRMS),
            rate=self.rate(),
            visibility=self.one(*[Visibility.PUBLIC] * 6, *Visibility),
            place=self.one(*PLACES),
            park=self.one(None, *PARKS),
            space_id=self.one(None, *SPACES),
        )

    def ranking(self) -> Ranking:
        return Ranking(
            per_km_minor=self.one(0, 1, 40, WEIGHT_MAX),
            per_hour_minor=self.one(0, 7, 1_000),
            unreliability_minor=self.one(0, 999, 50_000, WEIGHT_MAX),
            per_hour_of_age_minor=self.one(0, 61),
            outside_park_minor=self.one(0, 500),
            park=self.one(None, *PARKS, "nowhere"),
        )

    def viewer(self) -> Viewer:
        listed = [(offer(number), machine(self.random.randint(1, 5))) for number in range(9)]
        return Viewer(
            organisation_id=self.one(*FIRMS),
            parks=frozenset(self.some(PARKS, 2)),
            spaces=frozenset(self.some(SPACES, 2)),
            confided=frozenset(self.some(listed, 5)),
        )

    def market(self) -> Snapshot:
        machines = self.random.randint(1, 5)
        listings = [
            self.listing(number, machine(self.random.randint(1, machines)))
            for number in range(self.random.randint(0, 9))
        ]
        offered = (self.resource(number) for number in range(1, machines + 1))
        return market(*offered, listings=listings)

    def window(self, minutes: int) -> Interval:
        start = FAR + self.random.randint(0, SPAN)
        seconds = self.one(0, 0, 1, 59)
        opening = NOW + timedelta(minutes=start, seconds=seconds)
        length = self.random.randint(minutes, 2 * SPAN)
        return Interval(opening, opening + timedelta(minutes=length, seconds=self.one(0, 1, 59)))

    def requirement(self) -> Requirement:
        minutes = self.random.randint(1, 60)
        place = self.one(*PLACES)
        return Requirement(
            processes=frozenset(self.some(PROCESSES, 3)) | {self.one(*PROCESSES)},
            minutes=minutes,
            window=self.window(minutes),
            materials=frozenset(self.maybe(0.3, lambda: self.some(MATERIALS, 2)) or ()),
            envelope_mm=self.maybe(0.3, self.envelope),
            tolerance_um=self.maybe(0.3, lambda: self.one(10, 20, 50, 65_535, 10**5)),
            certificates=frozenset(
                CertificateNeed(self.one(*KINDS), self.one(None, "hardness"))
                for _ in range(self.one(0, 0, 0, 1, 2))
            ),
            units=self.one(1, 1, 1, 2, 3),
            budget_minor=self.maybe(0.3, lambda: self.one(1_000, 2_000, 20_000)),
            place=place,
            radius_km=None if place is None else self.one(None, 20, 1_000),
            measured_only=self.random.random() < MEASURED_SHARE,
            ranking=self.maybe(0.5, self.ranking) or PRICE_ALONE,
            quantity=self.one(1, 19, 20),
        )


seeds = st.integers(0, 2**32 - 1)
markets = seeds.map(lambda seed: Draw(seed).market())
requirements = seeds.map(lambda seed: Draw(seed).requirement())
viewers = seeds.map(lambda seed: Draw(seed).maybe(0.7, Draw(seed).viewer))


def without_gap(snapshot: Snapshot, resource_id: ResourceId, index: int) -> Snapshot:
    offered = snapshot.resources[resource_id]
    left = (*offered.gaps[:index], *offered.gaps[index + 1 :])
    changed = {**snapshot.resources, resource_id: replace(offered, gaps=left)}
    return Snapshot(snapshot.listings, changed)


def identities(found: Iterable[Any]) -> list[tuple[OfferId, ResourceId]]:
    return [(one.offer_id, one.resource_id) for one in found]
