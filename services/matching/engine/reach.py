"""Which rows are too far away to rank, once the best so far are known, by bands of the bit sets."""

import math
from typing import Any

from services.matching.engine import layout as at
from services.matching.engine.compiled import compiled
from services.matching.engine.kernel import Array
from services.matching.engine.lanes import LANES, and_lanes, and_not_lanes
from services.matching.ranking import EARTH_RADIUS_M, METRES_PER_KM

_SAFETY_M = 1_000.0
_FARTHEST_DEGREES = 60.0
"""Beyond it bands rule out too little to be asked."""
_NEAR_POLE_DEGREES = 89.0
_DEGREES = 180.0 / math.pi
_HALF_TURN = 180.0


@compiled
def _narrow(
    columns: Any, axis: int, low: float, high: float, base: int, stride: int, words: int,
    left: Array,
) -> None:  # fmt: skip
    """Leave in ``left`` only rows of the bands that reach from ``low`` to ``high`` degrees."""
    first, count = int(columns.bands[axis, at.BAND_FIRST]), int(columns.bands[axis, at.BAND_COUNT])
    inside, outside = -1, -1
    for band in range(count):
        degrees = columns.bands[axis, at.BAND_DEGREES + band]
        if degrees <= low:
            inside = first + band
        elif degrees > high:
            outside = first + band
            break
    for word in range(0, words, LANES):
        if inside >= 0:
            and_lanes(left, word, columns.bits, base + inside * stride + word)
        if outside >= 0:
            and_not_lanes(left, word, columns.bits, base + outside * stride + word)


@compiled
def narrow(
    columns: Any, place: Array, per_km: int, room: int, base: int, stride: int, words: int,
    left: Array,
) -> None:  # fmt: skip
    """Leave in ``left`` the rows near enough for ``room`` to pay for the way.

    Args:
        columns: the arrays.
        place: float64 ``(PLACE_FIELDS,)``, of the demand.
        per_km: minor units for each km, more than 0.
        room: minor units between the least a row costs without its way and the worst that ranks.
        base: the first word of the first set.
        stride: words of a set.
        words: how many there are in ``left``, a multiple of ``LANES``.
        left: uint64, a bit for each row, changed.
    """
    angle = (float(room) / per_km * METRES_PER_KM + _SAFETY_M) / EARTH_RADIUS_M
    north, reach = place[at.LATITUDE] * _DEGREES, angle * _DEGREES
    if reach > _FARTHEST_DEGREES or abs(north) + reach > _NEAR_POLE_DEGREES:
        return
    _narrow(columns, 0, north - reach, north + reach, base, stride, words, left)
    east = place[at.LONGITUDE]
    wide = math.asin(min(1.0, math.sin(angle) / math.cos(place[at.LATITUDE]))) * _DEGREES
    if abs(east) + wide < _HALF_TURN:
        _narrow(columns, 1, east - wide, east + wide, base, stride, words, left)
