"""Place one demand by a shortest augmenting path.

Source: Dijkstra with potentials (J. Edmonds, R. Karp 1972; N. Tomizawa 1971) on the alternating
tree of one demand. A path ends at a free slot or at a demand that is cheaper left out; the best end
known so far bounds the search, so that only slots nearer than it are ever queued.
"""

from services.matching.clearing.auction import lowest_total
from services.matching.clearing.frontier import fell_tree, nearest
from services.matching.clearing.heap import heap_push
from services.matching.clearing.network import INFINITE, Matching, Network, Scratch
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.prefetch import prefetch_row
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled


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
    heap, distance, before, touched, order, _ = scratch
    limit, end = unmatched_costs[root] - potentials[root], -1
    queued = reached = settled = 0
    demand, base = root, 0
    while True:
        nearer = base - potentials[demand]
        for place in range(first[demand], last[demand]):
            slot = edges[place] & INDEX_MASK
            reach = nearer + (edges[place] >> INDEX_BITS) + prices[slot]
            if reach >= limit or reach >= distance[slot]:
                continue
            if distance[slot] == INFINITE:
                touched[reached] = slot
                reached += 1
            distance[slot], before[slot] = reach, demand
            holder = demand_of[slot]
            if holder < 0:
                limit, end = reach, slot
                continue
            leave = unmatched_costs[holder] - potentials[holder]
            if reach + leave < limit:
                limit, end = reach + leave, slot
            if reach < limit:
                queued = heap_push(heap, queued, (reach << INDEX_BITS) | slot)
                prefetch_row(edges, first[holder])
        slot, queued = nearest(heap, distance, queued, limit)
        if slot < 0:
            return limit, end, reached, settled
        order[settled] = slot
        settled += 1
        demand, base = demand_of[slot], distance[slot]


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
