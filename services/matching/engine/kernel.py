"""What one row answers to one demand, exactly; search and explanation both ask here.

Arrays are described in :mod:`services.matching.engine.layout`; ``query`` is one row of queries.
"""

from typing import Any

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.compiled import compiled, inlined
from services.matching.engine.distance import metres_to

Array = np.ndarray[Any, Any]
_SIXTY_TWICE = 120


@inlined
def price_of(rate: int, setup: int, minimum: int, unit_minutes: int) -> int:
    """As ``Rate.quote``: hours rounded half up, set-up once, never below the minimum."""
    # Unsigned, for a division by a constant is then one multiplication.
    doubled = np.uint64(2 * np.int64(rate) * unit_minutes + _SIXTY_TWICE // 2)
    hours = np.int64(doubled // np.uint64(_SIXTY_TWICE))
    return int(max(hours + setup, np.int64(minimum)))


@inlined
def priced(table: Array, index: int, rate: int, unit_minutes: int) -> int:
    """The price of a row, the least of a block: rate, set-up, minimum from column ``rate`` on."""
    return price_of(
        table[index, rate], table[index, rate + 1], table[index, rate + 2], unit_minutes
    )


@compiled
def distance_to(columns: Any, row: int, query: Array) -> int:
    """Whole metres to a row; ``UNKNOWN`` where it has no place or none is asked."""
    if query[at.Q_PLACED] and columns.rows[row, at.R_PLACED]:
        return metres_to(columns.geo, row, query)
    return at.UNKNOWN


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
        resources[resource, at.S_SETUP] + query[at.Q_MINUTES],
        start,
        end,
    )


@compiled
def fits(rows: Array, row: int, resources: Array, resource: int, query: Array) -> bool:
    """What needs neither time nor place."""
    return bool(
        resources[resource, at.S_UNITS] >= query[at.Q_UNITS]
        and resources[resource, at.S_SHORTEST] <= query[at.Q_MINUTES]
        and resources[resource, at.S_LOT] <= query[at.Q_QUANTITY]
        and (resources[resource, at.S_MEASURED] or not query[at.Q_MEASURED])
        and precise(rows, row, query)
        and roomy(rows, row, query)
    )


@compiled
def invited(rows: Array, row: int, query: Array) -> bool:
    """Whether the viewer may see the row."""
    audience = rows[row, at.R_AUDIENCE]
    if audience == at.PUBLIC or query[at.Q_SEES_ALL]:
        return True
    first = at.Q_LISTS + query[at.Q_PARTITIONS] + query[at.Q_FOREIGN] + query[at.Q_ALL]
    first += query[at.Q_ANY] + query[at.Q_NOT] + query[at.Q_CERTIFICATES]
    for index in range(first, first + query[at.Q_AUDIENCES]):  # noqa: SIM110 - compiled
        if query[index] == audience:
            return True
    return False


@compiled
def near_enough(columns: Any, row: int, query: Array) -> bool:
    return bool(
        query[at.Q_RADIUS_M] == at.NONE or distance_to(columns, row, query) <= query[at.Q_RADIUS_M]
    )


@compiled
def lasting(columns: Any, row: int, query: Array, start: int) -> bool:
    """Whether the certificates asked for hold through the day a slot from ``start`` ends."""
    setup = columns.resources[columns.rows[row, at.R_RESOURCE], at.S_SETUP]
    day = (start + setup + query[at.Q_MINUTES] - 1) // at.DAY_MINUTES
    return bool(
        query[at.Q_CERTIFICATES] == 0
        or certified(columns.certificates, columns.rows, row, query, day)
    )


@compiled
def verified(columns: Any, row: int, query: Array) -> int:
    """The earliest start of a row that meets all but the price; ``NONE`` otherwise."""
    rows, resources = columns.rows, columns.resources
    resource = rows[row, at.R_RESOURCE]
    if not (
        fits(rows, row, resources, resource, query)
        and invited(rows, row, query)
        and near_enough(columns, row, query)
    ):
        return at.NONE
    start = slot_of(resources, resource, columns.gaps, query)
    if start != at.NONE and lasting(columns, row, query, start):
        return start
    return at.NONE
