"""The compiled search: bit sets, price bounds, one line of the cache per row, then exactness.

Branch and bound after block-max WAND (Ding and Suel, SIGIR 2011): where the least possible cost
exceeds the worst of ``limit`` found, nothing is looked at. Arrays are described in
:mod:`services.matching.engine.layout`.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.arrays import arrays_at
from services.matching.engine.compiled import compiled, inlined, trailing_zeros
from services.matching.engine.kernel import (
    Array,
    distance_to,
    invited,
    lasting,
    near_enough,
    price_of,
    priced,
    slot_of,
    verified,
)
from services.matching.engine.lanes import (
    LANES,
    and_lanes,
    and_not_lanes,
    any_lane,
    copy_lanes,
    or_lanes,
)
from services.matching.engine.surcharges import least_surcharge, surcharge, surcharge_from

WORDS_AT_ONCE: Final = 64
"""Words of a partition whose sets are ANDed before rows are looked at, at most."""
SCRATCH_WORDS: Final = WORDS_AT_ONCE + LANES
_ONE = np.uint64(1)


class Wanted(NamedTuple):
    """What the compact rows are asked, of one query."""

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


@inlined
def _wanted(queries: Array, asked: int, places: Array) -> Wanted:
    tolerance = queries[asked, at.Q_TOLERANCE]
    return Wanted(
        queries[asked, at.Q_MINUTES],
        queries[asked, at.Q_UNIT_MINUTES],
        queries[asked, at.Q_START],
        queries[asked, at.Q_END],
        queries[asked, at.Q_NOW_UP],
        queries[asked, at.Q_NOW_DOWN],
        at.UNKNOWN if tolerance == at.NONE else tolerance,
        queries[asked, at.Q_SHORT],
        queries[asked, at.Q_MIDDLE],
        queries[asked, at.Q_LONG],
        np.float32(places[asked, at.X]),
        np.float32(places[asked, at.Y]),
        np.float32(places[asked, at.Z]),
        np.float32(places[asked, at.INSIDE]),
        np.float32(places[asked, at.OUTSIDE]),
        queries[asked, at.Q_QUANTITY],
        queries[asked, at.Q_UNITS] == 1,
    )


@inlined
def _squared_chord(row: Any, wanted: Wanted) -> Any:
    x, y, z = row.x - wanted.x, row.y - wanted.y, row.z - wanted.z
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
def _plain_slot(row: Any, wanted: Wanted) -> Any:
    """The earliest start in the two gaps of a compact row; ``NONE`` without any."""
    notice = max(np.int64(row.notice), at.WITHDRAWN_MINUTES * ((row.flags & at.WITHDRAWN) != 0))
    opens = max(wanted.start, wanted.now_up + notice)
    occupied = row.changeover + wanted.minutes
    last = min(wanted.end, wanted.now_down + row.horizon) - occupied
    first, second = max(np.int64(row.first), opens), max(np.int64(row.second), opens)
    room = np.int64(row.first_minutes) - occupied
    if first <= min(last, row.first + room):
        return first
    room = np.int64(row.second_minutes) - occupied
    if second <= min(last, row.second + room):
        return second
    return np.int64(at.NONE)


@compiled
def _settled(columns: Any, row: int, queries: Array, asked: int, places: Array, start: Any) -> Any:
    """The earliest start where the compact row leaves something open; ``NONE`` without any.

    ``start`` is what the compact row knows of it, ``NONE`` where that is nothing.
    """
    query, place, flags = queries[asked], places[asked], columns.compact[row].flags
    if flags & at.EXACT or query[at.Q_UNITS] != 1:
        return verified(columns, row, query, place)
    if start == at.NONE:
        resource = columns.rows[row, at.R_RESOURCE]
        start = slot_of(columns.resources, resource, columns.gaps, query)
        if start == at.NONE:
            return at.NONE
    if flags & at.DATED and not lasting(columns, row, query, start):
        return at.NONE
    if near_enough(columns, row, query, place) and invited(columns.rows, row, query):
        return start
    return at.NONE


@compiled
def _survivors(
    bits: Array, base: int, stride: int, words: int, queries: Array, asked: int, left: Array
) -> None:
    """Write to ``left`` which rows of ``words`` words from ``base`` on no bit set rules out."""
    every = at.Q_LISTS + queries[asked, at.Q_PARTITIONS] + queries[asked, at.Q_FOREIGN]
    some = every + queries[asked, at.Q_ALL]
    none = some + queries[asked, at.Q_ANY]
    end = none + queries[asked, at.Q_NOT]
    for word in range(0, words, LANES):
        first = base + word
        copy_lanes(left, word, bits, first + at.ALIVE * stride)
        if some + 1 == none:
            and_lanes(left, word, bits, first + queries[asked, some] * stride)
        elif some < none:
            copy_lanes(left, WORDS_AT_ONCE, bits, first + queries[asked, some] * stride)
            for index in range(some + 1, none):
                or_lanes(left, WORDS_AT_ONCE, bits, first + queries[asked, index] * stride)
            and_lanes(left, word, left, WORDS_AT_ONCE)
        for index in range(every, some):
            and_lanes(left, word, bits, first + queries[asked, index] * stride)
        for index in range(none, end):
            and_not_lanes(left, word, bits, first + queries[asked, index] * stride)


@compiled
def _before(columns: Any, query: Array, place: Array, found: Array, one: int, other: int) -> bool:
    """Whether ``one`` of two of equal cost ranks first: price, distance, start, resource, offer."""
    if found[one, at.F_PRICE] != found[other, at.F_PRICE]:
        return bool(found[one, at.F_PRICE] < found[other, at.F_PRICE])
    first, second = found[one, at.F_ROW], found[other, at.F_ROW]
    here = distance_to(columns, first, query, place)
    there = distance_to(columns, second, query, place)
    if here != there:
        return bool(here < there)
    if found[one, at.F_START] != found[other, at.F_START]:
        return bool(found[one, at.F_START] < found[other, at.F_START])
    for field in range(at.R_KEY, at.R_KEY + at.KEY_FIELDS):
        if columns.rows[first, field] != columns.rows[second, field]:
            return bool(columns.rows[first, field] < columns.rows[second, field])
    return False


@compiled
def _is_listed(columns: Any, found: Array, count: int) -> bool:
    """Whether the listing of what is at ``count`` was found before; keeps its earlier capability.

    Rows of one listing differ in their capability alone, so they cost and begin the same.
    """
    rows, fresh = columns.rows, found[count, at.F_ROW]
    for index in range(count):
        row = found[index, at.F_ROW]
        if rows[row, at.R_LISTING] == rows[fresh, at.R_LISTING]:
            if rows[fresh, at.R_ORDINAL] < rows[row, at.R_ORDINAL]:
                found[index, at.F_ROW] = fresh
            return True
    return False


@inlined
def _keep(columns: Any, queries: Array, asked: int, places: Array, found: Array, count: int) -> int:
    """Put what is written at ``count`` in its place; how many there are then."""
    index = count
    while index > 0 and found[asked, index - 1, at.F_COST] >= found[asked, index, at.F_COST]:
        if found[asked, index - 1, at.F_COST] == found[asked, index, at.F_COST] and not _before(
            columns, queries[asked], places[asked], found[asked], index, index - 1
        ):
            break
        for field in range(at.FOUND_FIELDS):
            moved = found[asked, index, field]
            found[asked, index, field] = found[asked, index - 1, field]
            found[asked, index - 1, field] = moved
        index -= 1
    return int(min(count + 1, queries[asked, at.Q_LIMIT]))


@compiled
def _ranked(
    columns: Any, row: int, queries: Array, asked: int, places: Array, start: Any, price: int
) -> int:
    """What a slot from ``start`` costs with all that ranks it."""
    return price + surcharge(columns, row, start, queries[asked], places[asked])


@compiled
def _entered(
    columns: Any, queries: Array, asked: int, places: Array, found: Array, count: int
) -> int:
    """Take in what is written at ``count``; how many there are then."""
    flags = columns.compact[found[asked, count, at.F_ROW]].flags
    if flags & at.SHARED and _is_listed(columns, found[asked], count):
        return count
    return _keep(columns, queries, asked, places, found, count)


@compiled
def search(  # noqa: C901, PLR0912, PLR0915 - a call that takes arrays costs more than a row
    addresses: Array, queries: Array, places: Array, order: Array, scratch: Array, found: Array,
    counts: Array,
) -> None:  # fmt: skip
    """The best rows for each query.

    Args:
        addresses: of :func:`services.matching.engine.arrays.addresses_of`.
        queries: int64 ``(n, …)``, each as :mod:`services.matching.engine.layout` lays it out.
        places: float64 ``(n, PLACE_FIELDS)``, of the demands.
        order: int64 ``(m,)``, which queries, in the order of search.
        scratch: uint64 ``(SCRATCH_WORDS,)``, overwritten.
        found: int64 ``(n, limit + 1, FOUND_FIELDS)``, written, best first.
        counts: int64 ``(n,)``, written: how many rows of each are filled.
    """
    columns = arrays_at(addresses)
    partitions, blocks, bits = columns.partitions, columns.blocks, columns.bits
    compacts, rows = columns.compact, columns.rows
    for asked in order:
        wanted = _wanted(queries, asked, places)
        ranked, least = queries[asked, at.Q_RANKED], least_surcharge(queries, asked)
        budget, limit = queries[asked, at.Q_BUDGET], queries[asked, at.Q_LIMIT]
        count, worst, cap = 0, at.UNKNOWN, budget
        for part in range(at.Q_LISTS, at.Q_LISTS + queries[asked, at.Q_PARTITIONS]):
            group = queries[asked, part]
            first_row, words = partitions[group, at.P_ROWS], partitions[group, at.P_WORDS]
            first_block, base = first_row // at.WORD, partitions[group, at.P_BITS]
            word, span = 0, LANES
            while word < words:
                block = first_block + word
                if priced(blocks, block, at.B_LATER_RATE, wanted.unit_minutes) > cap:
                    break
                span = min(span, words - word)
                _survivors(bits, base + word, words, span, queries, asked, scratch)
                for offset in range(span):
                    if offset % LANES == 0 and not any_lane(scratch, offset):
                        continue
                    left, block = scratch[offset], first_block + word + offset
                    if not left or priced(blocks, block, at.B_RATE, wanted.unit_minutes) > cap:
                        continue
                    while left:
                        row = block * at.WORD + trailing_zeros(left)
                        left &= left - _ONE
                        compact = compacts[row]
                        open_ended = compact.flags & at.EXACT != 0
                        price = (
                            priced(rows, row, at.R_RATE, wanted.unit_minutes)
                            if open_ended
                            else price_of(
                                compact.rate, compact.setup, compact.minimum, wanted.unit_minutes
                            )
                        )
                        if price > cap:
                            continue
                        start = np.int64(at.NONE)
                        chord = _squared_chord(compact, wanted)
                        if not open_ended and wanted.single:
                            if not _plainly_fits(compact, chord, wanted):
                                continue
                            start = _plain_slot(compact, wanted)
                            if start == at.NONE and not compact.flags & at.MORE_GAPS:
                                continue
                            open_ended = (
                                start == at.NONE
                                or chord > wanted.inside
                                or compact.flags & at.DATED != 0
                                or compact.audience != at.PUBLIC
                            )
                        if ranked and (
                            price + least + surcharge_from(compact, chord, queries, asked) > worst
                        ):
                            continue
                        if open_ended or not wanted.single:
                            start = _settled(columns, row, queries, asked, places, start)
                            if start == at.NONE:
                                continue
                        cost = price
                        if ranked:
                            cost = _ranked(columns, row, queries, asked, places, start, price)
                            if cost > worst:
                                continue
                        found[asked, count, at.F_COST], found[asked, count, at.F_PRICE] = (
                            cost,
                            price,
                        )
                        found[asked, count, at.F_ROW], found[asked, count, at.F_START] = row, start
                        if compact.flags & at.SHARED or (
                            count > 0 and cost <= found[asked, count - 1, at.F_COST]
                        ):
                            count = _entered(columns, queries, asked, places, found, count)
                        else:
                            count += 1
                        if count == limit:
                            worst = found[asked, count - 1, at.F_COST]
                            cap = min(budget, worst - least)
                word += span
                span = min(2 * span, WORDS_AT_ONCE)
        counts[asked] = count
