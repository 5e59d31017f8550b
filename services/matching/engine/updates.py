"""Compiled changes of the columns, each leaving every bound and bit set true."""

from typing import Any

import numpy as np

from services.matching.engine import layout as at
from services.matching.engine.compiled import compiled
from services.matching.engine.kernel import Array

_ONE = np.uint64(1)


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
    """The least rate, set-up and minimum of the block of ``slot``, from its living rows."""
    partition = arrays.partitions[group]
    word = slot // at.WORD
    alive = arrays.bits[partition[at.P_BITS] + at.ALIVE * partition[at.P_WORDS] + word]
    first = partition[at.P_ROWS] + word * at.WORD
    block = arrays.blocks[first // at.WORD]
    seen = False
    for offset in range(at.WORD):
        if not alive & (_ONE << np.uint64(offset)):
            continue
        row = arrays.rows[first + offset]
        rate, setup, minimum = row[at.R_RATE], row[at.R_SETUP], row[at.R_MINIMUM]
        block[at.B_RATE] = min(rate, block[at.B_RATE]) if seen else rate
        block[at.B_SETUP] = min(setup, block[at.B_SETUP]) if seen else setup
        block[at.B_MINIMUM] = min(minimum, block[at.B_MINIMUM]) if seen else minimum
        seen = True


@compiled
def raise_row(arrays: Any, group: int, slot: int, sets: Array) -> None:
    """Bring a written row to life in exactly the sets given."""
    partition = arrays.partitions[group]
    word, bit = slot // at.WORD, _ONE << np.uint64(slot % at.WORD)
    first = partition[at.P_ROWS] + word * at.WORD
    block, row = arrays.blocks[first // at.WORD], arrays.rows[partition[at.P_ROWS] + slot]
    if not arrays.bits[partition[at.P_BITS] + at.ALIVE * partition[at.P_WORDS] + word]:
        block[at.B_RATE], block[at.B_SETUP] = row[at.R_RATE], row[at.R_SETUP]
        block[at.B_MINIMUM] = row[at.R_MINIMUM]
    block[at.B_RATE] = min(block[at.B_RATE], row[at.R_RATE])
    block[at.B_SETUP] = min(block[at.B_SETUP], row[at.R_SETUP])
    block[at.B_MINIMUM] = min(block[at.B_MINIMUM], row[at.R_MINIMUM])
    for number in sets:
        arrays.bits[partition[at.P_BITS] + number * partition[at.P_WORDS] + word] |= bit
    _put_bit(arrays, group, at.ALIVE, slot, 1)


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
        arrays.geo[first + row] = arrays.geo[old_first + row]
    for block in range(old_words):
        arrays.blocks[first // at.WORD + block] = arrays.blocks[old_first // at.WORD + block]
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
