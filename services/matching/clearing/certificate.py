"""Whether an assignment is optimal, judged from the problem and the duals alone.

Weak duality: any prices and potentials that respect every edge bound the cost of every assignment
from below; an assignment that costs exactly the bound is optimal. Nothing of the solver is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.matching.clearing.problem import (
    UNMATCHED,
    AssignmentProblem,
    AssignmentSolution,
    Ints,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The verdict on one solution.

    Args:
        cost: of the assignment, in minor units.
        bound: of the duals, in minor units.
        faults: what is wrong, in words; empty for a proven optimum.
    """

    cost: int
    bound: int
    faults: tuple[str, ...]

    @property
    def gap(self) -> int:
        return self.cost - self.bound

    @property
    def proves_optimality(self) -> bool:
        return not self.faults


def certify(problem: AssignmentProblem, solution: AssignmentSolution) -> Certificate:
    """Check feasibility of both sides, complementary slackness and a gap of 0."""
    sizes = (solution.slot_of.size, solution.potentials.size, solution.prices.size)
    if sizes != (problem.demands, problem.demands, problem.slot_count):
        return Certificate(0, 0, (f"solution of another size: {sizes}",))
    if ((solution.slot_of < UNMATCHED) | (solution.slot_of >= problem.slot_count)).any():
        return Certificate(0, 0, ("some slots do not exist",))
    chosen = _chosen_costs(problem, solution)
    cost = sum(chosen.tolist())
    bound = sum(solution.potentials.tolist()) - sum(solution.prices.tolist())
    faults = [*_primal_faults(problem, solution), *_dual_faults(problem, solution)]
    faults += _slackness_faults(problem, solution, chosen)
    if cost != bound:
        faults.append(f"gap of {cost - bound}")
    return Certificate(cost, bound, tuple(faults))


def _demand_of_edge(problem: AssignmentProblem) -> Ints:
    return np.repeat(np.arange(problem.demands), np.diff(problem.first))


def _chosen_costs(problem: AssignmentProblem, solution: AssignmentSolution) -> Ints:
    """What each demand costs as assigned: its cheapest edge to its slot, or its unmatched cost."""
    demand_of_edge = _demand_of_edge(problem)
    chosen = np.full(problem.demands, np.iinfo(np.int64).max)
    taken = solution.slot_of[demand_of_edge] == problem.slots
    np.minimum.at(chosen, demand_of_edge[taken], problem.costs[taken])
    return np.where(solution.slot_of < 0, problem.unmatched_costs, chosen)


def _primal_faults(problem: AssignmentProblem, solution: AssignmentSolution) -> Iterator[str]:
    edges = problem.slots == solution.slot_of[_demand_of_edge(problem)]
    has_edge = np.zeros(problem.demands, dtype=bool)
    has_edge[_demand_of_edge(problem)[edges]] = True
    matched = solution.slot_of >= 0
    if stray := np.flatnonzero(matched & ~has_edge).size:
        yield f"{stray} demands have a slot they have no edge to"
    taken = solution.slot_of[matched]
    if shared := taken.size - np.unique(taken).size:
        yield f"{shared} slots are taken twice"


def _dual_faults(problem: AssignmentProblem, solution: AssignmentSolution) -> Iterator[str]:
    demand_of_edge = _demand_of_edge(problem)
    reduced = problem.costs + solution.prices[problem.slots] - solution.potentials[demand_of_edge]
    if broken := np.count_nonzero(reduced < 0):
        yield f"{broken} edges are cheaper than their duals allow, by up to {-reduced.min()}"
    if broken := np.count_nonzero(solution.potentials > problem.unmatched_costs):
        yield f"{broken} potentials exceed the cost of being left out"
    if broken := np.count_nonzero(solution.prices < 0):
        yield f"{broken} prices are negative"


def _slackness_faults(
    problem: AssignmentProblem, solution: AssignmentSolution, chosen: Ints
) -> Iterator[str]:
    prices = np.append(solution.prices, 0)
    paid = np.where(solution.slot_of < 0, 0, prices[solution.slot_of])
    if loose := np.count_nonzero(chosen + paid != solution.potentials):
        yield f"{loose} demands pay other than their potential"
    free = np.ones(problem.slot_count, dtype=bool)
    free[solution.slot_of[solution.slot_of >= 0]] = False
    if priced := np.count_nonzero(solution.prices[free]):
        yield f"{priced} free slots have a price"
