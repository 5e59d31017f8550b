"""Use cases of samples: registered for a booked test, handled, reported on, verified."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.tracking import store
from marketplace.tracking.domain import (
    TESTING,
    Mark,
    Report,
    Sample,
    SampleState,
    SampleStep,
    TestOutcome,
    accreditations,
    check_booking,
    code_of,
    moved,
    proof_of,
)
from services.booking import handlers as booking
from services.capacity import handlers as capacity
from services.contracts.access import ANONYMOUS
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.tracking import ReportIssued, SampleChanged
from services.contracts.ids import BookingId, OrganisationId
from services.runtime.audit.recording import note as audit
from services.runtime.clock import Clock
from services.runtime.outbox import emit
from services.runtime.tenancy import also_showing, bind


class SampleNotFoundError(DomainError):
    code: ClassVar[str] = "sample-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no sample {sample_id} of yours; list /samples."
    zh: ClassVar[str] = "没有属于贵组织的样品 {sample_id}；请查看 /samples。"


class SampleNotReportedError(DomainError):
    code: ClassVar[str] = "sample-not-reported"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Sample {sample_id} is not reported on yet."
    zh: ClassVar[str] = "样品 {sample_id} 尚未出具报告。"


class ReportNotVerifiedError(DomainError):
    code: ClassVar[str] = "test-report-not-verified"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "No report has this number and code together; compare both with the paper, character by"
        " character."
    )
    zh: ClassVar[str] = "没有与该编号和校验码同时相符的报告；请逐字核对。"


class ReportNumberTakenError(DomainError):
    code: ClassVar[str] = "test-report-number-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your laboratory issued a report {number!r} before; number it otherwise."
    zh: ClassVar[str] = "贵实验室已出具编号为 {number!r} 的报告；请更换编号。"


def register(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    actor: UUID | None,
    booking_id: BookingId,
    label: str,
    method: str,
    marks: tuple[Mark, ...],
) -> Sample:
    """Register a sample for a firm booking of a test, with the marks its report shall bear.

    Raises:
        BookingNotFoundError: the organisation booked none such.
        BookingUnfitError: it is not firm, or no test.
        OutOfScopeError, AccreditationExpiredError: no certificate allows a mark.
    """
    booked = booking.get_booking(
        session=session, organisation_id=organisation_id, booking_id=booking_id
    )
    if booked.organisation_id != organisation_id:
        raise booking.BookingNotFoundError(booking_id=booking_id)
    with also_showing(session, [booked.resource_id]):
        resource = capacity.get_resource(session=session, resource_id=booked.resource_id)
    check_booking(booked, resource, TESTING)
    now = clock.now()
    made = Sample(
        id=clock.new_id(),
        organisation_id=organisation_id,
        laboratory_id=booked.provider_id,
        booking_id=booking_id,
        label=label,
        method=method,
        accreditations=accreditations(resource, method, marks, day=booked.interval.end.date()),
        state=SampleState.REGISTERED,
        version=1,
        created_at=now,
        updated_at=now,
    )
    store.insert_sample(session, made)
    _written_down(session, clock, None, made, organisation_id, actor, "")
    return made


def move_sample(
    *,
    session: Session,
    clock: Clock,
    laboratory_id: OrganisationId,
    actor: UUID | None,
    sample_id: UUID,
    to: SampleState,
    note: str,
) -> Sample:
    """Receive, take into test, return or dispose of a sample, as its laboratory.

    Raises:
        SampleNotFoundError, SampleRefusedError: as they say.
    """
    before = _in_laboratory(session, sample_id, laboratory_id)
    after = moved(before, to, now=clock.now())
    store.save_sample(session, after)
    _written_down(session, clock, before, after, laboratory_id, actor, note)
    return after


def report(
    *,
    session: Session,
    clock: Clock,
    laboratory_id: OrganisationId,
    actor: UUID | None,
    sample_id: UUID,
    number: str,
    outcome: TestOutcome,
    sha256: str,
    drawn: bytes,
) -> Report:
    """Report on a sample in test. The report bears the marks it was registered with.

    Args:
        session: the transaction.
        clock: now, and new ids.
        laboratory_id: who reports.
        actor: the person or program that acts for it.
        sample_id: the sample in test.
        number: the laboratory's own, once.
        outcome: what the report states.
        sha256: of its file.
        drawn: random bytes, of which the verification code is made.

    Raises:
        SampleNotFoundError, SampleRefusedError, ReportNumberTakenError: as they say.
    """
    before = _in_laboratory(session, sample_id, laboratory_id)
    after = moved(before, SampleState.REPORTED, now=clock.now())
    if store.has_number(session, laboratory_id, number):
        raise ReportNumberTakenError(number=number)
    made = Report(
        id=clock.new_id(),
        organisation_id=before.organisation_id,
        laboratory_id=laboratory_id,
        sample_id=sample_id,
        number=number,
        code=code_of(drawn),
        method=before.method,
        accreditations=before.accreditations,
        outcome=outcome,
        sha256=sha256,
        issued_at=clock.now(),
    )
    store.insert_report(session, made)
    store.save_sample(session, after)
    _written_down(session, clock, before, after, laboratory_id, actor, number)
    audit(session, subject_kind="test_report", subject_id=made.id, after=made)
    event = ReportIssued(
        id=clock.new_id(),
        occurred_at=clock.now(),
        report_id=made.id,
        sample_id=sample_id,
        organisation_id=made.organisation_id,
        laboratory_id=made.laboratory_id,
        number=number,
        audience=Audience(organisation_ids=before.parties),
    )
    emit(session, event, now=clock.now())
    return made


def get_sample(*, session: Session, party: OrganisationId, sample_id: UUID) -> Sample:
    """A sample one sent in or tests.

    Raises:
        SampleNotFoundError: there is none.
    """
    found = store.find_sample(session, sample_id, party=party)
    if found is None:
        raise SampleNotFoundError(sample_id=sample_id)
    return found


def list_samples(
    *, session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[Sample]:
    """A page of the samples one sent in or tests, in order of registration."""
    return store.samples_after(session, party=party, after=after, limit=limit)


def list_steps(
    *, session: Session, party: OrganisationId, sample_id: UUID, after: UUID | None, limit: int
) -> list[SampleStep]:
    """A page of what happened to a sample, when and by whose hand.

    Raises:
        SampleNotFoundError: there is no such sample.
    """
    get_sample(session=session, party=party, sample_id=sample_id)
    return store.steps_after(session, sample_id, after=after, limit=limit)


def get_report(*, session: Session, party: OrganisationId, sample_id: UUID) -> Report:
    """The report on a sample, with the code by which others verify it.

    Raises:
        SampleNotFoundError, SampleNotReportedError: as they say.
    """
    get_sample(session=session, party=party, sample_id=sample_id)
    found = store.report_of(session, sample_id)
    if found is None:
        raise SampleNotReportedError(sample_id=sample_id)
    return found


def verify(*, session: Session, number: str, code: str) -> Report:
    """The report of this number and code; whoever was given both may ask, unknown as one is.

    Raises:
        ReportNotVerifiedError: there is none.
    """
    proof = proof_of(number, code)
    bind(session, ANONYMOUS, credential=proof)
    found = store.report_proven(session, proof)
    if found is None:
        raise ReportNotVerifiedError
    return found


def _in_laboratory(session: Session, sample_id: UUID, laboratory_id: OrganisationId) -> Sample:
    found = store.find_sample(session, sample_id, party=laboratory_id, lock=True)
    if found is None or found.laboratory_id != laboratory_id:
        raise SampleNotFoundError(sample_id=sample_id)
    return found


def _written_down(
    session: Session,
    clock: Clock,
    before: Sample | None,
    after: Sample,
    by: OrganisationId,
    actor: UUID | None,
    note: str,
) -> None:
    """The step, the audit entry and the event of a change."""
    now = clock.now()
    step = SampleStep(clock.new_id(), after.id, after.state, by, actor, note, now)
    store.insert_step(session, after, step)
    audit(session, subject_kind="sample", subject_id=after.id, before=before, after=after)
    event = SampleChanged(
        id=clock.new_id(),
        occurred_at=now,
        sample_id=after.id,
        booking_id=after.booking_id,
        organisation_id=after.organisation_id,
        laboratory_id=after.laboratory_id,
        state=after.state,
        audience=Audience(organisation_ids=after.parties),
    )
    emit(session, event, now=now)
