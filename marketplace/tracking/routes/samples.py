"""``/samples``: register, handle, report; and the public verification of reports."""

import secrets
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from sqlmodel import Session

from marketplace.tracking.domain import CODE_BYTES, NUMBER_MAX, SampleState
from marketplace.tracking.handlers import samples
from marketplace.tracking.schemas import (
    SampleIn,
    SampleNoteIn,
    SampleOut,
    SampleStepOut,
    TestReportIn,
    TestReportOut,
    VerifiedReportOut,
)
from services.contracts.access import Acting
from services.contracts.ids import BookingId
from services.contracts.policies import Action
from services.runtime.clock import Clock
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["tracking"])


@router.post(
    "/samples",
    status_code=201,
    response_model=SampleOut,
    dependencies=[requires(Action.SAMPLE_REGISTER)],
)
def register_sample(
    asked: SampleIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Register a sample for a booked test; marks are refused out of scope or expired."""

    def work() -> SampleOut:
        made = samples.register(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            actor=acting.principal.id,
            booking_id=BookingId(asked.booking_id),
            label=asked.label,
            method=asked.method,
            marks=tuple(asked.marks),
        )
        return SampleOut.of(made)

    return creation.once(asked, work)


@router.get("/samples", response_model=Page[SampleOut], dependencies=[requires(Action.SAMPLE_READ)])
def list_samples(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[SampleOut] | Response:
    """Samples one sent in or tests, in order of registration."""
    found = samples.list_samples(
        session=session, party=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, SampleOut.of, name="samples")


@router.get("/samples/{sample_id}", dependencies=[requires(Action.SAMPLE_READ)])
def read_sample(sample_id: UUID, session: SessionDep, acting: ActingDep) -> SampleOut:
    """One sample."""
    found = samples.get_sample(session=session, party=acting.organisation_id, sample_id=sample_id)
    return SampleOut.of(found)


@router.get(
    "/samples/{sample_id}/steps",
    response_model=Page[SampleStepOut],
    dependencies=[requires(Action.SAMPLE_READ)],
)
def list_sample_steps(
    sample_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[SampleStepOut] | Response:
    """What happened to a sample, when and by whose hand."""
    found = samples.list_steps(
        session=session,
        party=acting.organisation_id,
        sample_id=sample_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, SampleStepOut.of, name="sample-steps")


@router.post("/samples/{sample_id}/receive", dependencies=[requires(Action.SAMPLE_HANDLE)])
def receive_sample(
    sample_id: UUID, asked: SampleNoteIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> SampleOut:
    """The sample has arrived; note its condition."""
    return _moved(session, clock, acting, sample_id, SampleState.RECEIVED, asked)


@router.post("/samples/{sample_id}/start", dependencies=[requires(Action.SAMPLE_HANDLE)])
def start_testing(
    sample_id: UUID, asked: SampleNoteIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> SampleOut:
    """The test has begun."""
    return _moved(session, clock, acting, sample_id, SampleState.IN_TEST, asked)


@router.post("/samples/{sample_id}/return", dependencies=[requires(Action.SAMPLE_HANDLE)])
def return_sample(
    sample_id: UUID, asked: SampleNoteIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> SampleOut:
    """The sample, or what is left of it, went back."""
    return _moved(session, clock, acting, sample_id, SampleState.RETURNED, asked)


@router.post("/samples/{sample_id}/dispose", dependencies=[requires(Action.SAMPLE_HANDLE)])
def dispose_of_sample(
    sample_id: UUID, asked: SampleNoteIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> SampleOut:
    """The sample was disposed of."""
    return _moved(session, clock, acting, sample_id, SampleState.DISPOSED, asked)


@router.post(
    "/samples/{sample_id}/report",
    status_code=201,
    response_model=TestReportOut,
    dependencies=[requires(Action.SAMPLE_HANDLE)],
)
def report_on_sample(
    sample_id: UUID,
    asked: TestReportIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Report on a sample in test; the answer holds the code that verifies the report."""

    def work() -> TestReportOut:
        made = samples.report(
            session=session,
            clock=clock,
            laboratory_id=acting.organisation_id,
            actor=acting.principal.id,
            sample_id=sample_id,
            number=asked.number,
            outcome=asked.outcome,
            sha256=asked.sha256,
            drawn=secrets.token_bytes(CODE_BYTES),
        )
        return TestReportOut.of(made)

    return creation.once(asked, work)


@router.get("/samples/{sample_id}/report", dependencies=[requires(Action.SAMPLE_READ)])
def read_report(sample_id: UUID, session: SessionDep, acting: ActingDep) -> TestReportOut:
    """The report on a sample, with its code."""
    found = samples.get_report(session=session, party=acting.organisation_id, sample_id=sample_id)
    return TestReportOut.of(found)


@router.get("/test-report-verification", dependencies=[requires(Action.REPORT_VERIFY)])
def verify_report(
    number: Annotated[str, Query(min_length=1, max_length=NUMBER_MAX)],
    code: Annotated[str, Query(min_length=1, max_length=NUMBER_MAX)],
    session: SessionDep,
    response: Response,
) -> VerifiedReportOut:
    """Whether a report is genuine: by its number and code, by anyone given both."""
    response.headers["cache-control"] = "no-store"
    return VerifiedReportOut.of(samples.verify(session=session, number=number, code=code))


def _moved(
    session: Session,
    clock: Clock,
    acting: Acting,
    sample_id: UUID,
    to: SampleState,
    asked: SampleNoteIn,
) -> SampleOut:
    after = samples.move_sample(
        session=session,
        clock=clock,
        laboratory_id=acting.organisation_id,
        actor=acting.principal.id,
        sample_id=sample_id,
        to=to,
        note=asked.note,
    )
    return SampleOut.of(after)
