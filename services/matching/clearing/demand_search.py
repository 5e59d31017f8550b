"""Place one demand by a shortest augmenting path.

Source: Dijkstra with potentials (J. Edmonds, R. Karp 1972; N. Tomizawa 1971) on the alternating
tree of one demand. A path ends at a free slot or at a demand that is cheaper left out; the best end
known so far bounds the search, so that only slots nearer than it are ever queued.
"""

from services.matching.clearing.auction import lowest_total
from services.matching.clearing.frontier import Front, fell_tree, nearest
from services.matching.clearing.heap import heap_push
from services.matching.clearing.network import INFINITE, Matching, Network, Scratch
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled


@compiled
def place_demands(network: Network, matching: Matching, scratch: Scratch, waiting: Ints) -> None:
    """Place every demand of ``waiting``, none of which has a slot, one after the other."""
    for demand in waiting:
        matching.potentials[demand], _ = lowest_total(network, matching, demand)
        limit, end, reached, settled = _grow(network, matching, scratch, demand)
        matching.potentials[demand] += limit
        for place in range(settled):
            slot = scratch.settled[place]
            rise = limit - scratch.distance[slot]
            matching.prices[slot] += rise
            matching.potentials[matching.demand_of[slot]] += rise
        _augment(matching, scratch, demand, end)
        fell_tree(scratch, reached, settled)


@compiled
def _grow(
    network: Network, matching: Matching, scratch: Scratch, root: int
) -> tuple[int, int, int, int]:
    """Grow the tree until nothing in the queue is nearer than the best end.

    Returns:
        The distance of the end; the slot at whose end the path changes (-1: the root stays out);
        how many slots were reached; how many settled.
    """
    stay_out = network.unmatched_costs[root] - matching.potentials[root]
    front = Front(stay_out, -1, 0, 0)
    demand, base, settled = root, 0, 0
    while True:
        front = _relax(network, matching, scratch, front, demand, base)
        slot, queued = nearest(scratch, front.queued, front.limit)
        front = Front(front.limit, front.end, queued, front.reached)
        if slot < 0:
            return front.limit, front.end, front.reached, settled
        scratch.settled[settled] = slot
        settled += 1
        demand, base = matching.demand_of[slot], scratch.distance[slot]


@compiled
def _relax(
    network: Network, matching: Matching, scratch: Scratch, front: Front, demand: int, base: int
) -> Front:
    """Reach every slot of ``demand``, ``base`` away from the root."""
    limit, end, queued, reached = front
    nearer = base - matching.potentials[demand]
    for edge in network.edges[network.first[demand] : network.last[demand]]:
        slot = edge & INDEX_MASK
        distance = nearer + (edge >> INDEX_BITS) + matching.prices[slot]
        if distance >= limit or distance >= scratch.distance[slot]:
            continue
        if scratch.distance[slot] == INFINITE:
            scratch.reached[reached] = slot
            reached += 1
        scratch.distance[slot], scratch.before[slot] = distance, demand
        holder = matching.demand_of[slot]
        if holder < 0:
            limit, end = distance, slot
            continue
        leave = network.unmatched_costs[holder] - matching.potentials[holder]
        if distance + leave < limit:
            limit, end = distance + leave, slot
        if distance < limit:
            queued = heap_push(scratch.heap, queued, (distance << INDEX_BITS) | slot)
    return Front(limit, end, queued, reached)


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
