"""Use cases of programmes: run one as a call, apply, recommend, enter the call."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.calls import handlers as calls
from marketplace.calls.domain import CallKind, Stage, check_stage
from marketplace.offers import handlers as offers
from marketplace.offers.domain import OfferState
from marketplace.programmes import store
from marketplace.programmes.domain import (
    Application,
    ApplicationState,
    Case,
    Figure,
    Finding,
    Programme,
    Recommendation,
    UnknownProgrammeError,
    check,
    check_quota,
    judge,
)
from services.booking import handlers as bookings
from services.booking.domain import BookingState
from services.capacity import handlers as capacity
from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.programmes import ApplicationFiled, ProjectRecommended
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit

COUNTED_MAX: Final = 10_000
"""Rows looked through for a figure; who has more is told this many."""
SITES_MAX: Final = 1_000


class NoProgrammeError(DomainError):
    code: ClassVar[str] = "call-without-programme"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Call {call_id} runs no programme; submit to it directly."
    zh: ClassVar[str] = "征集 {call_id} 未采用任何项目规则；请直接提交。"


class ProgrammeRunsError(DomainError):
    code: ClassVar[str] = "call-has-programme"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Call {call_id} is no selection, or runs a programme already."
    zh: ClassVar[str] = "征集 {call_id} 不是遴选类，或已采用项目规则。"


class ApplicationNotFoundError(DomainError):
    code: ClassVar[str] = "application-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no application {application_id} for you; list /applications."
    zh: ClassVar[str] = "没有与您有关的申报 {application_id}；请查看 /applications。"


class ApplicationStateError(DomainError):
    code: ClassVar[str] = "application-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Application {application_id} is {state}; this needs it {wanted}."
    zh: ClassVar[str] = "申报 {application_id} 状态为 {state}；该操作要求 {wanted}。"


def get_programme(programmes: Mapping[str, Programme], key: str) -> Programme:
    """The programme of a key.

    Raises:
        UnknownProgrammeError: there is none.
    """
    if key not in programmes:
        raise UnknownProgrammeError(key=key)
    return programmes[key]


def run_programme(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    call_id: UUID,
    programme: Programme,
) -> None:
    """Select by a programme's rules in an own call.

    Raises:
        CallNotFoundError: it is none of the organisation's.
        ProgrammeRunsError: it is no selection, or runs one already.
    """
    call = calls.find_own(session=session, organisation_id=organisation_id, call_id=call_id)
    is_new = call.kind is CallKind.SELECTION and store.insert_run(
        session,
        call_id=call_id,
        organisation_id=organisation_id,
        programme=programme.key,
        version=programme.version,
        at=clock.now(),
    )
    if not is_new:
        raise ProgrammeRunsError(call_id=call_id)
    note(session, subject_kind="call", subject_id=call_id, after={"programme": programme.key})


def programme_of(
    *, session: Session, programmes: Mapping[str, Programme], call_id: UUID
) -> Programme:
    """The programme a call runs that the caller sees.

    Raises:
        CallNotFoundError, NoProgrammeError: there is none.
    """
    calls.get_call(session=session, call_id=call_id)
    key = store.programme_of(session, call_id)
    if key is None:
        raise NoProgrammeError(call_id=call_id)
    return get_programme(programmes, key)


def draft(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    programmes: Mapping[str, Programme],
    call_id: UUID,
    recommender_id: OrganisationId,
    title: str,
    directions: Sequence[int],
    fields: Mapping[str, Any],
) -> Application:
    """Begin an application, with the platform's own figures filled in and what it would be told.

    Raises:
        CallNotFoundError, NoProgrammeError, OrganisationNotFoundError: nothing of that id.
    """
    programme = programme_of(session=session, programmes=programmes, call_id=call_id)
    call = calls.get_call(session=session, call_id=call_id)
    identity.get_organisation(session=session, organisation_id=recommender_id)
    made = Application(
        id=clock.new_id(),
        organisation_id=organisation_id,
        call_id=call_id,
        owner_id=call.organisation_id,
        recommender_id=recommender_id,
        programme=programme.key,
        version=programme.version,
        title=title,
        directions=tuple(directions),
        fields=fields,
        figures=figures_of(session=session, clock=clock, organisation_id=organisation_id),
        findings=(),
        state=ApplicationState.DRAFT,
        created_at=clock.now(),
    )
    judged = replace(made, findings=_judged(session, programme, made))
    store.insert_application(session, judged)
    note(session, subject_kind="application", subject_id=judged.id, after=judged)
    return judged


def edit(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    programmes: Mapping[str, Programme],
    application_id: UUID,
    title: str,
    directions: Sequence[int],
    fields: Mapping[str, Any],
) -> Application:
    """Change an own draft; its figures are read anew.

    Raises:
        ApplicationNotFoundError, ApplicationStateError: none of its own, or no draft any more.
    """
    before = _own(session, organisation_id, application_id, ApplicationState.DRAFT)
    changed = replace(
        before,
        title=title,
        directions=tuple(directions),
        fields=fields,
        figures=figures_of(session=session, clock=clock, organisation_id=organisation_id),
    )
    programme = get_programme(programmes, before.programme)
    after = replace(changed, findings=_judged(session, programme, changed))
    store.save_application(session, after)
    note(session, subject_kind="application", subject_id=after.id, before=before, after=after)
    return after


def apply(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    programmes: Mapping[str, Programme],
    application_id: UUID,
) -> Application:
    """Hand an own application to its recommender.

    Raises:
        ApplicationNotFoundError, ApplicationStateError: none of its own, or no draft any more.
        StageClosedError: the call takes nothing now.
        ClauseBrokenError: names the clause that refuses it.
    """
    before = _own(session, organisation_id, application_id, ApplicationState.DRAFT)
    call = calls.get_call(session=session, call_id=before.call_id)
    check_stage(call, Stage.SUBMISSION, now=clock.now())
    store.queue(session, organisation_id, before.call_id)
    programme = get_programme(programmes, before.programme)
    findings = _judged(session, programme, before)
    check(programme, findings)
    after = replace(before, findings=findings, state=ApplicationState.APPLIED)
    store.save_application(session, after)
    note(session, subject_kind="application", subject_id=after.id, before=before, after=after)
    return after


def recommend(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    programmes: Mapping[str, Programme],
    application_id: UUID,
    reason: str,
) -> Recommendation:
    """Recommend a project that named the organisation as its recommender, within the quota.

    Raises:
        ApplicationNotFoundError: none that names it.
        ApplicationStateError: it is not applied with, or recommended already.
        ClauseBrokenError: the quota is used up; names the clause.
    """
    found = get_application(session=session, application_id=application_id)
    if found.recommender_id != organisation_id:
        raise ApplicationNotFoundError(application_id=application_id)
    if found.state is not ApplicationState.APPLIED:
        raise _wrong(found, ApplicationState.APPLIED)
    store.queue(session, organisation_id, found.call_id)
    given = store.count_recommendations(session, organisation_id, found.call_id)
    made = Recommendation(
        id=clock.new_id(),
        organisation_id=organisation_id,
        applicant_id=found.organisation_id,
        owner_id=found.owner_id,
        application_id=application_id,
        call_id=found.call_id,
        reason=reason,
        place=given + 1,
        quota=check_quota(get_programme(programmes, found.programme), given),
        created_at=clock.now(),
    )
    if not store.insert_recommendation(session, made):
        raise _wrong(found, "without a recommendation")
    note(session, subject_kind="recommendation", subject_id=made.id, after=made)
    told = ProjectRecommended(
        id=clock.new_id(),
        occurred_at=clock.now(),
        application_id=application_id,
        call_id=found.call_id,
        audience=Audience(organisation_ids=(organisation_id, found.organisation_id)),
    )
    emit(session, told, now=clock.now())
    return made


def file(*, session: Session, clock: Clock, acting: Acting, application_id: UUID) -> Application:
    """Enter an own recommended project in its call.

    Raises:
        ApplicationNotFoundError, ApplicationStateError: none of its own, or not recommended.
        StageClosedError, SubmitterNamedError: as for a submission to the call.
    """
    before = _own(session, acting.organisation_id, application_id, ApplicationState.APPLIED)
    if store.find_recommendation(session, application_id) is None:
        raise _wrong(before, "recommended")
    submission = calls.draft(
        session=session,
        clock=clock,
        acting=acting,
        call_id=before.call_id,
        title=before.title,
        body=str(before.fields.get("narrative", "")),
        document_ids=(),
    )
    calls.submit(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        submission_id=submission.id,
    )
    after = replace(before, state=ApplicationState.FILED, submission_id=submission.id)
    store.save_application(session, after)
    note(session, subject_kind="application", subject_id=after.id, before=before, after=after)
    told = ApplicationFiled(
        id=clock.new_id(),
        occurred_at=clock.now(),
        application_id=application_id,
        call_id=before.call_id,
        audience=Audience(
            organisation_ids=(before.organisation_id, before.recommender_id),
        ),
    )
    emit(session, told, now=clock.now())
    return after


def get_application(*, session: Session, application_id: UUID) -> Application:
    """An application the caller made, recommends or receives.

    Raises:
        ApplicationNotFoundError: there is none.
    """
    found = store.find_application(session, application_id)
    if found is None:
        raise ApplicationNotFoundError(application_id=application_id)
    return found


def list_applications(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Application]:
    return store.applications_after(session, organisation_id, after=after, limit=limit)


def list_recommendations(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Recommendation]:
    return store.recommendations_after(session, organisation_id, after=after, limit=limit)


def recommended(
    *, session: Session, organisation_id: OrganisationId, call_id: UUID
) -> list[tuple[Application, str]]:
    """Projects the organisation recommends, or receives, in a call, with the reasons given."""
    calls.get_call(session=session, call_id=call_id)
    return [
        (get_application(session=session, application_id=one.application_id), one.reason)
        for one in store.recommendations_of(session, call_id, organisation_id)
    ]


def figures_of(
    *, session: Session, clock: Clock, organisation_id: OrganisationId
) -> tuple[Figure, ...]:
    """What the platform itself knows of an applicant, each with the list it is counted from."""
    firm = identity.get_organisation(session=session, organisation_id=organisation_id)
    finished = [
        one
        for one in bookings.list_bookings(
            session=session,
            limit=COUNTED_MAX,
            party=organisation_id,
            states=(BookingState.FINISHED,),
        )
        if one.provider_id == organisation_id != one.organisation_id
    ]
    time = sum((one.interval.end - one.interval.start for one in finished), timedelta())
    published = offers.list_offers(
        session=session,
        after=None,
        limit=COUNTED_MAX,
        organisation_id=organisation_id,
        state=OfferState.PUBLISHED,
    )
    resources = capacity.list_resources(
        session=session, after=None, limit=COUNTED_MAX, organisation_id=organisation_id
    )
    record, provided = f"/organisations/{organisation_id}", "/bookings?state=finished"
    of = f"organisation_id={organisation_id}"
    told: tuple[tuple[str, int | str | None, str], ...] = (
        ("organisation_name", firm.name_zh, record),
        ("credit_code", firm.uscc, record),
        ("resources_online", len(resources), f"/resources?{of}"),
        ("offers_published", len(published), f"/offers?{of}&state=published"),
        ("bookings_provided", len(finished), provided),
        ("hours_provided", time // timedelta(hours=1), provided),
    )
    return tuple(Figure(key, value, source, clock.now()) for key, value, source in told)


def _judged(
    session: Session, programme: Programme, application: Application
) -> tuple[Finding, ...]:
    own = application.organisation_id
    sites = identity.list_sites(session=session, after=None, limit=SITES_MAX, organisation_id=own)
    case = Case(
        directions=application.directions,
        fields=application.fields,
        regions=tuple(sorted({one.region_code for one in sites})),
        projects=store.count_projects(session, own, application.call_id),
    )
    return judge(programme, case)


def _own(
    session: Session,
    organisation_id: OrganisationId,
    application_id: UUID,
    wanted: ApplicationState,
) -> Application:
    found = get_application(session=session, application_id=application_id)
    if found.organisation_id != organisation_id:
        raise ApplicationNotFoundError(application_id=application_id)
    locked = store.find_application(session, application_id, for_update=True)
    assert locked is not None, "applications are never deleted"
    if locked.state is not wanted:
        raise _wrong(locked, wanted)
    return locked


def _wrong(application: Application, wanted: str) -> ApplicationStateError:
    return ApplicationStateError(
        application_id=application.id, state=application.state, wanted=wanted
    )
