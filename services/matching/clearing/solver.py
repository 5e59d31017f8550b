"""Clear a window from nothing: an auction start, then one shortest path for each demand left."""

from typing import Final

import numpy as np

from services.matching.clearing.auction import bid, bid_exactly, withdraw
from services.matching.clearing.demand_search import place_demands
from services.matching.clearing.dense import is_dense, solve_dense
from services.matching.clearing.network import (
    Matching,
    Network,
    Scratch,
    Takers,
    empty_matching,
    mean_spread,
    network_of,
    scratch_for,
)
from services.matching.clearing.problem import (
    AssignmentProblem,
    AssignmentSolution,
    Ints,
    SolverStatistics,
)
from services.matching.clearing.slot_search import settle_slots
from services.matching.clearing.takers import takers_of

NO_SLOTS: Final = np.empty(0, np.int64)
CONTENDED_FROM: Final = 1 / 6  # share of demands left over by exact bids, measured
ROUGH_BIDS_PER_DEMAND: Final = 40
INCREMENTS_PER_SPREAD: Final = 40  # what one demand's slots differ by, in increments; measured


def solve(problem: AssignmentProblem) -> AssignmentSolution:
    """An optimal assignment and the duals that prove it; the same for the same problem."""
    return solve_dense(problem) if is_dense(problem) else solve_sparse(problem)


def solve_sparse(problem: AssignmentProblem) -> AssignmentSolution:
    """:func:`solve` by bids and searches along edges, whatever the density."""
    network = network_of(problem)
    matching = empty_matching(problem.demands, problem.slot_count)
    scratch = scratch_for(problem.slot_count, problem.slots.size)
    clear(network, matching, scratch)
    return AssignmentSolution(
        slot_of=matching.slot_of,
        potentials=matching.potentials,
        prices=matching.prices,
        statistics=statistics_of(scratch),
    )


def clear(
    network: Network, matching: Matching, scratch: Scratch, takers: Takers | None = None
) -> None:
    """Fill an empty ``matching`` optimally, in place."""
    waiting, loose = np.arange(network.unmatched_costs.size), NO_SLOTS
    left = bid_exactly(network, matching, scratch, waiting)
    if left > CONTENDED_FROM * waiting.size:
        waiting, loose = _bid_roughly(network, matching, scratch, waiting[:left])
        left = bid_exactly(network, matching, scratch, waiting)
    place_demands(network, matching, scratch, waiting[:left])
    if loose.size:
        takers = takers or takers_of(network, matching.prices.size, 0)
        settle_slots(takers, matching, scratch, loose)


def _bid_roughly(
    network: Network, matching: Matching, scratch: Scratch, waiting: Ints
) -> tuple[Ints, Ints]:
    demands = network.unmatched_costs.size
    increment = 1 + mean_spread(network) // INCREMENTS_PER_SPREAD
    _, bids = bid(network, matching, waiting, increment, ROUGH_BIDS_PER_DEMAND * demands)
    scratch.tally[0] += bids
    return withdraw(network, matching)


def statistics_of(scratch: Scratch) -> SolverStatistics:
    """The work counted since the tally began."""
    return SolverStatistics(*scratch.tally.tolist())
