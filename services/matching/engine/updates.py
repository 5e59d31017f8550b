"""Compiled changes of the columns, each leaving every bound and bit set true."""

from typing import Any

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.compiled import compiled
from services.matching.engine.kernel import Array

_ONE = np.uint64(1)
_GAPS = 3
"""Of a compact row."""


@compiled
def _put_bit(arrays: Any, group: int, number: int, slot: int, wanted: int) -> None:
    """Let the row be in set ``number`` if ``wanted`` is not 0."""
    partition = arrays.partitions[group]
    word = partition[at.P_BITS] + number * partition[at.P_WORDS] + slot // at.WORD
    bit = _ONE << np.uint64(slot % at.WORD)
    if wanted:
        arrays.bits[word] |= bit
    else:
        arrays.bits[word] &= ~bit


@compiled
def _bound(arrays: Any, group: int, slot: int) -> None:
    """The least rate, set-up and minimum of the block of ``slot``, from its living rows.

    What holds for it and all blocks after may stay lower than it need be.
    """
    partition = arrays.partitions[group]
    word = slot // at.WORD
    alive = arrays.bits[partition[at.P_BITS] + at.ALIVE * partition[at.P_WORDS] + word]
    first = partition[at.P_ROWS] + word * at.WORD
    block = arrays.blocks[first // at.WORD]
    block[at.B_RATE], block[at.B_SETUP], block[at.B_MINIMUM] = 0, at.UNKNOWN, 0
    for offset in range(at.WORD):
        if alive & (_ONE << np.uint64(offset)):
            _lower(block, arrays.rows[first + offset])


@compiled
def _lower(block: Array, row: Array) -> None:
    """Let the bounds of a block hold for ``row`` too."""
    if block[at.B_SETUP] == at.UNKNOWN:
        block[: at.LEAST_FIELDS] = row[at.R_RATE : at.R_RATE + at.LEAST_FIELDS]
        return
    for field in range(at.LEAST_FIELDS):
        price = row[at.R_RATE + field]
        block[at.B_RATE + field] = min(block[at.B_RATE + field], price)


@compiled
def _lower_earlier(arrays: Any, group: int, slot: int) -> None:
    """Let what holds for a block and all after it hold for the row, in its and earlier blocks."""
    partition = arrays.partitions[group]
    row = arrays.rows[partition[at.P_ROWS] + slot]
    first = partition[at.P_ROWS] // at.WORD
    for index in range(first + slot // at.WORD, first - 1, -1):
        block, lowered = arrays.blocks[index], False
        for field in range(at.LEAST_FIELDS):
            if row[at.R_RATE + field] < block[at.B_LATER_RATE + field]:
                block[at.B_LATER_RATE + field] = row[at.R_RATE + field]
                lowered = True
        if not lowered:
            return


@compiled
def _saturated(value: int, most: int) -> int:
    return max(0, min(value, most))


@compiled
def _condense_prices(compact: Any, row: Array) -> bool:
    """Whether they fit."""
    compact.rate = _saturated(row[at.R_RATE], at.LONG)
    compact.setup = _saturated(row[at.R_SETUP], at.LONG)
    compact.minimum = _saturated(row[at.R_MINIMUM], at.LONG)
    return bool(max(row[at.R_RATE], row[at.R_SETUP], row[at.R_MINIMUM]) <= at.LONG)


@compiled
def _condense_sizes(compact: Any, row: Array) -> bool:
    """Whether they fit. What has no tolerance is ``WIDE``, more than any that is asked."""
    undeclared = row[at.R_TOLERANCE] == at.NONE
    tolerance = at.WIDE if undeclared else row[at.R_TOLERANCE]
    compact.tolerance = _saturated(tolerance, at.WIDE)
    compact.short = _saturated(row[at.R_SHORT], at.WIDE)
    compact.middle = _saturated(row[at.R_MIDDLE], at.WIDE)
    compact.long = _saturated(row[at.R_LONG], at.WIDE)
    return bool((undeclared or tolerance < at.WIDE) and row[at.R_LONG] <= at.WIDE)


@compiled
def _condense_rules(compact: Any, resource: Array) -> bool:
    """Whether they fit."""
    notice, shortest = resource[at.S_NOTICE], resource[at.S_SHORTEST]
    horizon = resource[at.S_HORIZON]
    compact.notice, compact.shortest = (
        _saturated(notice, at.WIDE),
        _saturated(shortest, at.WIDE),
    )
    compact.horizon = _saturated(horizon, at.LONG)
    compact.changeover = _saturated(resource[at.S_SETUP], at.WIDE)
    compact.lot = _saturated(resource[at.S_LOT], at.WIDE)
    compact.reliability = resource[at.S_RELIABILITY]
    return bool(
        0 <= notice <= at.WIDE
        and max(shortest, resource[at.S_SETUP], resource[at.S_LOT]) <= at.WIDE
        and 0 <= horizon <= at.LONG
        and resource[at.S_UNITS] >= 1
    )


@compiled
def _condense_gaps(compact: Any, resource: Array, gaps: Array) -> tuple[bool, bool]:
    """Whether they fit, and whether there is more free time than they say."""
    begin, count = resource[at.S_GAPS], resource[at.S_GAP_COUNT]
    compact.gaps, compact.gap_count = begin, _saturated(count, at.WIDE)
    compact.first = compact.second = compact.third = 0
    compact.first_minutes = compact.second_minutes = compact.third_minutes = 0
    if count == 0:
        return True, False
    first = gaps[begin, at.GAP_START]
    fits = begin <= at.LONG and count <= at.WIDE and 0 <= first <= at.LONG - 2 * at.WIDE
    more = count > _GAPS
    for index in range(min(count, _GAPS)):
        after = gaps[begin + index, at.GAP_START] - first
        minutes = gaps[begin + index, at.GAP_END] - gaps[begin + index, at.GAP_START]
        more |= max(after, minutes) > at.WIDE
        known = 0 if after > at.WIDE else _saturated(minutes, at.WIDE)
        if index == 0:
            compact.first, compact.first_minutes = first, known
        elif index == 1:
            compact.second, compact.second_minutes = _saturated(after, at.WIDE), known
        else:
            compact.third, compact.third_minutes = _saturated(after, at.WIDE), known
    return bool(fits), bool(more)


@compiled
def _condense_place(compact: Any, geo: Array, placed: int) -> None:
    compact.x = np.rint(at.SPHERE * geo[at.X]) if placed else at.NOWHERE
    compact.y = np.rint(at.SPHERE * geo[at.Y]) if placed else at.NOWHERE
    compact.z = np.rint(at.SPHERE * geo[at.Z]) if placed else at.NOWHERE


@compiled
def _line_up(places: Array, index: int, compact: Any) -> None:
    """Repeat place and reliability of a compact row among those of its block."""
    first = index // at.WORD * at.PLACE_PLANES * at.WORD + index % at.WORD
    places[first + at.BLOCK_X * at.WORD] = compact.x
    places[first + at.BLOCK_Y * at.WORD] = compact.y
    places[first + at.BLOCK_Z * at.WORD] = compact.z
    places[first + at.BLOCK_RELIABILITY * at.WORD] = compact.reliability


@compiled
def _has_end(certificates: Array, row: Array) -> bool:
    begin = row[at.R_CERTIFICATES]
    for index in range(begin, begin + row[at.R_CERTIFICATE_COUNT]):
        if certificates[index, at.CERTIFICATE_DAY] != at.UNKNOWN:
            return True
    return False


@compiled
def condense(arrays: Any, group: int, slot: int) -> None:
    """Write the compact row from the columns it repeats."""
    index = arrays.partitions[group, at.P_ROWS] + slot
    row, compact, geo = arrays.rows[index], arrays.compact[index], arrays.geo[index]
    resource = arrays.resources[row[at.R_RESOURCE]]
    fitting = _condense_prices(compact, row)
    fitting &= _condense_sizes(compact, row)
    fitting &= _condense_rules(compact, resource)
    fits, more = _condense_gaps(compact, resource, arrays.gaps)
    fits &= row[at.R_AUDIENCE] <= at.WIDE
    compact.audience = _saturated(row[at.R_AUDIENCE], at.WIDE)
    _condense_place(compact, geo, row[at.R_PLACED])
    _line_up(arrays.places, index, compact)
    compact.flags = (
        at.EXACT * (not (fitting and fits))
        + at.MORE_GAPS * more
        + at.DATED * _has_end(arrays.certificates, row)
        + at.SHARED * row[at.R_SHARED]
        + at.WITHDRAWN * resource[at.S_WITHDRAWN]
    )


@compiled
def raise_row(arrays: Any, group: int, slot: int, spans: Array) -> None:
    """Bring a written row to life in exactly the sets of ``spans``, ``(n, 2)``: from, to before."""
    partition = arrays.partitions[group]
    word, bit = slot // at.WORD, _ONE << np.uint64(slot % at.WORD)
    first = partition[at.P_ROWS] + word * at.WORD
    _lower(arrays.blocks[first // at.WORD], arrays.rows[partition[at.P_ROWS] + slot])
    _lower_earlier(arrays, group, slot)
    for span in range(len(spans)):
        for number in range(spans[span, 0], spans[span, 1]):
            arrays.bits[partition[at.P_BITS] + number * partition[at.P_WORDS] + word] |= bit
    _put_bit(arrays, group, at.ALIVE, slot, 1)
    condense(arrays, group, slot)


@compiled
def bury(arrays: Any, group: int, slot: int, sets: int) -> None:
    """Take a row out of all ``sets`` sets."""
    for number in range(sets):
        _put_bit(arrays, group, number, slot, 0)
    _bound(arrays, group, slot)


@compiled
def reprice(arrays: Any, group: int, slot: int, rate: int, setup: int, minimum: int) -> None:
    row = arrays.rows[arrays.partitions[group, at.P_ROWS] + slot]
    row[at.R_RATE], row[at.R_SETUP], row[at.R_MINIMUM] = rate, setup, minimum
    _bound(arrays, group, slot)
    _lower_earlier(arrays, group, slot)
    condense(arrays, group, slot)


@compiled
def _clear(block: Array) -> None:
    """What a block without rows is bounded by: nothing is dearer than its set-up."""
    block[:] = 0
    block[at.B_SETUP] = block[at.B_LATER_SETUP] = at.UNKNOWN
    block[at.B_LATER_RATE] = block[at.B_LATER_MINIMUM] = at.LONG


@compiled
def move(arrays: Any, group: int, first: int, words: int, base: int, sets: int) -> None:
    """Copy a group to fresh places with room for ``words`` blocks."""
    partition = arrays.partitions[group]
    old_first, old_words, old_base = (
        partition[at.P_ROWS],
        partition[at.P_WORDS],
        partition[at.P_BITS],
    )
    for row in range(old_words * at.WORD):
        arrays.rows[first + row] = arrays.rows[old_first + row]
        arrays.compact[first + row] = arrays.compact[old_first + row]
        arrays.geo[first + row] = arrays.geo[old_first + row]
        _line_up(arrays.places, first + row, arrays.compact[first + row])
    blocks, old_blocks = first // at.WORD, old_first // at.WORD
    for block in range(words):
        if block < old_words:
            arrays.blocks[blocks + block] = arrays.blocks[old_blocks + block]
        else:
            _clear(arrays.blocks[blocks + block])
    for number in range(sets):
        for word in range(old_words):
            arrays.bits[base + number * words + word] = arrays.bits[
                old_base + number * old_words + word
            ]
    partition[at.P_ROWS], partition[at.P_WORDS], partition[at.P_BITS] = first, words, base


@compiled
def follow(arrays: Any, number: int) -> None:
    """Let the rows of a resource show its state in their sets."""
    resource = arrays.resources[number]
    first = resource[at.S_LINKS]
    for link in range(first, first + resource[at.S_LINK_COUNT]):
        group, slot = arrays.links[link, at.LINK_PARTITION], arrays.links[link, at.LINK_SLOT]
        _put_bit(arrays, group, at.IN_SERVICE, slot, 1 - resource[at.S_WITHDRAWN])
        _put_bit(arrays, group, at.MEASURED, slot, resource[at.S_MEASURED])
        compact = arrays.compact[arrays.partitions[group, at.P_ROWS] + slot]
        flags = compact.flags & ~at.WITHDRAWN
        compact.flags = flags | at.WITHDRAWN * resource[at.S_WITHDRAWN]


@compiled
def refresh(arrays: Any, number: int) -> None:
    """Let the rows of a resource show its free time."""
    resource = arrays.resources[number]
    first = resource[at.S_LINKS]
    for link in range(first, first + resource[at.S_LINK_COUNT]):
        condense(arrays, arrays.links[link, at.LINK_PARTITION], arrays.links[link, at.LINK_SLOT])


@compiled
def spare(arrays: Any, numbers: Array, counts: Array, starts: Array, ends: Array) -> None:
    """Write the free time of many resources of one unit; each has room for its gaps.

    Args:
        arrays: the columns.
        numbers: int64 ``(n,)``, of the resources.
        counts: int64 ``(n,)``, of their gaps.
        starts: int64 ``(sum of counts,)``, minutes.
        ends: as ``starts``.
    """
    taken = 0
    for index in range(len(numbers)):
        resource = arrays.resources[numbers[index]]
        resource[at.S_GAP_COUNT] = counts[index]
        for gap in range(resource[at.S_GAPS], resource[at.S_GAPS] + counts[index]):
            arrays.gaps[gap, at.GAP_START] = starts[taken]
            arrays.gaps[gap, at.GAP_END] = ends[taken]
            arrays.gaps[gap, at.GAP_UNITS] = 1
            taken += 1
        refresh(arrays, numbers[index])


@compiled
def observe(arrays: Any, numbers: Array, states: Array, withdrawn: Array, measured: Array) -> None:
    """Write states of many resources, in order.

    Args:
        arrays: the columns.
        numbers: int64 ``(n,)``, of the resources.
        states: int64 ``(n,)``, codes of states.
        withdrawn: int64, by code of a state: whether it withdraws near free time.
        measured: int64 ``(n,)``: whether free time counts as measured.
    """
    for index in range(len(numbers)):
        resource = arrays.resources[numbers[index]]
        state = states[index]
        resource[at.S_STATE], resource[at.S_MEASURED] = state, measured[index]
        resource[at.S_WITHDRAWN] = 0 if state == at.NONE else withdrawn[state]
        follow(arrays, numbers[index])
