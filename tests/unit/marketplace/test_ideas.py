"""Ideas: who funds them, in which order, and never beyond the budget."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.ideas.domain import (
    Box,
    BoxClosedError,
    BudgetBelowSpentError,
    BudgetShortError,
    Idea,
    IdeaEndedError,
    IdeaState,
    Outcome,
    OwnIdeaError,
    StageRoleError,
    StageUnknownError,
    changed_box,
    check_open,
    decided,
    staged,
)
from marketplace.ideas.loader import load_stages
from services.contracts.access import Role
from services.contracts.ids import OrganisationId
from services.runtime.lined_yaml import BrokenDataError

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRM, AUTHOR, JUDGE = OrganisationId(UUID(int=1)), UUID(int=2), UUID(int=3)
BOX = Box(
    id=UUID(int=4),
    organisation_id=FIRM,
    title="Box",
    about="",
    account_id=UUID(int=5),
    currency="CNY",
    budget_minor=10_000_000_000,
    spent_minor=0,
    stages=load_stages(),
    closes_at=NOW + timedelta(days=1),
    version=1,
    created_at=NOW,
)
IDEA = Idea(
    id=UUID(int=6),
    organisation_id=FIRM,
    box_id=BOX.id,
    author_id=AUTHOR,
    title="Idea",
    text="Text",
    state=IdeaState.OPEN,
    stage=0,
    created_at=NOW,
    updated_at=NOW,
)
OWNER = frozenset({Role.OWNER})


def test_stages_pass_in_order_and_the_last_completes_the_idea() -> None:
    box, idea, passed = BOX, IDEA, []
    while idea.state is IdeaState.OPEN:
        box, idea, stage = decided(box, idea, Outcome.ADVANCE, by=JUDGE, roles=OWNER, now=NOW)
        passed.append(stage.key)

    assert passed == [stage.key for stage in BOX.stages]
    assert idea.state is IdeaState.COMPLETED
    assert box.spent_minor == sum(stage.amount_minor for stage in BOX.stages)
    with pytest.raises(IdeaEndedError):
        decided(box, idea, Outcome.ADVANCE, by=JUDGE, roles=OWNER, now=NOW)


def test_a_declined_idea_costs_nothing_and_has_ended() -> None:
    box, idea, _ = decided(BOX, IDEA, Outcome.DECLINE, by=JUDGE, roles=OWNER, now=NOW)

    assert (box, idea.state, idea.stage) == (BOX, IdeaState.DECLINED, 0)
    with pytest.raises(IdeaEndedError):
        decided(box, idea, Outcome.ADVANCE, by=JUDGE, roles=OWNER, now=NOW)


@given(
    stage=st.integers(0, 3),
    role=st.sampled_from([Role.OWNER, Role.SELLER, Role.BUYER, Role.EXPERT]),
    by=st.sampled_from([AUTHOR, JUDGE]),
    left=st.integers(0, 200_000_000),
)
@settings(max_examples=100)
def test_no_stage_passes_by_another_role_by_its_author_or_beyond_the_budget(
    stage: int, role: Role, by: UUID, left: int
) -> None:
    asked = BOX.stages[stage]
    box = replace(BOX, budget_minor=left)
    idea = replace(IDEA, stage=stage)
    refusal = (
        StageRoleError if role not in asked.decided_by
        else OwnIdeaError if by == AUTHOR
        else BudgetShortError if asked.amount_minor > left
        else None
    )  # fmt: skip
    if refusal is not None:
        with pytest.raises(refusal):
            decided(box, idea, Outcome.ADVANCE, by=by, roles={role}, now=NOW)
        return
    spent, after, _ = decided(box, idea, Outcome.ADVANCE, by=by, roles={role}, now=NOW)
    assert spent.spent_minor == asked.amount_minor <= spent.budget_minor
    assert after.stage == stage + 1


def test_a_budget_is_not_cut_below_what_was_given() -> None:
    spent = replace(BOX, spent_minor=500)
    said: dict[str, Any] = {"title": "Box", "about": "", "closes_at": NOW}
    with pytest.raises(BudgetBelowSpentError):
        changed_box(spent, budget_minor=499, expected=None, **said)
    assert changed_box(spent, budget_minor=500, expected=1, **said).left_minor == 0


def test_a_box_takes_votes_until_the_instant_it_closes() -> None:
    check_open(BOX, now=BOX.closes_at - timedelta(microseconds=1))
    with pytest.raises(BoxClosedError):
        check_open(BOX, now=BOX.closes_at)


def test_amounts_are_of_stages_there_are() -> None:
    assert staged(BOX.stages, {"seed": 7})[1].amount_minor == 7
    with pytest.raises(StageUnknownError):
        staged(BOX.stages, {"sprout": 7})


def test_a_broken_file_of_stages_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "stages.yaml"
    row = "  - {key: seed, name: Seed, zh: 种子, amount_minor: 1, decided_by: [owner]}\n"
    path.write_text(f"stages:\n{row}{row}", encoding="utf-8")
    with pytest.raises(BrokenDataError, match="line 3"):
        load_stages(path)
