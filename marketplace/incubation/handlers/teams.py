"""Teams of a cohort: milestones, graduation, and what became of them."""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.incubation import store
from marketplace.incubation.domain import (
    Fact,
    FactKind,
    Milestone,
    MilestoneState,
    Team,
    check_survival,
    ended,
    milestone_moved,
)
from marketplace.incubation.handlers.telling import tell_team
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class TeamNotFoundError(DomainError):
    code: ClassVar[str] = "incubated-team-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no incubated team {team} for you to see or change; list /incubated-teams."
    )
    zh: ClassVar[str] = "没有您可见或可操作的在孵团队 {team}；请查看 /incubated-teams。"


class MilestoneNotFoundError(DomainError):
    code: ClassVar[str] = "incubation-milestone-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no milestone {milestone} of yours to report or confirm; list the milestones of"
        " the team."
    )
    zh: ClassVar[str] = "没有可由您报告或确认的里程碑 {milestone}；请查看该团队的里程碑。"


def list_teams(
    *, session: Session, seen_by: OrganisationId, after: UUID | None, limit: int
) -> list[Team]:
    """A page of teams one incubates, is, or is shown as an approved investor."""
    return store.teams_after(session, seen_by=seen_by, after=after, limit=limit)


def get_team(*, session: Session, seen_by: OrganisationId, team: UUID) -> Team:
    """A team one incubates, is, or is shown as an approved investor.

    Raises:
        TeamNotFoundError: there is none.
    """
    found = store.find_team(session, team, seen_by=seen_by)
    if found is None:
        raise TeamNotFoundError(team=team)
    return found


def list_milestones(*, session: Session, party: OrganisationId, team: UUID) -> list[Milestone]:
    """Of a team one incubates or is.

    Raises:
        TeamNotFoundError: there is none.
    """
    return store.milestones_of(session, _of_party(session, party, team).id)


def list_facts(*, session: Session, party: OrganisationId, team: UUID) -> list[Fact]:
    """What happened to a team one incubates or is, in order of being noted.

    Raises:
        TeamNotFoundError: there is none.
    """
    return store.facts_of(session, _of_party(session, party, team).id)


def plan(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    team: UUID,
    title: str,
    due_on: date,
) -> Milestone:
    """Give an own team a milestone.

    Raises:
        TeamNotFoundError: the organisation incubates none of this id.
    """
    found = _incubated(session, organisation_id, team)
    milestone = Milestone(
        id=clock.new_id(),
        organisation_id=organisation_id,
        team_id=found.team_id,
        incubated_id=found.id,
        title=title,
        due_on=due_on,
        state=MilestoneState.PLANNED,
        created_at=clock.now(),
    )
    store.insert(session, milestone)
    note(session, subject_kind="incubation_milestone", subject_id=milestone.id, after=milestone)
    return milestone


def report(*, session: Session, team_id: OrganisationId, milestone: UUID, said: str) -> Milestone:
    """The team says that it has reached a milestone, and how.

    Raises:
        MilestoneNotFoundError: it is none of the team's.
        MilestoneMovedError: it was reported already.
    """
    found = _milestone(session, milestone, team_id)
    if found.team_id != team_id:
        raise MilestoneNotFoundError(milestone=milestone)
    return _moved(session, found, MilestoneState.REPORTED, said)


def confirm(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, milestone: UUID
) -> Milestone:
    """The incubator saw that a reported milestone is reached.

    Raises:
        MilestoneNotFoundError: it is of none of the organisation's teams.
        MilestoneMovedError: it is not reported.
    """
    found = _milestone(session, milestone, organisation_id)
    if found.organisation_id != organisation_id:
        raise MilestoneNotFoundError(milestone=milestone)
    after = _moved(session, found, MilestoneState.CONFIRMED, None)
    team = _incubated(session, organisation_id, found.incubated_id)
    _write(session, clock, team, FactKind.REACHED, clock.now().date(), found.title)
    return after


def graduate(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, team: UUID, because: str
) -> Team:
    """End the incubation of a team that has reached its milestones.

    Raises:
        TeamNotFoundError, TeamMovedError: as they say.
    """
    found = _incubated(session, organisation_id, team, lock=True)
    after = ended(found, store.milestones_of(session, team))
    store.save_team(session, after)
    note(session, subject_kind="incubated_team", subject_id=team, before=found, after=after)
    _write(session, clock, after, FactKind.GRADUATED, clock.now().date(), because)
    return after


def note_survival(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    team: UUID,
    as_of: date,
    is_alive: bool,
    because: str,
) -> Fact:
    """Write down whether a graduated team was still in business on a day (存续).

    Raises:
        TeamNotFoundError, NotGraduatedError, SurvivalTimeError: as they say.
    """
    found = _incubated(session, organisation_id, team, lock=True)
    check_survival(found, store.facts_of(session, team), as_of, today=clock.now().date())
    kind = FactKind.SURVIVED if is_alive else FactKind.CEASED
    return _write(session, clock, found, kind, as_of, because)


def _write(
    session: Session, clock: Clock, team: Team, kind: FactKind, occurred_on: date, because: str
) -> Fact:
    fact = Fact(
        id=clock.new_id(),
        organisation_id=team.organisation_id,
        team_id=team.team_id,
        incubated_id=team.id,
        kind=kind,
        occurred_on=occurred_on,
        because=because,
        created_at=clock.now(),
    )
    store.insert(session, fact)
    note(session, subject_kind="incubation_fact", subject_id=fact.id, after=fact)
    tell_team(session, clock, team, kind)
    return fact


def _moved(session: Session, found: Milestone, to: MilestoneState, said: str | None) -> Milestone:
    after = milestone_moved(found, to, said=said)
    store.save_milestone(session, after)
    note(
        session,
        subject_kind="incubation_milestone",
        subject_id=found.id,
        before=found,
        after=after,
    )
    return after


def _milestone(session: Session, milestone: UUID, party: OrganisationId) -> Milestone:
    found = store.find_milestone(session, milestone, seen_by=party)
    if found is None:
        raise MilestoneNotFoundError(milestone=milestone)
    return found


def _incubated(
    session: Session, organisation_id: OrganisationId, team: UUID, *, lock: bool = False
) -> Team:
    return _of_party(session, organisation_id, team, parties=("organisation_id",), lock=lock)


def _of_party(
    session: Session,
    party: OrganisationId,
    team: UUID,
    *,
    parties: Sequence[str] = ("organisation_id", "team_id"),
    lock: bool = False,
) -> Team:
    found = store.find_team(session, team, seen_by=party, lock=lock)
    if found is None or party not in {getattr(found, name) for name in parties}:
        raise TeamNotFoundError(team=team)
    return found
