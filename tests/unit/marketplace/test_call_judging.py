"""Who judges what, what scores are worth, and what follows: pure, so tried with many juries."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.calls.domain import (
    FULL,
    CallInvalidError,
    Community,
    ConflictKind,
    Criterion,
    Paper,
    Rules,
    Schedule,
    Scored,
    ScoresInvalidError,
    Screening,
    SubmitterNamedError,
    Ties,
    assign,
    check_nameless,
    check_rules,
    check_schedule,
    check_scores,
    conflict,
    proposed,
    rank,
    shown,
)
from services.contracts.ids import OrganisationId

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CRITERIA = (
    Criterion("novelty", "Novelty", "创新性", 1, 10),
    Criterion("effect", "Effect", "效果", 3, 10),
)
RULES = Rules(CRITERIA, reviewers=2)
ids = st.integers(1, 8).map(lambda number: UUID(int=number))
firms = st.frozensets(ids.map(OrganisationId), min_size=1, max_size=2)
ties = st.builds(Ties, firms, st.frozensets(st.sampled_from(["p", "q"])))


def scored(paper: int, review: int, novelty: int, effect: int) -> Scored:
    scores = {"novelty": novelty, "effect": effect}
    return Scored(UUID(int=review), UUID(int=paper), scores, "")


def paper(number: int, place: int | None, *, excluded: bool = False) -> Paper:
    return Paper(
        id=UUID(int=number), organisation_id=OrganisationId(UUID(int=99)), call_id=UUID(int=98),
        code=str(number), title="T", body="", documents=0, screening=Screening.ADMITTED,
        rank=place, score=place and 1, excluded=excluded,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(ids, ties, max_size=5), st.dictionaries(ids, ties, max_size=6))
def test_nobody_judges_a_paper_it_is_in_conflict_with(
    papers: dict[UUID, Ties], jurors: dict[UUID, Ties]
) -> None:
    rules = replace(RULES, conflicts=(Community.PARK,))
    chosen = assign(papers, jurors, [], [], rules)

    assert len(set(chosen)) == len(chosen)
    for one, juror in chosen:
        assert conflict(jurors[juror], papers[one], rules.conflicts) is None
    for one, owner in papers.items():
        free = [it for it in jurors.values() if conflict(it, owner, rules.conflicts) is None]
        assert sum(it == one for it, _ in chosen) == min(rules.reviewers, len(free))


def test_who_declined_is_not_asked_again_and_another_is() -> None:
    apart = [Ties(frozenset({OrganisationId(UUID(int=number))})) for number in range(1, 5)]
    papers = {UUID(int=1): apart[0]}
    jurors = {UUID(int=number): apart[number] for number in (1, 2, 3)}
    first = assign(papers, jurors, [], [], RULES)
    assert first == [(UUID(int=1), UUID(int=1)), (UUID(int=1), UUID(int=2))]

    again = assign(papers, jurors, first, first[1:], RULES)

    assert again == [(UUID(int=1), UUID(int=3))]


@pytest.mark.parametrize(
    ("communities", "expected"),
    [
        ((), None),
        ((Community.PARK,), ConflictKind.SAME_PARK),
        ((Community.SPACE,), ConflictKind.SAME_SPACE),
    ],
)
def test_communities_count_as_the_call_says(
    communities: tuple[Community, ...], expected: ConflictKind | None
) -> None:
    one, other = (
        Ties(
            frozenset({OrganisationId(UUID(int=number))}), frozenset("p"), frozenset([UUID(int=7)])
        )
        for number in (1, 2)
    )
    assert conflict(one, other, communities) is expected
    assert conflict(one, one, communities) is ConflictKind.SAME_ORGANISATION


def test_the_ranking_says_how_it_came_about() -> None:
    placings = rank(CRITERIA, [scored(1, 1, 9, 9), scored(1, 2, 7, 8), scored(2, 3, 6, 5)])

    assert [(one.paper_id.int, one.rank, one.score) for one in placings] == [
        (1, 1, 83_750),
        (2, 2, 52_500),
    ]
    assert placings[0].trace == (
        "novelty: 9 7 of 10, weight 1",
        "effect: 9 8 of 10, weight 3",
        "reviews: 90.000, 77.500",
        "mean of 2: 83.750",
    )


def test_equals_share_a_rank() -> None:
    placings = rank(CRITERIA, [scored(1, 1, 5, 5), scored(2, 2, 5, 5), scored(3, 3, 1, 1)])

    assert [one.rank for one in placings] == [1, 1, 3]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=6))
def test_a_score_lies_between_nothing_and_all(given_points: list[tuple[int, int]]) -> None:
    done = [scored(1, number, *points) for number, points in enumerate(given_points)]
    (placing,) = rank(CRITERIA, done)

    assert 0 <= placing.score <= FULL
    assert (placing.score == FULL) is all(points == (10, 10) for points in given_points)
    assert placing.trace[-1].endswith(shown(placing.score))


@pytest.mark.parametrize(
    "scores", [{"novelty": 1}, {"novelty": 1, "effect": 11}, {"novelty": 1, "effect": 1, "x": 1}]
)
def test_scores_answer_every_criterion_within_bounds(scores: dict[str, int]) -> None:
    with pytest.raises(ScoresInvalidError):
        check_scores(CRITERIA, scores)


def test_whom_an_appeal_excluded_makes_room_for_the_next() -> None:
    papers = [paper(1, 1, excluded=True), paper(2, 2), paper(3, 3), paper(4, None)]

    assert [one.code for one in proposed(papers, 1)] == ["2"]
    assert [one.code for one in proposed(papers, 9)] == ["2", "3"]


def test_a_blind_paper_does_not_say_who_wrote_it() -> None:
    check_nameless(["A coating"], ["Alloy Works", None, "AB"])
    with pytest.raises(SubmitterNamedError):
        check_nameless(["by  alloy\nworks"], ["Alloy Works"])


@pytest.mark.parametrize(
    "criteria", [(), (CRITERIA[0], CRITERIA[0]), (replace(CRITERIA[0], weight=0),)]
)
def test_rules_by_which_nothing_can_be_judged_are_refused(
    criteria: tuple[Criterion, ...],
) -> None:
    with pytest.raises(CallInvalidError):
        check_rules(Rules(criteria))


@pytest.mark.parametrize("days", [(0, 0, 2, 3), (0, 1, 1, 3), (0, 2, 1, 3), (0, 1, 2, 800)])
def test_stages_follow_one_another_and_come_to_an_end(days: tuple[int, int, int, int]) -> None:
    opens, submit, screen, review = (NOW + timedelta(days=one) for one in days)
    with pytest.raises(CallInvalidError):
        check_schedule(Schedule(opens, submit, screen, review, 5), now=NOW)
