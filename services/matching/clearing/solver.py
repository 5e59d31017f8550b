"""Clear a window from nothing: an auction start, then one shortest path for each demand left."""

from typing import Final

import numpy as np

from services.matching.clearing.auction import bid
from services.matching.clearing.demand_search import place_demands
from services.matching.clearing.dense import is_dense, solve_dense
from services.matching.clearing.network import (
    Matching,
    Network,
    Scratch,
    empty_matching,
    network_of,
    scratch_for,
)
from services.matching.clearing.problem import (
    AssignmentProblem,
    AssignmentSolution,
    SolverStatistics,
)

BID_ROUNDS: Final = 2


def solve(problem: AssignmentProblem) -> AssignmentSolution:
    """An optimal assignment and the duals that prove it; the same for the same problem."""
    return solve_dense(problem) if is_dense(problem) else solve_sparse(problem)


def solve_sparse(problem: AssignmentProblem) -> AssignmentSolution:
    """:func:`solve` by bids and searches along edges, whatever the density."""
    network = network_of(problem)
    matching = empty_matching(problem.demands, problem.slot_count)
    scratch = scratch_for(problem.slot_count, problem.slots.size)
    clear(network, matching, scratch)
    return solution_of(matching, scratch)


def clear(network: Network, matching: Matching, scratch: Scratch) -> None:
    """Fill an empty ``matching`` optimally, in place."""
    waiting = np.arange(network.unmatched_costs.size)
    for _ in range(BID_ROUNDS):
        left, bids = bid(network, matching, waiting, waiting.size)
        waiting = waiting[:left]
        scratch.tally[0] += bids
    place_demands(network, matching, scratch, waiting)


def solution_of(matching: Matching, scratch: Scratch) -> AssignmentSolution:
    """The matching as it stands, and the work counted since the scratch was made."""
    bids, searches, scanned, deepest = (int(one) for one in scratch.tally)
    return AssignmentSolution(
        slot_of=matching.slot_of,
        potentials=matching.potentials,
        prices=matching.prices,
        statistics=SolverStatistics(bids, searches, scanned, deepest),
    )
