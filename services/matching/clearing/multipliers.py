"""The Lagrangian bound: what every demand would pay at most, raised where it is served nowhere.

Relaxing "at most one machine per demand" with a multiplier for each demand leaves one knapsack per
machine, solved exactly by dynamic programming on integers, so that the bound holds whatever the
multipliers are. Source: M. Fisher, R. Jaikumar, L. Van Wassenhove, Management Science 32 (1986);
step length of M. Held, P. Wolfe, H. Crowder, Mathematical Programming 6 (1974), with the deflection
of P. Camerini, L. Fratta, F. Maffioli (1975).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from services.matching.clearing.problem import Ints
from services.matching.clearing.workload import Flags, Jobs
from services.matching.engine.compiled import compiled

STEP_FIRST: Final = 1.0
STEP_LEAST: Final = 1e-4
PATIENCE: Final = 20
MOMENTUM: Final = 0.7


@dataclass(slots=True)
class Multipliers:
    """The state of a subgradient ascent.

    Args:
        values: shape (demands,), minor units; rounded before they are used.
        direction: shape (demands,), of the last step; part of it carries over.
        bound: the best so far, ``last`` the latest.
        step: share of the gap that a step aims at; halved after ``PATIENCE`` steps in vain.
    """

    values: npt.NDArray[np.float64]
    direction: npt.NDArray[np.float64]
    bound: int
    last: int
    step: float
    in_vain: int


def start(jobs: Jobs) -> Multipliers:
    """Every demand at the cost of its second best choice, for the best is rarely had by all."""
    values = second_choices(jobs).astype(np.float64)
    least = int(np.iinfo(np.int64).min)
    return Multipliers(values, np.zeros_like(values), least, least, STEP_FIRST, 0)


def relax(jobs: Jobs, multipliers: Multipliers) -> Flags:
    """The relaxed optimum at these multipliers, as edges used; updates the bound."""
    rounded = np.rint(multipliers.values).astype(np.int64)
    used = np.zeros(jobs.costs.size, np.bool_)
    out = np.minimum(jobs.unmatched_costs - rounded, 0)
    multipliers.last = int(rounded.sum() + out.sum() - fill_machines(jobs, rounded, used))
    multipliers.in_vain += 1
    if multipliers.last > multipliers.bound:
        multipliers.bound, multipliers.in_vain = multipliers.last, 0
    return used


def ascend(jobs: Jobs, multipliers: Multipliers, used: Flags, cost: int) -> None:
    """Step along the subgradient: raise whom nothing serves, lower whom several serve."""
    if multipliers.in_vain >= PATIENCE:
        multipliers.step, multipliers.in_vain = max(multipliers.step / 2, STEP_LEAST), 0
    served = np.bincount(jobs.demand_of[used], minlength=jobs.unmatched_costs.size)
    served += multipliers.values > jobs.unmatched_costs
    direction = 1.0 - served + MOMENTUM * multipliers.direction
    length = float(direction @ direction)
    if length:
        aim = max(1, cost - multipliers.last)
        multipliers.values = multipliers.values + multipliers.step * aim / length * direction
    multipliers.direction = direction


@compiled
def second_choices(jobs: Jobs) -> Ints:
    """What each demand's second cheapest choice costs, being left out included."""
    seconds = np.empty(jobs.unmatched_costs.size, np.int64)
    for demand in range(seconds.size):
        best = second = jobs.unmatched_costs[demand]
        for edge in range(jobs.first[demand], jobs.first[demand + 1]):
            cost = jobs.costs[edge]
            if cost < best:
                best, second = cost, best
            elif cost < second:
                second = cost
        seconds[demand] = second
    return seconds


@compiled
def fill_machines(jobs: Jobs, worth: Ints, used: Flags) -> int:
    """Fill each machine with what is worth most beyond its cost; the worth of it all.

    Args:
        jobs: the problem.
        worth: shape (demands,), the multipliers.
        used: shape (edges,), all False; set where an edge is taken.
    """
    total = 0
    for machine in range(jobs.capacities.size):
        edges = jobs.on_machine[jobs.machine_first[machine] : jobs.machine_first[machine + 1]]
        total += _knapsack(jobs, edges, jobs.capacities[machine], worth, used)
    return total


@compiled
def _knapsack(jobs: Jobs, edges: Ints, capacity: int, worth: Ints, used: Flags) -> int:
    value = np.zeros(capacity + 1, np.int64)
    taken = np.zeros((edges.size, capacity + 1), np.bool_)
    for row in range(edges.size):
        edge = edges[row]
        profit, minutes = worth[jobs.demand_of[edge]] - jobs.costs[edge], jobs.minutes[edge]
        if profit <= 0:
            continue
        for load in range(capacity, minutes - 1, -1):
            better = value[load - minutes] + profit
            if better > value[load]:
                value[load] = better
                taken[row, load] = True
    load = capacity
    for row in range(edges.size - 1, -1, -1):
        if taken[row, load]:
            used[edges[row]] = True
            load -= jobs.minutes[edges[row]]
    return int(value[capacity])
