"""The first step of the search: which rows no bit set rules out, and that these come to the cache.

Of a batch it runs a few demands ahead of the judging, so that what one demand waits for comes while
others are judged. ``scratch`` is uint64 ``(SCRATCH_WORDS,)``.
"""

from typing import Any, Final

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.compiled import inlined, prefetch, trailing_zeros
from services.matching.engine.kernel import Array, priced
from services.matching.engine.lanes import (
    LANES,
    TWICE,
    and_lanes,
    and_not_sets,
    and_not_sets_twice,
    and_sets,
    and_sets_twice,
    and_twice,
    copy_lanes,
    copy_twice,
    filled_lanes,
    or_sets,
    or_sets_twice,
)

WORDS_AT_ONCE: Final = 64
"""Words of a partition whose sets are ANDed before rows are looked at, at most."""
ROWS_AHEAD: Final = 24
WARM_WORDS: Final = 64
"""Words of a partition whose rows stay in the cache while many are asked."""
EXAMINED: Final = WORDS_AT_ONCE + TWICE
STOPPED: Final = EXAMINED + 1
"""What searches counted so far: rows they looked through, partitions they left by their bound."""
AHEAD: Final = 4
"""Demands of a batch whose first rows are asked for before the first of them is judged."""
V_WORDS, V_BLOCKS, V_FIRST = range(3)
"""Of what was looked through ahead: how many words, and how many blocks have rows left; then, from
``V_FIRST`` on, each of these blocks and its rows."""
SURVEY: Final = V_FIRST + 2 * (ROWS_AHEAD + WORDS_AT_ONCE)
SURVEYS: Final = STOPPED + 1
SCRATCH_WORDS: Final = SURVEYS + AHEAD * SURVEY
_ONE = np.uint64(1)


@inlined
def survivors(
    bits: Array, base: int, stride: int, words: int, queries: Array, asked: int, left: Array
) -> Any:
    """Write to ``left`` which rows of ``words`` words from ``base`` on no bit set rules out.

    Returns:
        Which of these words are not 0, one bit each.
    """
    every = at.Q_LISTS + queries[asked, at.Q_PARTITIONS] + queries[asked, at.Q_FOREIGN]
    some = every + queries[asked, at.Q_ALL]
    none = some + queries[asked, at.Q_ANY]
    end = none + queries[asked, at.Q_NOT]
    query, filled = queries[asked], np.uint64(0)
    # What is in a set is alive.
    one = query[some] if some + 1 == none else at.ALIVE
    twice = words // TWICE * TWICE
    for word in range(0, twice, TWICE):
        first = base + word
        copy_twice(left, word, bits, first + one * stride)
        if some + 1 < none:
            copy_twice(left, WORDS_AT_ONCE, bits, first + query[some] * stride)
            or_sets_twice(left, WORDS_AT_ONCE, bits, first, stride, query, some + 1, none)
            and_twice(left, word, left, WORDS_AT_ONCE)
        and_sets_twice(left, word, bits, first, stride, query, every, some)
        and_not_sets_twice(left, word, bits, first, stride, query, none, end)
        filled |= filled_lanes(left, word) << np.uint64(word)
        filled |= filled_lanes(left, word + LANES) << np.uint64(word + LANES)
    for word in range(twice, words, LANES):
        first = base + word
        copy_lanes(left, word, bits, first + one * stride)
        if some + 1 < none:
            copy_lanes(left, WORDS_AT_ONCE, bits, first + query[some] * stride)
            or_sets(left, WORDS_AT_ONCE, bits, first, stride, query, some + 1, none)
            and_lanes(left, word, left, WORDS_AT_ONCE)
        and_sets(left, word, bits, first, stride, query, every, some)
        and_not_sets(left, word, bits, first, stride, query, none, end)
        filled |= filled_lanes(left, word) << np.uint64(word)
    return filled


@inlined
def ask_for_rows(compact: Any, left: Array, filled: Any, first_block: int) -> None:
    """Bring the first rows of ``left`` to the cache at once, not one by one."""
    asked = 0
    while filled:
        offset = trailing_zeros(filled)
        filled &= filled - _ONE
        some = left[offset]
        while some:
            prefetch(compact, (first_block + offset) * at.WORD + trailing_zeros(some))
            some &= some - _ONE
            asked += 1
        if asked >= ROWS_AHEAD:
            return


@inlined
def survey_rows(
    columns: Any, queries: Array, asked: int, scratch: Array, survey: int, warm: int
) -> None:
    """Look through the sets of a query until enough rows are left, and ask for these.

    They come to the cache while other queries are judged. Rows of no more than ``warm`` words are
    there already.
    """
    scratch[survey + V_WORDS] = scratch[survey + V_BLOCKS] = np.uint64(0)
    if queries[asked, at.Q_PARTITIONS] == 0:
        return
    group = queries[asked, at.Q_LISTS]
    first_row, words = columns.partitions[group, at.P_ROWS], columns.partitions[group, at.P_WORDS]
    first_block, base = first_row // at.WORD, columns.partitions[group, at.P_BITS]
    budget, unit_minutes = queries[asked, at.Q_BUDGET], queries[asked, at.Q_UNIT_MINUTES]
    word, span, blocks, rows = 0, LANES, 0, 0
    while word < words and words > warm and rows < ROWS_AHEAD:
        if priced(columns.blocks, first_block + word, at.B_LATER_RATE, unit_minutes) > budget:
            break
        span = min(span, words - word)
        filled = survivors(columns.bits, base + word, words, span, queries, asked, scratch)
        while filled:
            offset = trailing_zeros(filled)
            filled &= filled - _ONE
            block, left = first_block + word + offset, scratch[offset]
            scratch[survey + V_FIRST + 2 * blocks] = np.uint64(block)
            scratch[survey + V_FIRST + 2 * blocks + 1] = left
            blocks += 1
            while left and rows < ROWS_AHEAD:
                prefetch(columns.compact, block * at.WORD + trailing_zeros(left))
                left &= left - _ONE
                rows += 1
        word += span
        span = min(2 * span, WORDS_AT_ONCE)
    scratch[survey + V_WORDS], scratch[survey + V_BLOCKS] = np.uint64(word), np.uint64(blocks)


@inlined
def survey_of(asked: int) -> int:
    return SURVEYS + asked % AHEAD * SURVEY
