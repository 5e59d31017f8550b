"""Settle loose slots: free ones that still have a price.

The mirror image of placing a demand: the alternating tree of the slot along the demands that could
take it, prices falling. A path ends at a slot whose price has fallen to 0, which becomes free, or
at a demand without a slot, which gets one.
"""

from typing import Final

from services.matching.clearing.frontier import fell_tree, nearest
from services.matching.clearing.heap import heap_push
from services.matching.clearing.network import FIRST, INFINITE, LAST, Matching, Scratch, Takers
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.prefetch import prefetch_row
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled, inlined

LINES: Final = 4
"""Of a row that are asked for ahead: slots that are dear have some thirty takers."""


@compiled
def settle_slots(takers: Takers, matching: Matching, scratch: Scratch, loose: Ints) -> None:
    """Settle every slot of ``loose`` that is free and has a price; all demands are placed."""
    _, demand_of, potentials, prices = matching
    distance, order = scratch.distance, scratch.settled
    for place in range(loose.size):
        root = loose[place]
        if place + 1 < loose.size:
            prefetch_row(takers.edges, takers.regions[loose[place + 1], FIRST], LINES)
        if demand_of[root] >= 0 or prices[root] == 0:
            continue
        limit, end, winner, reached, settled = _grow(takers, matching, scratch, root)
        for slot in order[:settled]:
            fall = limit - distance[slot]
            prices[slot] -= fall
            if slot != root:
                potentials[demand_of[slot]] -= fall
        _augment(matching, scratch, root, end, winner)
        fell_tree(scratch, reached, settled)


@compiled
def _grow(
    takers: Takers, matching: Matching, scratch: Scratch, root: int
) -> tuple[int, int, int, int, int]:
    """Grow the tree until nothing in the queue is nearer than the best end.

    Returns:
        The distance of the end; the slot it is at; the unmatched demand that takes that slot, or -1
        if the slot becomes free; how many slots were reached; how many settled.
    """
    regions, edges, _ = takers
    _, _, potentials, prices = matching
    heap, distance, before, touched, order, passed, _ = scratch
    limit, end, winner = prices[root], root, -1
    distance[root], touched[0], order[0] = 0, root, root
    queued, reached, settled, grown, base = 0, 1, 1, 0, 0
    while True:
        if grown == settled:
            slot, queued = nearest(heap, distance, queued, limit)
            if slot < 0:
                return limit, end, winner, reached, settled
            order[settled] = slot
            settled += 1
            base = distance[slot]
        slot = order[grown]
        grown += 1
        row = edges[regions[slot, FIRST] : regions[slot, LAST]]
        near = _within(row, potentials, base + prices[slot], limit, passed)
        limit, end, winner, held_by = _ends(matching, scratch, near, slot, (limit, end, winner))
        for place in range(held_by):
            held, reach = passed[place] & INDEX_MASK, passed[place] >> INDEX_BITS
            if reach >= limit or reach >= distance[held]:
                continue
            if distance[held] == INFINITE:
                touched[reached] = held
                reached += 1
            distance[held], before[held] = reach, slot
            prefetch_row(edges, regions[held, FIRST], LINES)
            if reach == base:
                order[settled] = held
                settled += 1
            else:
                queued = heap_push(heap, queued, (reach << INDEX_BITS) | held)


@inlined
def _within(row: Ints, potentials: Ints, nearer: int, limit: int, found: Ints) -> int:
    """Write the demands of ``row`` nearer than ``limit``, packed with their distances; how many.

    Without a branch, for which are near cannot be guessed.
    """
    near = 0
    for edge in row:
        demand = edge & INDEX_MASK
        reach = nearer + (edge >> INDEX_BITS) - potentials[demand]
        found[near] = (reach << INDEX_BITS) | demand
        near += reach < limit
    return near


@inlined
def _ends(
    matching: Matching, scratch: Scratch, near: int, slot: int, known: tuple[int, int, int]
) -> tuple[int, int, int, int]:
    """The best end of those known and of the demands near ``slot``; how many hold slots.

    These slots, packed with their distances, take the place of the demands.
    """
    limit, end, winner = known
    passed, held_by = scratch.passed, 0
    for place in range(near):
        demand, reach = passed[place] & INDEX_MASK, passed[place] >> INDEX_BITS
        held = matching.slot_of[demand]
        if held < 0:
            if reach < limit:
                limit, end, winner = reach, slot, demand
            continue
        passed[held_by] = (reach << INDEX_BITS) | held
        held_by += 1
        if reach + matching.prices[held] < limit:
            limit, end, winner = reach + matching.prices[held], held, -1
            scratch.before[held] = slot
    return limit, end, winner, held_by


@compiled
def _augment(matching: Matching, scratch: Scratch, root: int, end: int, winner: int) -> None:
    slot, demand = end, matching.demand_of[end]
    matching.demand_of[end] = winner
    if winner >= 0:
        matching.slot_of[winner] = end
    while slot != root:
        slot = scratch.before[slot]
        following = matching.demand_of[slot]
        matching.demand_of[slot] = demand
        matching.slot_of[demand] = slot
        demand = following
