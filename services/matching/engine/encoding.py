"""A requirement as the numbers the compiled search reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import numpy as np

from services.matching.domain import Requirement
from services.matching.engine import layout as at
from services.matching.engine.columns import Columns, geo_of
from services.matching.engine.interface import ceil_minute, floor_minute
from services.matching.engine.vocabulary import METRES_PER_KM

_NOWHERE: Final = (0.0, 0.0, 0.0)
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class EncodedRequirement:
    """``numbers``: int64, laid out as ``layout`` says; ``place``: float64 ``(3,)``."""

    numbers: Array
    place: Array


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Requirements below each other, short ones filled with zeros: ``(n, longest)``, ``(n, 3)``."""

    numbers: Array
    places: Array

    @classmethod
    def of(cls, asked: Sequence[EncodedRequirement]) -> Self:
        longest = max((len(one.numbers) for one in asked), default=at.Q_LISTS)
        numbers = np.zeros((len(asked), longest), np.int64)
        places = np.zeros((len(asked), at.GEO_FIELDS), np.float64)
        for index, one in enumerate(asked):
            numbers[index, : len(one.numbers)] = one.numbers
            places[index] = one.place
        return cls(numbers, places)


def encode(
    requirement: Requirement, columns: Columns, *, limit: int, now: datetime
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
    )
    head = _head(requirement, limit=limit, end=end, now=now)
    head[at.Q_PARTITIONS :] = [len(one) for one in lists]
    numbers = np.array([*head, *(item for one in lists for item in one)], np.int64)
    place = _NOWHERE if requirement.place is None else geo_of(requirement.place)
    return EncodedRequirement(numbers=numbers, place=np.array(place, np.float64))


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
        *([0] * (at.Q_LISTS - at.Q_PARTITIONS)),
    ]


def _groups(requirement: Requirement, columns: Columns) -> tuple[Sequence[int], Sequence[int]]:
    """Groups of the acceptable processes, in the requirement's currency and in others."""
    own: list[int] = []
    foreign: list[int] = []
    for process in sorted(requirement.processes):
        for group in columns.groups_of_process.get(process, ()):
            same = group[1] == requirement.currency
            (own if same else foreign).append(columns.group_number[group])
    return own, foreign
