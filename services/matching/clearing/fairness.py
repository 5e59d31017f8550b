"""The fairness rule of a window, and what it costs.

* **No starvation.** Who has waited more windows than ``patience_windows``, a firm that asks or a
  firm that offers, gets a credit on the costs that concern it: ``credit_per_window`` for every
  further window, at most ``credit_max``. It wins against whoever is cheaper by less. The credit
  decides and is never paid: prices stay as they are. A firm dearer than a rival by more than
  ``credit_max`` is not served by this rule.
* **No self-preference.** Slots of the platform's owner win no tie: of all optimal assignments one
  with the fewest of them is taken. Costs are multiplied by more than the number of demands and
  every edge to such a slot is made dearer by 1, which orders ties and nothing else.

The cost of the rule is the true cost of its assignment beyond that of the cheapest one. It never
exceeds the credits of the edges it uses. Both solutions carry duals, so both can be certified.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.matching.clearing.problem import (
    COST_MAX,
    AssignmentProblem,
    AssignmentSolution,
    Indices,
    Ints,
)
from services.matching.clearing.solver import solve


@dataclass(frozen=True, slots=True)
class FairnessRule:
    """Windows a firm waits without credit; credit in minor units for each one more, and at most.

    Raises:
        ValueError: a negative number.
    """

    patience_windows: int
    credit_per_window: int
    credit_max: int

    def __post_init__(self) -> None:
        if min(self.patience_windows, self.credit_per_window, self.credit_max) < 0:
            raise ValueError("a fairness rule has no negative numbers")

    def credits(self, waited_windows: Ints) -> Ints:
        """The credit for each number of windows waited."""
        overdue = np.maximum(waited_windows - self.patience_windows, 0)
        credit: Ints = np.minimum(overdue * self.credit_per_window, self.credit_max)
        return credit


@dataclass(frozen=True, slots=True)
class WindowStanding:
    """What the rule looks at.

    Args:
        demand_waited: shape (demands,), windows for which the firm that asks went unserved.
        slot_waited: shape (slots,), windows for which the firm that offers was not taken.
        owned: shape (slots,), whether the slot is the platform owner's.
    """

    demand_waited: Ints
    slot_waited: Ints
    owned: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FairClearing:
    """The assignment under the rule beside the cheapest one.

    Args:
        problem: with credits and ordered ties, which ``solution`` solves; costs are scaled.
        solution: under the rule.
        unruled: the cheapest assignment of the problem as it was given.
        cost: true cost of ``solution``, in minor units.
        cost_unruled: true cost of ``unruled``.
    """

    problem: AssignmentProblem
    solution: AssignmentSolution
    unruled: AssignmentSolution
    cost: int
    cost_unruled: int

    @property
    def cost_of_fairness(self) -> int:
        return self.cost - self.cost_unruled


def clear_fairly(
    problem: AssignmentProblem, standing: WindowStanding, rule: FairnessRule
) -> FairClearing:
    """Clear under ``rule``, and without it to tell what it costs.

    Raises:
        ValueError: a standing of another window, or costs too large to order ties exactly.
    """
    ruled = fair_problem(problem, standing, rule)
    solution, unruled = solve(ruled), solve(problem)
    return FairClearing(
        problem=ruled,
        solution=solution,
        unruled=unruled,
        cost=true_cost(problem, solution.slot_of),
        cost_unruled=unruled.bound,
    )


def fair_problem(
    problem: AssignmentProblem, standing: WindowStanding, rule: FairnessRule
) -> AssignmentProblem:
    """``problem`` with the credits of ``rule`` and its order of ties.

    Raises:
        ValueError: see :func:`clear_fairly`.
    """
    sizes = (standing.demand_waited.size, standing.slot_waited.size, standing.owned.size)
    if sizes != (problem.demands, problem.slot_count, problem.slot_count):
        raise ValueError("the standing is that of another window")
    scale = problem.demands + 1
    largest = max(
        np.abs(problem.costs).max(initial=0), np.abs(problem.unmatched_costs).max(initial=0)
    )
    if (int(largest) + 2 * rule.credit_max) * scale + 1 > COST_MAX:
        raise ValueError("costs are too large to order ties exactly among so many demands")
    credit = np.repeat(rule.credits(standing.demand_waited), np.diff(problem.first))
    credit += rule.credits(standing.slot_waited)[problem.slots]
    return AssignmentProblem(
        first=problem.first,
        slots=problem.slots,
        costs=(problem.costs - credit) * scale + standing.owned[problem.slots],
        unmatched_costs=problem.unmatched_costs * scale,
        slot_count=problem.slot_count,
    )


def true_cost(problem: AssignmentProblem, slot_of: Indices) -> int:
    """What an assignment costs by the costs of ``problem``."""
    demand_of_edge = np.repeat(np.arange(problem.demands), np.diff(problem.first))
    taken = slot_of[demand_of_edge] == problem.slots
    costs = np.where(slot_of < 0, problem.unmatched_costs, COST_MAX)
    np.minimum.at(costs, demand_of_edge[taken], problem.costs[taken])
    return int(costs.sum())
