"""A requirement as the numbers the compiled search reads."""

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import numpy as np

from services.matching.domain import Requirement
from services.matching.engine import layout as at
from services.matching.engine.columns import Columns, geo_of
from services.matching.engine.interface import Viewer, ceil_minute, floor_minute
from services.matching.ranking import EARTH_RADIUS_M, METRES_PER_KM, PRICE_ALONE

EVERYWHERE: Final = math.inf
ON_EARTH: Final = 5.0
"""No squared chord of the unit sphere is longer."""
DOUBT_M: Final = 500.0
"""How far from the edge of a radius the places of compact rows do not decide."""
_PRICE_ALONE: Final = [False, *PRICE_ALONE.weights().values(), at.NOWHERE_PARK]
Array = np.ndarray[Any, Any]


def _bits_of(*numbers: float) -> tuple[int, ...]:
    count = len(numbers)
    return struct.unpack(f"{count}q", struct.pack(f"{count}d", *numbers))


_NOWHERE: Final = _bits_of(*[0.0] * at.GEO_FIELDS, EVERYWHERE, EVERYWHERE)


@dataclass(frozen=True, slots=True)
class EncodedRequirement:
    """``numbers`` is int64 ``(n,)`` as ``layout`` says."""

    numbers: Array


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Requirements below each other, short ones filled with zeros.

    ``numbers`` is int64 ``(n, longest)``, those of one process together, whose rows then stay in
    the cache; ``order`` ``(n,)`` tells which of those given each one is.
    """

    numbers: Array
    order: Array

    @classmethod
    def of(cls, asked: Sequence[EncodedRequirement]) -> Self:
        return cls._of([one.numbers.tolist() for one in asked])

    @classmethod
    def encoded(cls, asked: Iterable[tuple[Requirement, "Asking"]], columns: Columns) -> Self:
        """As :func:`encode` for each, in less time."""
        return cls._of([_numbers(requirement, columns, asking) for requirement, asking in asked])

    @classmethod
    def _of(cls, rows: Sequence[list[int]]) -> Self:
        longest = max((len(row) for row in rows), default=0)
        # At least one list entry, by which the batch is ordered.
        longest = max(longest, at.Q_LISTS + 1)
        filled = [row + [0] * (longest - len(row)) for row in rows]
        numbers = np.array(filled, np.int64).reshape(len(rows), longest)
        order = np.argsort(numbers[:, at.Q_LISTS], kind="stable")
        return cls(numbers[order], order)


@dataclass(frozen=True, slots=True)
class Asking:
    """What demands asked together have in common: how many are wanted, when, and by whom."""

    limit: int
    now_up: int
    now_down: int
    audiences: list[int]
    sees_all: bool

    @classmethod
    def of(cls, columns: Columns, *, limit: int, now: datetime, viewer: Viewer | None) -> Self:
        return cls(
            limit=limit,
            now_up=ceil_minute(now),
            now_down=floor_minute(now),
            audiences=columns.audiences.of(viewer) if viewer else [],
            sees_all=viewer is None,
        )


def encode(requirement: Requirement, columns: Columns, asking: Asking) -> EncodedRequirement:
    """``requirement`` for the present vocabulary of ``columns``; laying out anew invalidates it."""
    return EncodedRequirement(np.array(_numbers(requirement, columns, asking), np.int64))


def _numbers(requirement: Requirement, columns: Columns, asking: Asking) -> list[int]:
    vocabulary = columns.vocabulary
    inside, outside = vocabulary.box(requirement)
    end = floor_minute(requirement.window.end)
    if end - requirement.minutes < asking.now_up + at.WITHDRAWN_MINUTES:
        inside.append(at.IN_SERVICE)
    own, foreign = columns.groups(requirement.processes, requirement.currency)
    every, some = inside + vocabulary.all_of(requirement), vocabulary.any_of(requirement)
    needs, audiences = vocabulary.needs(requirement), asking.audiences
    return [
        *_head(requirement, asking, end),
        *_weights(requirement, columns),
        requirement.quantity,
        len(own), len(foreign), len(every), len(some), len(outside), len(needs), len(audiences),
        *_place(requirement),
        *own, *foreign, *every, *some, *outside, *needs, *audiences,
    ]  # fmt: skip


def _head(requirement: Requirement, asking: Asking, end: int) -> list[int]:
    edges = sorted(requirement.envelope_mm or (0, 0, 0))
    radius = requirement.radius_km
    tolerance, budget = requirement.tolerance_um, requirement.budget_minor
    return [
        asking.limit,
        requirement.minutes,
        requirement.units,
        requirement.minutes * requirement.units,
        ceil_minute(requirement.window.start),
        end,
        asking.now_up,
        asking.now_down,
        at.UNKNOWN if budget is None else budget,
        at.NONE if tolerance is None else tolerance,
        *edges,
        at.NONE if radius is None else radius * METRES_PER_KM,
        requirement.measured_only,
        requirement.place is not None,
        asking.sees_all,
    ]


def _weights(requirement: Requirement, columns: Columns) -> list[int]:
    """Whether anything but the price ranks, what each thing weighs, and the preferred park."""
    ranking = requirement.ranking
    if ranking == PRICE_ALONE:
        return _PRICE_ALONE
    weights = ranking.weights()
    if requirement.place is None:
        weights["per_km_minor"] = 0
    park = None if ranking.park is None else columns.parks.get(ranking.park)
    return [any(weights.values()), *weights.values(), at.NOWHERE_PARK if park is None else park]


def _place(requirement: Requirement) -> tuple[int, ...]:
    """The place as the bits of its numbers."""
    if requirement.place is None:
        return _NOWHERE
    geo, radius = geo_of(requirement.place), requirement.radius_km
    if radius is None:
        return _bits_of(*geo, EVERYWHERE, EVERYWHERE)
    metres = radius * METRES_PER_KM
    return _bits_of(*geo, _squared_chord(metres - DOUBT_M), _squared_chord(metres + DOUBT_M))


def _squared_chord(metres: float) -> float:
    """Of a great circle of ``metres`` on the unit sphere; of half a turn, longer than any."""
    if metres < 0:
        return -1.0
    half = metres / EARTH_RADIUS_M / 2
    return ON_EARTH if half >= math.pi / 2 else (2 * math.sin(half)) ** 2
