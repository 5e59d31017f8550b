"""A call: its kind, rules and stages in order; when each begins and ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, ClassVar, Final
from uuid import UUID

from services.capacity.domain import Visibility
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

TITLE_MAX: Final = 200
ABOUT_MAX: Final = 10_000
CRITERIA_MAX: Final = 20
REVIEWERS_MAX: Final = 15
AWARDS_MAX: Final = 100
NOTICE_DAYS_MAX: Final = 60
LASTS_MAX: Final = timedelta(days=730)
WEIGHT_MAX: Final = 1_000
KEY_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,39}$"


class CallKind(StrEnum):
    CHALLENGE = "challenge"
    """揭榜挂帅: a problem put to everybody, with a prize."""
    COHORT = "cohort"
    """孵化批次: teams apply for a place in a programme of an incubator."""
    SELECTION = "selection"
    """试点示范遴选: an authority selects projects by published rules."""
    IDEAS = "ideas"
    """创意箱: ideas of an organisation's own people."""


class Stage(StrEnum):
    """In order. Time moves a call on, never back."""

    SUBMISSION = "submission"
    SCREENING = "screening"
    """形式审查: whether a submission may be judged at all."""
    REVIEW = "review"
    """专家评审."""
    NOTICE = "notice"
    """公示: the proposed awards stand open to objection."""
    AWARDED = "awarded"
    CLOSED = "closed"
    """Over without an award."""


ENDS_EARLY: Final = frozenset({Stage.SCREENING, Stage.REVIEW})
"""Stages the owner may end; nobody's time to submit or to object is cut short."""
_NOT_FOR_CALLS: Final = frozenset({Visibility.NDA, Visibility.PRIVATE})
OVER: Final = frozenset({Stage.AWARDED, Stage.CLOSED})


class Community(StrEnum):
    """Membership shared with a submitter that keeps a juror from judging it."""

    PARK = "park"
    SPACE = "space"


class CallInvalidError(DomainError):
    code: ClassVar[str] = "call-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The call cannot be opened: {en}."
    zh: ClassVar[str] = "无法发起征集：{zh}。"


class StageClosedError(DomainError):
    code: ClassVar[str] = "call-stage-closed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Call {call_id} is in stage {stage} until {until}, so this cannot be done now; it belongs"
        " to stage {wanted}."
    )
    zh: ClassVar[str] = (
        "征集 {call_id} 处于 {stage} 阶段（至 {until}），现在不能进行该操作；它属于 {wanted} 阶段。"
    )


@dataclass(frozen=True, slots=True)
class Criterion:
    """What jurors score from 0 to ``most``, and how much it counts beside the others."""

    key: str
    name: str
    name_zh: str
    weight: int = 1
    most: int = 10


@dataclass(frozen=True, slots=True)
class Schedule:
    """Ends of the stages that time ends, and days (天) the public notice stands."""

    opens_at: datetime
    submit_until: datetime
    screen_until: datetime
    review_until: datetime
    notice_days: int


