"""Whether one row fits one query, and for what: compact rows first, exact columns where they must.

Arrays are described in :mod:`services.matching.engine.layout`.
"""

from typing import Any, NamedTuple

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.compiled import compiled, inlined, prefetch
from services.matching.engine.distance import place_of
from services.matching.engine.kernel import (
    Array,
    earliest,
    invited,
    lasting,
    near_enough,
    price_of,
    priced,
    verified,
)
from services.matching.engine.surcharges import (
    least_surcharge,
    standing,
    steps_per_cost,
    unreliability,
    waiting,
    way,
)


class Wanted(NamedTuple):
    """What one query asks of every row, read once."""

    minutes: Any
    unit_minutes: Any
    start: Any
    end: Any
    now_up: Any
    now_down: Any
    tolerance: Any
    short: Any
    middle: Any
    long: Any
    x: Any
    y: Any
    z: Any
    inside: Any
    outside: Any
    quantity: Any
    single: Any
    """One unit; with more, each row is judged by its exact columns."""
    budget: Any
    limit: Any
    ranked: Any
    steps_per_cost: Any
    """How many steps of chord cost a minor unit at most; 0 where the way costs nothing."""
    unreliability: Any
    least: Any
    """What every row costs beyond its price, at least."""


class Best(NamedTuple):
    """How many are found, the worst cost that still ranks, the price beyond which none does."""

    count: Any
    worst: Any
    cap: Any


class Fit(NamedTuple):
    """What a row costs and when it begins; ``NONE`` where it does not fit or cannot rank."""

    cost: Any
    price: Any
    start: Any


@inlined
def wanted_of(queries: Array, asked: int) -> Wanted:
    tolerance = queries[asked, at.Q_TOLERANCE]
    return Wanted(
        queries[asked, at.Q_MINUTES],
        queries[asked, at.Q_UNIT_MINUTES],
        queries[asked, at.Q_START],
        queries[asked, at.Q_END],
        queries[asked, at.Q_NOW_UP],
        queries[asked, at.Q_NOW_DOWN],
        at.UNKNOWN if tolerance == at.NONE else min(tolerance, at.WIDE - 1),
        queries[asked, at.Q_SHORT],
        queries[asked, at.Q_MIDDLE],
        queries[asked, at.Q_LONG],
        np.float32(place_of(queries[asked], at.X) * at.SPHERE),
        np.float32(place_of(queries[asked], at.Y) * at.SPHERE),
        np.float32(place_of(queries[asked], at.Z) * at.SPHERE),
        np.float32(place_of(queries[asked], at.INSIDE) * at.SPHERE**2),
        np.float32(place_of(queries[asked], at.OUTSIDE) * at.SPHERE**2),
        queries[asked, at.Q_QUANTITY],
        queries[asked, at.Q_UNITS] == 1,
        queries[asked, at.Q_BUDGET],
        queries[asked, at.Q_LIMIT],
        queries[asked, at.Q_RANKED],
        steps_per_cost(queries[asked, at.Q_PER_KM]),
        queries[asked, at.Q_UNRELIABILITY],
        least_surcharge(queries, asked),
    )


@inlined
def _squared_chord(row: Any, wanted: Wanted) -> Any:
    """On a sphere of ``layout.SPHERE``."""
    x = np.float32(row.x) - wanted.x
    y = np.float32(row.y) - wanted.y
    z = np.float32(row.z) - wanted.z
    return x * x + y * y + z * z


@inlined
def _plainly_fits(row: Any, chord: float, wanted: Wanted) -> bool:
    # All at once, for one branch that may be guessed wrong instead of six.
    return bool(
        (row.long >= wanted.long)
        & (row.middle >= wanted.middle)
        & (row.short >= wanted.short)
        & (row.tolerance <= wanted.tolerance)
        & (row.shortest <= wanted.minutes)
        & (row.lot <= wanted.quantity)
        & (chord <= wanted.outside)
    )


