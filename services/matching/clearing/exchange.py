"""Improve a plan by shifts, swaps and ejections until none helps.

Source: M. Yagiura, T. Ibaraki, F. Glover, "An ejection chain approach for the generalized
assignment problem", INFORMS Journal on Computing 16 (2004), with chains of two. A demand takes an
edge it would rather use; where it does not fit, one demand there makes way for it to whatever then
suits that one best, the place just vacated included, which makes it a swap.
"""

import numpy as np

from services.matching.clearing.problem import Ints
from services.matching.clearing.workload import Jobs, Plan, cost_now, put
from services.matching.engine.compiled import compiled

ROUNDS_MAX = 1_000


@compiled
def improve(jobs: Jobs, plan: Plan) -> int:
    """Take improving moves in a fixed order until a round finds none; how many were taken."""
    return improve_some(jobs, plan, np.arange(jobs.unmatched_costs.size))


@compiled
def improve_some(jobs: Jobs, plan: Plan, demands: Ints) -> int:
    """:func:`improve`, but only ``demands`` begin a move."""
    moves = 0
    for _ in range(ROUNDS_MAX):
        before = moves
        for demand in demands:
            for edge in range(jobs.first[demand], jobs.first[demand + 1]):
                if edge != plan.edge_of[demand] and _move(jobs, plan, demand, edge):
                    moves += 1
        if moves == before:
            break
    return moves


@compiled
def _move(jobs: Jobs, plan: Plan, demand: int, edge: int) -> bool:
    """Bring ``demand`` onto ``edge`` if that saves, with at most one other making way."""
    machine = jobs.machines[edge]
    saved = cost_now(jobs, plan, demand) - jobs.costs[edge]
    missing = jobs.minutes[edge] - plan.free[machine]
    if missing <= 0:
        if saved > 0:
            put(jobs, plan, demand, edge)
        return bool(saved > 0)
    other = plan.head[machine]
    while other >= 0:
        if jobs.minutes[plan.edge_of[other]] >= missing:
            way = _way_out(jobs, plan, other, machine, plan.edge_of[demand])
            dearer = jobs.unmatched_costs[other] if way < 0 else jobs.costs[way]
            if dearer - cost_now(jobs, plan, other) < saved:
                put(jobs, plan, demand, -1)
                put(jobs, plan, other, way)
                put(jobs, plan, demand, edge)
                return True
        other = plan.after[other]
    return False


@compiled
def _way_out(jobs: Jobs, plan: Plan, demand: int, machine: int, vacated: int) -> int:
    """The cheapest edge of ``demand`` away from ``machine`` once ``vacated`` is; -1: left out."""
    best, cheapest = -1, jobs.unmatched_costs[demand]
    for edge in range(jobs.first[demand], jobs.first[demand + 1]):
        other = jobs.machines[edge]
        if other == machine or jobs.costs[edge] >= cheapest:
            continue
        free = plan.free[other]
        if vacated >= 0 and jobs.machines[vacated] == other:
            free += jobs.minutes[vacated]
        if jobs.minutes[edge] <= free:
            best, cheapest = edge, jobs.costs[edge]
    return best
