"""Blocks where nearly every demand may take every slot: ``lapx`` finds the assignment.

Source: R. Jonker, A. Volgenant (1987) as built in C++ by https://github.com/rathaROG/lapx. It gives
no duals, so the least prices that support its assignment are computed here: the longest paths of
the residual graph, by label correction.
"""

from typing import Final

import lap
import numpy as np

from services.matching.clearing.network import Matching, empty_matching
from services.matching.clearing.problem import (
    AssignmentProblem,
    AssignmentSolution,
    Ints,
    SolverStatistics,
)
from services.matching.engine.compiled import compiled

NO_EDGE: Final = 1 << 60
DENSE_FROM: Final = 0.5
CELLS_MAX: Final = 1 << 22


def is_dense(problem: AssignmentProblem) -> bool:
    """Whether a full matrix is both small (32 MiB) and mostly filled."""
    cells = problem.demands * problem.slot_count
    return problem.slots.size >= DENSE_FROM * cells and 0 < cells <= CELLS_MAX


def solve_dense(problem: AssignmentProblem) -> AssignmentSolution:
    """The optimum by way of a full matrix of shape (demands, slots), exact below 2**53.

    Being left out needs no columns of its own: where it is cheaper than an edge, it takes the
    edge's place in the matrix, for some slot is then to spare. Only demands beyond the number of
    slots get further columns.
    """
    costs = np.full((problem.demands, problem.slot_count), NO_EDGE)
    demand_of_edge = np.repeat(np.arange(problem.demands), np.diff(problem.first))
    np.minimum.at(costs, (demand_of_edge, problem.slots), problem.costs)
    slot_of = _assigned(costs, problem.unmatched_costs)
    matching = empty_matching(problem.demands, problem.slot_count)
    matched = np.flatnonzero(slot_of >= 0)
    matching.slot_of[:] = slot_of
    matching.demand_of[slot_of[matched]] = matched
    looked = _support(costs, problem.unmatched_costs, matching)
    return AssignmentSolution(
        matching.slot_of, matching.potentials, matching.prices, SolverStatistics(scanned=looked)
    )


def _assigned(costs: Ints, unmatched_costs: Ints) -> Ints:
    demands, slots = costs.shape
    left_out = unmatched_costs[:, np.newaxis]
    spare = np.repeat(left_out, max(0, demands - slots), axis=1)
    matrix = np.hstack([np.minimum(costs, left_out), spare]).astype(np.float64)
    _, chosen, _ = lap.lapjv(matrix, extend_cost=demands < slots)
    chosen = np.asarray(chosen, dtype=np.int64)
    inside = np.minimum(chosen, slots - 1)
    kept = (chosen < slots) & (costs[np.arange(demands), inside] < unmatched_costs)
    return np.where(kept, chosen, -1)


@compiled
def _support(costs: Ints, unmatched_costs: Ints, matching: Matching) -> int:
    """Raise prices from 0 until they support ``matching``; how many demands were looked at."""
    demands, slots = costs.shape
    queue = np.empty(demands + 1, np.int64)
    queued = np.ones(demands, np.bool_)
    queue[:demands] = np.arange(demands)
    head, tail, looked = 0, demands, 0
    while head != tail:
        demand = queue[head]
        head = (head + 1) % (demands + 1)
        queued[demand] = False
        looked += 1
        slot = matching.slot_of[demand]
        potential = unmatched_costs[demand]
        if slot >= 0:
            potential = costs[demand, slot] + matching.prices[slot]
        matching.potentials[demand] = potential
        for other in range(slots):
            least = potential - costs[demand, other]
            if least > matching.prices[other]:
                matching.prices[other] = least
                holder = matching.demand_of[other]
                if holder >= 0 and not queued[holder]:
                    queued[holder] = True
                    queue[tail] = holder
                    tail = (tail + 1) % (demands + 1)
    return looked
