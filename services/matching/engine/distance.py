"""Whole metres between two places, compiled: exactly as ``domain.great_circle_m``.

The way between two points of the unit sphere is told by their chord in a few multiplications. Where
that rounds might round otherwise than the haversine formula does, the formula decides.
"""

import math
from typing import Any

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.compiled import compiled, inlined
from services.matching.ranking import EARTH_RADIUS_M

Array = np.ndarray[Any, Any]
_DEGREE = math.pi / 180.0
_BENDS = (1 / 24, 3 / 640, 5 / 7_168, 35 / 294_912, 63 / 2_883_584)
"""The series of 2 asin(chord / 2) beyond its first term, by powers of the squared chord."""
_CHORD_MAX = 0.35
"""Up to it the series is true within a tenth of a millimetre on Earth."""
_SURE = 0.499
"""So far from a whole metre both ways of computing round alike."""


@inlined
def place_of(query: Array, field: int) -> float:
    """A number of the place of a query."""
    return float(np.int64(query[at.Q_PLACE + field]).view(np.float64))


@compiled
def great_circle(geo: Array, row: int, query: Array) -> int:
    """By the haversine formula."""
    latitude = geo[row, at.LATITUDE] - place_of(query, at.LATITUDE)
    longitude = geo[row, at.LONGITUDE] - place_of(query, at.LONGITUDE)
    cosines = place_of(query, at.COSINE) * geo[row, at.COSINE]
    haversine = math.sin(latitude / 2) ** 2 + cosines * math.sin(longitude * _DEGREE / 2) ** 2
    arc = math.asin(min(1.0, math.sqrt(haversine)))
    return int(np.rint(2 * EARTH_RADIUS_M * arc))


@inlined
def metres_to(geo: Array, row: int, query: Array) -> int:
    """From the place of a query to that of a row; both are known."""
    x = geo[row, at.X] - place_of(query, at.X)
    y = geo[row, at.Y] - place_of(query, at.Y)
    z = geo[row, at.Z] - place_of(query, at.Z)
    square = x * x + y * y + z * z
    # Estrin's scheme: fewer steps wait for each other.
    twice = square * square
    bend = (_BENDS[1] + square * _BENDS[2]) + twice * (_BENDS[3] + square * _BENDS[4])
    metres = EARTH_RADIUS_M * math.sqrt(square) * ((1.0 + square * _BENDS[0]) + twice * bend)
    whole = np.rint(metres)
    if square > _CHORD_MAX**2 or abs(metres - whole) > _SURE:
        return great_circle(geo, row, query)
    return int(whole)
