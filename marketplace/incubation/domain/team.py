"""A programme (孵化计划), its teams (入孵团队), their milestones and facts of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

TITLE_MAX: Final = 200
TEXT_MAX: Final = 2_000


class TeamMovedError(DomainError):
    code: ClassVar[str] = "incubated-team-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Team {team} is {state} with {open} milestones unconfirmed; it graduates while incubating,"
        " once all are confirmed."
    )
    zh: ClassVar[str] = (
        "团队 {team} 当前为 {state}，尚有 {open} 个里程碑未确认；在孵且里程碑全部确认后方可毕业。"
    )


class NotGraduatedError(DomainError):
    code: ClassVar[str] = "incubated-team-not-graduated"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Team {team} is {state}; survival is noted of graduated teams that exist."
    zh: ClassVar[str] = "团队 {team} 当前为 {state}；存续情况仅记录已毕业且未终止的团队。"


class SurvivalTimeError(DomainError):
    code: ClassVar[str] = "survival-date-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Survival is noted as of a day after {since} and by {today}, not {as_of}."
    zh: ClassVar[str] = "存续情况的日期须晚于 {since} 且不晚于 {today}，而非 {as_of}。"


class MilestoneMovedError(DomainError):
    code: ClassVar[str] = "incubation-milestone-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Milestone {milestone} is {state}: the team reports a planned one, the incubator confirms a"
        " reported one."
    )
    zh: ClassVar[str] = (
        "里程碑 {milestone} 当前为 {state}：团队报告计划中的里程碑，孵化器确认已报告的里程碑。"
    )


class TeamState(StrEnum):
    INCUBATING = "incubating"
    """在孵."""
    GRADUATED = "graduated"
    """毕业."""


class MilestoneState(StrEnum):
    PLANNED = "planned"
    REPORTED = "reported"
    CONFIRMED = "confirmed"


class FactKind(StrEnum):
    """What was seen to happen to a team; written once."""

    ADMITTED = "admitted"
    REACHED = "reached"
    """A milestone was confirmed."""
    GRADUATED = "graduated"
    SURVIVED = "survived"
    """存续: it was still in business on that day."""
    CEASED = "ceased"


@dataclass(frozen=True, slots=True)
class Programme:
    """Its cohort is who won ``call_id``; what is offered to the cohort is shown in ``space_id``."""

    id: UUID
    organisation_id: OrganisationId
    call_id: UUID
    space_id: UUID
    title: str
    title_zh: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Team:
    """``organisation_id`` incubates ``team_id``."""

    id: UUID
    organisation_id: OrganisationId
    team_id: OrganisationId
    programme_id: UUID
    award_id: UUID
    title: str
    state: TeamState
    admitted_at: datetime


@dataclass(frozen=True, slots=True)
class Milestone:
    """``said``: what the team reported."""

    id: UUID
    organisation_id: OrganisationId
    team_id: OrganisationId
    incubated_id: UUID
    title: str
    due_on: date
    state: MilestoneState
    created_at: datetime
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    id: UUID
    organisation_id: OrganisationId
    team_id: OrganisationId
    incubated_id: UUID
    kind: FactKind
    occurred_on: date
    because: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """``organisation_id`` vouches for the investor ``investor_id`` until it takes that back."""

    id: UUID
    organisation_id: OrganisationId
    investor_id: OrganisationId
    because: str
    created_at: datetime
    withdrawn_at: datetime | None = None


def ended(team: Team, milestones: Iterable[Milestone]) -> Team:
    """The team once it has graduated.

    Raises:
        TeamMovedError: it has already, or a milestone is not confirmed.
    """
    left = sum(one.state is not MilestoneState.CONFIRMED for one in milestones)
    if team.state is not TeamState.INCUBATING or left:
        raise TeamMovedError(team=team.id, state=team.state, open=left)
    return replace(team, state=TeamState.GRADUATED)


def milestone_moved(milestone: Milestone, to: MilestoneState, *, said: str | None) -> Milestone:
    """The milestone reported, or confirmed.

    Raises:
        MilestoneMovedError: it is not in the state before.
    """
    before = {
        MilestoneState.REPORTED: MilestoneState.PLANNED,
        MilestoneState.CONFIRMED: MilestoneState.REPORTED,
    }
    if milestone.state is not before.get(to):
        raise MilestoneMovedError(milestone=milestone.id, state=milestone.state)
    return replace(milestone, state=to, said=said or milestone.said)


def check_survival(team: Team, facts: Iterable[Fact], as_of: date, *, today: date) -> None:
    """Let pass what can be known of a graduated team, in the order of days.

    Raises:
        NotGraduatedError: it has not graduated, or has ceased.
        SurvivalTimeError: the day is not after the last fact, or lies ahead.
    """
    known = list(facts)
    ceased = any(fact.kind is FactKind.CEASED for fact in known)
    if team.state is not TeamState.GRADUATED or ceased:
        state = FactKind.CEASED if ceased else team.state
        raise NotGraduatedError(team=team.id, state=state)
    since = max(fact.occurred_on for fact in known)
    if not since < as_of <= today:
        raise SurvivalTimeError(since=since, today=today, as_of=as_of)
