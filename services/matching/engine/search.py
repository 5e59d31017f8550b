"""The compiled search: bit sets, price bounds, one line of the cache per row, then exactness.

Branch and bound after block-max WAND (Ding and Suel, SIGIR 2011): where the least possible cost
exceeds the worst of ``limit`` found, nothing is looked at. Arrays are described in
:mod:`services.matching.engine.layout`.
"""

from typing import Any

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.arrays import arrays_at, numbers_at, unowned, zeros
from services.matching.engine.compiled import compiled, inlined, trailing_zeros
from services.matching.engine.fitting import Best, Fit, Wanted, fit_of, wanted_of
from services.matching.engine.kernel import Array, distance_to, priced
from services.matching.engine.lanes import LANES, rows_within
from services.matching.engine.sieve import (
    AHEAD,
    EXAMINED,
    SCRATCH_WORDS,
    STOPPED,
    V_BLOCKS,
    V_FIRST,
    V_WORDS,
    WARM_WORDS,
    WORDS_AT_ONCE,
    ask_for_rows,
    survey_of,
    survey_rows,
    survivors,
)
from services.matching.engine.surcharges import LONGEST_SQUARED, steps_left, steps_per_permille

_ONE = np.uint64(1)


def room_for(limit: int) -> Array:
    """What a search overwrites, uint64: the sets of some words, its counts, ``limit`` + 1 ranks."""
    return zeros((SCRATCH_WORDS + (limit + 1) * at.FOUND_FIELDS,), np.uint64)


@inlined
def _scratch_of(room: Array) -> Array:
    return unowned(room, np.uint64)


