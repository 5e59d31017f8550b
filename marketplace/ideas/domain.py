"""Boxes, ideas, votes and decisions (创意): who may fund what, and how far the budget reaches."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.access import Role
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

TITLE_MAX: Final = 200
TEXT_MAX: Final = 10_000
COMMENT_MAX: Final = 2_000
REASON_MAX: Final = 2_000
STAGES_MAX: Final = 20
AMOUNT_MAX: Final = 10**15


class BoxClosedError(DomainError):
    code: ClassVar[str] = "idea-box-closed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Idea box {box_id} closed at {closes_at}; ideas and votes are for one that is open."
    )
    zh: ClassVar[str] = "创意箱 {box_id} 已于 {closes_at} 关闭；请在开放的创意箱中提交或投票。"


class BoxVersionMismatchError(DomainError):
    code: ClassVar[str] = "idea-box-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Idea box {box_id} is at version {version}, not {expected}; read it again and retry."
    )
    zh: ClassVar[str] = "创意箱 {box_id} 的版本为 {version}，而非 {expected}；请重新读取后再试。"


class BudgetBelowSpentError(DomainError):
    code: ClassVar[str] = "idea-budget-below-spent"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "{spent_minor} of the budget are given to ideas already; it cannot be {budget_minor}."
    )
    zh: ClassVar[str] = "预算中已拨付 {spent_minor}；预算不能改为 {budget_minor}。"


class BudgetShortError(DomainError):
    code: ClassVar[str] = "idea-budget-short"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Stage {stage} takes {amount_minor}, and {left_minor} of the innovation budget are left;"
        " raise the budget or give less."
    )
    zh: ClassVar[str] = (
        "阶段 {stage} 需要 {amount_minor}，创新预算仅剩 {left_minor}；请增加预算或减少金额。"
    )


class StageUnknownError(DomainError):
    code: ClassVar[str] = "idea-stage-unknown"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "There is no stage {stage!r}; the stages are: {known}."
    zh: ClassVar[str] = "没有阶段 {stage!r}；可用阶段：{known}。"


class StageRoleError(DomainError):
    code: ClassVar[str] = "idea-stage-role"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = "Stage {stage} is decided by: {roles}; ask one of them."
    zh: ClassVar[str] = "阶段 {stage} 由以下角色决定：{roles}；请联系其一。"


class IdeaEndedError(DomainError):
    code: ClassVar[str] = "idea-ended"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Idea {idea_id} is {state}; there is nothing left to decide."
    zh: ClassVar[str] = "创意 {idea_id} 已为 {state}；无可再决定的阶段。"


class OwnIdeaError(DomainError):
    code: ClassVar[str] = "idea-is-own"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Idea {idea_id} is your own; somebody else decides on it."
    zh: ClassVar[str] = "创意 {idea_id} 由您本人提出；须由他人决定。"


class IdeaState(StrEnum):
    OPEN = "open"
    DECLINED = "declined"
    COMPLETED = "completed"
    """It passed the last stage."""


class Outcome(StrEnum):
    ADVANCE = "advance"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Stage:
    """``amount_minor`` moves from the budget to the idea when one of ``decided_by`` advances it."""

    key: str
    name: str
    name_zh: str
    amount_minor: int
    decided_by: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """``account_id`` is the cost centre of the innovation budget; ``spent_minor`` never exceeds it.

    Ideas and votes come in before ``closes_at``; decisions are taken after it too.
    """

    id: UUID
    organisation_id: OrganisationId
    title: str
    about: str
    account_id: UUID
    currency: str
    budget_minor: Annotated[int, CONFIDENTIAL]
    spent_minor: Annotated[int, CONFIDENTIAL]
    stages: tuple[Stage, ...]
    closes_at: datetime
    version: int
    created_at: datetime

    @property
    def left_minor(self) -> int:
        return self.budget_minor - self.spent_minor


@dataclass(frozen=True, slots=True)
class Idea:
    """``stage`` counts the stages it passed; ``account_id`` is where its money is."""

    id: UUID
    organisation_id: OrganisationId
    box_id: UUID
    author_id: UUID
    title: str
    text: str
    state: IdeaState
    stage: int
    created_at: datetime
    updated_at: datetime
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes for and against, and the caller's own: 1, -1, or none."""

    ups: int = 0
    downs: int = 0
    mine: int | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    id: UUID
    organisation_id: OrganisationId
    idea_id: UUID
    person_id: UUID
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IdeaDecision:
    """What one of the named roles decided at a stage; ``id`` is the fact of its ledger entry."""

    id: UUID
    organisation_id: OrganisationId
    idea_id: UUID
    stage: str
    outcome: Outcome
    amount: Annotated[Money, CONFIDENTIAL]
    reason: str
    decided_by: UUID
    decided_at: datetime


