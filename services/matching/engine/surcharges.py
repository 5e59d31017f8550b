"""What a row costs beyond its price, compiled: exactly as ``services.matching.ranking.Ranking``."""

import math
from typing import Any

from services.matching.engine import layout as at
from services.matching.engine.compiled import compiled, inlined
from services.matching.engine.kernel import Array, distance_to
from services.matching.ranking import (
    DISTANCE_UNKNOWN_M,
    EARTH_RADIUS_M,
    METRES_PER_KM,
    MINUTES_PER_HOUR,
    PERMILLE,
    SIGHT_AGE_MAX_MINUTES,
)

_SAFETY_M = 10.0
"""Coordinates of single precision are true within a metre."""


@inlined
def least_surcharge(queries: Array, asked: int) -> int:
    """What any row costs beyond its price at least: it cannot be done before the window opens."""
    opens = max(queries[asked, at.Q_START], queries[asked, at.Q_NOW_UP])
    ends = opens + queries[asked, at.Q_MINUTES] - queries[asked, at.Q_NOW_DOWN]
    return int(queries[asked, at.Q_PER_HOUR] * ends // MINUTES_PER_HOUR)


@inlined
def surcharge_from(compact: Any, squared_chord: float, queries: Array, asked: int) -> int:
    """What the row costs at least beyond price and :func:`least_surcharge`, from what is at hand.

    A great circle is no shorter than its chord.
    """
    metres = max(0, int(EARTH_RADIUS_M * min(math.sqrt(squared_chord), 2.0) - _SAFETY_M))
    failing = PERMILLE - int(compact.reliability)
    return int(
        queries[asked, at.Q_PER_KM] * metres // METRES_PER_KM
        + queries[asked, at.Q_UNRELIABILITY] * failing // PERMILLE
    )


@compiled
def surcharge(columns: Any, row: int, start: int, query: Array, place: Array) -> int:
    """All that the row costs beyond its price, for a slot from ``start``."""
    resource = columns.rows[row, at.R_RESOURCE]
    metres = min(distance_to(columns, row, query, place), DISTANCE_UNKNOWN_M)
    occupied = columns.resources[resource, at.S_SETUP] + query[at.Q_MINUTES]
    ends = start + occupied - query[at.Q_NOW_DOWN]
    failing = PERMILLE - columns.resources[resource, at.S_RELIABILITY]
    seen = columns.resources[resource, at.S_SEEN]
    age = max(0, min(query[at.Q_NOW_DOWN] - seen, SIGHT_AGE_MAX_MINUTES))
    outside = columns.rows[row, at.R_PARK] != query[at.Q_PARK]
    return int(
        query[at.Q_PER_KM] * metres // METRES_PER_KM
        + query[at.Q_PER_HOUR] * ends // MINUTES_PER_HOUR
        + query[at.Q_UNRELIABILITY] * failing // PERMILLE
        + query[at.Q_PER_HOUR_OF_AGE] * age // MINUTES_PER_HOUR
        + query[at.Q_OUTSIDE_PARK] * outside
    )