@inlined
def _ranks_of(room: Array) -> Array:
    first = np.uint64(room.ctypes.data + 8 * SCRATCH_WORDS)
    return numbers_at(first, (len(room) - SCRATCH_WORDS) // at.FOUND_FIELDS, at.FOUND_FIELDS)


@compiled
def _ranks_before(columns: Any, query: Array, found: Array, index: int, fit: Fit, row: int) -> bool:
    """Whether ``fit`` goes before what is found at ``index`` for the same cost.

    By price, distance, start, resource, offer.
    """
    if fit.price != found[index, at.F_PRICE]:
        return bool(fit.price < found[index, at.F_PRICE])
    other = found[index, at.F_ROW]
    here = distance_to(columns, row, query)
    there = distance_to(columns, other, query)
    if here != there:
        return bool(here < there)
    if fit.start != found[index, at.F_START]:
        return bool(fit.start < found[index, at.F_START])
    for field in range(at.R_KEY, at.R_KEY + at.KEY_FIELDS):
        if columns.rows[row, field] != columns.rows[other, field]:
            return bool(columns.rows[row, field] < columns.rows[other, field])
    return False


@compiled
def _is_listed(rows: Array, found: Array, count: int, fresh: int) -> bool:
    """Whether the listing of a row was found before; keeps the earlier of its capabilities.

    Rows of one listing differ in their capability alone, so they cost and begin the same.
    """
    for index in range(count):
        row = found[index, at.F_ROW]
        if rows[row, at.R_LISTING] == rows[fresh, at.R_LISTING]:
            if rows[fresh, at.R_ORDINAL] < rows[row, at.R_ORDINAL]:
                found[index, at.F_ROW] = fresh
            return True
    return False


@inlined
def _enter(
    columns: Any, queries: Array, asked: int, found: Array, count: int, fit: Fit, row: int
) -> int:
    """Put a row in its place; how many there are then."""
    if columns.compact[row].flags & at.SHARED and _is_listed(columns.rows, found, count, row):
        return count
    index = count
    while index > 0 and (
        fit.cost < found[index - 1, at.F_COST]
        or (
            fit.cost == found[index - 1, at.F_COST]
            and _ranks_before(columns, queries[asked], found, index - 1, fit, row)
        )
    ):
        for field in range(at.FOUND_FIELDS):
            found[index, field] = found[index - 1, field]
        index -= 1
    found[index, at.F_COST], found[index, at.F_PRICE] = fit.cost, fit.price
    found[index, at.F_ROW], found[index, at.F_START] = row, fit.start
    return int(min(count + 1, queries[asked, at.Q_LIMIT]))


@inlined
def _near(columns: Any, wanted: Wanted, block: int, best: Best) -> Any:
    """Which rows of a block are not too far away for the least price in it, one bit each."""
    price = priced(columns.blocks, block, at.B_RATE, wanted.unit_minutes)
    left = best.worst - wanted.least - price
    return rows_within(
        columns.places,
        block * at.PLACE_PLANES * at.WORD,
        wanted.x,
        wanted.y,
        wanted.z,
        LONGEST_SQUARED,
        steps_left(left, wanted.steps_per_cost, wanted.unreliability),
        steps_per_permille(wanted.steps_per_cost, wanted.unreliability),
    )


@inlined
def _search_block(
    columns: Any, queries: Array, asked: int, wanted: Wanted, block: int, left: Any, found: Array,
    best: Best,
) -> Best:  # fmt: skip
    """Judge the rows of ``left`` in one block of 64."""
    if wanted.steps_per_cost > 0 and best.count == wanted.limit:
        left &= _near(columns, wanted, block, best)
    while left:
        row = block * at.WORD + trailing_zeros(left)
        left &= left - _ONE
        fit = fit_of(columns, row, queries, asked, wanted, best)
        if fit.start == at.NONE or fit.cost > best.worst:
            continue
        count = _enter(columns, queries, asked, found, best.count, fit, row)
        best = Best(count, best.worst, best.cap)
        if count == wanted.limit:
            worst = found[count - 1, at.F_COST]
            best = Best(count, worst, min(wanted.budget, worst - wanted.least))
    return best


@inlined
def _search_surveyed(
    columns: Any, queries: Array, asked: int, wanted: Wanted, scratch: Array, survey: int,
    found: Array, best: Best,
) -> Best:  # fmt: skip
    """Judge the rows that were left when the sets were looked through ahead."""
    for index in range(np.int64(scratch[survey + V_BLOCKS])):
        block: Any = np.int64(scratch[survey + V_FIRST + 2 * index])
        left = scratch[survey + V_FIRST + 2 * index + 1]
        if priced(columns.blocks, block, at.B_RATE, wanted.unit_minutes) <= best.cap:
            best = _search_block(columns, queries, asked, wanted, block, left, found, best)
    return best


@inlined
def _search_partition(
    columns: Any, queries: Array, asked: int, wanted: Wanted, group: int, scratch: Array,
    found: Array, best: Best, begin: int, warm: int,
) -> Best:  # fmt: skip
    """Judge what is left from word ``begin`` of a partition on."""
    first_row, words = columns.partitions[group, at.P_ROWS], columns.partitions[group, at.P_WORDS]
    first_block, base = first_row // at.WORD, columns.partitions[group, at.P_BITS]
    word, span, unit_minutes = begin, LANES, wanted.unit_minutes
    while word < words:
        if priced(columns.blocks, first_block + word, at.B_LATER_RATE, unit_minutes) > best.cap:
            break
        span = min(span, words - word)
        filled = survivors(columns.bits, base + word, words, span, queries, asked, scratch)
        if words > warm:
            ask_for_rows(columns.compact, scratch, filled, first_block + word)
        while filled:
            offset = trailing_zeros(filled)
            filled &= filled - _ONE
            left, block = scratch[offset], first_block + word + offset
            if priced(columns.blocks, block, at.B_RATE, unit_minutes) <= best.cap:
                best = _search_block(columns, queries, asked, wanted, block, left, found, best)
        word += span
        span = min(2 * span, WORDS_AT_ONCE)
    scratch[EXAMINED] += np.uint64(word * at.WORD)
    scratch[STOPPED] += np.uint64(word < words)
    return best


@inlined
def _rank(
    columns: Any, queries: Array, asked: int, scratch: Array, ranks: Array, survey: int, warm: int
) -> int:
    """Write the best rows for one query to ``ranks``; how many there are.

    Rows of partitions of more than ``warm`` words are asked for ahead: no cache holds them. The
    first partition was looked through ahead as ``survey`` tells, with ``NONE`` not at all.
    """
    wanted = wanted_of(queries, asked)
    best = Best(np.int64(0), np.int64(at.UNKNOWN), wanted.budget)
    begin: Any = 0
    if survey != at.NONE:
        begin = np.int64(scratch[survey + V_WORDS])
        best = _search_surveyed(columns, queries, asked, wanted, scratch, survey, ranks, best)
    for part in range(at.Q_LISTS, at.Q_LISTS + queries[asked, at.Q_PARTITIONS]):
        group = queries[asked, part]
        best = _search_partition(
            columns, queries, asked, wanted, group, scratch, ranks, best, begin, warm
        )
        begin = 0
    return int(best.count)


@compiled
def search(addresses: Array, room: Array, query: Array) -> int:
    """Write the best rows for one query to the ranks of ``room``; how many there are.

    Args:
        addresses: of :func:`services.matching.engine.arrays.addresses_of`.
        room: of :func:`room_for` at least the limit of the query.
        query: int64 ``(n,)``, as :mod:`services.matching.engine.layout` lays it out.
    """
    queries = numbers_at(np.uint64(query.ctypes.data), 1, len(query))
    return _rank(arrays_at(addresses), queries, 0, _scratch_of(room), _ranks_of(room), at.NONE, 0)


@compiled
def search_many(
    addresses: Array, room: Array, queries: Array, order: Array, found: Array, counts: Array
) -> None:
    """:func:`search` for each of many queries.

    Args:
        addresses: of :func:`services.matching.engine.arrays.addresses_of`.
        room: of :func:`room_for` at least the highest limit.
        queries: int64 ``(n, …)``.
        order: int64 ``(n,)``, where the answer to each query goes.
        found: int64 ``(n, limit, FOUND_FIELDS)``, written, best first.
        counts: int64 ``(n,)``, written: how many rows of each are filled.
    """
    columns, scratch, ranks = arrays_at(addresses), _scratch_of(room), _ranks_of(room)
    # What nobody owns costs no counting of references wherever it is handed on.
    queries = unowned(queries, np.int64)
    for asked in range(-AHEAD, len(queries)):
        if asked >= 0:
            survey = survey_of(asked)
            count = _rank(columns, queries, asked, scratch, ranks, survey, WARM_WORDS)
            answer = order[asked]
            counts[answer] = count
            for index in range(count):
                for field in range(at.FOUND_FIELDS):
                    found[answer, index, field] = ranks[index, field]
        if asked + AHEAD < len(queries):
            following = asked + AHEAD
            survey_rows(columns, queries, following, scratch, survey_of(following), WARM_WORDS)
