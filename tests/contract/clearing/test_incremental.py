"""After any change a live clearing stands where clearing everything anew would stand."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.clearing.certificate import certify
from services.matching.clearing.incremental import LiveClearing, MarketChanges
from services.matching.clearing.problem import UNMATCHED, AssignmentProblem
from services.matching.clearing.solver import solve_sparse
from tests.contract.clearing.problems import Edges, drawn, least_cost, problem, problems


@dataclass
class Model:
    """The same market kept plainly, as rows and a set of closed slots."""

    rows: list[tuple[Edges, int]]
    slots: int
    closed: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, one: AssignmentProblem) -> "Model":
        edges = [
            dict(zip(one.slots[a:b].tolist(), one.costs[a:b].tolist(), strict=True))
            for a, b in zip(one.first[:-1], one.first[1:], strict=True)
        ]
        return cls(list(zip(edges, one.unmatched_costs.tolist(), strict=True)), one.slot_count)

    def problem(self) -> AssignmentProblem:
        usable = [
            ({slot: cost for slot, cost in edges.items() if slot not in self.closed}, left_out)
            for edges, left_out in self.rows
        ]
        return problem(usable, self.slots)


def indices(values: Any) -> Any:
    return np.array(sorted(values), dtype=np.int64)


def some(data: st.DataObject, count: int) -> set[int]:
    """Some of the first ``count`` numbers."""
    return data.draw(st.sets(st.integers(0, count - 1), max_size=3)) if count else set()


def change(data: st.DataObject, model: Model) -> MarketChanges:
    """Draw a change and make it to ``model`` too."""
    slots = model.slots + data.draw(st.integers(0, 1))
    changed = some(data, len(model.rows))
    removed = some(data, len(model.rows)) - changed
    added = range(len(model.rows), len(model.rows) + data.draw(st.integers(0, 2)))
    closed = some(data, slots)
    opened = some(data, slots) - closed
    cost = st.integers(-3, 9)
    rows = {
        one: ({slot: data.draw(cost) for slot in some(data, slots)}, data.draw(cost))
        for one in [*sorted(changed), *added]
    }
    for one in removed:
        model.rows[one] = ({}, 0)
    model.rows += [({}, 0)] * len(added)
    for one, drawn_row in rows.items():
        model.rows[one] = drawn_row
    model.slots = slots
    model.closed = (model.closed | closed) - opened
    return MarketChanges(
        demands=indices(rows),
        rows=problem(list(rows.values()), slots),
        removed=indices(removed),
        closed=indices(closed),
        opened=indices(opened),
    )


@given(one=problems(demands_max=6, slots_max=5), data=st.data())
@settings(deadline=None, max_examples=60)
def test_small_changes_cost_no_more_than_trying_everything(
    one: AssignmentProblem, data: st.DataObject
) -> None:
    live, model = LiveClearing(one), Model.of(one)
    for _ in range(data.draw(st.integers(1, 4))):
        live.apply(change(data, model))
        expected = model.problem()
        certificate = certify(expected, live.solution)
        assert certificate.faults == ()
        assert certify(live.problem, live.solution).faults == ()
        assert certificate.cost == least_cost(expected)


def stirred(live: LiveClearing, random: np.random.Generator, *, new: int) -> MarketChanges:
    """Some demands ask anew, some go, ``new`` come; some slots close, some open."""
    market = live.problem
    known = random.permutation(market.demands)
    demands = np.concatenate([known[:20], np.arange(market.demands, market.demands + new)])
    slots = random.permutation(market.slot_count)
    return MarketChanges(
        demands=demands,
        rows=drawn(
            int(random.integers(1 << 30)),
            demands=demands.size,
            slots=market.slot_count + 1,
            degree=10,
            dearest=1_000,
        ),
        removed=known[20:35],
        closed=slots[:8],
        opened=slots[8:16],
    )


@pytest.mark.parametrize("slots", [80, 300, 600])
@pytest.mark.parametrize("new", [10, 400])
def test_many_changes_end_where_clearing_anew_ends(slots: int, new: int) -> None:
    random = np.random.default_rng(slots + new)
    live = LiveClearing(drawn(slots, demands=300, slots=slots, degree=10, dearest=1_000))
    for _ in range(12):
        statistics = live.apply(stirred(live, random, new=new))
        assert certify(live.problem, live.solution).faults == ()
        assert live.solution.bound == solve_sparse(live.problem).bound
    assert statistics.bids > 0


def test_a_closed_slot_is_left_and_taken_again() -> None:
    live = LiveClearing(problem([({0: 1, 1: 5}, 9)], 2))
    live.apply(MarketChanges(closed=indices([0])))
    assert live.solution.slot_of.tolist() == [1]
    live.apply(MarketChanges(closed=indices([1])))
    assert live.solution.slot_of.tolist() == [UNMATCHED]
    live.apply(MarketChanges(opened=indices([0, 1])))
    assert live.solution.slot_of.tolist() == [0]


def test_a_demand_that_went_may_come_back() -> None:
    live = LiveClearing(problem([({0: 1}, 9)], 1))
    live.apply(MarketChanges(removed=indices([0])))
    assert live.solution.bound == 0
    live.apply(MarketChanges(demands=indices([0]), rows=problem([({0: 2}, 9)], 1)))
    assert live.solution.bound == 2


ROW = problem([({0: 1}, 2)], 1)
REFUSED: dict[str, list[MarketChanges]] = {
    "as many demands as rows": [MarketChanges(demands=indices([0]))],
    "next indices": [MarketChanges(demands=indices([5]), rows=ROW)],
    "a demand is named twice": [
        MarketChanges(removed=indices([1, 1])),
        MarketChanges(demands=indices([1]), rows=ROW, removed=indices([1])),
    ],
    "a slot is named twice": [MarketChanges(closed=indices([0]), opened=indices([0]))],
    "demand does not exist": [
        MarketChanges(removed=indices([2])),
        MarketChanges(removed=indices([-1])),
    ],
    "slot does not exist": [
        MarketChanges(closed=indices([1])),
        MarketChanges(opened=indices([-1])),
    ],
}


@pytest.mark.parametrize("complaint", REFUSED)
def test_a_change_that_cannot_be_made_changes_nothing(complaint: str) -> None:
    one = problem([({0: 1}, 9), ({0: 2}, 9)], 1)
    live = LiveClearing(one)
    for changes in REFUSED[complaint]:
        with pytest.raises(ValueError, match=complaint):
            live.apply(changes)
    assert certify(one, live.solution).faults == ()