def staged(stages: tuple[Stage, ...], amounts: Mapping[str, int]) -> tuple[Stage, ...]:
    """``stages`` with the amounts a box names.

    Raises:
        StageUnknownError: an amount of a stage there is not.
    """
    known = {stage.key for stage in stages}
    for key in amounts:
        if key not in known:
            raise StageUnknownError(stage=key, known=", ".join(stage.key for stage in stages))
    return tuple(
        replace(stage, amount_minor=amounts.get(stage.key, stage.amount_minor)) for stage in stages
    )


def check_open(box: Box, *, now: datetime) -> None:
    """Let pass while ideas and votes are taken.

    Raises:
        BoxClosedError: not any more.
    """
    if now >= box.closes_at:
        raise BoxClosedError(box_id=box.id, closes_at=box.closes_at.isoformat(timespec="minutes"))


def changed_box(
    box: Box,
    *,
    title: str,
    about: str,
    budget_minor: int,
    closes_at: datetime,
    expected: int | None,
) -> Box:
    """``box`` as its owner says now.

    Raises:
        BoxVersionMismatchError: it moved on since it was read.
        BudgetBelowSpentError: more was given already.
    """
    if expected is not None and expected != box.version:
        raise BoxVersionMismatchError(box_id=box.id, version=box.version, expected=expected)
    if budget_minor < box.spent_minor:
        raise BudgetBelowSpentError(spent_minor=box.spent_minor, budget_minor=budget_minor)
    return replace(
        box,
        title=title,
        about=about,
        budget_minor=budget_minor,
        closes_at=closes_at,
        version=box.version + 1,
    )


def decided(
    box: Box,
    idea: Idea,
    outcome: Outcome,
    *,
    by: UUID,
    roles: Collection[Role],
    now: datetime,
) -> tuple[Box, Idea, Stage]:
    """Box and idea after a decision on the idea's next stage, and that stage.

    Raises:
        IdeaEndedError: it was declined, or passed every stage.
        StageRoleError: the stage is for other roles to decide.
        OwnIdeaError: whoever decides had the idea.
        BudgetShortError: the budget does not reach.
    """
    if idea.state is not IdeaState.OPEN:
        raise IdeaEndedError(idea_id=idea.id, state=idea.state)
    stage = box.stages[idea.stage]
    if not set(stage.decided_by) & set(roles):
        raise StageRoleError(stage=stage.key, roles=", ".join(stage.decided_by))
    if idea.author_id == by:
        raise OwnIdeaError(idea_id=idea.id)
    if outcome is Outcome.DECLINE:
        return box, replace(idea, state=IdeaState.DECLINED, updated_at=now), stage
    if stage.amount_minor > box.left_minor:
        raise BudgetShortError(
            stage=stage.key, amount_minor=stage.amount_minor, left_minor=box.left_minor
        )
    passed = idea.stage + 1
    state = IdeaState.COMPLETED if passed == len(box.stages) else IdeaState.OPEN
    spent = replace(box, spent_minor=box.spent_minor + stage.amount_minor)
    return spent, replace(idea, stage=passed, state=state, updated_at=now), stage
