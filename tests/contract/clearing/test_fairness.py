"""Nobody starves, the owner wins no tie, and both have a stated price."""

from itertools import count, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.clearing.certificate import certify
from services.matching.clearing.fairness import (
    FairnessRule,
    WindowStanding,
    clear_fairly,
    true_cost,
)
from services.matching.clearing.problem import COST_MAX, UNMATCHED, AssignmentProblem
from tests.contract.clearing.problems import least_cost, problem, problems

RULE = FairnessRule(patience_windows=3, credit_per_window=10, credit_max=50)
NO_CREDIT = FairnessRule(patience_windows=0, credit_per_window=0, credit_max=0)


def standing(
    one: AssignmentProblem,
    *,
    demands: list[int] | None = None,
    slots: list[int] | None = None,
    owned: tuple[int, ...] = (),
) -> WindowStanding:
    return WindowStanding(
        demand_waited=np.array(demands or [0] * one.demands, dtype=np.int64),
        slot_waited=np.array(slots or [0] * one.slot_count, dtype=np.int64),
        owned=np.isin(np.arange(one.slot_count), owned),
    )


class TestNoStarvation:
    # The first firm saves the platform 25 more by taking the only slot.
    RIVALS = problem([({0: 100}, 200), ({0: 125}, 200)], 1)

    def test_credit_begins_after_the_patience_and_is_bounded(self) -> None:
        assert RULE.credits(np.arange(10)).tolist() == [0, 0, 0, 0, 10, 20, 30, 40, 50, 50]

    def test_the_dearer_firm_is_served_once_its_credit_outweighs_the_difference(self) -> None:
        for waited in count():
            cleared = clear_fairly(self.RIVALS, standing(self.RIVALS, demands=[0, waited]), RULE)
            if cleared.solution.slot_of.tolist() == [UNMATCHED, 0]:
                break
        assert waited == 3 + 3
        assert cleared.cost_of_fairness == 25

    def test_a_firm_beyond_the_largest_credit_is_not(self) -> None:
        far = problem([({0: 100}, 200), ({0: 151}, 200)], 1)
        cleared = clear_fairly(far, standing(far, demands=[0, 1_000]), RULE)
        assert cleared.solution.slot_of.tolist() == [0, UNMATCHED]
        assert cleared.cost_of_fairness == 0

    def test_a_firm_that_offers_is_taken_too(self) -> None:
        one = problem([({0: 100, 1: 109}, 200)], 2)
        assert clear_fairly(one, standing(one), RULE).solution.slot_of.tolist() == [0]
        waited = standing(one, slots=[0, 4])
        assert clear_fairly(one, waited, RULE).solution.slot_of.tolist() == [1]


class TestNoSelfPreference:
    @pytest.mark.parametrize("owned", [0, 1])
    def test_the_owners_slot_loses_a_tie(self, owned: int) -> None:
        one = problem([({0: 5, 1: 5}, 9)], 2)
        cleared = clear_fairly(one, standing(one, owned=(owned,)), NO_CREDIT)
        assert cleared.solution.slot_of.tolist() == [1 - owned]
        assert cleared.cost_of_fairness == 0

    def test_the_owners_slot_wins_when_it_is_cheaper(self) -> None:
        one = problem([({0: 4, 1: 5}, 9)], 2)
        cleared = clear_fairly(one, standing(one, owned=(0,)), NO_CREDIT)
        assert cleared.solution.slot_of.tolist() == [0]

    @given(one=problems(demands_max=4, slots_max=4), data=st.data())
    @settings(deadline=None)
    def test_of_all_cheapest_assignments_one_with_the_fewest_owned_is_taken(
        self, one: AssignmentProblem, data: st.DataObject
    ) -> None:
        slots = st.sets(st.integers(0, one.slot_count - 1)) if one.slot_count else st.just(set())
        owned = data.draw(slots)
        cleared = clear_fairly(one, standing(one, owned=tuple(owned)), NO_CREDIT)
        assert cleared.cost_of_fairness == 0
        least = min(
            sum(slot in owned for slot in choice)
            for choice in feasible(one)
            if true_cost(one, np.array(choice, dtype=np.int32)) == least_cost(one)
        )
        assert sum(slot in owned for slot in cleared.solution.slot_of.tolist()) == least


def feasible(one: AssignmentProblem) -> list[tuple[int, ...]]:
    rows = [
        [UNMATCHED, *one.slots[a:b].tolist()]
        for a, b in zip(one.first[:-1], one.first[1:], strict=True)
    ]
    choices = product(*rows)
    return [one for one in choices if len({*one} - {UNMATCHED}) == sum(slot >= 0 for slot in one)]


@given(one=problems(), data=st.data())
@settings(deadline=None)
def test_the_rule_costs_at_most_the_credits_it_used(
    one: AssignmentProblem, data: st.DataObject
) -> None:
    windows = st.integers(0, 9)
    waited = standing(
        one,
        demands=data.draw(st.lists(windows, min_size=one.demands, max_size=one.demands)),
        slots=data.draw(st.lists(windows, min_size=one.slot_count, max_size=one.slot_count)),
    )
    cleared = clear_fairly(one, waited, RULE)
    assert certify(cleared.problem, cleared.solution).faults == ()
    assert certify(one, cleared.unruled).faults == ()
    slot_of = cleared.solution.slot_of
    matched = slot_of >= 0
    credit = RULE.credits(waited.demand_waited)[matched].sum()
    credit += RULE.credits(waited.slot_waited)[slot_of[matched]].sum()
    assert 0 <= cleared.cost_of_fairness <= credit


class TestRefuses:
    def test_a_negative_rule(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            FairnessRule(patience_windows=-1, credit_per_window=0, credit_max=0)

    def test_the_standing_of_another_window(self) -> None:
        one = problem([({0: 5}, 9)], 1)
        with pytest.raises(ValueError, match="another window"):
            clear_fairly(one, standing(problem([], 1)), RULE)

    def test_costs_that_leave_no_room_for_ties(self) -> None:
        one = problem([({0: COST_MAX // 2}, 9)], 1)
        with pytest.raises(ValueError, match="too large"):
            clear_fairly(one, standing(one), RULE)
