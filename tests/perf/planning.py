"""Generalised assignment at equal time: how far plans are from the best bound anybody proved.

Ours goes first, with as much effort as fits into the seconds given; HiGHS and CP-SAT then get the
time it took, two threads and a model built beforehand.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from ortools.sat.python import cp_model
from rich.console import Console
from rich.progress import track

from services.matching.clearing.generalised import GeneralisedProblem, plan_capacity

PLANNED: Final = "ours, 1 core"
HIGHS: Final = "HiGHS, 2 threads"
CP_SAT: Final = "CP-SAT, 2 workers"
OWN_BOUND: Final = "ours, to our own bound"
TRIAL_EFFORT: Final = 40

Gaps = dict[str, dict[str, list[float]]]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def machine_week(seed: int) -> GeneralisedProblem:
    """A thousand demands of hours on a hundred and twenty machines with a week each; too much."""
    random = np.random.default_rng(seed)
    demands, machines, degree = 1_000, 120, 8
    chosen = [random.choice(machines, degree, replace=False) for _ in range(demands)]
    machine = np.concatenate(chosen).astype(np.int32)
    rate = np.exp(random.normal(np.log(500), 0.35, machines))
    work = np.repeat(np.maximum(60, np.exp(random.normal(5.6, 0.8, demands))), degree)
    speed = random.uniform(0.8, 1.25, machine.size)
    minutes = 15 * np.clip(np.rint(work * speed / 15), 1, 160).astype(np.int64)
    transport = random.integers(0, 30_000, machine.size)
    costs = np.rint(minutes * rate[machine]).astype(np.int64) + transport
    return GeneralisedProblem(
        first=np.arange(demands + 1) * degree,
        machines=machine,
        costs=costs,
        minutes=minutes,
        unmatched_costs=costs.reshape(demands, degree).max(axis=1) * 6 // 5,
        capacities=np.full(machines, 2_400),
    )


def classic(kind: str, seed: int) -> GeneralisedProblem:
    """Types C, D and E of the literature (Chu, Beasley 1997; Laguna et al. 1995), 100 on 10."""
    random = np.random.default_rng(seed)
    demands, machines = 100, 10
    shape = (demands, machines)
    if kind == "C":
        minutes, costs = random.integers(5, 26, shape), random.integers(10, 51, shape)
    elif kind == "D":
        minutes = random.integers(1, 101, shape)
        costs = 111 - minutes + random.integers(-10, 11, shape)
    else:
        minutes = np.maximum(1, np.rint(1 - 10 * np.log(1 - random.random(shape)))).astype(np.int64)
        costs = np.rint(1_000 / minutes - 10 * random.random(shape)).astype(np.int64)
    return GeneralisedProblem(
        first=np.arange(demands + 1) * machines,
        machines=np.tile(np.arange(machines, dtype=np.int32), demands),
        costs=costs.ravel(),
        minutes=minutes.ravel(),
        unmatched_costs=np.full(demands, 10 * int(costs.max())),
        capacities=8 * minutes.sum(axis=0) // (10 * machines),
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """What a solver found and proved, in how many seconds."""

    cost: float
    bound: float
    seconds: float


def plan_by_us(problem: GeneralisedProblem, seconds: float) -> Planned:
    """As much effort as fits into ``seconds``, judged by a short run; the clock is the bench's."""
    trial, _ = timed(lambda: plan_capacity(problem, effort=TRIAL_EFFORT))
    effort = max(TRIAL_EFFORT, int(TRIAL_EFFORT * seconds / trial))
    took, solution = timed(lambda: plan_capacity(problem, effort=effort))
    return Planned(solution.cost, solution.bound, took)


def plan_by_highs(problem: GeneralisedProblem, seconds: float) -> Planned:
    """In a process of its own: OR-Tools brings another HiGHS, and they do not share one."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(file, **{one.name: getattr(problem, one.name) for one in fields(problem)})
        file.flush()
        finished = subprocess.run(
            [sys.executable, "-m", "tests.perf.highs", file.name, str(seconds)],
            capture_output=True,
            check=True,
        )
    return Planned(**json.loads(finished.stdout.splitlines()[-1]))


def plan_by_cp_sat(problem: GeneralisedProblem, seconds: float) -> Planned:
    model = cp_model.CpModel()
    used = [model.new_bool_var("") for _ in range(problem.costs.size)]
    left_out = [model.new_bool_var("") for _ in range(problem.unmatched_costs.size)]
    for demand, out in enumerate(left_out):
        model.add_exactly_one([*used[problem.first[demand] : problem.first[demand + 1]], out])
    for machine, capacity in enumerate(problem.capacities.tolist()):
        own = np.flatnonzero(problem.machines == machine)
        minutes = problem.minutes[own].tolist()
        model.add(
            cp_model.LinearExpr.weighted_sum([used[edge] for edge in own], minutes) <= capacity
        )
    costs = [*problem.costs.tolist(), *problem.unmatched_costs.tolist()]
    model.minimize(cp_model.LinearExpr.weighted_sum([*used, *left_out], costs))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 2
    took, _ = timed(lambda: solver.solve(model))
    return Planned(solver.objective_value, solver.best_objective_bound, took)


def plan_all(console: Console, *, seconds: float, each: int) -> Gaps:
    """Gaps by kind of problem and by solver, in percent of the best bound anybody proved."""
    plan_capacity(classic("C", 0), effort=TRIAL_EFFORT)
    gaps: Gaps = {}
    problems = [
        (kind, machine_week(seed) if kind == "week" else classic(kind, seed))
        for seed in range(each)
        for kind in ("C", "D", "E", "week")
    ]
    for kind, problem in track(problems, "generalised", console=console):
        ours = plan_by_us(problem, seconds)
        found = {
            PLANNED: ours,
            HIGHS: plan_by_highs(problem, ours.seconds),
            CP_SAT: plan_by_cp_sat(problem, ours.seconds),
        }
        bound = max(one.bound for one in found.values())
        for name, one in found.items():
            gap = 100 * (one.cost - bound) / bound
            gaps.setdefault(kind, {}).setdefault(name, []).append(gap)
        own_bound = 100 * (ours.cost - ours.bound) / ours.bound
        gaps[kind].setdefault(OWN_BOUND, []).append(own_bound)
    return gaps