@inlined
def _span(row: Any, wanted: Wanted) -> Any:
    """From when on a row is open, until when, and how long it is occupied."""
    notice = max(np.int64(row.notice), at.WITHDRAWN_MINUTES * ((row.flags & at.WITHDRAWN) != 0))
    opens = max(wanted.start, wanted.now_up + notice)
    closes = min(wanted.end, wanted.now_down + row.horizon)
    return opens, closes, row.changeover + wanted.minutes


@inlined
def _plain_slot(row: Any, wanted: Wanted) -> Any:
    """The earliest start in the gaps of a compact row; ``NONE`` without any."""
    opens, closes, occupied = _span(row, wanted)
    last, begin = closes - occupied, np.int64(row.first)
    first = max(begin, opens)
    second = max(begin + row.second, opens)
    third = max(begin + row.third, opens)
    # Chosen, not branched to: which one it is cannot be guessed.
    start = np.int64(at.NONE)
    start = third if third <= min(last, begin + row.third + row.third_minutes - occupied) else start
    if second <= min(last, begin + row.second + row.second_minutes - occupied):
        start = second
    if first <= min(last, begin + row.first_minutes - occupied):
        start = first
    return start


@compiled
def _later_slot(columns: Any, row: int, wanted: Wanted) -> Any:
    """The earliest start in any gap of a row that has more than are in the compact one."""
    compact = columns.compact[row]
    opens, closes, occupied = _span(compact, wanted)
    return earliest(columns.gaps, compact.gaps, compact.gap_count, 1, occupied, opens, closes)


@compiled
def _settled(columns: Any, row: int, query: Array, start: Any) -> Any:
    """The earliest start where the compact row leaves something open; ``NONE`` without any.

    ``start`` is what the compact row knows of it, ``NONE`` where that is nothing.
    """
    flags = columns.compact[row].flags
    if flags & at.EXACT or query[at.Q_UNITS] != 1:
        return verified(columns, row, query)
    if flags & at.DATED and not lasting(columns, row, query, start):
        return at.NONE
    if near_enough(columns, row, query) and invited(columns.rows, row, query):
        return start
    return at.NONE


@inlined
def _price(columns: Any, row: int, compact: Any, wanted: Wanted) -> Any:
    if compact.flags & at.EXACT:
        return priced(columns.rows, row, at.R_RATE, wanted.unit_minutes)
    return price_of(compact.rate, compact.setup, compact.minimum, wanted.unit_minutes)


@inlined
def _start(
    columns: Any, row: int, compact: Any, chord: Any, queries: Array, asked: int, wanted: Wanted
) -> Any:
    """The earliest start of a row that meets all but the price; ``NONE`` otherwise."""
    start = np.int64(at.NONE)
    if wanted.single and not compact.flags & at.EXACT:
        if not _plainly_fits(compact, chord, wanted):
            return start
        start = _plain_slot(compact, wanted)
        if start == at.NONE and compact.flags & at.MORE_GAPS:
            start = _later_slot(columns, row, wanted)
        if start == at.NONE:
            return start
    if (
        start == at.NONE
        or chord > wanted.inside
        or compact.flags & at.DATED
        or compact.audience != at.PUBLIC
    ):
        start = _settled(columns, row, queries[asked], start)
    return start


@inlined
def fit_of(columns: Any, row: int, queries: Array, asked: int, wanted: Wanted, best: Best) -> Fit:
    """Judge one row that the bit sets let pass."""
    compact = columns.compact[row]
    unfit = Fit(np.int64(0), np.int64(0), np.int64(at.NONE))
    price = _price(columns, row, compact, wanted)
    if price > best.cap:
        return unfit
    chord = _squared_chord(compact, wanted)
    sure = price
    if wanted.ranked:
        sure += unreliability(compact, wanted.unreliability)
        if sure > best.worst - wanted.least:
            return unfit
    if wanted.steps_per_cost > 0:
        prefetch(columns.geo, row * at.PLACE_FIELDS)
    start = _start(columns, row, compact, chord, queries, asked, wanted)
    if start == at.NONE or not wanted.ranked:
        return Fit(price, price, start)
    sure += waiting(columns, row, compact, start, queries, asked)
    sure += standing(columns, row, queries, asked)
    if wanted.steps_per_cost > 0:
        sure += way(columns, row, compact, queries[asked])
    return Fit(sure, price, start)
