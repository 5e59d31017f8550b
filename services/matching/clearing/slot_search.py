"""Settle loose slots: free ones that still have a price.

The mirror image of placing a demand: the alternating tree of the slot along the demands that could
take it, prices falling. A path ends at a slot whose price has fallen to 0, which becomes free, or
at a demand without a slot, which gets one.
"""

from services.matching.clearing.frontier import Front, fell_tree, nearest
from services.matching.clearing.heap import heap_push
from services.matching.clearing.network import INFINITE, Matching, Scratch, Takers
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled


@compiled
def settle_slots(takers: Takers, matching: Matching, scratch: Scratch, loose: Ints) -> None:
    """Settle every slot of ``loose`` that is free and has a price; all demands are placed."""
    for root in loose:
        if matching.demand_of[root] >= 0 or matching.prices[root] == 0:
            continue
        limit, end, winner, reached, settled = _grow(takers, matching, scratch, root)
        for place in range(settled):
            slot = scratch.settled[place]
            fall = limit - scratch.distance[slot]
            matching.prices[slot] -= fall
            if slot != root:
                matching.potentials[matching.demand_of[slot]] -= fall
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
    front, winner = Front(matching.prices[root], root, 0, 1), -1
    slot, base, settled = root, 0, 1
    scratch.distance[root], scratch.reached[0], scratch.settled[0] = 0, root, root
    while True:
        front, winner = _relax(takers, matching, scratch, front, winner, slot, base)
        slot, queued = nearest(scratch, front.queued, front.limit)
        front = Front(front.limit, front.end, queued, front.reached)
        if slot < 0:
            return front.limit, front.end, winner, front.reached, settled
        scratch.settled[settled] = slot
        settled += 1
        base = scratch.distance[slot]


@compiled
def _relax(
    takers: Takers,
    matching: Matching,
    scratch: Scratch,
    front: Front,
    winner: int,
    slot: int,
    base: int,
) -> tuple[Front, int]:
    """Reach every demand that could take ``slot``, ``base`` away from the root, and its slot."""
    limit, end, queued, reached = front
    nearer = base + matching.prices[slot]
    place, stop, late = takers.first[slot], takers.first[slot + 1], takers.head[slot]
    while place < stop or late >= 0:
        if place < stop:
            edge, place = takers.edges[place], place + 1
        else:
            edge, late = takers.late[late], takers.after[late]
        demand = edge & INDEX_MASK
        distance = nearer + (edge >> INDEX_BITS) - matching.potentials[demand]
        if distance >= limit:
            continue
        held = matching.slot_of[demand]
        if held < 0:
            limit, end, winner = distance, slot, demand
            continue
        if distance >= scratch.distance[held]:
            continue
        if scratch.distance[held] == INFINITE:
            scratch.reached[reached] = held
            reached += 1
        scratch.distance[held], scratch.before[held] = distance, slot
        if distance + matching.prices[held] < limit:
            limit, end, winner = distance + matching.prices[held], held, -1
        queued = heap_push(scratch.heap, queued, (distance << INDEX_BITS) | held)
    return Front(limit, end, queued, reached), winner


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
