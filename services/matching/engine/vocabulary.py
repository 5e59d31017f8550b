"""Which bit set stands for which property: codes, and cumulative thresholds of numbers.

A threshold set holds the rows whose number is at least (or at most) one of a few values drawn from
the market; asking uses the set just wide enough, and verification settles what the set lets pass.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.capacity.domain import CapabilityDeclaration, Certificate
from services.matching.domain import Place, Requirement
from services.matching.engine import layout as at
from services.matching.ranking import EARTH_RADIUS_M, METRES_PER_KM

THRESHOLDS: Final = 16
BANDS: Final = 32
SPARE: Final = 32
"""Sets kept free for codes that come later; more than that lays the columns out anew."""
_RIGHT_ANGLE: Final = math.pi / 2
_HALF_TURN: Final = 180.0

CertificateKey = tuple[str, str | None]
Span = tuple[int, int]
"""Sets from the first to before the second."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Ascending ``values``, the first of which is set number ``first``."""

    first: int
    values: Sequence[float]

    def at_most(self, value: float) -> Span:
        """Sets of steps that are at most ``value``: those a row of ``value`` is in, cumulated."""
        return self.first, self.first + bisect_right(self.values, value)

    def floor(self, value: float) -> int | None:
        """The set of the greatest step at most ``value``."""
        index = bisect_right(self.values, value) - 1
        return None if index < 0 else self.first + index

    def ceiling(self, value: float) -> int | None:
        """The set of the least step at least ``value``."""
        index = bisect_left(self.values, value)
        return None if index == len(self.values) else self.first + index


def quantiles(values: Iterable[float], count: int) -> list[float]:
    """Up to ``count`` values that split ``values`` evenly, the least among them."""
    known = sorted(values)
    picked = {known[index * len(known) // count] for index in range(count)} if known else set()
    return sorted(picked)


@dataclass(slots=True)
class Vocabulary:
    """The sets of one layout; ``sets`` counts them, spare ones included."""

    tolerance: Steps
    edges: tuple[Steps, Steps, Steps]
    units: Steps
    latitude: Steps
    longitude: Steps
    sets: int
    _next: int
    materials: dict[str, int] = field(default_factory=dict)
    certificates: dict[CertificateKey, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        capabilities: Sequence[CapabilityDeclaration],
        units: Sequence[int],
        places: Sequence[Place],
    ) -> "Vocabulary":
        """Steps and codes of what is offered."""
        following = at.FIRST_FREE_SET

        def steps(values: Iterable[float], count: int) -> Steps:
            nonlocal following
            made = Steps(following, quantiles(values, count))
            following += len(made.values)
            return made

        envelopes = [sorted(one.envelope_mm) for one in capabilities if one.envelope_mm]
        made = cls(
            # Negated, so that "at most" is "at least" here too; rows without one are in no set.
            tolerance=steps(
                (-one.tolerance_um for one in capabilities if one.tolerance_um is not None),
                THRESHOLDS,
            ),
            edges=(
                steps((edges[0] for edges in envelopes), THRESHOLDS),
                steps((edges[1] for edges in envelopes), THRESHOLDS),
                steps((edges[2] for edges in envelopes), THRESHOLDS),
            ),
            units=steps(units, THRESHOLDS),
            latitude=steps((place.latitude for place in places), BANDS),
            longitude=steps((place.longitude for place in places), BANDS),
            sets=0,
            _next=following,
        )
        for capability in capabilities:
            made.learn(capability)
        made.sets = made._next + SPARE
        return made

    def learn(self, capability: CapabilityDeclaration) -> None:
        """Give the codes of ``capability`` their sets."""
        for material in capability.materials:
            if material not in self.materials:
                self.materials[material] = self._next
                self._next += 1
        for certificate in capability.certificates:
            for key in certificate_keys(certificate):
                if key not in self.certificates:
                    self.certificates[key] = self._next
                    self._next += 1

    @property
    def is_full(self) -> bool:
        return self._next > self.sets

    def sets_of(
        self, capability: CapabilityDeclaration, *, units: int, place: Place | None
    ) -> list[Span]:
        """The sets that what never changes of a row puts it in."""
        spans = [self.units.at_most(units)]
        if capability.tolerance_um is not None:
            spans.append(self.tolerance.at_most(-capability.tolerance_um))
        if capability.envelope_mm is not None:
            for steps, edge in zip(self.edges, sorted(capability.envelope_mm), strict=True):
                spans.append(steps.at_most(edge))
        if place is not None:
            spans.append(self.latitude.at_most(place.latitude))
            spans.append(self.longitude.at_most(place.longitude))
        codes = [self.materials[one] for one in capability.materials]
        for certificate in capability.certificates:
            codes += [self.certificates[key] for key in certificate_keys(certificate)]
        spans += [(code, code + 1) for code in codes]
        return spans

    def all_of(self, asked: Requirement) -> list[int]:
        """Sets every fitting row is in, those that rule out most first."""
        sets = [
            self.certificates.get((need.kind, need.scope), at.EMPTY) for need in asked.certificates
        ]
        limits: list[int | None] = []
        if asked.envelope_mm is not None:
            short, middle, long = sorted(asked.envelope_mm)
            limits = [
                self.edges[2].floor(long), self.edges[1].floor(middle), self.edges[0].floor(short),
            ]  # fmt: skip
        if asked.tolerance_um is not None:
            limits.append(self.tolerance.floor(-asked.tolerance_um))
        if asked.measured_only:
            limits.append(at.MEASURED)
        if asked.units > 1:
            limits.append(self.units.floor(asked.units))
        sets += [limit for limit in limits if limit is not None]
        return sets

    def any_of(self, asked: Requirement) -> list[int]:
        """Sets of which every fitting row is in one; none when no material is asked."""
        return [self.materials.get(one, at.EMPTY) for one in asked.materials]

    def needs(self, asked: Requirement) -> list[int]:
        """The keys of the certificates asked for; one that nobody holds has none."""
        return [
            self.certificates.get((need.kind, need.scope), at.NONE) for need in asked.certificates
        ]

    def box(self, asked: Requirement) -> tuple[list[int], list[int]]:
        """Latitude and longitude sets a row within the radius is in, and those it is not in."""
        if asked.place is None or asked.radius_km is None:
            return [], []
        angle = (asked.radius_km * METRES_PER_KM + 1) / EARTH_RADIUS_M
        latitude = math.radians(asked.place.latitude)
        reach = math.degrees(angle) * (1 + 1e-9)
        inside, outside = _band(self.latitude, asked.place.latitude, reach)
        if abs(latitude) + angle < _RIGHT_ANGLE:
            wide = math.degrees(math.asin(math.sin(angle) / math.cos(latitude))) * (1 + 1e-9)
            if abs(asked.place.longitude) + wide < _HALF_TURN:
                more_inside, more_outside = _band(self.longitude, asked.place.longitude, wide)
                return inside + more_inside, outside + more_outside
        return inside, outside


def _band(steps: Steps, middle: float, reach: float) -> tuple[list[int], list[int]]:
    low, high = steps.floor(middle - reach), steps.ceiling(math.nextafter(middle + reach, math.inf))
    return ([] if low is None else [low]), ([] if high is None else [high])


def certificate_keys(certificate: Certificate) -> tuple[CertificateKey, CertificateKey]:
    """By kind and scope, and by kind alone."""
    return (certificate.kind, certificate.scope), (certificate.kind, None)
