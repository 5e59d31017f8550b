"""What a row costs beyond its price, compiled: exactly as ``services.matching.ranking.Ranking``."""

from typing import Any

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.compiled import inlined
from services.matching.engine.distance import Array, metres_to
from services.matching.ranking import (
    DISTANCE_UNKNOWN_M,
    EARTH_RADIUS_M,
    METRES_PER_KM,
    MINUTES_PER_HOUR,
    PERMILLE,
    SIGHT_AGE_MAX_MINUTES,
)

_SAFETY_M = 500.0
"""Places of compact rows are true within so many metres."""
_METRES_PER_STEP = EARTH_RADIUS_M / at.SPHERE
_SAFETY_STEPS = _SAFETY_M / _METRES_PER_STEP
LONGEST_SQUARED = np.float32((2 * at.SPHERE) ** 2)
"""Of chords."""
_SAFE_REAL = 1e-6
"""More than float32 loses of a number."""
_KM_PER_METRE = 1 / METRES_PER_KM
_SAFE_SHARE = 1 - 1e-6


@inlined
def least_surcharge(queries: Array, asked: int) -> int:
    """What any row costs beyond its price at least: it cannot be done before the window opens."""
    opens = max(queries[asked, at.Q_START], queries[asked, at.Q_NOW_UP])
    ends = opens + queries[asked, at.Q_MINUTES] - queries[asked, at.Q_NOW_DOWN]
    return int(queries[asked, at.Q_PER_HOUR] * ends // MINUTES_PER_HOUR)


@inlined
def steps_per_cost(per_km: int) -> float:
    """How many steps of chord cost a minor unit at most; 0 where the way costs nothing."""
    if per_km == 0:
        return 0.0
    return float(1.0 / (per_km * _METRES_PER_STEP * _KM_PER_METRE * _SAFE_SHARE))


@inlined
def steps_left(left: int, steps_per_cost: float, unreliability: int) -> Any:
    """How far a row without any reliability may be that costs ``left`` beyond its price at most.

    Args:
        left: minor units.
        steps_per_cost: of :func:`steps_per_cost`.
        unreliability: minor units of a certain failure.

    Returns:
        Steps of chord, float32; nowhere negative where a row may be there.
    """
    # Parts are rounded down one by one: less than three minor units in all.
    steps = (left + 3 - unreliability) * steps_per_cost + _SAFETY_STEPS
    return np.float32(steps + abs(steps) * _SAFE_REAL)


@inlined
def steps_per_permille(steps_per_cost: float, unreliability: int) -> Any:
    """How much further a row may be for each permille of its reliability, float32."""
    return np.float32(unreliability * steps_per_cost * (1.0 / PERMILLE + _SAFE_REAL))


@inlined
def unreliability(compact: Any, weight: int) -> int:
    """What it costs that the row may fail."""
    # Unsigned, for a division by a constant is then one multiplication.
    whole = np.uint64(weight * (PERMILLE - np.int64(compact.reliability)))
    return int(whole // np.uint64(PERMILLE))


@inlined
def way(columns: Any, row: int, compact: Any, query: Array) -> int:
    """What the way to a row costs."""
    metres = DISTANCE_UNKNOWN_M
    if compact.x != at.NOWHERE:
        metres = metres_to(columns.geo, row, query)
    return int(np.uint64(query[at.Q_PER_KM] * metres) // np.uint64(METRES_PER_KM))


@inlined
def waiting(columns: Any, row: int, compact: Any, start: Any, queries: Array, asked: int) -> int:
    """What it costs that a slot from ``start`` ends when it does."""
    changeover = np.int64(compact.changeover)
    if compact.flags & at.EXACT:
        changeover = columns.resources[columns.rows[row, at.R_RESOURCE], at.S_SETUP]
    ends = start + changeover + queries[asked, at.Q_MINUTES] - queries[asked, at.Q_NOW_DOWN]
    return int(np.uint64(queries[asked, at.Q_PER_HOUR] * ends) // np.uint64(MINUTES_PER_HOUR))


@inlined
def standing(columns: Any, row: int, queries: Array, asked: int) -> int:
    """What the age of the twin and being outside the park cost; read only where they count."""
    cost, per_hour_of_age = 0, queries[asked, at.Q_PER_HOUR_OF_AGE]
    if per_hour_of_age > 0:
        seen = columns.resources[columns.rows[row, at.R_RESOURCE], at.S_SEEN]
        age = max(0, min(queries[asked, at.Q_NOW_DOWN] - seen, SIGHT_AGE_MAX_MINUTES))
        cost += per_hour_of_age * age // MINUTES_PER_HOUR
    outside_park = queries[asked, at.Q_OUTSIDE_PARK]
    if outside_park > 0 and columns.rows[row, at.R_PARK] != queries[asked, at.Q_PARK]:
        cost += outside_park
    return int(cost)
