"""Whether a plan of many-hour demands may be carried out and costs what it says.

Judged from the problem alone; nothing of the planner is used. That the bound is one follows from
weak duality and is not repeated here.
"""

from collections.abc import Iterator

import numpy as np

from services.matching.clearing.generalised import GeneralisedProblem, GeneralisedSolution
from services.matching.clearing.problem import Ints


def plan_faults(problem: GeneralisedProblem, solution: GeneralisedSolution) -> tuple[str, ...]:
    """What is wrong with ``solution``, in words; nothing for a plan that keeps its promises."""
    if solution.machine_of.size != problem.unmatched_costs.size:
        return (f"plan of another size: {solution.machine_of.size}",)
    demand_of_edge = np.repeat(np.arange(problem.unmatched_costs.size), np.diff(problem.first))
    used = solution.machine_of[demand_of_edge] == problem.machines
    return tuple(_faults(problem, solution, demand_of_edge, np.flatnonzero(used)))


def _faults(
    problem: GeneralisedProblem, solution: GeneralisedSolution, demand_of_edge: Ints, used: Ints
) -> Iterator[str]:
    served = np.zeros(problem.unmatched_costs.size, np.int64)
    np.add.at(served, demand_of_edge[used], 1)
    if stray := np.count_nonzero(served != (solution.machine_of >= 0)):
        yield f"{stray} demands have a machine they have no edge to"
    taken = np.zeros(problem.capacities.size, np.int64)
    np.add.at(taken, problem.machines[used], problem.minutes[used])
    if overfull := np.count_nonzero(taken > problem.capacities):
        yield f"{overfull} machines are overfull"
    left_out = problem.unmatched_costs[solution.machine_of < 0]
    cost = int(problem.costs[used].sum()) + int(left_out.sum())
    if cost != solution.cost:
        yield f"the plan costs {cost}, not {solution.cost}"
    if solution.bound > solution.cost:
        yield f"a bound of {solution.bound} exceeds the cost"
