"""Complete a plan greedily: first the demand that would lose most by waiting.

Source: MTHG of S. Martello, P. Toth, "Knapsack Problems", Wiley 1990, section 7.4. Regret is the
difference between a demand's best and second best edge that still fits; being left out is a choice.
"""

import numpy as np

from services.matching.clearing.problem import Ints
from services.matching.clearing.workload import Flags, Jobs, Plan, put
from services.matching.engine.compiled import compiled


@compiled
def complete(jobs: Jobs, plan: Plan, waiting: Flags) -> None:
    """Place every demand flagged in ``waiting``, or leave it out; flags are taken down."""
    if waiting.size == 0:
        return
    best = np.full(waiting.size, -1, np.int64)
    regret = np.full(waiting.size, -1, np.int64)
    for demand in range(waiting.size):
        if waiting[demand]:
            best[demand], regret[demand] = _choice(jobs, plan, demand)
    while True:
        demand = _most(regret)
        if regret[demand] < 0:
            break
        edge = int(best[demand])
        put(jobs, plan, demand, edge)
        waiting[demand], regret[demand] = False, -1
        if edge >= 0:
            _choose_again(jobs, plan, waiting, jobs.machines[edge], best, regret)


@compiled
def _most(regret: Ints) -> int:
    most = 0
    for demand in range(regret.size):
        if regret[demand] > regret[most]:
            most = demand
    return most


@compiled
def _choose_again(
    jobs: Jobs, plan: Plan, waiting: Flags, machine: int, best: Ints, regret: Ints
) -> None:
    """Let every waiting demand with an edge to ``machine`` choose anew."""
    for edge in jobs.on_machine[jobs.machine_first[machine] : jobs.machine_first[machine + 1]]:
        demand = jobs.demand_of[edge]
        if waiting[demand] and jobs.minutes[edge] > plan.free[machine]:
            best[demand], regret[demand] = _choice(jobs, plan, int(demand))


@compiled
def _choice(jobs: Jobs, plan: Plan, demand: int) -> tuple[int, int]:
    """The cheapest edge that fits, -1 for none, and how much dearer the second choice is."""
    edge_best, best, second = -1, jobs.unmatched_costs[demand], np.iinfo(np.int64).max
    for edge in range(jobs.first[demand], jobs.first[demand + 1]):
        cost = jobs.costs[edge]
        if jobs.minutes[edge] > plan.free[jobs.machines[edge]]:
            continue
        if cost < best:
            edge_best, best, second = edge, cost, best
        elif cost < second:
            second = cost
    return edge_best, int(second - best) if second < np.iinfo(np.int64).max else 0
