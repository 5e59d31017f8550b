"""What incubation decides: graduation, survival, and who moves an introduction."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.incubation.domain import (
    LIFE,
    ConsentTimeError,
    Fact,
    FactKind,
    FigureKind,
    Introduction,
    IntroductionMovedError,
    IntroductionState,
    Milestone,
    MilestoneMovedError,
    MilestoneState,
    Move,
    NotGraduatedError,
    Side,
    Source,
    SurvivalTimeError,
    Team,
    TeamMovedError,
    TeamState,
    check_expiry,
    check_survival,
    ended,
    figures,
    is_in_force,
    milestone_moved,
    moved,
)
from services.contracts.ids import OrganisationId
from tests.support.clock import START

INCUBATOR, TEAM, INVESTOR = (OrganisationId(UUID(int=number)) for number in (1, 2, 3))
TODAY = START.date()
SOURCES = st.builds(
    Source,
    st.uuids(),
    st.integers(min_value=0, max_value=10**12),
    st.sampled_from([None, "CNY", "EUR"]),
)


def team(state: TeamState = TeamState.INCUBATING) -> Team:
    return Team(UUID(int=9), INCUBATOR, TEAM, UUID(int=8), UUID(int=7), "Sensors", state, START)


def milestone(state: MilestoneState) -> Milestone:
    return Milestone(UUID(int=6), INCUBATOR, TEAM, UUID(int=9), "Prototype", TODAY, state, START)


def fact(kind: FactKind, on: date) -> Fact:
    return Fact(UUID(int=5), INCUBATOR, TEAM, UUID(int=9), kind, on, "seen", START)


def introduction(state: IntroductionState = IntroductionState.ASKED) -> Introduction:
    return Introduction(
        UUID(int=4), TEAM, INVESTOR, INCUBATOR, UUID(int=9), UUID(int=3), Side.TEAM, "Seed", state,
        START,
    )  # fmt: skip


def test_a_team_graduates_once_with_every_milestone_confirmed() -> None:
    done = [milestone(MilestoneState.CONFIRMED)]

    graduated = ended(team(), done)

    assert graduated.state is TeamState.GRADUATED
    with pytest.raises(TeamMovedError):
        ended(graduated, done)


@pytest.mark.parametrize("state", [MilestoneState.PLANNED, MilestoneState.REPORTED])
def test_no_team_graduates_with_a_milestone_open(state: MilestoneState) -> None:
    with pytest.raises(TeamMovedError) as refused:
        ended(team(), [milestone(MilestoneState.CONFIRMED), milestone(state)])
    assert refused.value.facts["open"] == 1


def test_a_milestone_is_reported_and_then_confirmed() -> None:
    reported = milestone_moved(
        milestone(MilestoneState.PLANNED), MilestoneState.REPORTED, said="It runs."
    )
    confirmed = milestone_moved(reported, MilestoneState.CONFIRMED, said=None)

    assert (confirmed.state, confirmed.said) == (MilestoneState.CONFIRMED, "It runs.")
    for state, to in product(MilestoneState, MilestoneState):
        if (state, to) not in {("planned", "reported"), ("reported", "confirmed")}:
            with pytest.raises(MilestoneMovedError):
                milestone_moved(milestone(state), to, said="again")


def test_survival_is_noted_after_graduation_and_not_ahead() -> None:
    graduated = team(TeamState.GRADUATED)
    facts = [fact(FactKind.GRADUATED, TODAY - timedelta(days=10))]

    check_survival(graduated, facts, TODAY, today=TODAY)
    for day in (TODAY + timedelta(days=1), TODAY - timedelta(days=10)):
        with pytest.raises(SurvivalTimeError):
            check_survival(graduated, facts, day, today=TODAY)


def test_nothing_survives_that_has_not_graduated_or_has_ceased() -> None:
    gone = [fact(FactKind.CEASED, TODAY - timedelta(days=1))]
    with pytest.raises(NotGraduatedError):
        check_survival(team(), [], TODAY, today=TODAY)
    with pytest.raises(NotGraduatedError):
        check_survival(team(TeamState.GRADUATED), gone, TODAY, today=TODAY)


@pytest.mark.parametrize(("state", "move", "by"), list(product(IntroductionState, Move, Side)))
def test_only_what_the_life_says_moves_an_introduction(
    state: IntroductionState, move: Move, by: Side
) -> None:
    rule, organisation = LIFE[move], TEAM if by is Side.TEAM else INVESTOR
    if state is rule.source and by in rule.by:
        assert moved(introduction(state), move, organisation, now=START).state is rule.target
    else:
        with pytest.raises(IntroductionMovedError):
            moved(introduction(state), move, organisation, now=START)


def test_the_investor_never_consents() -> None:
    assert Side.INVESTOR not in LIFE[Move.CONSENT].by


def test_a_consent_is_in_force_until_its_end_and_no_longer() -> None:
    ends = check_expiry(START + timedelta(days=1), now=START)
    given_ = replace(introduction(IntroductionState.CONSENTED), expires_at=ends)

    assert is_in_force(given_, now=ends - timedelta(seconds=1))
    assert not is_in_force(given_, now=ends)
    assert not is_in_force(replace(given_, state=IntroductionState.REVOKED), now=START)


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_a_consent_ends_ahead_and_within_a_year(days: int) -> None:
    with pytest.raises(ConsentTimeError):
        check_expiry(START + timedelta(days=days), now=START)


@given(st.lists(SOURCES, max_size=20, unique_by=lambda one: one.id))
def test_figures_lose_no_row_and_prove_which_they_are(sources: list[Source]) -> None:
    made = figures(FigureKind.SETTLED_VALUE, sources)

    assert sum(one.value for one in made) == sum(one.value for one in sources)
    assert sum(one.rows for one in made) == len(sources)
    for one in made:
        ids = sorted(str(it.id) for it in sources if it.currency == one.currency)
        assert one.rows_sha256 == hashlib.sha256("\n".join(ids).encode()).hexdigest()
