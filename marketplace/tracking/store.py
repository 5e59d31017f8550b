"""SQL of samples, reports and handovers."""

from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlmodel import Session, col, or_, select

from marketplace.tracking.domain import (
    Accreditation,
    Handover,
    HandoverKind,
    Report,
    Sample,
    SampleState,
    SampleStep,
    TestOutcome,
    proof_of,
)
from marketplace.tracking.tables import HandoverRow, ReportRow, SampleRow, SampleStepRow
from services.contracts.ids import BookingId, OrganisationId

_ACCREDITATIONS: Final = TypeAdapter(tuple[Accreditation, ...])
_FRESH: Final = {"populate_existing": True}


def insert_sample(session: Session, sample: Sample) -> None:
    session.add(
        SampleRow(
            id=sample.id,
            organisation_id=sample.organisation_id,
            laboratory_id=sample.laboratory_id,
            booking_id=sample.booking_id,
            label=sample.label,
            method=sample.method,
            accreditations=_ACCREDITATIONS.dump_python(sample.accreditations, mode="json"),
            state=sample.state.value,
            version=sample.version,
            created_at=sample.created_at,
            updated_at=sample.updated_at,
        )
    )
    session.flush()


def save_sample(session: Session, sample: Sample) -> None:
    row = session.get_one(SampleRow, sample.id)
    row.state, row.version = sample.state.value, sample.version
    row.updated_at = sample.updated_at
    session.flush()


def find_sample(
    session: Session, sample_id: UUID, *, party: OrganisationId, lock: bool = False
) -> Sample | None:
    query = select(SampleRow).where(col(SampleRow.id) == sample_id, _party(party))
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    return None if row is None else _sample(row)


def samples_after(
    session: Session, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[Sample]:
    query = select(SampleRow).where(_party(party))
    if after is not None:
        query = query.where(col(SampleRow.id) > after)
    return [_sample(row) for row in session.exec(query.order_by(col(SampleRow.id)).limit(limit))]


def insert_step(session: Session, sample: Sample, step: SampleStep) -> None:
    session.add(
        SampleStepRow(
            id=step.id,
            organisation_id=sample.organisation_id,
            laboratory_id=sample.laboratory_id,
            sample_id=sample.id,
            said_by=step.organisation_id,
            state=step.state.value,
            actor_id=step.actor_id,
            note=step.note,
            at=step.at,
        )
    )
    session.flush()


def steps_after(
    session: Session, sample_id: UUID, *, after: UUID | None, limit: int
) -> list[SampleStep]:
    query = select(SampleStepRow).where(col(SampleStepRow.sample_id) == sample_id)
    if after is not None:
        query = query.where(col(SampleStepRow.id) > after)
    return [
        SampleStep(
            id=row.id,
            sample_id=row.sample_id,
            state=SampleState(row.state),
            organisation_id=OrganisationId(row.said_by),
            actor_id=row.actor_id,
            note=row.note,
            at=row.at,
        )
        for row in session.exec(query.order_by(col(SampleStepRow.id)).limit(limit))
    ]


def insert_report(session: Session, report: Report) -> None:
    session.add(
        ReportRow(
            id=report.id,
            organisation_id=report.organisation_id,
            laboratory_id=report.laboratory_id,
            sample_id=report.sample_id,
            number=report.number,
            code=report.code,
            token_hash=proof_of(report.number, report.code),
            method=report.method,
            accreditations=_ACCREDITATIONS.dump_python(report.accreditations, mode="json"),
            outcome=report.outcome.value,
            sha256=report.sha256,
            issued_at=report.issued_at,
        )
    )
    session.flush()


def has_number(session: Session, laboratory_id: OrganisationId, number: str) -> bool:
    query = select(ReportRow.id).where(
        col(ReportRow.laboratory_id) == laboratory_id, col(ReportRow.number) == number
    )
    return session.exec(query).first() is not None


def report_of(session: Session, sample_id: UUID) -> Report | None:
    row = session.exec(select(ReportRow).where(col(ReportRow.sample_id) == sample_id)).one_or_none()
    return None if row is None else _report(row)


def report_proven(session: Session, proof: bytes) -> Report | None:
    """The report whose number and code were given; the transaction is bound to the proof."""
    row = session.exec(select(ReportRow).where(col(ReportRow.token_hash) == proof)).one_or_none()
    return None if row is None else _report(row)


def insert_handover(session: Session, handover: Handover) -> None:
    session.add(
        HandoverRow(
            id=handover.id,
            organisation_id=handover.organisation_id,
            carrier_id=handover.carrier_id,
            booking_id=handover.booking_id,
            kind=handover.kind.value,
            place=handover.place,
            note=handover.note,
            actor_id=handover.actor_id,
            at=handover.at,
        )
    )
    session.flush()


def handovers_of(session: Session, booking_id: BookingId) -> list[Handover]:
    query = select(HandoverRow).where(col(HandoverRow.booking_id) == booking_id)
    return [_handover(row) for row in session.exec(query.order_by(col(HandoverRow.id)))]


def lock_handover(
    session: Session, handover_id: UUID, *, organisation_id: OrganisationId
) -> Handover | None:
    """One the organisation's goods were in."""
    query = select(HandoverRow).where(
        col(HandoverRow.id) == handover_id, col(HandoverRow.organisation_id) == organisation_id
    )
    row = session.exec(query.with_for_update(), execution_options=_FRESH).one_or_none()
    return None if row is None else _handover(row)


def save_handover(session: Session, handover: Handover) -> None:
    row = session.get_one(HandoverRow, handover.id)
    row.confirmed_by, row.confirmed_at = handover.confirmed_by, handover.confirmed_at
    session.flush()


def _party(party: OrganisationId) -> Any:
    return or_(col(SampleRow.organisation_id) == party, col(SampleRow.laboratory_id) == party)


def _sample(row: SampleRow) -> Sample:
    return Sample(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        laboratory_id=OrganisationId(row.laboratory_id),
        booking_id=BookingId(row.booking_id),
        label=row.label,
        method=row.method,
        accreditations=_ACCREDITATIONS.validate_python(row.accreditations),
        state=SampleState(row.state),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _report(row: ReportRow) -> Report:
    return Report(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        laboratory_id=OrganisationId(row.laboratory_id),
        sample_id=row.sample_id,
        number=row.number,
        code=row.code,
        method=row.method,
        accreditations=_ACCREDITATIONS.validate_python(row.accreditations),
        outcome=TestOutcome(row.outcome),
        sha256=row.sha256,
        issued_at=row.issued_at,
    )


def _handover(row: HandoverRow) -> Handover:
    return Handover(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        carrier_id=OrganisationId(row.carrier_id),
        booking_id=BookingId(row.booking_id),
        kind=HandoverKind(row.kind),
        place=row.place,
        note=row.note,
        actor_id=row.actor_id,
        at=row.at,
        confirmed_by=row.confirmed_by,
        confirmed_at=row.confirmed_at,
    )
