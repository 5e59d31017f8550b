"""What a row costs beyond its price, compiled: exactly as ``services.matching.ranking.Ranking``."""

import math
from typing import Any

from services.matching.engine import layout as at
from services.matching.engine.compiled import inlined
from services.matching.engine.kernel import Array, great_circle
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
_LONGEST = 2.0
"""Chord of the unit sphere."""
_KM_PER_METRE, _WHOLE_PER_MILLE = 1 / METRES_PER_KM, 1 / PERMILLE
_SAFE_SHARE = 1 - 1e-6


@inlined
def least_surcharge(queries: Array, asked: int) -> int:
    """What any row costs beyond its price at least: it cannot be done before the window opens."""
    opens = max(queries[asked, at.Q_START], queries[asked, at.Q_NOW_UP])
    ends = opens + queries[asked, at.Q_MINUTES] - queries[asked, at.Q_NOW_DOWN]
    return int(queries[asked, at.Q_PER_HOUR] * ends // MINUTES_PER_HOUR)


@inlined
def surcharge_from(compact: Any, squared_chord: float, per_km: int, unreliability: int) -> int:
    """What the row costs at least beyond price and :func:`least_surcharge`, from what is at hand.

    A great circle is no shorter than its chord.
    """
    chord = min(math.sqrt(squared_chord), _LONGEST)
    metres = max(0.0, float(EARTH_RADIUS_M * chord) - _SAFETY_M)
    failing = PERMILLE - int(compact.reliability)
    # In floating point, without divisions; what rounding may add is taken off.
    cost = per_km * metres * _KM_PER_METRE + unreliability * failing * _WHOLE_PER_MILLE
    return int(cost * _SAFE_SHARE) - 2


@inlined
def surcharge(columns: Any, row: int, start: Any, queries: Array, asked: int, places: Array) -> int:
    """All that the row costs beyond its price, for a slot from ``start``."""
    resource, metres = columns.rows[row, at.R_RESOURCE], DISTANCE_UNKNOWN_M
    if queries[asked, at.Q_PLACED] and columns.rows[row, at.R_PLACED]:
        metres = great_circle(
            columns.geo[row, at.LATITUDE] - places[asked, at.LATITUDE],
            columns.geo[row, at.LONGITUDE] - places[asked, at.LONGITUDE],
            places[asked, at.COSINE] * columns.geo[row, at.COSINE],
        )
    occupied = columns.resources[resource, at.S_SETUP] + queries[asked, at.Q_MINUTES]
    ends = start + occupied - queries[asked, at.Q_NOW_DOWN]
    failing = PERMILLE - columns.resources[resource, at.S_RELIABILITY]
    seen = columns.resources[resource, at.S_SEEN]
    age = max(0, min(queries[asked, at.Q_NOW_DOWN] - seen, SIGHT_AGE_MAX_MINUTES))
    outside = columns.rows[row, at.R_PARK] != queries[asked, at.Q_PARK]
    return int(
        queries[asked, at.Q_PER_KM] * metres // METRES_PER_KM
        + queries[asked, at.Q_PER_HOUR] * ends // MINUTES_PER_HOUR
        + queries[asked, at.Q_UNRELIABILITY] * failing // PERMILLE
        + queries[asked, at.Q_PER_HOUR_OF_AGE] * age // MINUTES_PER_HOUR
        + queries[asked, at.Q_OUTSIDE_PARK] * outside
    )
