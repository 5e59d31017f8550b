"""A certificate is given for an optimum only: every way to be wrong is named."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.clearing.certificate import certify
from services.matching.clearing.problem import AssignmentProblem, AssignmentSolution, Ints
from services.matching.clearing.solver import solve
from tests.contract.clearing.problems import least_cost, problem, problems

# The first two want slot 0; slot 2 nobody wants.
MARKET = problem([({0: 10, 1: 30}, 50), ({0: 12, 1: 20}, 50), ({0: 11}, 15)], 3)


def changed(values: Ints, place: int, value: int) -> Ints:
    copy = values.copy()
    copy[place] = value
    return copy


def faults(**changes: Any) -> str:
    return "; ".join(certify(MARKET, replace(solve(MARKET), **changes)).faults)


def test_the_optimum_is_certified() -> None:
    certificate = certify(MARKET, solve(MARKET))
    assert certificate.proves_optimality
    assert (certificate.cost, certificate.gap) == (10 + 20 + 15, 0)


class TestRejects:
    def test_an_assignment_that_costs_more(self) -> None:
        worse = faults(slot_of=np.array([-1, 1, 0], dtype=np.int32))
        assert "gap of 36" in worse
        assert "pay other than their potential" in worse

    def test_a_slot_taken_twice(self) -> None:
        assert "1 slots are taken twice" in faults(slot_of=np.array([0, 0, -1], dtype=np.int32))

    def test_a_slot_without_an_edge(self) -> None:
        assert "no edge" in faults(slot_of=np.array([2, 1, -1], dtype=np.int32))

    @pytest.mark.parametrize("slot", [-2, 3])
    def test_a_slot_that_does_not_exist(self, slot: int) -> None:
        assert "do not exist" in faults(slot_of=np.array([slot, 1, 0], dtype=np.int32))

    def test_a_potential_too_high(self) -> None:
        potentials = solve(MARKET).potentials
        assert "cheaper than their duals" in faults(potentials=potentials + 1)

    def test_a_potential_too_low(self) -> None:
        assert "gap of 3" in faults(potentials=solve(MARKET).potentials - 1)

    def test_a_potential_above_being_left_out(self) -> None:
        assert "left out" in faults(potentials=changed(solve(MARKET).potentials, 2, 16))

    def test_a_negative_price(self) -> None:
        assert "negative" in faults(prices=changed(solve(MARKET).prices, 2, -1))

    def test_a_free_slot_with_a_price(self) -> None:
        assert "free slots have a price" in faults(prices=changed(solve(MARKET).prices, 2, 1))

    def test_a_solution_of_another_problem(self) -> None:
        assert "another size" in faults(prices=np.zeros(2, dtype=np.int64))


@given(one=problems(demands_max=5, slots_max=4), data=st.data())
@settings(deadline=None)
def test_whatever_is_certified_costs_the_optimum(
    one: AssignmentProblem, data: st.DataObject
) -> None:
    number = st.integers(-3, 8)
    choice = st.integers(-1, one.slot_count - 1)
    slot_of, potentials, prices = (
        data.draw(st.lists(values, min_size=size, max_size=size))
        for values, size in [
            (choice, one.demands),
            (number, one.demands),
            (number, one.slot_count),
        ]
    )
    guess = AssignmentSolution(
        slot_of=np.array(slot_of, dtype=np.int32),
        potentials=np.array(potentials, dtype=np.int64),
        prices=np.array(prices, dtype=np.int64),
        statistics=solve(one).statistics,
    )
    certificate = certify(one, guess)
    assert not certificate.proves_optimality or certificate.cost == least_cost(one)


@pytest.mark.parametrize("half", ["slot_of", "duals"])
@given(one=problems(), other=problems())
@settings(deadline=None)
def test_half_of_another_solution_is_no_proof_of_more_than_the_optimum(
    half: str, one: AssignmentProblem, other: AssignmentProblem
) -> None:
    if (one.demands, one.slot_count) != (other.demands, other.slot_count):
        return
    mixed = solve(one)
    foreign = solve(other)
    if half == "slot_of":
        mixed = replace(mixed, slot_of=foreign.slot_of)
    else:
        mixed = replace(mixed, potentials=foreign.potentials, prices=foreign.prices)
    certificate = certify(one, mixed)
    assert not certificate.proves_optimality or certificate.cost == least_cost(one)
