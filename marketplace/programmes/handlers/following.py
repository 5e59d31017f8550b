"""What follows an award: progress reports over its term, and best-practice pages."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.calls import handlers as calls
from marketplace.programmes import store
from marketplace.programmes.domain import (
    Application,
    Practice,
    PracticeState,
    PracticeStateError,
    Programme,
    Report,
    ReportState,
    ReportStateError,
    due_dates,
    next_report,
)
from marketplace.programmes.handlers.applying import (
    ApplicationNotFoundError,
    figures_of,
    get_application,
    get_programme,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class NotAwardedError(DomainError):
    code: ClassVar[str] = "application-not-awarded"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Application {application_id} has won no award; this follows one."
    zh: ClassVar[str] = "申报 {application_id} 未入选；该操作仅适用于入选项目。"


class ReportNotFoundError(DomainError):
    code: ClassVar[str] = "progress-report-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no progress report {report_id} to a call of yours; list those of the application."
    )
    zh: ClassVar[str] = "没有向贵方征集提交的进展报告 {report_id}；请查看该申报的报告列表。"


class PracticeNotFoundError(DomainError):
    code: ClassVar[str] = "best-practice-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no page {practice_id} for you; list /best-practices."
    zh: ClassVar[str] = "没有您可见的页面 {practice_id}；请查看 /best-practices。"


class PracticeExistsError(DomainError):
    code: ClassVar[str] = "best-practice-exists"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Application {application_id} has page {practice_id} already."
    zh: ClassVar[str] = "申报 {application_id} 已有页面 {practice_id}。"


@dataclass(frozen=True, slots=True)
class Due:
    """A report of the schedule, and what was handed in for it."""

    number: int
    due_on: date
    report: Report | None


def schedule(
    *, session: Session, programmes: Mapping[str, Programme], application_id: UUID
) -> list[Due]:
    """The reports an application owes over its term; none before an award.

    Raises:
        ApplicationNotFoundError: there is none for the caller.
    """
    found = get_application(session=session, application_id=application_id)
    awarded_on = _awarded_on(session, found)
    if awarded_on is None:
        return []
    due = due_dates(get_programme(programmes, found.programme), awarded_on)
    reports = {one.number: one for one in store.reports_of(session, application_id)}
    return [Due(place, day, reports.get(place)) for place, day in enumerate(due, start=1)]


def report(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    programmes: Mapping[str, Programme],
    application_id: UUID,
    said: str,
) -> Report:
    """Hand in the report that is next, with the platform's own figures of the day.

    Raises:
        ApplicationNotFoundError, NotAwardedError, NoReportDueError: as they say.
    """
    found = get_application(session=session, application_id=application_id)
    if found.organisation_id != organisation_id:
        raise ApplicationNotFoundError(application_id=application_id)
    store.queue(session, organisation_id, found.call_id)
    awarded_on = _awarded_on(session, found)
    if awarded_on is None:
        raise NotAwardedError(application_id=application_id)
    reports = store.reports_of(session, application_id)
    due = due_dates(get_programme(programmes, found.programme), awarded_on)
    number, due_on = next_report(application_id, due, reports)
    made = Report(
        id=clock.new_id(),
        organisation_id=organisation_id,
        owner_id=found.owner_id,
        application_id=application_id,
        number=number,
        due_on=due_on,
        said=said,
        figures=figures_of(session=session, clock=clock, organisation_id=organisation_id),
        state=ReportState.SUBMITTED,
        submitted_at=clock.now(),
    )
    if len(reports) == number:
        made = replace(made, id=reports[-1].id)
        store.save_report(session, made)
    else:
        store.insert_report(session, made)
    note(session, subject_kind="progress_report", subject_id=made.id, after=made)
    return made


def review(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    report_id: UUID,
    accepted: bool,
    remark: str | None,
) -> Report:
    """Accept a report to an own call, or return it with a remark.

    Raises:
        ReportNotFoundError, ReportStateError: as they say.
    """
    before = store.find_report(session, report_id, owner=organisation_id)
    if before is None:
        raise ReportNotFoundError(report_id=report_id)
    if before.state is not ReportState.SUBMITTED:
        raise ReportStateError(report_id=report_id, state=before.state)
    state = ReportState.ACCEPTED if accepted else ReportState.RETURNED
    after = replace(before, state=state, remark=remark, reviewed_at=clock.now())
    store.save_report(session, after)
    note(session, subject_kind="progress_report", subject_id=report_id, before=before, after=after)
    return after


def propose_practice(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    application_id: UUID,
    title: str,
    text: str,
) -> Practice:
    """Propose a page about a project an own call awarded, with the figures it applied with.

    Raises:
        ApplicationNotFoundError: none that an own call received.
        NotAwardedError, PracticeExistsError: as they say.
    """
    found = get_application(session=session, application_id=application_id)
    if found.owner_id != organisation_id:
        raise ApplicationNotFoundError(application_id=application_id)
    if _awarded_on(session, found) is None:
        raise NotAwardedError(application_id=application_id)
    known = store.practice_of(session, application_id)
    if known is not None:
        raise PracticeExistsError(application_id=application_id, practice_id=known.id)
    made = Practice(
        id=clock.new_id(),
        organisation_id=organisation_id,
        applicant_id=found.organisation_id,
        application_id=application_id,
        title=title,
        text=text,
        figures=found.figures,
        state=PracticeState.PROPOSED,
        created_at=clock.now(),
    )
    store.insert_practice(session, made)
    note(session, subject_kind="best_practice", subject_id=made.id, after=made)
    return made


def get_practice(*, session: Session, reader: OrganisationId | None, practice_id: UUID) -> Practice:
    """A published page, or one the reader proposed or is asked about.

    Raises:
        PracticeNotFoundError: there is none.
    """
    found = store.find_practice(session, practice_id, reader=reader)
    if found is None:
        raise PracticeNotFoundError(practice_id=practice_id)
    return found


def list_practices(
    *, session: Session, reader: OrganisationId | None, after: UUID | None, limit: int
) -> list[Practice]:
    """A page of what is published, and of what concerns the reader."""
    return store.practices_after(session, reader=reader, after=after, limit=limit)


def decide_practice(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    practice_id: UUID,
    is_shown: bool,
) -> Practice:
    """The applicant consents to a page about its project, or has it taken down.

    Raises:
        PracticeNotFoundError: it is of no project of the organisation's.
        PracticeStateError: it is withdrawn, or published already.
    """
    before = store.find_practice(session, practice_id, reader=organisation_id)
    if before is None or before.applicant_id != organisation_id:
        raise PracticeNotFoundError(practice_id=practice_id)
    before = store.find_practice(session, practice_id, reader=organisation_id, lock=True) or before
    is_next = before.state is PracticeState.PROPOSED or (
        before.state is PracticeState.PUBLISHED and not is_shown
    )
    if not is_next:
        raise PracticeStateError(practice_id=practice_id, state=before.state)
    if is_shown:
        after = replace(before, state=PracticeState.PUBLISHED, published_at=clock.now())
    else:
        after = replace(before, state=PracticeState.WITHDRAWN)
    store.save_practice(session, after)
    note(session, subject_kind="best_practice", subject_id=practice_id, before=before, after=after)
    return after


def _awarded_on(session: Session, application: Application) -> date | None:
    """The day of its award; a submission's paper has its id."""
    if application.submission_id is None:
        return None
    awards = calls.list_awards(session=session, call_id=application.call_id)
    days = (
        award.created_at.date() for award in awards if award.paper_id == application.submission_id
    )
    return next(days, None)
