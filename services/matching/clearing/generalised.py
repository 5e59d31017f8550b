"""Demands of many minutes against machines with a capacity of minutes: generalised assignment.

NP-hard, so the answer is a plan together with a bound: a regret greedy start (S. Martello, P. Toth,
"Knapsack Problems", 1990, MTHG), the Lagrangian bound of the assignment constraints by subgradient
(M. Fisher, R. Jaikumar, L. Van Wassenhove, Management Science 32, 1986), plans repaired from its
multipliers, shifts, swaps and ejections on each plan, and at last ruin and recreate on the best.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.matching.clearing.exchange import improve
from services.matching.clearing.multipliers import ascend, relax, start
from services.matching.clearing.problem import INDEX_MAX, UNMATCHED, Indices, Ints, check_rows
from services.matching.clearing.recreate import refine
from services.matching.clearing.regret import complete
from services.matching.clearing.workload import Flags, Jobs, Plan, empty_plan, plan_cost, put
from services.matching.engine.compiled import compiled

CELLS_MAX: Final = 1 << 27
EFFORT: Final = 200
REFINEMENTS_PER_STEP: Final = 50
TOLERANCE_SHARE: Final = 50  # of the gap, by which a refined plan may be dearer at first
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class GeneralisedProblem:
    """Demands by edges to machines, in compressed sparse rows.

    Demand ``i`` may run on ``machines[k]`` at ``costs[k]``, which takes ``minutes[k]`` of it, for
    ``first[i] <= k < first[i + 1]``; at most one edge between the same two.

    Args:
        first: shape (demands + 1,), ascending from 0.
        machines: shape (edges,), each below the number of machines.
        costs: shape (edges,), in minor units, |cost| <= ``COST_MAX``.
        minutes: shape (edges,), at least 1.
        unmatched_costs: shape (demands,), what it costs to leave the demand out.
        capacities: shape (machines,), free minutes, not negative.

    Raises:
        ValueError: shapes that disagree, a machine out of range, minutes that are none, or
            capacities so large that the exact knapsacks of the bound do not fit into memory.
    """

    first: Ints
    machines: Indices
    costs: Ints
    minutes: Ints
    unmatched_costs: Ints
    capacities: Ints

    def __post_init__(self) -> None:
        check_rows(self.first, self.machines, self.costs, self.unmatched_costs)
        if self.minutes.size != self.costs.size:
            raise ValueError("the arrays disagree about how many edges there are")
        if not self.capacities.size <= INDEX_MAX or (self.capacities < 0).any():
            raise ValueError("capacities are negative or too many")
        if (self.minutes < 1).any():
            raise ValueError("an edge takes no minutes")
        if ((self.machines < 0) | (self.machines >= self.capacities.size)).any():
            raise ValueError("an edge leads to a machine that does not exist")
        degrees = np.bincount(self.machines, minlength=self.capacities.size)
        if (degrees * (self.capacities // self.grid + 1) > CELLS_MAX).any():
            raise ValueError("capacities are too fine for an exact knapsack: use a coarser grid")

    @property
    def grid(self) -> int:
        """The largest number of minutes that divides the minutes of every edge."""
        return max(1, int(np.gcd.reduce(self.minutes, initial=0)))


@dataclass(frozen=True, slots=True)
class GeneralisedSolution:
    """A plan and a bound no plan can beat, both in minor units.

    Args:
        machine_of: shape (demands,), or -1 for a demand left out.
        cost: of the plan.
        bound: Lagrangian; ``cost - bound`` is by how much the plan may miss the optimum.
        steps: of the subgradient, fewer than asked when the gap closed.
        values: shape (demands,), the last multipliers: about what serving each demand costs.
    """

    machine_of: Indices
    cost: int
    bound: int
    steps: int
    values: Ints

    @property
    def gap(self) -> float:
        """By how much the plan may miss the optimum, as a share of the bound."""
        return (self.cost - self.bound) / max(1, abs(self.bound))


def plan_capacity(problem: GeneralisedProblem, *, effort: int = EFFORT) -> GeneralisedSolution:
    """A good plan and a bound; the same for the same problem and effort.

    Args:
        problem: what is planned.
        effort: steps of the subgradient, each with a plan repaired from it, and for each step
            ``REFINEMENTS_PER_STEP`` refinements of the best plan afterwards.
    """
    jobs = _jobs(problem)
    plan = empty_plan(jobs)
    complete(jobs, plan, np.ones(jobs.unmatched_costs.size, np.bool_))
    improve(jobs, plan)
    best, cost = plan.edge_of.copy(), plan_cost(jobs, plan)
    multipliers, steps = start(jobs), 0
    while steps < effort and cost > multipliers.bound:
        used = relax(jobs, multipliers)
        plan = _repaired(jobs, used)
        if plan_cost(jobs, plan) < cost:
            best, cost = plan.edge_of.copy(), plan_cost(jobs, plan)
        ascend(jobs, multipliers, used, cost)
        steps += 1
    if cost > multipliers.bound:
        plan = _with_edges(jobs, best)
        tolerance = (cost - multipliers.bound) // TOLERANCE_SHARE
        cost = refine(jobs, plan, best, REFINEMENTS_PER_STEP * effort, tolerance, SEED)
    machine_of = np.append(jobs.machines, np.int32(UNMATCHED))[best]
    values = np.rint(multipliers.values).astype(np.int64)
    return GeneralisedSolution(machine_of, cost, multipliers.bound, steps, values)


def _jobs(problem: GeneralisedProblem) -> Jobs:
    machines = problem.capacities.size
    machine_first = np.zeros(machines + 1, np.int64)
    np.cumsum(np.bincount(problem.machines, minlength=machines), out=machine_first[1:])
    return Jobs(
        first=problem.first,
        machines=problem.machines,
        costs=problem.costs,
        minutes=problem.minutes // problem.grid,
        demand_of=np.repeat(np.arange(problem.unmatched_costs.size), np.diff(problem.first)),
        unmatched_costs=problem.unmatched_costs,
        capacities=problem.capacities // problem.grid,
        machine_first=machine_first,
        on_machine=np.argsort(problem.machines, kind="stable"),
    )


def _with_edges(jobs: Jobs, edges: Ints) -> Plan:
    plan = empty_plan(jobs)
    for demand, edge in enumerate(edges.tolist()):
        put(jobs, plan, demand, edge)
    return plan


def _repaired(jobs: Jobs, used: Flags) -> Plan:
    """A plan from a relaxed optimum: each demand keeps its cheapest edge there, the rest follow."""
    plan = empty_plan(jobs)
    _keep_cheapest(jobs, plan, used)
    complete(jobs, plan, plan.edge_of < 0)
    improve(jobs, plan)
    return plan


@compiled
def _keep_cheapest(jobs: Jobs, plan: Plan, used: Flags) -> None:
    for demand in range(jobs.unmatched_costs.size):
        best, cheapest = -1, jobs.unmatched_costs[demand]
        for edge in range(jobs.first[demand], jobs.first[demand + 1]):
            if used[edge] and jobs.costs[edge] < cheapest:
                best, cheapest = edge, jobs.costs[edge]
        put(jobs, plan, demand, best)
