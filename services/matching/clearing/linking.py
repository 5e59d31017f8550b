"""Change demands and slots in place, and note what has to be repaired for it."""

from typing import Final

import numpy as np

from services.matching.clearing.network import Matching, Network, Takers
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.problem import Indices, Ints
from services.matching.engine.compiled import compiled

# A price at which nobody takes a slot and a potential that no slot can serve: no sum of costs
# reaches them, so that searches pass by without a test of their own.
CLOSED: Final = 1 << 60
GONE: Final = -CLOSED


@compiled
def takers_of(network: Network, slots: int, later: int) -> Takers:
    """All edges by slot, with room for those that the first ``later`` of the network may hold."""
    first = np.zeros(slots + 1, np.int64)
    for demand in range(network.first.size):
        for edge in network.edges[network.first[demand] : network.last[demand]]:
            first[(edge & INDEX_MASK) + 1] += 1
    for slot in range(slots):
        first[slot + 1] += first[slot]
    place, edges = first.copy(), np.empty(first[-1], np.int64)
    for demand in range(network.first.size):
        for edge in network.edges[network.first[demand] : network.last[demand]]:
            slot = edge & INDEX_MASK
            edges[place[slot]] = _seen_from(edge, demand)
            place[slot] += 1
    head = np.full(slots, -1, np.int32)
    return Takers(first, edges, head, np.empty(later, np.int32), np.empty(later, np.int64))


@compiled
def _seen_from(edge: int, other: int) -> int:
    """``edge`` with the index of its other end."""
    return (edge >> INDEX_BITS << INDEX_BITS) | other


@compiled
def retire(network: Network, matching: Matching, demands: Ints) -> Ints:
    """Let ``demands`` be gone; the slots they held, -1 where none."""
    held = demands.copy()
    for place in range(demands.size):
        demand = demands[place]
        network.last[demand] = network.first[demand]
        network.unmatched_costs[demand] = 0
        matching.potentials[demand] = GONE
        slot = held[place] = matching.slot_of[demand]
        matching.slot_of[demand] = -1
        if slot >= 0:
            matching.demand_of[slot] = -1
    return held


@compiled
def add_demands(
    network: Network,
    takers: Takers,
    demand: int,
    used: int,
    first: Ints,
    slots: Indices,
    costs: Ints,
    unmatched_costs: Ints,
) -> None:
    """Write compressed rows as demands from ``demand`` on, their edges from ``used`` on."""
    for row in range(unmatched_costs.size):
        network.first[demand + row] = used + first[row]
        network.last[demand + row] = used + first[row + 1]
        network.unmatched_costs[demand + row] = unmatched_costs[row]
        for edge in range(first[row], first[row + 1]):
            slot, at = slots[edge], used + edge
            network.edges[at] = (costs[edge] << INDEX_BITS) | slot
            takers.late[at] = (costs[edge] << INDEX_BITS) | (demand + row)
            takers.after[at] = takers.head[slot]
            takers.head[slot] = at


@compiled
def close_slots(matching: Matching, closing: Ints) -> Ints:
    """Nobody may take the slots of ``closing`` any more; the demands that held them, or -1."""
    holders = closing.copy()
    for place in range(closing.size):
        slot = closing[place]
        demand = holders[place] = matching.demand_of[slot]
        matching.demand_of[slot] = -1
        matching.prices[slot] = CLOSED
        if demand >= 0:
            matching.slot_of[demand] = -1
    return holders


@compiled
def open_slots(takers: Takers, matching: Matching, opening: Ints) -> None:
    """Open closed slots at the least price that no potential contradicts."""
    for slot in opening:
        if matching.prices[slot] != CLOSED:
            continue
        price = 0
        for edge in takers.edges[takers.first[slot] : takers.first[slot + 1]]:
            price = max(price, matching.potentials[edge & INDEX_MASK] - (edge >> INDEX_BITS))
        late = takers.head[slot]
        while late >= 0:
            edge, late = takers.late[late], takers.after[late]
            price = max(price, matching.potentials[edge & INDEX_MASK] - (edge >> INDEX_BITS))
        matching.prices[slot] = price
