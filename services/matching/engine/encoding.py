"""A requirement as the numbers the compiled search reads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import numpy as np

from services.matching.domain import Place, Requirement
from services.matching.engine import layout as at
from services.matching.engine.columns import Columns, geo_of
from services.matching.engine.interface import Viewer, ceil_minute, floor_minute
from services.matching.ranking import EARTH_RADIUS_M, METRES_PER_KM, PRICE_ALONE

EVERYWHERE: Final = math.inf
ON_EARTH: Final = 5.0
"""No squared chord of the unit sphere is longer."""
DOUBT_M: Final = 5.0
"""How far from the edge of a radius single precision does not decide."""
_NOWHERE: Final = np.array([[*[0.0] * at.GEO_FIELDS, EVERYWHERE, EVERYWHERE]])
_PRICE_ALONE: Final = [False, *PRICE_ALONE.weights().values(), at.NOWHERE_PARK]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class EncodedRequirement:
    """A batch of one: int64 ``(1, n)`` as ``layout`` says, and float64 ``(1, PLACE_FIELDS)``."""

    numbers: Array
    place: Array


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Requirements below each other, short ones filled with zeros.

    ``numbers`` is ``(n, longest)``, ``places`` ``(n, PLACE_FIELDS)``; ``order`` ``(n,)`` puts those
    of one process together, whose rows then stay in the cache.
    """

    numbers: Array
    places: Array
    order: Array

    @classmethod
    def of(cls, asked: Sequence[EncodedRequirement]) -> Self:
        longest = max((one.numbers.shape[1] for one in asked), default=at.Q_LISTS + 1)
        numbers = np.zeros((len(asked), longest), np.int64)
        places = np.zeros((len(asked), at.PLACE_FIELDS), np.float64)
        for index, one in enumerate(asked):
            numbers[index, : one.numbers.shape[1]] = one.numbers[0]
            places[index] = one.place[0]
        order = np.argsort(numbers[:, at.Q_LISTS], kind="stable")
        return cls(numbers, places, order)


def encode(
    requirement: Requirement,
    columns: Columns,
    *,
    limit: int,
    now: datetime,
    viewer: Viewer | None = None,
) -> EncodedRequirement:
    """``requirement`` for the present vocabulary of ``columns``; laying out anew invalidates it."""
    vocabulary = columns.vocabulary
    inside, outside = vocabulary.box(requirement)
    now_down, now_up = floor_minute(now), ceil_minute(now)
    end = floor_minute(requirement.window.end)
    if end - requirement.minutes < now_up + at.WITHDRAWN_MINUTES:
        inside.append(at.IN_SERVICE)
    lists = (
        *columns.groups(requirement.processes, requirement.currency),
        inside + vocabulary.all_of(requirement),
        vocabulary.any_of(requirement),
        outside,
        vocabulary.needs(requirement),
        columns.audiences.of(viewer) if viewer else [],
    )
    numbers = _head(requirement, limit, end, now_up, now_down)
    numbers.append(viewer is None)
    numbers += _weights(requirement, columns)
    numbers.append(requirement.quantity)
    numbers += map(len, lists)
    for one in lists:
        numbers += one
    place = _NOWHERE
    if requirement.place is not None:
        place = np.array([_place(requirement.place, requirement.radius_km)], np.float64)
    return EncodedRequirement(np.array([numbers], np.int64), place)


def _head(requirement: Requirement, limit: int, end: int, now_up: int, now_down: int) -> list[int]:
    edges = sorted(requirement.envelope_mm or (0, 0, 0))
    radius = requirement.radius_km
    tolerance, budget = requirement.tolerance_um, requirement.budget_minor
    return [
        limit,
        requirement.minutes,
        requirement.units,
        requirement.minutes * requirement.units,
        ceil_minute(requirement.window.start),
        end,
        now_up,
        now_down,
        at.UNKNOWN if budget is None else budget,
        at.NONE if tolerance is None else tolerance,
        *edges,
        at.NONE if radius is None else radius * METRES_PER_KM,
        requirement.measured_only,
        requirement.place is not None,
    ]


def _weights(requirement: Requirement, columns: Columns) -> list[int]:
    """Whether anything but the price ranks, what each thing weighs, and the preferred park."""
    ranking = requirement.ranking
    if ranking is PRICE_ALONE:
        return _PRICE_ALONE
    weights = ranking.weights()
    if requirement.place is None:
        weights["per_km_minor"] = 0
    park = None if ranking.park is None else columns.parks.get(ranking.park)
    return [any(weights.values()), *weights.values(), at.NOWHERE_PARK if park is None else park]


def _place(place: Place, radius_km: int | None) -> tuple[float, ...]:
    geo = geo_of(place)
    if radius_km is None:
        return (*geo, EVERYWHERE, EVERYWHERE)
    metres = radius_km * METRES_PER_KM
    return (*geo, _squared_chord(metres - DOUBT_M), _squared_chord(metres + DOUBT_M))


def _squared_chord(metres: float) -> float:
    """Of a great circle of ``metres`` on the unit sphere; of half a turn, longer than any."""
    if metres < 0:
        return -1.0
    half = metres / EARTH_RADIUS_M / 2
    return ON_EARTH if half >= math.pi / 2 else (2 * math.sin(half)) ** 2
