"""Refine a plan by taking some demands out and completing it again, many times.

Source: ruin and recreate of G. Schrimpf et al., Journal of Computational Physics 159 (2000), with
the record-to-record acceptance of G. Dueck (1993): a plan is taken on while it costs no more than
the record and a shrinking tolerance. Randomness comes from a seed, so that answers repeat.
"""

from typing import Final

import numpy as np

from services.matching.clearing.exchange import improve, improve_some
from services.matching.clearing.problem import Ints
from services.matching.clearing.regret import complete
from services.matching.clearing.workload import Flags, Jobs, Plan, cost_now, put
from services.matching.engine.compiled import compiled

RUINED_MAX: Final = 10


@compiled
def refine(jobs: Jobs, plan: Plan, record: Ints, rounds: int, tolerance: int, seed: int) -> int:
    """Keep the best plan found in ``record``; its cost.

    Args:
        jobs: the problem.
        plan: where to begin; changed.
        record: shape (demands,), the edges of the best plan.
        rounds: how often to ruin and recreate.
        tolerance: by how much a plan may cost more than the record at first; falls to 0.
        seed: of the choices.
    """
    state = np.full(1, seed)
    demands = jobs.unmatched_costs.size
    least = _whole_cost(jobs, plan)
    _copy(plan.edge_of, record)
    waiting, before = np.zeros(demands, np.bool_), plan.edge_of.copy()
    for turn in range(rounds):
        ruined = _ruin(jobs, plan, waiting, state)
        complete(jobs, plan, waiting)
        improve_some(jobs, plan, ruined)
        after = _whole_cost(jobs, plan)
        if after < least:
            improve(jobs, plan)
            least = after = _whole_cost(jobs, plan)
            _copy(plan.edge_of, record)
        if after <= least + tolerance * (rounds - turn) // rounds:
            _copy(plan.edge_of, before)
        else:
            _restore(jobs, plan, before)
    return int(least)


@compiled
def _copy(source: Ints, target: Ints) -> None:
    for place in range(source.size):
        target[place] = source[place]


@compiled
def _draw(state: Ints, below: int) -> int:
    """A number in [0, below); D. Knuth's MMIX generator, whose product may wrap around."""
    state[0] = state[0] * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407
    return int((state[0] >> 33) & 0x7FFF_FFFF) % below


@compiled
def _whole_cost(jobs: Jobs, plan: Plan) -> int:
    total = 0
    for demand in range(jobs.unmatched_costs.size):
        total += cost_now(jobs, plan, demand)
    return total


@compiled
def _restore(jobs: Jobs, plan: Plan, edges: Ints) -> None:
    for demand in range(edges.size):
        if plan.edge_of[demand] != edges[demand]:
            put(jobs, plan, demand, -1)
    for demand in range(edges.size):
        if plan.edge_of[demand] != edges[demand]:
            put(jobs, plan, demand, edges[demand])


@compiled
def _ruin(jobs: Jobs, plan: Plan, waiting: Flags, state: Ints) -> Ints:
    """Take out a demand, some that share the machines it could use, and bring it elsewhere."""
    demands = jobs.unmatched_costs.size
    chosen = np.empty(RUINED_MAX, np.int64)
    chosen[0] = _draw(state, demands)
    count, wanted = 1, 2 + _draw(state, RUINED_MAX - 1)
    first, last = jobs.first[chosen[0]], jobs.first[chosen[0] + 1]
    for _ in range(3 * wanted):
        if count == wanted or first == last:
            break
        machine = jobs.machines[first + _draw(state, last - first)]
        edges = jobs.on_machine[jobs.machine_first[machine] : jobs.machine_first[machine + 1]]
        other = jobs.demand_of[edges[_draw(state, edges.size)]]
        edge = plan.edge_of[other]
        if edge < 0 or jobs.machines[edge] == machine:
            chosen[count] = other
            count += 1
    old = plan.edge_of[chosen[0]]
    for demand in chosen[:count]:
        put(jobs, plan, demand, -1)
        waiting[demand] = True
    if first < last:
        edge = first + _draw(state, last - first)
        if edge != old and jobs.minutes[edge] <= plan.free[jobs.machines[edge]]:
            put(jobs, plan, chosen[0], edge)
            waiting[chosen[0]] = False
    return chosen[:count]
