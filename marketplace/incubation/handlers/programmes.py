"""A programme and the cohort that its call brings."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.calls import handlers as calls
from marketplace.calls.domain import CallKind, Stage
from marketplace.incubation import store
from marketplace.incubation.domain import Fact, FactKind, Programme, Team, TeamState
from marketplace.incubation.handlers.telling import tell_team
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class ProgrammeNotFoundError(DomainError):
    code: ClassVar[str] = "incubation-programme-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no incubation programme {programme_id} that you see or run;"
        " list /incubation-programmes."
    )
    zh: ClassVar[str] = "没有您可见或运营的孵化计划 {programme_id}；请查看 /incubation-programmes。"


class CallUnfitError(DomainError):
    code: ClassVar[str] = "incubation-call-unfit"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Call {call_id} is a {kind} or brings teams to a programme already; open a call of kind"
        " cohort for this one."
    )
    zh: ClassVar[str] = (
        "征集 {call_id} 的类型为 {kind}，或已用于某个孵化计划；请为本计划发起类型为 cohort 的征集。"
    )


class CohortNotAwardedError(DomainError):
    code: ClassVar[str] = "incubation-cohort-not-awarded"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Call {call_id} is in stage {stage}; the cohort is formed once it has been awarded."
    )
    zh: ClassVar[str] = "征集 {call_id} 处于 {stage} 阶段；公布入选结果后方可组建批次。"


def open_programme(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    call_id: UUID,
    title: str,
    title_zh: str,
) -> Programme:
    """Run an own cohort call as a programme, with a space for its cohort.

    Raises:
        CallNotFoundError, TooManySpacesError: as they say.
        CallUnfitError: the call is of another kind, or another programme's.
    """
    call = calls.find_own(
        session=session, organisation_id=organisation_id, call_id=call_id, for_update=True
    )
    if call.kind is not CallKind.COHORT or store.programme_of_call(session, call_id) is not None:
        raise CallUnfitError(call_id=call_id, kind=call.kind)
    space = identity.create_space(
        session=session,
        clock=clock,
        organisation_id=organisation_id,
        name=title,
        name_zh=title_zh,
    )
    programme = Programme(
        id=clock.new_id(),
        organisation_id=organisation_id,
        call_id=call_id,
        space_id=space.id,
        title=title,
        title_zh=title_zh,
        created_at=clock.now(),
    )
    store.insert(session, programme)
    note(session, subject_kind="incubation_programme", subject_id=programme.id, after=programme)
    return programme


def get_programme(*, session: Session, programme_id: UUID) -> Programme:
    """A programme whose call one sees.

    Raises:
        ProgrammeNotFoundError: there is none.
    """
    found = store.find_programme(session, programme_id)
    if found is None:
        raise ProgrammeNotFoundError(programme_id=programme_id)
    calls.get_call(session=session, call_id=found.call_id)
    return found


def list_programmes(*, session: Session, after: UUID | None, limit: int) -> list[Programme]:
    """A page of programmes whose calls one sees, in order of opening."""
    return store.programmes_after(session, after=after, limit=limit)


def form_cohort(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, programme_id: UUID
) -> list[Team]:
    """Admit whoever won the programme's call, and let them into its space; again adds nobody.

    Raises:
        ProgrammeNotFoundError: it is none of the organisation's own.
        CohortNotAwardedError: the call has not been awarded.
    """
    programme = store.find_programme(session, programme_id)
    if programme is None or programme.organisation_id != organisation_id:
        raise ProgrammeNotFoundError(programme_id=programme_id)
    call = calls.find_own(  # locked: two at once would admit everybody twice
        session=session,
        organisation_id=organisation_id,
        call_id=programme.call_id,
        for_update=True,
    )
    if call.stage is not Stage.AWARDED:
        raise CohortNotAwardedError(call_id=call.id, stage=call.stage)
    known = {team.award_id for team in store.teams_of_programme(session, programme_id)}
    for award in calls.list_awards(session=session, call_id=call.id):
        if award.id not in known:
            team = Team(
                id=clock.new_id(),
                organisation_id=organisation_id,
                team_id=award.winner_id,
                programme_id=programme_id,
                award_id=award.id,
                title=award.title,
                state=TeamState.INCUBATING,
                admitted_at=clock.now(),
            )
            _admit(session, clock, programme, team, award.certificate)
    return store.teams_of_programme(session, programme_id)


def _admit(
    session: Session, clock: Clock, programme: Programme, team: Team, certificate: str
) -> None:
    store.insert(session, team)
    now = clock.now()
    fact = Fact(
        id=clock.new_id(),
        organisation_id=team.organisation_id,
        team_id=team.team_id,
        incubated_id=team.id,
        kind=FactKind.ADMITTED,
        occurred_on=now.date(),
        because=certificate,
        created_at=now,
    )
    store.insert(session, fact)
    identity.add_to_space(
        session=session,
        clock=clock,
        lead_id=programme.organisation_id,
        space_id=programme.space_id,
        organisation_id=team.team_id,
    )
    note(session, subject_kind="incubated_team", subject_id=team.id, after=team)
    tell_team(session, clock, team, FactKind.ADMITTED)
