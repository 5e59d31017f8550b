"""``make bench NAME=clearing``: pooled demands matched as a batch, against what one would take.

Sparse assignment on a market three ways: from nothing, after one hundredth of the demands changed,
and under the fairness rule. Everybody solves the same instance to the same cost, which is checked
first; ours is certified by a function that shares no code with it. Peers are given their strongest
formulation and are timed without building their model. Ours uses one core, the peers whatever they
can. Rounds are interleaved, medians are shown.

Generalised assignment at equal time is in ``planning``.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean, median
from typing import Final

import numpy as np
from ortools.graph.python import linear_sum_assignment, min_cost_flow
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from services.matching.clearing.certificate import certify
from services.matching.clearing.fairness import FairnessRule, WindowStanding, clear_fairly
from services.matching.clearing.incremental import LiveClearing, MarketChanges
from services.matching.clearing.problem import AssignmentProblem, Indices, Ints
from services.matching.clearing.solver import solve
from tests.perf.planning import CP_SAT, HIGHS, OWN_BOUND, PLANNED, Gaps, plan_all, timed
from tests.perf.report import Bar, Report, finish

DEMANDS: Final = 10_000
SLOTS: Final = 14_000
EDGES_PER_DEMAND: Final = 16
PROCESSES: Final = 50
ELIGIBLE: Final = 0.35
WINDOWS: Final = 40
PERCENTILES: Final = (0, 10, 50, 90, 99, 100)
SEED: Final = 20_260
OURS: Final = "ours, 1 core"
FLOW: Final = "OR-Tools min-cost flow"
PUSH: Final = "OR-Tools linear sum assignment"
SCIPY: Final = "SciPy LAPJVsp"
RULE: Final = FairnessRule(patience_windows=3, credit_per_window=2_000, credit_max=20_000)

Timed = tuple[float, int]
Solver = Callable[[AssignmentProblem], Timed]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter searches")
    quick = parser.parse_args().quick
    console = Console(stderr=True)
    markets = {"market": priced_market(SEED), "uniform": uniform_market(SEED)}
    measured = {
        name: measure(pool, console, name, rounds=3 if quick else 7)
        for name, pool in markets.items()
    }
    fairness = fairness_of(rows_of(markets["market"], np.arange(DEMANDS)))
    plans = plan_all(console, seconds=4.0 if quick else 10.0, each=1 if quick else 3)
    return finish(report(measured, fairness, plans, console))


# Markets


def priced_market(seed: int) -> AssignmentProblem:
    """Demands ask for one process near them; edges are the cheapest eligible listings.

    Processes differ in popularity, rates are log-normal, transport costs by distance, and whoever
    pays a quarter more than the median offer is better left out. One fifth more demands than a
    window holds, for those that arrive later.
    """
    random = np.random.default_rng(seed)
    popularity = 1 / np.arange(1, PROCESSES + 1) ** 0.6
    popularity /= popularity.sum()
    demands = DEMANDS + DEMANDS // 5
    offered, asked = (random.choice(PROCESSES, n, p=popularity) for n in (SLOTS, demands))
    there, here = (random.random((n, 2)) * 1_000 for n in (SLOTS, demands))
    rate = np.rint(np.exp(random.normal(np.log(30_000), 0.35, SLOTS))).astype(np.int64)
    hours = np.maximum(1, np.rint(np.exp(random.normal(1.5, 0.8, demands)))).astype(np.int64)
    rows, unmatched = [], np.zeros(demands, np.int64)
    for demand in range(demands):
        able = np.flatnonzero(offered == asked[demand])
        able = able[random.random(able.size) < ELIGIBLE]
        distance = np.hypot(*(there[able] - here[demand]).T)
        cost = rate[able] * hours[demand] + np.rint(150 * distance).astype(np.int64)
        cheapest = np.sort(np.argsort(cost, kind="stable")[:EDGES_PER_DEMAND])
        rows.append((able[cheapest], cost[cheapest]))
        unmatched[demand] = int(1.25 * np.median(cost)) if able.size else 100_000
    return AssignmentProblem(
        first=np.cumsum([0, *(slots.size for slots, _ in rows)], dtype=np.int64),
        slots=np.concatenate([slots for slots, _ in rows]).astype(np.int32),
        costs=np.concatenate([costs for _, costs in rows]),
        unmatched_costs=unmatched,
        slot_count=SLOTS,
    )


def uniform_market(seed: int) -> AssignmentProblem:
    """Edges to anywhere at any cost, as benchmarks of assignment have them: hardly contended."""
    random = np.random.default_rng(seed)
    demands = DEMANDS + DEMANDS // 5
    slots = [random.choice(SLOTS, EDGES_PER_DEMAND, replace=False) for _ in range(demands)]
    return AssignmentProblem(
        first=np.arange(demands + 1) * EDGES_PER_DEMAND,
        slots=np.concatenate(slots).astype(np.int32),
        costs=random.integers(1_000, 100_000, demands * EDGES_PER_DEMAND),
        unmatched_costs=np.full(demands, 200_000),
        slot_count=SLOTS,
    )


def rows_of(pool: AssignmentProblem, demands: Ints) -> AssignmentProblem:
    degrees = np.diff(pool.first)[demands]
    first = np.zeros(demands.size + 1, np.int64)
    np.cumsum(degrees, out=first[1:])
    edges = np.arange(first[-1]) + np.repeat(pool.first[demands] - first[:-1], degrees)
    return AssignmentProblem(
        first=first,
        slots=pool.slots[edges],
        costs=pool.costs[edges],
        unmatched_costs=pool.unmatched_costs[demands],
        slot_count=pool.slot_count,
    )


def windows(pool: AssignmentProblem, seed: int) -> Iterator[MarketChanges]:
    """A hundredth of the demands each: a third is re-priced, a third goes, a third comes."""
    random = np.random.default_rng(seed)
    standing = np.arange(DEMANDS)
    part, arriving = DEMANDS // 300, DEMANDS
    for _ in range(WINDOWS):
        standing = random.permutation(standing)
        gone, repriced, standing = standing[:part], standing[part : 2 * part], standing[part:]
        new = np.arange(arriving, arriving + part + 1)
        arriving += new.size
        standing = np.concatenate([standing, new])
        rows = rows_of(pool, np.concatenate([repriced, new]))
        changed = rows.first[part]
        costs = rows.costs.copy()
        costs[:changed] = (costs[:changed] * random.uniform(0.9, 1.1, changed)).astype(np.int64)
        rows = AssignmentProblem(rows.first, rows.slots, costs, rows.unmatched_costs, SLOTS)
        yield MarketChanges(demands=np.concatenate([repriced, new]), rows=rows, removed=gone)


# Solvers


def by_us(problem: AssignmentProblem) -> Timed:
    took, solution = timed(lambda: solve(problem))
    return took, solution.bound


def demand_of_edge(problem: AssignmentProblem) -> Ints:
    return np.repeat(np.arange(problem.demands), np.diff(problem.first))


def by_flow(problem: AssignmentProblem) -> Timed:
    """Being left out goes straight to the sink: fewer nodes than a dummy for each demand."""
    demands, slots = np.arange(problem.demands), np.arange(problem.slot_count)
    sink = problem.demands + problem.slot_count
    ends = np.concatenate(
        [problem.slots + problem.demands, np.full(demands.size + slots.size, sink)]
    )
    costs = [problem.costs, problem.unmatched_costs, np.zeros(slots.size, np.int64)]
    flow = min_cost_flow.SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(
        np.concatenate([demand_of_edge(problem), demands, problem.demands + slots]),
        ends,
        np.ones(ends.size, np.int64),
        np.concatenate(costs),
    )
    supplies = np.zeros(sink + 1, np.int64)
    supplies[: problem.demands], supplies[sink] = 1, -problem.demands
    flow.set_nodes_supplies(np.arange(sink + 1), supplies)
    took, _ = timed(flow.solve)
    return took, int(flow.optimal_cost())


def by_push(problem: AssignmentProblem) -> Timed:
    """A perfect matching of the doubled graph: a mirrored copy takes in whatever stays free."""
    demands, slots = np.arange(problem.demands), np.arange(problem.slot_count)
    edge_demand = demand_of_edge(problem)
    left: list[Ints | Indices] = [
        edge_demand,
        demands,
        problem.demands + slots,
        problem.demands + problem.slots,
    ]
    right: list[Ints | Indices] = [
        problem.slots,
        problem.slot_count + demands,
        slots,
        problem.slot_count + edge_demand,
    ]
    nothing = np.zeros(slots.size + edge_demand.size, np.int64)
    assignment = linear_sum_assignment.SimpleLinearSumAssignment()
    assignment.add_arcs_with_cost(
        np.concatenate(left),
        np.concatenate(right),
        np.concatenate([problem.costs, problem.unmatched_costs, nothing]),
    )
    took, _ = timed(assignment.solve)
    return took, int(assignment.optimal_cost())


def by_scipy(problem: AssignmentProblem) -> Timed:
    demands = np.arange(problem.demands)
    rows = np.concatenate([demand_of_edge(problem), demands])
    columns = np.concatenate([problem.slots, problem.slot_count + demands])
    costs = np.concatenate([problem.costs, problem.unmatched_costs]).astype(np.float64)
    shape = (problem.demands, problem.slot_count + problem.demands)
    matrix = csr_array((costs, (rows, columns)), shape=shape)
    took, chosen = timed(lambda: min_weight_full_bipartite_matching(matrix))
    return took, round(matrix[chosen].sum())


SOLVERS: Final[dict[str, Solver]] = {OURS: by_us, FLOW: by_flow, PUSH: by_push, SCIPY: by_scipy}


@dataclass(slots=True)
class Measured:
    """Seconds of every round; windows are those of clearing again after a change."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)
    windows: list[float] = field(default_factory=list)
    gap: int = 0
    faults: list[str] = field(default_factory=list)

    def ms(self, name: str) -> float:
        return 1e3 * median(self.seconds[name])

    @property
    def window_ms(self) -> float:
        return 1e3 * median(self.windows)

    @property
    def windows_spread(self) -> dict[str, float]:
        """Of clearing again: the window that so many of a hundred do not exceed."""
        spread = np.percentile(self.windows, PERCENTILES)
        return {f"p{one}": round(1e3 * ms, 3) for one, ms in zip(PERCENTILES, spread, strict=True)}

    @property
    def best_full_ms(self) -> float:
        return min(map(self.ms, self.seconds))


