"""The solver finds the optimum and proves it, on every kind of problem."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from services.matching.clearing.certificate import certify
from services.matching.clearing.dense import is_dense, solve_dense
from services.matching.clearing.problem import (
    COST_MAX,
    UNMATCHED,
    AssignmentProblem,
    AssignmentSolution,
)
from services.matching.clearing.solver import solve, solve_sparse
from tests.contract.clearing.problems import drawn, least_cost, problem, problems

Solver = Callable[[AssignmentProblem], AssignmentSolution]
SOLVERS: dict[str, Solver] = {"chosen": solve, "sparse": solve_sparse}


@pytest.mark.parametrize("solver", SOLVERS)
@given(one=problems())
@settings(deadline=None)
def test_costs_no_more_than_trying_everything(solver: str, one: AssignmentProblem) -> None:
    certificate = certify(one, SOLVERS[solver](one))
    assert certificate.faults == ()
    assert certificate.cost == least_cost(one)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slots", [40, 300, 900])
def test_larger_ones_are_certified(seed: int, slots: int) -> None:
    one = drawn(seed, demands=300, slots=slots, degree=12, dearest=10 ** (seed % 5))
    assert certify(one, solve_sparse(one)).faults == ()


@pytest.mark.parametrize(("demands", "slots"), [(30, 30), (30, 50), (50, 30), (1, 9), (9, 1)])
@pytest.mark.parametrize("dearest", [1, 20, 10**9])
def test_dense_and_sparse_agree(demands: int, slots: int, dearest: int) -> None:
    random = np.random.default_rng(demands * slots)
    rows = [
        (
            dict(enumerate(random.integers(0, dearest, slots).tolist())),
            int(random.integers(0, dearest)),
        )
        for _ in range(demands)
    ]
    one = problem(rows, slots)
    assert is_dense(one)
    dense, sparse = solve_dense(one), solve_sparse(one)
    assert certify(one, dense).faults == certify(one, sparse).faults == ()
    assert dense.bound == sparse.bound


class TestDegenerate:
    def test_no_demands(self) -> None:
        one = problem([], 3)
        assert certify(one, solve(one)).faults == ()

    def test_no_slots(self) -> None:
        one = problem([({}, 7)], 0)
        assert solve(one).slot_of.tolist() == [UNMATCHED]
        assert solve(one).bound == 7

    def test_no_edges(self) -> None:
        one = problem([({}, 7), ({}, 2)], 4)
        assert solve(one).bound == 9

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_equal_costs(self, solver: str) -> None:
        one = problem([(dict.fromkeys(range(10), 5), 9)] * 20, 10)
        solution = SOLVERS[solver](one)
        assert certify(one, solution).faults == ()
        assert solution.bound == 10 * 5 + 10 * 9

    def test_of_two_edges_between_the_same_two_the_cheapest_counts(self) -> None:
        one = AssignmentProblem(
            first=np.array([0, 2]),
            slots=np.array([0, 0], dtype=np.int32),
            costs=np.array([5, 3]),
            unmatched_costs=np.array([9]),
            slot_count=9,
        )
        assert certify(one, solve(one)).cost == 3

    def test_largest_costs(self) -> None:
        rows = [({0: -COST_MAX, 1: COST_MAX}, COST_MAX)] * 3
        one = problem(rows, 5)
        assert certify(one, solve_sparse(one)).cost == COST_MAX

    def test_same_problem_same_answer(self) -> None:
        one = drawn(1, demands=300, slots=200, degree=8, dearest=3)
        assert solve(one).slot_of.tolist() == solve(one).slot_of.tolist()


GOOD: dict[str, Any] = {
    "first": np.array([0, 1]),
    "slots": np.array([0], dtype=np.int32),
    "costs": np.array([1]),
    "unmatched_costs": np.array([2]),
    "slot_count": 1,
}
BAD: dict[str, dict[str, Any]] = {
    "int64": {"costs": np.array([1.0])},
    "disagree": {"costs": np.array([1, 2])},
    "ascend": {"first": np.array([1, 1])},
    "beyond": {"costs": np.array([COST_MAX + 1])},
    "does not exist": {"slots": np.array([1], dtype=np.int32)},
    "slot_count": {"slot_count": -1},
}


@pytest.mark.parametrize("complaint", BAD)
def test_a_problem_that_is_none_is_refused(complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        AssignmentProblem(**GOOD | BAD[complaint])
