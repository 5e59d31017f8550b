"""A cheap start: most demands find their slot by bidding, without a search.

Source: augmenting row reduction of R. Jonker, A. Volgenant, "A shortest augmenting path algorithm
for dense and sparse linear assignment problems", Computing 38 (1987), which is the Gauss-Seidel
auction of D. Bertsekas (1988) with no increment: bids raise a price by exactly what the second best
choice allows, so complementary slackness holds exactly. Ties end a chain; whoever is left over is
placed by a search.

Where many want the same, prices climb in small steps. There an auction with an increment finds
prices nearly right at once; whoever is not exactly content with them withdraws and is placed anew.
"""

from typing import Final

import numpy as np

from services.matching.clearing.network import INFINITE, Matching, Network, Scratch
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled

BID_ROUNDS: Final = 2
BIDS_PER_DEMAND: Final = 2


@compiled
def best_choice(network: Network, matching: Matching, demand: int) -> tuple[int, int, int]:
    """Best slot at present prices, or -1 for none; its cost with price; that of the second best.

    Among equals a free slot comes first. Being left out counts as a choice.
    """
    best, best_slot, second = int(network.unmatched_costs[demand]), -1, INFINITE
    for edge in network.edges[network.first[demand] : network.last[demand]]:
        slot = edge & INDEX_MASK
        total = (edge >> INDEX_BITS) + matching.prices[slot]
        if total < best:
            best, best_slot, second = total, slot, best
        elif total < second:
            second = total
            if total == best and best_slot >= 0 and matching.demand_of[slot] < 0:
                best_slot = slot
    return int(best_slot), int(best), int(second)


@compiled
def bid(
    network: Network, matching: Matching, waiting: Ints, increment: int, bids_max: int
) -> tuple[int, int]:
    """Let every demand of ``waiting`` bid, and whom it displaces after it.

    An ``increment`` of 0 keeps everything :class:`Matching` promises; a larger one ends price wars
    sooner, and :func:`withdraw` must restore it.

    Returns:
        How many are left unplaced, moved to the front of ``waiting``; the number of bids.
    """
    left = bids = 0
    for place in range(waiting.size):
        demand = waiting[place]
        while demand >= 0:
            bids += 1
            slot, best, second = best_choice(network, matching, demand)
            if slot < 0:
                matching.potentials[demand] = best
                break
            displaced = matching.demand_of[slot]
            if displaced >= 0:
                rise = second - best + increment
                if rise == 0 or bids > bids_max:
                    waiting[left] = demand
                    left += 1
                    break
                matching.prices[slot] += rise
                matching.slot_of[displaced] = -1
                best = second
            matching.potentials[demand] = best
            matching.slot_of[demand] = slot
            matching.demand_of[slot] = demand
            demand = displaced
    return left, bids


@compiled
def bid_exactly(network: Network, matching: Matching, scratch: Scratch, waiting: Ints) -> int:
    """Place demands by bids without increment.

    Returns:
        How many are left for a search, moved to the front of ``waiting``.
    """
    left = waiting.size
    for _ in range(BID_ROUNDS):
        budget = BIDS_PER_DEMAND * left
        left, bids = bid(network, matching, waiting[:left], 0, budget)
        scratch.tally[0] += bids
    return int(left)


@compiled
def withdraw(network: Network, matching: Matching) -> tuple[Ints, Ints]:
    """Keep of a rough matching what is exactly best at its prices.

    Returns:
        The demands that have to be placed; the slots that are loose.
    """
    waiting = np.empty(network.first.size, np.int64)
    loose = np.empty(network.first.size, np.int64)
    unplaced = vacated = 0
    for demand in range(network.first.size):
        least, held = lowest_total(network, matching, demand)
        matching.potentials[demand] = least
        if held > least:
            waiting[unplaced] = demand
            unplaced += 1
            slot = matching.slot_of[demand]
            if slot >= 0:
                matching.slot_of[demand] = matching.demand_of[slot] = -1
                loose[vacated] = slot
                vacated += 1
    return waiting[:unplaced], loose[:vacated]


@compiled
def lowest_total(network: Network, matching: Matching, demand: int) -> tuple[int, int]:
    """What the demand's best choice costs at present prices, and what its present one does."""
    held_slot = matching.slot_of[demand]
    best = network.unmatched_costs[demand]
    held = INFINITE if held_slot >= 0 else best
    for edge in network.edges[network.first[demand] : network.last[demand]]:
        slot = edge & INDEX_MASK
        total = (edge >> INDEX_BITS) + matching.prices[slot]
        best = min(best, total)
        if slot == held_slot:
            held = min(held, total)
    return int(best), int(held)