def measure(pool: AssignmentProblem, console: Console, name: str, *, rounds: int) -> Measured:
    problem, measured = rows_of(pool, np.arange(DEMANDS)), Measured()
    certificate = certify(problem, solve(problem))
    measured.gap, measured.faults = certificate.gap, list(certificate.faults)
    clear_windows(pool, problem, Measured(), seed=0)
    for number in track(range(rounds), f"{name}, rounds", console=console):
        order = list(SOLVERS) if number % 2 else list(reversed(SOLVERS))
        for solver in order:
            took, measured.costs[solver] = SOLVERS[solver](problem)
            measured.seconds.setdefault(solver, []).append(took)
        clear_windows(pool, problem, measured, seed=number)
    return measured


def clear_windows(
    pool: AssignmentProblem, problem: AssignmentProblem, measured: Measured, *, seed: int
) -> None:
    """Window after window, as a market lives; the last state is certified and solved anew."""
    live = LiveClearing(problem)
    for changes in list(windows(pool, seed)):
        took, _ = timed(partial(live.apply, changes))
        measured.windows.append(took)
    measured.faults += certify(live.problem, live.solution).faults
    if live.solution.bound != solve(live.problem).bound:
        measured.faults.append("clearing again ends elsewhere than clearing anew")


def fairness_of(problem: AssignmentProblem) -> dict[str, float]:
    """One firm in ten has waited up to eight windows; one slot in twenty is the owner's."""
    random = np.random.default_rng(SEED)
    waited = np.where(random.random(problem.demands) < 0.1, random.integers(0, 9, DEMANDS), 0)
    standing = WindowStanding(
        demand_waited=waited,
        slot_waited=np.zeros(problem.slot_count, np.int64),
        owned=random.random(problem.slot_count) < 0.05,
    )
    cleared = clear_fairly(problem, standing, RULE)
    overdue = waited > RULE.patience_windows
    return {
        "cost": cleared.cost,
        "cost_unruled": cleared.cost_unruled,
        "share": round(cleared.cost_of_fairness / cleared.cost_unruled, 8),
        "overdue": int(overdue.sum()),
        "overdue_served": int((cleared.solution.slot_of[overdue] >= 0).sum()),
        "overdue_served_unruled": int((cleared.unruled.slot_of[overdue] >= 0).sum()),
    }


