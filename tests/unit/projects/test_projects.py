"""Stakes, agreements, decisions and standings, on whatever is drawn."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.projects.domain.agreeing import AgreementState, Consent, verdict
from marketplace.projects.domain.deciding import (
    Choice,
    Decision,
    DecisionOverError,
    DecisionState,
    NoVoteError,
    Vote,
    Weighing,
    check_vote,
    outcome,
)
from marketplace.projects.domain.gigs import Done, standing
from marketplace.projects.domain.pooling import PoolState, decided
from marketplace.projects.domain.project import (
    WHOLE,
    Member,
    MemberState,
    StakesInvalidError,
    check_parts,
    restaked,
)
from services.contracts.ids import OrganisationId
from services.ledger.domain.shares import split

NOW: Final = datetime(2026, 12, 1, tzinfo=UTC)
WHO: Final = tuple(OrganisationId(UUID(int=number)) for number in range(1, 7))
parts = st.lists(st.integers(0, 1_000), min_size=1, max_size=6).filter(any)
choices = st.lists(st.sampled_from([*Choice, None]), min_size=6, max_size=6)


def whole(drawn: list[int]) -> dict[OrganisationId, int]:
    """Stakes in the proportions drawn that add up to the whole."""
    return dict(zip(WHO, split(WHOLE, drawn), strict=False))


def member(organisation_id: OrganisationId, stake: int) -> Member:
    return Member(
        id=organisation_id, project_id=UUID(int=99), organisation_id=organisation_id,
        person_id=None, role="partner", stake=stake, state=MemberState.JOINED, invited_at=NOW,
        changed_at=NOW,
    )  # fmt: skip


def decision(weights: dict[OrganisationId, int], quorum: int, majority: int) -> Decision:
    return Decision(
        id=UUID(int=98), project_id=UUID(int=99), organisation_id=WHO[0], title="", text="",
        weighing=Weighing.STAKES, quorum=quorum, majority=majority, weights=weights,
        closes_at=NOW + timedelta(days=1), state=DecisionState.OPEN, created_at=NOW,
    )  # fmt: skip


def vote(organisation_id: OrganisationId, choice: Choice) -> Vote:
    return Vote(
        id=organisation_id, project_id=UUID(int=99), decision_id=UUID(int=98),
        organisation_id=organisation_id, person_id=None, choice=choice, at=NOW,
    )  # fmt: skip


def consent(organisation_id: OrganisationId, *, accepts: bool) -> Consent:
    return Consent(
        id=organisation_id, project_id=UUID(int=99), agreement_id=UUID(int=97),
        organisation_id=organisation_id, person_id=None, accepts=accepts, at=NOW,
    )  # fmt: skip


@given(parts, parts)
def test_stakes_stay_whole_whatever_is_agreed(before: list[int], drawn: list[int]) -> None:
    stakes = whole((drawn * 6)[: len(before)]) if any((drawn * 6)[: len(before)]) else whole(before)
    members = [member(one, stake) for one, stake in whole(before).items()]
    check_parts(stakes, [one.organisation_id for one in members])
    after = restaked(members, stakes, leaver=None, now=NOW)
    assert sum(one.stake for one in after) == WHOLE
    assert {one.organisation_id: one.stake for one in after} == stakes


@given(parts.filter(lambda drawn: len(drawn) > 1 and any(drawn[1:])))
def test_who_leaves_has_no_stake_and_the_others_hold_the_whole(drawn: list[int]) -> None:
    members = [member(one, stake) for one, stake in whole(drawn).items()]
    others = dict(zip(WHO[1:], split(WHOLE, drawn[1:]), strict=False))
    after = restaked(members, others, leaver=WHO[0], now=NOW)
    assert (after[0].stake, after[0].state) == (0, MemberState.LEFT)
    assert sum(one.stake for one in after) == WHOLE


@pytest.mark.parametrize(
    "stakes",
    [
        {WHO[0]: WHOLE},
        {WHO[0]: WHOLE, WHO[2]: 0},
        {WHO[0]: WHOLE - 1, WHO[1]: 0},
        {WHO[0]: WHOLE + 1, WHO[1]: -1},
        {WHO[0]: WHOLE, WHO[1]: 0, WHO[2]: 0},
    ],
)
def test_stakes_of_others_or_that_are_no_whole_are_refused(
    stakes: dict[OrganisationId, int],
) -> None:
    with pytest.raises(StakesInvalidError):
        check_parts(stakes, WHO[:2])


def test_an_agreement_needs_everybody_and_falls_with_one() -> None:
    accepting = [consent(one, accepts=True) for one in WHO[:2]]
    assert verdict(WHO[:2], accepting) is AgreementState.IN_FORCE
    assert verdict(WHO[:3], accepting) is AgreementState.PROPOSED
    refused = [*accepting, consent(WHO[2], accepts=False)]
    assert verdict(WHO[:2], refused) is AgreementState.REFUSED


@given(parts, choices, st.integers(0, WHOLE), st.integers(0, WHOLE))
@settings(max_examples=200)
def test_a_decision_is_what_its_quorum_and_majority_say(
    drawn: list[int], said: list[Choice | None], quorum: int, majority: int
) -> None:
    asked = decision(whole(drawn), quorum, majority)
    cast = [vote(one, choice) for one, choice in zip(asked.weights, said, strict=False) if choice]
    closed = asked.closes_at
    found = outcome(asked, cast, now=closed)
    voted = sum(asked.weights[one.organisation_id] for one in cast)
    yes = sum(asked.weights[one.organisation_id] for one in cast if one.choice is Choice.YES)
    no = sum(asked.weights[one.organisation_id] for one in cast if one.choice is Choice.NO)
    assert (found is DecisionState.LAPSED) == (voted < quorum)
    if found is not DecisionState.LAPSED:
        assert (found is DecisionState.CARRIED) == (yes * WHOLE > majority * (yes + no))
    is_over = voted == WHOLE
    early = outcome(asked, cast, now=NOW)
    assert early is (found if is_over else DecisionState.OPEN)


def test_nobody_votes_late_or_without_a_vote() -> None:
    asked = decision({WHO[0]: WHOLE, WHO[1]: 0}, 0, 0)
    check_vote(asked, WHO[0], now=NOW)
    with pytest.raises(NoVoteError):
        check_vote(asked, WHO[1], now=NOW)
    with pytest.raises(DecisionOverError):
        check_vote(asked, WHO[0], now=asked.closes_at)
    with pytest.raises(DecisionOverError):
        check_vote(replace(asked, state=DecisionState.CARRIED), WHO[0], now=NOW)


@given(st.lists(st.tuples(st.integers(1, 10**9), st.booleans(), st.booleans()), max_size=20))
def test_a_standing_is_the_sum_of_its_facts(drawn: list[tuple[int, bool, bool]]) -> None:
    found = standing(WHO[0], [Done(*one) for one in drawn])
    assert found.settled_minor == sum(one[0] for one in drawn)
    assert found.settled == len(drawn)
    assert found.punctual == sum(one[1] for one in drawn) * WHOLE // max(1, len(drawn))
    assert found.first_time == sum(one[2] for one in drawn) * WHOLE // max(1, len(drawn))


@given(st.integers(1, 1_000), st.lists(st.integers(1, 300), max_size=12))
def test_a_lot_is_made_exactly_when_enough_is_asked_for(least: int, asked: list[int]) -> None:
    state, pooled = decided(least, asked)
    assert pooled == sum(asked)
    assert (state is PoolState.MET) == (sum(asked) >= least)
