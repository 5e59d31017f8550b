"""Settle loose slots: free ones that still have a price.

The mirror image of placing a demand: the alternating tree of the slot along the demands that could
take it, prices falling. A path ends at a slot whose price has fallen to 0, which becomes free, or
at a demand without a slot, which gets one.
"""

from services.matching.clearing.frontier import fell_tree, nearest
from services.matching.clearing.heap import heap_push
from services.matching.clearing.network import INFINITE, Matching, Scratch, Takers
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.prefetch import prefetch_row
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled


@compiled
def settle_slots(takers: Takers, matching: Matching, scratch: Scratch, loose: Ints) -> None:
    """Settle every slot of ``loose`` that is free and has a price; all demands are placed."""
    _, demand_of, potentials, prices = matching
    distance, order = scratch.distance, scratch.settled
    for root in loose:
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
    first, last, _, edges, _ = takers
    slot_of, _, potentials, prices = matching
    heap, distance, before, touched, order, _ = scratch
    limit, end, winner = prices[root], root, -1
    distance[root], touched[0], order[0] = 0, root, root
    queued, reached, settled = 0, 1, 1
    slot, base = root, 0
    while True:
        nearer = base + prices[slot]
        for place in range(first[slot], last[slot]):
            demand = edges[place] & INDEX_MASK
            reach = nearer + (edges[place] >> INDEX_BITS) - potentials[demand]
            if reach >= limit:
                continue
            held = slot_of[demand]
            if held < 0:
                limit, end, winner = reach, slot, demand
                continue
            if reach >= distance[held]:
                continue
            if distance[held] == INFINITE:
                touched[reached] = held
                reached += 1
            distance[held], before[held] = reach, slot
            if reach + prices[held] < limit:
                limit, end, winner = reach + prices[held], held, -1
            queued = heap_push(heap, queued, (reach << INDEX_BITS) | held)
            prefetch_row(edges, first[held])
        slot, queued = nearest(heap, distance, queued, limit)
        if slot < 0:
            return limit, end, winner, reached, settled
        order[settled] = slot
        settled += 1
        base = distance[slot]


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
