"""The life of a deal: in whatever order things are tried, nothing comes about without its guard."""

from collections.abc import Collection
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.deals.domain.lifecycle import (
    BIDDING,
    ENDED,
    MISSING,
    RULES,
    Guard,
    GuardMissingError,
    Move,
    MoveRefusedError,
    NotYourMoveError,
    Party,
    State,
    advance,
    moves_of,
    stage,
)
from services.contracts.errors import DomainError

MIGRATION = Path(__file__).parents[3] / "deploy/migrations/versions/2026-11-30-0040_deals.py"
NEEDED = {
    State.QUOTED: {Guard.OPEN, Guard.VALID},
    State.SLOT_HELD: {Guard.SLOTS_HELD},
    State.AWARDED: {Guard.VALID, Guard.SLOTS_FIRM},
    State.IN_PRODUCTION: {Guard.FUNDED},
    State.INSPECTED: {Guard.DELIVERED},
    State.ACCEPTED: {Guard.ACCEPTED_WHOLE, Guard.PASSED},
    State.DISPUTED: {Guard.ESCROWED},
    State.SETTLED: {Guard.PAID_OUT},
}
"""What must have held, at some time, in the life of whatever came to be in the state."""
BEFORE = {
    State.SHORTLISTED: {State.QUOTED},
    State.SLOT_HELD: {State.SHORTLISTED},
    State.AWARDED: {State.SHORTLISTED},
    State.IN_PRODUCTION: {State.AWARDED},
    State.INSPECTED: {State.IN_PRODUCTION},
    State.ACCEPTED: {State.INSPECTED},
    State.DISPUTED: {State.IN_PRODUCTION},
    State.SETTLED: {State.IN_PRODUCTION},
}
"""What must have been passed through on the way."""
EVERYTHING = frozenset(Guard)


def reached(
    start: State,
    *,
    parties: Collection[Party] = tuple(Party),
    holding: frozenset[Guard] = EVERYTHING,
    without: State | None = None,
) -> set[State]:
    """Every state there is a way to, for these parties while these guards hold, around one."""
    found, left = {start}, [start]
    while left:
        state = left.pop()
        for rule, by in product(RULES.values(), parties):
            try:
                target = advance(state, rule.move, by=by, holding=holding, thing="deal")
            except DomainError:
                continue
            if target not in found and target is not without:
                found.add(target)
                left.append(target)
    return found


@pytest.mark.parametrize("target", NEEDED)
def test_no_state_is_reached_while_a_guard_of_it_never_holds(target: State) -> None:
    assert target in reached(State.DRAFT)
    for guard in NEEDED[target]:
        assert target not in reached(State.DRAFT, holding=EVERYTHING - {guard}), guard


@pytest.mark.parametrize("target", BEFORE)
def test_no_way_leads_around_a_state(target: State) -> None:
    for passed in BEFORE[target]:
        assert target not in reached(State.DRAFT, without=passed), passed


def test_one_side_alone_comes_to_no_order() -> None:
    assert State.QUOTED not in reached(State.DRAFT, parties=[Party.BUYER, Party.PLATFORM])
    supplier = reached(State.PUBLISHED, parties=[Party.SUPPLIER, Party.PLATFORM])
    assert not supplier & {State.SHORTLISTED, State.SLOT_HELD, State.AWARDED}
    made = reached(State.AWARDED, parties=[Party.SUPPLIER, Party.PLATFORM])
    assert not made & {State.INSPECTED, State.ACCEPTED}


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_tried_in_whatever_order_each_step_had_its_guards(data: st.DataObject) -> None:
    state, held, passed = State.DRAFT, set[Guard](), {State.DRAFT}
    for _ in range(data.draw(st.integers(0, 25))):
        possible = [move for move in Move if state in RULES[move].sources] or list(Move)
        move, by = data.draw(st.sampled_from(possible)), data.draw(st.sampled_from(Party))
        missing = data.draw(st.frozensets(st.sampled_from(Guard), max_size=2))
        holding = EVERYTHING - missing
        rule, before = RULES[move], state
        try:
            state = advance(state, move, by=by, holding=holding, thing="deal")
        except DomainError:
            assert before not in rule.sources or by not in rule.by or rule.guards & missing
            continue
        held |= rule.guards
        passed.add(state)
        assert before in rule.sources
        assert by in rule.by
        assert not rule.guards & missing
        assert NEEDED.get(state, set()) <= held
        assert BEFORE.get(state, set()) <= passed


def test_each_refusal_says_which_of_the_three_it_is() -> None:
    with pytest.raises(MoveRefusedError, match="deal is draft"):
        advance(State.DRAFT, Move.AWARD, by=Party.BUYER, thing="deal")
    with pytest.raises(NotYourMoveError, match="for buyer to make"):
        advance(State.SHORTLISTED, Move.AWARD, by=Party.SUPPLIER, thing="deal")
    with pytest.raises(GuardMissingError, match="escrow is not funded"):
        advance(State.AWARDED, Move.START, by=Party.SUPPLIER, thing="deal")


def test_what_has_ended_ends_unless_it_is_asked_or_quoted_again() -> None:
    again = {Move.QUOTE, Move.REVISE, Move.PASS_OVER}
    for state, rule in product(ENDED, RULES.values()):
        assert state not in rule.sources or rule.move in again, (state, rule.move)
    assert all(State.SETTLED not in rule.sources for rule in RULES.values())


def test_every_state_is_reached_and_every_guard_is_asked_for() -> None:
    assert {rule.target for rule in RULES.values()} == set(State) - {State.DRAFT}
    asked = frozenset().union(*(rule.guards for rule in RULES.values()))
    assert asked == set(Guard) == set(MISSING)
    assert set(RULES) == set(Move)


def test_a_request_has_come_as_far_as_the_furthest_life_one_may_see() -> None:
    lives = [State.CLARIFY, State.NO_BID, State.QUOTED]
    assert stage(State.PUBLISHED, lives) is State.QUOTED
    assert stage(State.PUBLISHED, [State.NO_BID]) is State.PUBLISHED
    assert stage(State.WITHDRAWN, lives) is State.WITHDRAWN
    assert stage(State.PUBLISHED, BIDDING) is State.SLOT_HELD


def test_the_database_is_told_the_same_life() -> None:
    loader = SourceFileLoader("deals_migration", str(MIGRATION))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    migration = module_from_spec(spec)
    loader.exec_module(migration)
    ours = {
        (source, target, party)
        for party in Party
        for source, target in moves_of(party)
        if source is not target
    }
    assert set(migration.MOVES) == ours
