"""A cheap start: most demands find their slot by bidding, without a search.

Source: augmenting row reduction of R. Jonker, A. Volgenant, "A shortest augmenting path algorithm
for dense and sparse linear assignment problems", Computing 38 (1987), which is the Gauss-Seidel
auction of D. Bertsekas (1988) with no increment: bids raise a price by exactly what the second best
choice allows, so complementary slackness holds exactly. Ties end a chain instead of raising by an
epsilon; whoever is left over is placed by a search.
"""

from services.matching.clearing.compiled import compiled
from services.matching.clearing.network import INFINITE, Matching, Network
from services.matching.clearing.problem import Ints


@compiled
def best_choice(network: Network, matching: Matching, demand: int) -> tuple[int, int, int]:
    """Best slot at present prices, or -1 for none; its cost with price; that of the second best.

    Among equals a free slot comes first. Being left out counts as a choice.
    """
    best, best_slot, second = int(network.unmatched_costs[demand]), -1, INFINITE
    for edge in range(network.first[demand], network.last[demand]):
        slot = network.slots[edge]
        total = network.costs[edge] + matching.prices[slot]
        if total < best:
            best, best_slot, second = total, slot, best
        elif total < second:
            second = total
            if total == best and best_slot >= 0 and matching.demand_of[slot] < 0:
                best_slot = slot
    return int(best_slot), int(best), int(second)


@compiled
def bid(network: Network, matching: Matching, waiting: Ints, bids_max: int) -> tuple[int, int]:
    """Let every demand of ``waiting`` bid, and whom it displaces after it.

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
                if second == best or bids > bids_max:
                    waiting[left] = demand
                    left += 1
                    break
                matching.prices[slot] += second - best
                matching.slot_of[displaced] = -1
                best = second
            matching.potentials[demand] = best
            matching.slot_of[demand] = slot
            matching.demand_of[slot] = demand
            demand = displaced
    return left, bids
