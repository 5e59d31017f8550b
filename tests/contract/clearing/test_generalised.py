"""Plans keep to the minutes there are, and no plan costs less than the bound."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.clearing.generalised import (
    GeneralisedProblem,
    GeneralisedSolution,
    plan_capacity,
)
from services.matching.clearing.problem import UNMATCHED

Row = tuple[dict[int, tuple[int, int]], int]


def workload(rows: list[Row], capacities: list[int]) -> GeneralisedProblem:
    """Every row its (cost, minutes) by machine and the cost of being left out."""
    pairs = [pair for edges, _ in rows for pair in edges.values()]
    return GeneralisedProblem(
        first=np.cumsum([0, *(len(edges) for edges, _ in rows)], dtype=np.int64),
        machines=np.array([one for edges, _ in rows for one in edges], dtype=np.int32),
        costs=np.array([cost for cost, _ in pairs], dtype=np.int64),
        minutes=np.array([minutes for _, minutes in pairs], dtype=np.int64),
        unmatched_costs=np.array([left_out for _, left_out in rows], dtype=np.int64),
        capacities=np.array(capacities, dtype=np.int64),
    )


@st.composite
def workloads(draw: Any) -> tuple[list[Row], list[int]]:
    capacities = draw(st.lists(st.integers(0, 12), max_size=3))
    cost, minutes = st.integers(-3, 20), st.integers(1, 8)
    machine = st.integers(0, len(capacities) - 1)
    edges = st.dictionaries(machine, st.tuples(cost, minutes)) if capacities else st.just({})
    return draw(st.lists(st.tuples(edges, cost), max_size=6)), capacities


def least_cost(rows: list[Row], capacities: list[int]) -> int:
    @cache
    def rest(demand: int, free: tuple[int, ...]) -> int:
        if demand == len(rows):
            return 0
        edges, left_out = rows[demand]
        options = [left_out + rest(demand + 1, free)]
        for machine, (cost, minutes) in edges.items():
            if minutes <= free[machine]:
                left = (*free[:machine], free[machine] - minutes, *free[machine + 1 :])
                options.append(cost + rest(demand + 1, left))
        return min(options)

    return rest(0, tuple(capacities))


def replayed(rows: list[Row], capacities: list[int], solution: GeneralisedSolution) -> int:
    """The plan's cost, having checked that it keeps to the minutes."""
    free, total = list(capacities), 0
    for (edges, left_out), machine in zip(rows, solution.machine_of.tolist(), strict=True):
        if machine == UNMATCHED:
            total += left_out
            continue
        cost, minutes = edges[machine]
        free[machine] -= minutes
        total += cost
    assert min(free, default=0) >= 0
    return total


@given(drawn=workloads())
@settings(deadline=None, max_examples=30)
def test_the_optimum_lies_between_bound_and_cost(drawn: tuple[list[Row], list[int]]) -> None:
    solution = plan_capacity(workload(*drawn), effort=40)
    assert replayed(*drawn, solution) == solution.cost
    assert solution.bound <= least_cost(*drawn) <= solution.cost


def mixed(seed: int, *, demands: int, machines: int) -> tuple[list[Row], list[int]]:
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for _ in range(demands):
        chosen = random.choice(machines, 6, replace=False).tolist()
        edges = {
            one: (int(random.integers(100, 900)), 15 * int(random.integers(1, 20)))
            for one in chosen
        }
        rows.append((edges, 1_200))
    return rows, [15 * 60] * machines


@pytest.mark.parametrize("seed", range(2))
def test_the_gap_of_a_larger_plan_is_small(seed: int) -> None:
    drawn = mixed(seed, demands=100, machines=12)
    solution = plan_capacity(workload(*drawn), effort=80)
    assert replayed(*drawn, solution) == solution.cost
    assert 0 <= solution.gap < 0.03


def test_same_problem_same_plan() -> None:
    one = workload(*mixed(7, demands=60, machines=8))
    plans = [plan_capacity(one, effort=20).machine_of.tolist() for _ in range(2)]
    assert plans[0] == plans[1]


def test_enough_capacity_closes_the_gap_at_once() -> None:
    solution = plan_capacity(workload([({0: (5, 10), 1: (7, 10)}, 9)] * 3, [60, 60]))
    assert (solution.cost, solution.gap) == (15, 0.0)


def test_nothing_to_plan() -> None:
    assert plan_capacity(workload([], [])).cost == 0
    assert plan_capacity(workload([({}, 4)], [10])).cost == 4


@pytest.mark.parametrize(
    ("complaint", "edges", "capacities"),
    [
        ("no minutes", {0: (5, 0)}, [60]),
        ("does not exist", {1: (5, 10)}, [60]),
        ("negative", {0: (5, 10)}, [-1]),
        ("too fine", {0: (5, 1)}, [1 << 30]),
    ],
)
def test_a_workload_that_is_none_is_refused(
    complaint: str, edges: dict[int, tuple[int, int]], capacities: list[int]
) -> None:
    with pytest.raises(ValueError, match=complaint):
        workload([(edges, 9)], capacities)
