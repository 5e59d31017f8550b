"""Place one demand by a shortest augmenting path.

Source: Dijkstra with potentials (J. Edmonds, R. Karp 1972; N. Tomizawa 1971) on the alternating
tree of one demand. A path ends at a free slot or at a demand that is cheaper left out; the best end
known so far bounds the search, so that only slots nearer than it are ever queued.
"""

from typing import Final

from services.matching.clearing.auction import lowest_total
from services.matching.clearing.frontier import fell_tree, nearest
from services.matching.clearing.heap import heap_push
from services.matching.clearing.network import INFINITE, Matching, Network, Scratch
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.prefetch import prefetch_row
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled, inlined

LINES: Final = 2
"""Of a row that are asked for ahead."""


@compiled
def place_demands(network: Network, matching: Matching, scratch: Scratch, waiting: Ints) -> None:
    """Place every demand of ``waiting``, none of which has a slot, one after the other."""
    _, demand_of, potentials, prices = matching
    distance, order = scratch.distance, scratch.settled
    for demand in waiting:
        potentials[demand], _ = lowest_total(network, matching, demand)
        limit, end, reached, settled = _grow(network, matching, scratch, demand)
        potentials[demand] += limit
        for slot in order[:settled]:
            rise = limit - distance[slot]
            prices[slot] += rise
            potentials[demand_of[slot]] += rise
        _augment(matching, scratch, demand, end)
        fell_tree(scratch, reached, settled)


@compiled
def _grow(
    network: Network, matching: Matching, scratch: Scratch, root: int
) -> tuple[int, int, int, int]:
    """Grow the tree until nothing in the queue is nearer than the best end.

    One loop over plain arrays: a call for each slot would count references to all of them.

    Returns:
        The distance of the end; the slot at whose end the path changes (-1: the root stays out);
        how many slots were reached; how many settled.
    """
    first, last, edges, unmatched_costs = network
    _, demand_of, potentials, prices = matching
    heap, distance, before, touched, order, passed, _ = scratch
    limit, end = unmatched_costs[root] - potentials[root], -1
    queued = reached = settled = grown = 0
    demand, base = root, 0
    while True:
        row = edges[first[demand] : last[demand]]
        near = _within(row, prices, base - potentials[demand], limit, passed)
        for place in range(near):
            slot, reach = passed[place] & INDEX_MASK, passed[place] >> INDEX_BITS
            holder = demand_of[slot]
            ends = reach if holder < 0 else reach + unmatched_costs[holder] - potentials[holder]
            if ends < limit:
                limit, end, before[slot] = ends, slot, demand
        for place in range(near):
            slot, reach = passed[place] & INDEX_MASK, passed[place] >> INDEX_BITS
            if reach >= limit or reach >= distance[slot]:
                continue
            if distance[slot] == INFINITE:
                touched[reached] = slot
                reached += 1
            distance[slot], before[slot] = reach, demand
            prefetch_row(edges, first[demand_of[slot]], LINES)
            if reach == base:
                order[settled] = slot
                settled += 1
            else:
                queued = heap_push(heap, queued, (reach << INDEX_BITS) | slot)
        if grown == settled:
            slot, queued = nearest(heap, distance, queued, limit)
            if slot < 0:
                return limit, end, reached, settled
            order[settled] = slot
            settled += 1
            base = distance[slot]
        demand = demand_of[order[grown]]
        grown += 1


@inlined
def _within(row: Ints, prices: Ints, nearer: int, limit: int, found: Ints) -> int:
    """Write the slots of ``row`` nearer than ``limit``, packed with their distances; how many.

    Without a branch, for which are near cannot be guessed.
    """
    near = 0
    for edge in row:
        slot = edge & INDEX_MASK
        reach = nearer + (edge >> INDEX_BITS) + prices[slot]
        found[near] = (reach << INDEX_BITS) | slot
        near += reach < limit
    return near


@compiled
def _augment(matching: Matching, scratch: Scratch, root: int, end: int) -> None:
    if end < 0:
        return
    slot = end
    if matching.demand_of[slot] >= 0:
        matching.slot_of[matching.demand_of[slot]] = -1
    while True:
        demand = scratch.before[slot]
        previous = matching.slot_of[demand]
        matching.slot_of[demand] = slot
        matching.demand_of[slot] = demand
        if demand == root:
            return
        slot = previous
