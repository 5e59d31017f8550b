"""The compiled search: blocks of 64 listings by bit sets and price bounds, then exact verification.

Branch and bound after block-max WAND (Ding and Suel, SIGIR 2011): a block whose least possible
price exceeds the worst of ``limit`` found is never looked at. Arrays are described in
:mod:`services.matching.engine.layout`.
"""

import math
from typing import Any

import numpy as np

from services.matching.domain import EARTH_RADIUS_M
from services.matching.engine import layout as at
from services.matching.engine.compiled import compiled, trailing_zeros

Array = np.ndarray[Any, Any]
_DEGREE = math.pi / 180.0
_ONE = np.uint64(1)
_SIXTY_TWICE = 120


@compiled
def price_of(rate: int, setup: int, minimum: int, unit_minutes: int) -> int:
    """As ``Rate.quote``: hours rounded half up, set-up once, never below the minimum."""
    hours = (2 * rate * unit_minutes + _SIXTY_TWICE // 2) // _SIXTY_TWICE
    return max(hours + setup, minimum)


@compiled
def priced(table: Array, index: int, rate: int, query: Array) -> int:
    """The price of a row, the least of a block: rate, set-up, minimum from column ``rate`` on."""
    unit_minutes = query[at.Q_UNIT_MINUTES]
    return price_of(
        table[index, rate], table[index, rate + 1], table[index, rate + 2], unit_minutes
    )


@compiled
def distance_of(geo: Array, row: int, place: Array) -> int:
    """As ``great_circle_m``, in whole metres."""
    half_latitude = (geo[row, at.LATITUDE] - place[at.LATITUDE]) / 2
    half_longitude = (geo[row, at.LONGITUDE] - place[at.LONGITUDE]) * _DEGREE / 2
    haversine = (
        math.sin(half_latitude) ** 2
        + place[at.COSINE] * geo[row, at.COSINE] * math.sin(half_longitude) ** 2
    )
    arc = math.asin(min(1.0, math.sqrt(haversine)))
    return int(np.rint(2 * EARTH_RADIUS_M * arc))


@compiled
def earliest(
    gaps: Array, first: int, count: int, units: int, minutes: int, start: int, end: int
) -> int:
    """The earliest start inside one gap with enough units; ``NONE`` without any."""
    for index in range(first, first + count):
        begin = max(gaps[index, at.GAP_START], start)
        if begin + minutes > end:
            return at.NONE
        if begin + minutes <= gaps[index, at.GAP_END] and gaps[index, at.GAP_UNITS] >= units:
            return int(begin)
    return at.NONE


@compiled
def certified(certificates: Array, rows: Array, row: int, query: Array, day: int) -> bool:
    """Whether the row holds every certificate asked for, through ``day``."""
    first = at.Q_LISTS + query[at.Q_PARTITIONS] + query[at.Q_FOREIGN]
    first += query[at.Q_ALL] + query[at.Q_ANY] + query[at.Q_NOT]
    begin, count = rows[row, at.R_CERTIFICATES], rows[row, at.R_CERTIFICATE_COUNT]
    for asked in range(first, first + query[at.Q_CERTIFICATES]):
        held = False
        for index in range(begin, begin + count):
            if certificates[index, at.CERTIFICATE_KEY] == query[asked]:
                held = certificates[index, at.CERTIFICATE_DAY] >= day
                break
        if not held:
            return False
    return True


@compiled
def roomy(rows: Array, row: int, query: Array) -> bool:
    """Whether a part may be turned to fit, longest edge against longest edge."""
    return bool(
        rows[row, at.R_LONG] >= query[at.Q_LONG]
        and rows[row, at.R_MIDDLE] >= query[at.Q_MIDDLE]
        and rows[row, at.R_SHORT] >= query[at.Q_SHORT]
    )


@compiled
def precise(rows: Array, row: int, query: Array) -> bool:
    asked, offered = query[at.Q_TOLERANCE], rows[row, at.R_TOLERANCE]
    return bool(asked == at.NONE or (offered != at.NONE and offered <= asked))


@compiled
def slot_of(resources: Array, resource: int, gaps: Array, query: Array) -> int:
    """The earliest start, live state respected; ``NONE`` without any."""
    start = max(query[at.Q_START], query[at.Q_NOW_UP] + resources[resource, at.S_NOTICE])
    end = min(query[at.Q_END], query[at.Q_NOW_DOWN] + resources[resource, at.S_HORIZON])
    if resources[resource, at.S_WITHDRAWN]:
        start = max(start, query[at.Q_NOW_UP] + at.WITHDRAWN_MINUTES)
    return earliest(
        gaps,
        resources[resource, at.S_GAPS],
        resources[resource, at.S_GAP_COUNT],
        query[at.Q_UNITS],
        query[at.Q_MINUTES],
        start,
        end,
    )


@compiled
def fits(rows: Array, row: int, resources: Array, resource: int, query: Array) -> bool:
    """What needs neither time nor place."""
    return bool(
        resources[resource, at.S_UNITS] >= query[at.Q_UNITS]
        and resources[resource, at.S_SHORTEST] <= query[at.Q_MINUTES]
        and (resources[resource, at.S_MEASURED] or not query[at.Q_MEASURED])
        and precise(rows, row, query)
        and roomy(rows, row, query)
    )


@compiled
def before(found: Array, one: int, other: int) -> bool:
    """Whether ``one`` ranks before ``other``: price, distance, start, resource, offer."""
    for field in range(at.F_KEY + at.KEY_FIELDS):
        if found[one, field] != found[other, field]:
            return bool(found[one, field] < found[other, field])
    return False


@compiled
def keep(found: Array, count: int, limit: int) -> int:
    """Put what is written at ``count`` in its place; how many there are then.

    A listing is found once, with the earliest of its capabilities that fit.
    """
    for index in range(count):
        if found[index, at.F_LISTING] == found[count, at.F_LISTING]:
            earlier = min(found[index, at.F_ORDINAL], found[count, at.F_ORDINAL])
            found[index, at.F_ORDINAL] = earlier
            return count
    place = count
    while place > 0 and before(found, place, place - 1):
        for field in range(at.FOUND_FIELDS):
            moved = found[place, field]
            found[place, field] = found[place - 1, field]
            found[place - 1, field] = moved
        place -= 1
    return min(count + 1, limit)


@compiled
def survivors(bits: Array, base: int, stride: int, word: int, query: Array) -> Any:
    """The rows of one block that no bit set rules out."""
    left = bits[base + at.ALIVE * stride + word]
    at_set = at.Q_LISTS + query[at.Q_PARTITIONS] + query[at.Q_FOREIGN]
    for index in range(at_set, at_set + query[at.Q_ALL]):
        left &= bits[base + query[index] * stride + word]
        if not left:
            return left
    at_set += query[at.Q_ALL]
    if query[at.Q_ANY]:
        one = bits[base + query[at_set] * stride + word]
        for index in range(at_set + 1, at_set + query[at.Q_ANY]):
            one |= bits[base + query[index] * stride + word]
        left &= one
    at_set += query[at.Q_ANY]
    for index in range(at_set, at_set + query[at.Q_NOT]):
        left &= ~bits[base + query[index] * stride + word]
    return left


@compiled
def verify(
    columns: Any, query: Array, place: Array, index: int, price: int, found: Array, count: int
) -> bool:
    """Judge one row exactly; if it fits and ranks, write it at ``count`` of ``found``."""
    rows, resources = columns.rows, columns.resources
    resource = rows[index, at.R_RESOURCE]
    if not fits(rows, index, resources, resource, query):
        return False
    distance = at.UNKNOWN
    if query[at.Q_PLACED] and rows[index, at.R_PLACED]:
        distance = distance_of(columns.geo, index, place)
    if query[at.Q_RADIUS_M] != at.NONE and distance > query[at.Q_RADIUS_M]:
        return False
    start = slot_of(resources, resource, columns.gaps, query)
    if start == at.NONE:
        return False
    day = (start + query[at.Q_MINUTES] - 1) // at.DAY_MINUTES
    if query[at.Q_CERTIFICATES] and not certified(columns.certificates, rows, index, query, day):
        return False
    found[count, at.F_PRICE], found[count, at.F_DISTANCE] = price, distance
    found[count, at.F_START] = start
    for field in range(at.KEY_FIELDS):
        found[count, at.F_KEY + field] = rows[index, at.R_KEY + field]
    found[count, at.F_LISTING] = rows[index, at.R_LISTING]
    found[count, at.F_ORDINAL] = rows[index, at.R_ORDINAL]
    return True


@compiled
def search_block(
    columns: Any,
    query: Array,
    place: Array,
    first_row: int,
    left: Any,
    found: Array,
    count: int,
) -> int:
    """Verify the rows of ``left``, whose block begins at ``first_row``; how many are found then."""
    limit = query[at.Q_LIMIT]
    while left:
        index = first_row + trailing_zeros(left)
        left &= left - _ONE
        price = priced(columns.rows, index, at.R_RATE, query)
        worst = found[limit - 1, at.F_PRICE] if count == limit else at.UNKNOWN
        if price > min(worst, query[at.Q_BUDGET]):
            continue
        if verify(columns, query, place, index, price, found, count):
            count = keep(found, count, limit)
    return count


@compiled
def search(columns: Any, query: Array, place: Array, found: Array) -> int:
    """The best rows for ``query``; how many were written to ``found``, best first.

    Args:
        columns: of :class:`services.matching.engine.columns.Arrays`.
        query: int64, as :mod:`services.matching.engine.layout` lays it out.
        place: float64 ``(3,)``, of the demand.
        found: int64 ``(limit + 1, FOUND_FIELDS)``, written.
    """
    count, limit = 0, query[at.Q_LIMIT]
    for part in range(at.Q_LISTS, at.Q_LISTS + query[at.Q_PARTITIONS]):
        group = query[part]
        stride, base = columns.partitions[group, at.P_WORDS], columns.partitions[group, at.P_BITS]
        for word in range(stride):
            first_row = columns.partitions[group, at.P_ROWS] + word * at.WORD
            least = priced(columns.blocks, first_row // at.WORD, at.B_RATE, query)
            worst = found[limit - 1, at.F_PRICE] if count == limit else at.UNKNOWN
            if least > min(worst, query[at.Q_BUDGET]):
                continue
            left = survivors(columns.bits, base, stride, word, query)
            if left:
                count = search_block(columns, query, place, first_row, left, found, count)
    return count


@compiled
def search_many(columns: Any, queries: Array, places: Array, found: Array, counts: Array) -> None:
    """:func:`search` for each of ``queries`` ``(n, …)``, into ``found`` ``(n, limit + 1, …)``."""
    for index in range(len(queries)):
        counts[index] = search(columns, queries[index], places[index], found[index])