@dataclass(frozen=True, slots=True)
class Rules:
    """``conflicts``: what, beside a shared organisation, is a conflict of interest (利益冲突)."""

    criteria: tuple[Criterion, ...]
    blind: bool = True
    reviewers: int = 3
    awards: int = 1
    conflicts: tuple[Community, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """``stage_until``: when the stage it is in ends. ``prize``: of each award."""

    id: UUID
    organisation_id: OrganisationId
    kind: CallKind
    title: str
    title_zh: str
    about: str
    direction: int | None
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    rules: Rules
    schedule: Schedule
    prize: Money | None
    stage: Stage
    stage_until: datetime
    created_at: datetime

    @property
    def audience(self) -> Audience:
        return Audience(
            organisation_ids=(self.organisation_id,),
            visibility=self.visibility,
            park=self.park,
            space_id=self.space_id,
        )

    @property
    def names_submitters(self) -> bool:
        """Whether others than the submitter may know who submitted."""
        return not self.rules.blind or self.stage is Stage.AWARDED


def check_rules(rules: Rules) -> None:
    """Let rules pass by which something can be judged.

    Raises:
        CallInvalidError: no criterion, one twice, or none that counts.
    """
    keys = [one.key for one in rules.criteria]
    if not keys or len(keys) > CRITERIA_MAX:
        raise CallInvalidError(
            en=f"it has 1 to {CRITERIA_MAX} criteria", zh=f"评分项须为 1 至 {CRITERIA_MAX} 个"
        )
    if len(set(keys)) < len(keys):
        raise CallInvalidError(en="a criterion stands twice", zh="评分项重复")
    if not any(one.weight for one in rules.criteria):
        raise CallInvalidError(en="no criterion has a weight", zh="没有评分项具有权重")


def check_schedule(schedule: Schedule, *, now: datetime) -> None:
    """Let stages pass that follow one another and come to an end.

    Raises:
        CallInvalidError: they do not.
    """
    order: Sequence[datetime] = (
        max(now, schedule.opens_at),
        schedule.submit_until,
        schedule.screen_until,
        schedule.review_until,
    )
    if any(later <= earlier for earlier, later in pairwise(order)):
        raise CallInvalidError(
            en="its stages must end one after another, and later than now",
            zh="各阶段须依次结束，且晚于当前时间",
        )
    if schedule.review_until > now + LASTS_MAX:
        raise CallInvalidError(
            en=f"it must end within {LASTS_MAX.days} days", zh=f"须在 {LASTS_MAX.days} 天内结束"
        )


def check_place(visibility: Visibility, park: str | None, space_id: UUID | None) -> None:
    """Let a call pass that is shown where it says.

    Raises:
        CallInvalidError: it names a park or a space it is not shown in, or none it is shown in.
    """
    told = (visibility is Visibility.PARK, visibility is Visibility.SPACE)
    if told != (park is not None, space_id is not None) or visibility in _NOT_FOR_CALLS:
        raise CallInvalidError(
            en="a call is shown to the organisation, to one park, to one space or to everybody",
            zh="征集只能面向本组织、一个园区、一个产业链空间或公众",
        )


def check_stage(call: Call, wanted: Stage, *, now: datetime) -> None:
    """Let pass what belongs to ``wanted``, while the call is in it.

    Raises:
        StageClosedError: it is not, not yet, or not any more.
    """
    started = wanted is not Stage.SUBMISSION or call.schedule.opens_at <= now
    if call.stage is not wanted or now >= call.stage_until or not started:
        raise StageClosedError(
            call_id=call.id,
            stage=call.stage,
            until=call.stage_until.isoformat(),
            wanted=wanted,
        )


def check_ends_early(call: Call) -> None:
    """Let the owner end what only it waits for.

    Raises:
        StageClosedError: others' time to submit or to object runs.
    """
    if call.stage not in ENDS_EARLY:
        raise StageClosedError(
            call_id=call.id,
            stage=call.stage,
            until=call.stage_until.isoformat(),
            wanted=" / ".join(sorted(ENDS_EARLY)),
        )


def moved(call: Call, *, now: datetime, has_ranking: bool = True) -> Call:
    """The call in its next stage; over at once if nothing is left that could be awarded."""
    schedule = call.schedule
    if call.stage is Stage.SUBMISSION:
        to, until = Stage.SCREENING, schedule.screen_until
    elif call.stage is Stage.SCREENING:
        to, until = Stage.REVIEW, schedule.review_until
    elif call.stage is Stage.REVIEW and has_ranking:
        to, until = Stage.NOTICE, now + timedelta(days=schedule.notice_days)
    elif call.stage is Stage.NOTICE and has_ranking:
        to, until = Stage.AWARDED, now
    else:
        to, until = Stage.CLOSED, now
    return replace(call, stage=to, stage_until=until)


def criteria_from(stored: Sequence[dict[str, Any]]) -> tuple[Criterion, ...]:
    """Criteria as they are stored."""
    return tuple(Criterion(**one) for one in stored)
