"""The arrays of generalised assignment, and moving one demand from machine to machine."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.matching.clearing.problem import UNMATCHED, Indices, Ints
from services.matching.engine.compiled import compiled

Flags = npt.NDArray[np.bool_]


class Jobs(NamedTuple):
    """Edges by demand, and the same edges by machine.

    ``on_machine[machine_first[j]:machine_first[j + 1]]`` are the numbers of the edges to machine
    ``j``; ``demand_of`` says whose edge each is. Minutes and capacities are in units of the grid.
    """

    first: Ints
    machines: Indices
    costs: Ints
    minutes: Ints
    demand_of: Ints
    unmatched_costs: Ints
    capacities: Ints
    machine_first: Ints
    on_machine: Ints


class Plan(NamedTuple):
    """Which edge each demand uses, -1 for none; free minutes; each machine's demands as a list."""

    edge_of: Ints
    free: Ints
    head: Ints
    after: Ints
    ahead: Ints


def empty_plan(jobs: Jobs) -> Plan:
    demands = jobs.unmatched_costs.size
    return Plan(
        edge_of=np.full(demands, UNMATCHED, np.int64),
        free=jobs.capacities.copy(),
        head=np.full(jobs.capacities.size, -1, np.int64),
        after=np.full(demands, -1, np.int64),
        ahead=np.full(demands, -1, np.int64),
    )


def plan_cost(jobs: Jobs, plan: Plan) -> int:
    """What the plan costs, demands left out included."""
    used = jobs.costs[plan.edge_of] if jobs.costs.size else 0
    return int(np.where(plan.edge_of >= 0, used, jobs.unmatched_costs).sum())


@compiled
def cost_now(jobs: Jobs, plan: Plan, demand: int) -> int:
    edge = plan.edge_of[demand]
    return int(jobs.costs[edge] if edge >= 0 else jobs.unmatched_costs[demand])


@compiled
def put(jobs: Jobs, plan: Plan, demand: int, edge: int) -> None:
    """Let ``demand`` use ``edge``, or none if that is -1, and no other any more."""
    _take_off(jobs, plan, demand)
    plan.edge_of[demand] = edge
    if edge < 0:
        return
    machine = jobs.machines[edge]
    plan.free[machine] -= jobs.minutes[edge]
    head = plan.head[machine]
    plan.after[demand], plan.ahead[demand] = head, -1
    if head >= 0:
        plan.ahead[head] = demand
    plan.head[machine] = demand


@compiled
def _take_off(jobs: Jobs, plan: Plan, demand: int) -> None:
    edge = plan.edge_of[demand]
    if edge < 0:
        return
    machine, after, ahead = jobs.machines[edge], plan.after[demand], plan.ahead[demand]
    plan.free[machine] += jobs.minutes[edge]
    if after >= 0:
        plan.ahead[after] = ahead
    if ahead >= 0:
        plan.after[ahead] = after
    else:
        plan.head[machine] = after