# Report


def report(
    measured: dict[str, Measured], fairness: dict[str, float], gaps: Gaps, console: Console
) -> Report:
    show(measured, gaps, console)
    market = measured["market"]
    ratios = {
        f"{name}, {peer}": round(one.ms(peer) / one.ms(OURS), 2)
        for name, one in measured.items()
        for peer in SOLVERS
        if peer != OURS
    }
    for name, one in measured.items():
        peer = min(one.ms(solver) for solver in SOLVERS if solver != OURS)
        ratios[f"{name}, best full solve / one window"] = round(one.best_full_ms / one.window_ms, 1)
        ratios[f"{name}, best peer's / one window"] = round(peer / one.window_ms, 1)
    mean = {
        solver: round(fmean(gap for kind in gaps.values() for gap in kind[solver]), 3)
        for solver in (PLANNED, HIGHS, CP_SAT, OWN_BOUND)
    }
    flow, scipy = ratios[f"market, {FLOW}"], ratios[f"market, {SCIPY}"]
    again = ratios["market, best full solve / one window"]
    bars = [
        Bar("certificate gap", market.gap, 0, holds=market.gap == 0),
        Bar("x min-cost flow", flow, 3, holds=flow >= 3),
        Bar("x SciPy sparse", scipy, 10, holds=scipy >= 10),
        Bar("x best full solve, 1 % changed", again, 50, holds=again >= 50),
        *(
            Bar(
                f"mean gap %, {peer} at most",
                mean[PLANNED],
                mean[peer],
                holds=mean[PLANNED] <= mean[peer],
            )
            for peer in (HIGHS, CP_SAT)
        ),
    ]
    return Report(
        bench="clearing",
        ours={
            **{f"{name}_ms": round(one.ms(OURS), 2) for name, one in measured.items()},
            **{f"{name}_window_ms": round(one.window_ms, 3) for name, one in measured.items()},
            **{f"{name}_windows_ms": one.windows_spread for name, one in measured.items()},
            "gap_percent": mean[PLANNED],
            "gap_to_own_bound_percent": mean[OWN_BOUND],
            "fairness": fairness,
        },
        peers={
            peer: {f"{name}_ms": round(one.ms(peer), 2) for name, one in measured.items()}
            for peer in SOLVERS
            if peer != OURS
        }
        | {peer: {"gap_percent": mean[peer]} for peer in (HIGHS, CP_SAT)},
        ratios=ratios,
        identical=all(
            len(set(one.costs.values())) == 1 and not one.faults for one in measured.values()
        ),
        bars=bars,
    )


def show(measured: dict[str, Measured], gaps: Gaps, console: Console) -> None:
    table = Table(f"{DEMANDS} x {SLOTS}, ms: median (least)", *measured)
    for solver in SOLVERS:
        cells = [
            f"{one.ms(solver):.1f} ({1e3 * min(one.seconds[solver]):.1f})"
            for one in measured.values()
        ]
        table.add_row(solver, *cells)
    cells = [f"{one.window_ms:.3f} ({1e3 * min(one.windows):.3f})" for one in measured.values()]
    table.add_row("ours, 1 % changed", *cells)
    spread = [", ".join(f"{key} {ms}" for key, ms in one.windows_spread.items())
              for one in measured.values()]  # fmt: skip
    table.add_row("its distribution", *spread)
    console.print(table)
    table = Table("generalised, mean gap in %", *gaps)
    for solver in (PLANNED, HIGHS, CP_SAT, OWN_BOUND):
        table.add_row(solver, *(f"{fmean(kind[solver]):.3f}" for kind in gaps.values()))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
