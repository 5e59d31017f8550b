"""A market and demands for the matching benchmark: numbers for peers, objects for our engine.

One machine, one capability, one listing each; no two prices of a process are equal, so the order is
price alone for everybody. Windows lie within the day ahead, where a machine that is down has no
slot at all. Distributions are made up; the seed is part of the result.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from services.capacity.domain import CapabilityDeclaration, Certificate, Provenance, Visibility
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching.domain import CertificateNeed, Listing, Place, Rate, Requirement
from services.matching.engine.interface import FreeGap, OfferedResource, Snapshot, floor_minute
from services.matching.ranking import PERMILLE, PRICE_ALONE, Ranking

Array = np.ndarray[Any, Any]
NOW: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW_MINUTE: Final = floor_minute(NOW)
PROCESSES, MATERIALS, CERTIFICATES = 50, 24, 12
GAPS: Final = 3
TOLERANCES: Final = (5, 10, 20, 50, 100)
HOUR: Final = 60
NO_LIMIT: Final = 1 << 40
KINDS: Final = ("dense", "rare", "none")
SHARES: Final = (0.4, 0.4, 0.2)
RANKING: Final = Ranking(per_km_minor=50, per_hour_minor=2_000, unreliability_minor=20_000)
"""Half a yuan a km, twenty for each hour later, two hundred for what never works."""
SELLER: Final = OrganisationId(UUID(int=1))


@dataclass(frozen=True)
class Machines:
    """Columns ``(n,)``; ``gaps`` is ``(n, GAPS, 2)`` in minutes after now, empty gaps are 0, 0."""

    process: Array
    rate: Array
    materials: Array
    certificates: Array
    envelope: Array
    tolerance: Array
    live: Array
    place: Array
    gaps: Array
    reliability: Array

    def __len__(self) -> int:
        return len(self.process)


@dataclass(frozen=True)
class Demands:
    """Columns ``(n,)``; a radius of 0 asks for no place, a ``budget`` of ``NO_LIMIT`` for any."""

    kind: Array
    process: Array
    material: Array
    certificates: Array
    envelope: Array
    tolerance: Array
    place: Array
    radius_km: Array
    minutes: Array
    start: Array
    end: Array
    budget: Array

    def __len__(self) -> int:
        return len(self.process)


def machines(count: int, seed: int) -> Machines:
    draw = np.random.default_rng(seed)
    process = draw.integers(0, PROCESSES, count)
    rate = np.empty(count, np.int64)
    for number in range(PROCESSES):
        held = np.flatnonzero(process == number)
        rate[held] = draw.choice(40 * max(len(held), 500), len(held), replace=False) + 5_000
    begins = draw.integers(0, 20 * HOUR, (count, GAPS))
    lengths = draw.integers(HOUR, 8 * HOUR, (count, GAPS)) * (draw.random((count, GAPS)) < 0.7)
    begins.sort(axis=1)
    return Machines(
        process=process,
        rate=rate,
        materials=_masks(draw, count, MATERIALS, 0.2),
        certificates=_masks(draw, count, CERTIFICATES, 0.3),
        envelope=np.sort(draw.integers(50, 1_500, (count, 3)), axis=1),
        tolerance=draw.choice(TOLERANCES, count),
        live=draw.random(count) < 0.85,
        place=_places(draw, count),
        gaps=np.stack([begins, begins + lengths], axis=2),
        reliability=draw.integers(700, PERMILLE + 1, count),
    )


def demands(count: int, seed: int) -> Demands:
    draw = np.random.default_rng(seed)
    kind = draw.choice(len(KINDS), count, p=SHARES)
    dense, hopeless = kind == 0, kind == 2
    start = draw.integers(HOUR, 12 * HOUR, count)
    asked = np.where(dense, 0, 2)
    certificates = np.zeros(count, np.int64)
    for _ in range(2):
        bit = 1 << draw.integers(0, CERTIFICATES, count)
        certificates |= np.where(asked > 0, bit, 0)
    return Demands(
        kind=kind,
        process=draw.integers(0, PROCESSES, count),
        material=draw.integers(0, MATERIALS, count),
        certificates=certificates,
        envelope=np.sort(
            np.where(dense[:, None], 1, draw.integers(100, 900, (count, 3)))
            + np.where(hopeless[:, None], 550, 0),
            axis=1,
        ),
        tolerance=np.where(dense, 50, np.where(hopeless, 5, 20)),
        place=_places(draw, count),
        radius_km=np.where(dense, 0, np.where(hopeless, 60, draw.integers(300, 900, count))),
        minutes=draw.integers(1, 5, count) * HOUR,
        start=start,
        end=start + draw.integers(6, 12, count) * HOUR,
        budget=np.where(draw.random(count) < 0.3, draw.integers(10_000, 200_000, count), NO_LIMIT),
    )


def snapshot(held: Machines) -> Snapshot:
    """``held`` as our engine takes it; machine ``i`` is resource ``i + 1``."""
    resources = (_resource(held, index) for index in range(len(held)))
    return Snapshot(
        tuple(_listing(held, index) for index in range(len(held))),
        {one.id: one for one in resources},
    )


def requirement(asked: Demands, index: int, ranking: Ranking = PRICE_ALONE) -> Requirement:
    """A demand as our engine takes it; with a ranking each has a place."""
    placed = asked.radius_km[index] > 0 or ranking is not PRICE_ALONE
    radius, budget = int(asked.radius_km[index]), int(asked.budget[index])
    start, end = int(asked.start[index]), int(asked.end[index])
    needs = int(asked.certificates[index])
    return Requirement(
        processes=frozenset({f"process-{asked.process[index]}"}),
        minutes=int(asked.minutes[index]),
        window=Interval(NOW + timedelta(minutes=start), NOW + timedelta(minutes=end)),
        materials=frozenset({f"material-{asked.material[index]}"}),
        envelope_mm=_edges(asked.envelope[index]),
        tolerance_um=int(asked.tolerance[index]),
        certificates=frozenset(CertificateNeed(f"certificate-{one}") for one in _bits(needs)),
        budget_minor=None if budget == NO_LIMIT else budget,
        place=Place(*map(float, asked.place[index])) if placed else None,
        radius_km=radius or None,
        ranking=ranking,
    )


def unit_vectors(place: Array) -> Array:
    """Degrees ``(n, 2)`` as points on the unit sphere ``(n, 3)``."""
    latitude, longitude = np.radians(place[:, 0]), np.radians(place[:, 1])
    return np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        axis=1,
    )


def _resource(held: Machines, index: int) -> OfferedResource:
    return OfferedResource(
        id=ResourceId(UUID(int=index + 1)),
        units=1,
        notice_minutes=0,
        minimum_minutes=1,
        horizon_minutes=400 * 24 * HOUR,
        capabilities=(_capability(held, index),),
        gaps=tuple(
            FreeGap(NOW_MINUTE + int(start), NOW_MINUTE + int(end), 1)
            for start, end in held.gaps[index]
            if start < end
        ),
        state=ResourceState.IDLE if held.live[index] else ResourceState.DOWN,
        provenance=Provenance.MEASURED,
        reliability=int(held.reliability[index]),
    )


def _capability(held: Machines, index: int) -> CapabilityDeclaration:
    materials, certificates = int(held.materials[index]), int(held.certificates[index])
    return CapabilityDeclaration(
        process=f"process-{held.process[index]}",
        materials=tuple(f"material-{one}" for one in _bits(materials)),
        envelope_mm=_edges(held.envelope[index]),
        tolerance_um=int(held.tolerance[index]),
        certificates=tuple(
            Certificate(kind=f"certificate-{one}", scope="", valid_to=None)
            for one in _bits(certificates)
        ),
    )


def _listing(held: Machines, index: int) -> Listing:
    return Listing(
        offer_id=OfferId(UUID(int=index + 1)),
        resource_id=ResourceId(UUID(int=index + 1)),
        organisation_id=SELLER,
        rate=Rate(per_hour_minor=int(held.rate[index])),
        visibility=Visibility.PUBLIC,
        place=Place(*map(float, held.place[index])),
    )


def _masks(draw: np.random.Generator, count: int, bits: int, share: float) -> Array:
    held = draw.random((count, bits)) < share
    masks: Array = (held * (1 << np.arange(bits))).sum(axis=1)
    return masks


def _places(draw: np.random.Generator, count: int) -> Array:
    return np.stack([draw.uniform(22, 40, count), draw.uniform(103, 122, count)], axis=1)


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def _edges(envelope: Array) -> tuple[int, int, int]:
    short, middle, long = envelope.tolist()
    return short, middle, long
