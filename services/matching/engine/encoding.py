"""A requirement as the numbers the compiled search reads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final, Self

import numpy as np

from services.matching.domain import Requirement
from services.matching.engine import layout as at
from services.matching.engine.columns import Columns, geo_of
from services.matching.engine.interface import Viewer, ceil_minute, floor_minute
from services.matching.ranking import EARTH_RADIUS_M, METRES_PER_KM

EVERYWHERE: Final = math.inf
ON_EARTH: Final = 5.0
"""No squared chord of the unit sphere is longer."""
DOUBT_M: Final = 5.0
"""How far from the edge of a radius single precision does not decide."""
_NOWHERE: Final = (*[0.0] * at.GEO_FIELDS, EVERYWHERE, EVERYWHERE)
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
    end = floor_minute(requirement.window.end)
    if end - requirement.minutes < ceil_minute(now) + at.WITHDRAWN_MINUTES:
        inside.append(at.IN_SERVICE)
    own, foreign = _groups(requirement, columns)
    lists = (
        own,
        foreign,
        [*vocabulary.all_of(requirement), *inside],
        vocabulary.any_of(requirement),
        outside,
        [vocabulary.certificate(one.kind, one.scope) for one in requirement.certificates],
        columns.audiences.of(viewer) if viewer else [],
    )
    head = _head(requirement, limit=limit, end=end, now=now)
    head += [viewer is None, *_weights(requirement, columns), *map(len, lists)]
    numbers = np.array([[*head, *chain.from_iterable(lists)]], np.int64)
    return EncodedRequirement(numbers, np.array([_place(requirement)], np.float64))


def _head(requirement: Requirement, *, limit: int, end: int, now: datetime) -> list[int]:
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
        ceil_minute(now),
        floor_minute(now),
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
    weights = ranking.weights()
    if requirement.place is None:
        weights["per_km_minor"] = 0
    park = None if ranking.park is None else columns.parks.get(ranking.park)
    return [any(weights.values()), *weights.values(), at.NOWHERE_PARK if park is None else park]


def _place(requirement: Requirement) -> tuple[float, ...]:
    if requirement.place is None:
        return _NOWHERE
    geo = geo_of(requirement.place)
    if requirement.radius_km is None:
        return (*geo, EVERYWHERE, EVERYWHERE)
    metres = requirement.radius_km * METRES_PER_KM
    return (*geo, _squared_chord(metres - DOUBT_M), _squared_chord(metres + DOUBT_M))


def _squared_chord(metres: float) -> float:
    """Of the great circle of ``metres`` on the unit sphere; with half a turn, all that has a place."""
    if metres < 0:
        return -1.0
    half = metres / EARTH_RADIUS_M / 2
    return ON_EARTH if half >= math.pi / 2 else (2 * math.sin(half)) ** 2


def _groups(requirement: Requirement, columns: Columns) -> tuple[Sequence[int], Sequence[int]]:
    """Groups of the acceptable processes, in the requirement's currency and in others."""
    own: list[int] = []
    foreign: list[int] = []
    for process in sorted(requirement.processes):
        for group in columns.groups_of_process.get(process, ()):
            same = group[1] == requirement.currency
            (own if same else foreign).append(columns.group_number[group])
    return own, foreign
