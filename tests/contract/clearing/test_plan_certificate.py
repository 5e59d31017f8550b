"""A plan that cannot be carried out, or costs something else, is found out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.matching.clearing.generalised import GeneralisedSolution, plan_capacity
from services.matching.clearing.plan_certificate import plan_faults
from tests.contract.clearing.test_generalised import workload

PROBLEM = workload([({0: (5, 4)}, 20), ({0: (6, 4), 1: (9, 4)}, 20), ({1: (2, 3)}, 20)], [4, 8])


def moved(solution: GeneralisedSolution, *machines: int) -> GeneralisedSolution:
    return replace(solution, machine_of=np.array(machines, np.int32))


WRONG: dict[str, Callable[[GeneralisedSolution], Any]] = {
    "no edge": lambda plan: moved(plan, 1, 1, 1),
    "overfull": lambda plan: moved(plan, 0, 0, 1),
    "costs 31, not 16": lambda plan: moved(plan, -1, 1, 1),
    "exceeds the cost": lambda plan: replace(plan, bound=plan.cost + 1),
    "another size": lambda plan: moved(plan, 0),
}


def test_a_sound_plan_has_no_faults() -> None:
    plan = plan_capacity(PROBLEM)
    assert plan.machine_of.tolist() == [0, 1, 1]
    assert plan_faults(PROBLEM, plan) == ()


@pytest.mark.parametrize("fault", WRONG)
def test_an_unsound_one_is_told(fault: str) -> None:
    assert fault in "; ".join(plan_faults(PROBLEM, WRONG[fault](plan_capacity(PROBLEM))))
