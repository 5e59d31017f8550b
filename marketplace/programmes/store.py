"""The SQL of programmes."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, or_, select, update

from marketplace.programmes.domain import (
    Application,
    ApplicationState,
    Figure,
    Finding,
    Practice,
    PracticeState,
    Recommendation,
    Report,
    ReportState,
)
from marketplace.programmes.tables import (
    BestPracticeRow,
    ProgrammeApplicationRow,
    ProgrammeRecommendationRow,
    ProgrammeRunRow,
    ProgressReportRow,
)
from services.contracts.ids import OrganisationId

_FIGURES: Final = TypeAdapter(list[Figure])
_FINDINGS: Final = TypeAdapter(list[Finding])
_QUEUE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


def insert_run(
    session: Session,
    *,
    call_id: UUID,
    organisation_id: OrganisationId,
    programme: str,
    version: int,
    at: datetime,
) -> bool:
    """Whether the call ran no programme yet."""
    values = {
        "call_id": call_id,
        "organisation_id": organisation_id,
        "programme": programme,
        "version": version,
        "since": at,
    }
    added = session.exec(
        insert(ProgrammeRunRow)
        .values(values)
        .on_conflict_do_nothing()
        .returning(col(ProgrammeRunRow.call_id))
    )
    return added.first() is not None


def programme_of(session: Session, call_id: UUID) -> str | None:
    """Key of the programme a call runs."""
    query = select(ProgrammeRunRow.programme).where(col(ProgrammeRunRow.call_id) == call_id)
    return session.exec(query).one_or_none()


def insert_application(session: Session, application: Application) -> None:
    session.add(ProgrammeApplicationRow(**_values(application)))
    session.flush()


def save_application(session: Session, application: Application) -> None:
    session.exec(
        update(ProgrammeApplicationRow)
        .where(col(ProgrammeApplicationRow.id) == application.id)
        .values(**_values(application))
    )


def find_application(
    session: Session, application_id: UUID, *, for_update: bool = False
) -> Application | None:
    """The application, if row security shows it."""
    query = select(ProgrammeApplicationRow).where(col(ProgrammeApplicationRow.id) == application_id)
    if for_update:
        query = query.with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _application(row)


def applications_after(
    session: Session, party: OrganisationId, *, after: UUID | None, limit: int
) -> list[Application]:
    row = ProgrammeApplicationRow
    query = select(row).where(
        or_(
            col(row.organisation_id) == party,
            col(row.recommender_id) == party,
            col(row.owner_id) == party,
        )
    )
    if after is not None:
        query = query.where(col(row.id) > after)
    return [_application(it) for it in session.exec(query.order_by(col(row.id)).limit(limit))]


def queue(session: Session, organisation_id: OrganisationId, call_id: UUID) -> None:
    """Have others of the organisation wait who count in the same call."""
    session.connection().execute(_QUEUE, {"key": f"programme {organisation_id} {call_id}"})


def count_projects(session: Session, organisation_id: OrganisationId, call_id: UUID) -> int:
    """Projects the organisation applied with in a call; drafts do not count."""
    row = ProgrammeApplicationRow
    query = select(func.count()).where(
        col(row.organisation_id) == organisation_id,
        col(row.call_id) == call_id,
        col(row.state) != ApplicationState.DRAFT,
    )
    return session.exec(query).one()


def count_recommendations(session: Session, organisation_id: OrganisationId, call_id: UUID) -> int:
    row = ProgrammeRecommendationRow
    query = select(func.count()).where(
        col(row.organisation_id) == organisation_id, col(row.call_id) == call_id
    )
    return session.exec(query).one()


def insert_recommendation(session: Session, recommendation: Recommendation) -> bool:
    """Whether the application was not recommended yet."""
    added = session.exec(
        insert(ProgrammeRecommendationRow)
        .values(asdict(recommendation))
        .on_conflict_do_nothing(index_elements=["application_id"])
        .returning(col(ProgrammeRecommendationRow.id))
    )
    return added.first() is not None


def find_recommendation(session: Session, application_id: UUID) -> Recommendation | None:
    query = select(ProgrammeRecommendationRow).where(
        col(ProgrammeRecommendationRow.application_id) == application_id
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _recommendation(row)


def recommendations_after(
    session: Session, party: OrganisationId, *, after: UUID | None, limit: int
) -> list[Recommendation]:
    row = ProgrammeRecommendationRow
    query = select(row).where(
        or_(
            col(row.organisation_id) == party,
            col(row.applicant_id) == party,
            col(row.owner_id) == party,
        )
    )
    if after is not None:
        query = query.where(col(row.id) > after)
    return [_recommendation(it) for it in session.exec(query.order_by(col(row.id)).limit(limit))]


def recommendations_of(
    session: Session, call_id: UUID, party: OrganisationId
) -> list[Recommendation]:
    """Those in a call that ``party`` gave or receives, in order of giving."""
    row = ProgrammeRecommendationRow
    query = select(row).where(
        col(row.call_id) == call_id,
        or_(col(row.organisation_id) == party, col(row.owner_id) == party),
    )
    return [_recommendation(it) for it in session.exec(query.order_by(col(row.id)))]


def _values(application: Application) -> dict[str, Any]:
    return asdict(application) | {
        "directions": list(application.directions),
        "fields": dict(application.fields),
        "figures": _FIGURES.dump_python(list(application.figures), mode="json"),
        "findings": _FINDINGS.dump_python(list(application.findings), mode="json"),
    }


def _application(row: ProgrammeApplicationRow) -> Application:
    return Application(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        call_id=row.call_id,
        owner_id=OrganisationId(row.owner_id),
        recommender_id=OrganisationId(row.recommender_id),
        programme=row.programme,
        version=row.version,
        title=row.title,
        directions=tuple(row.directions),
        fields=row.fields,
        figures=tuple(_FIGURES.validate_python(row.figures)),
        findings=tuple(_FINDINGS.validate_python(row.findings)),
        state=ApplicationState(row.state),
        created_at=row.created_at,
        submission_id=row.submission_id,
    )


def _recommendation(row: ProgrammeRecommendationRow) -> Recommendation:
    return Recommendation(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        applicant_id=OrganisationId(row.applicant_id),
        owner_id=OrganisationId(row.owner_id),
        application_id=row.application_id,
        call_id=row.call_id,
        reason=row.reason,
        place=row.place,
        quota=row.quota,
        created_at=row.created_at,
    )


def insert_report(session: Session, report: Report) -> None:
    session.add(ProgressReportRow(**asdict(report) | {"figures": _told(report.figures)}))
    session.flush()


def save_report(session: Session, report: Report) -> None:
    session.exec(
        update(ProgressReportRow)
        .where(col(ProgressReportRow.id) == report.id)
        .values(
            said=report.said,
            figures=_told(report.figures),
            state=report.state.value,
            submitted_at=report.submitted_at,
            remark=report.remark,
            reviewed_at=report.reviewed_at,
        )
    )


def find_report(session: Session, report_id: UUID, *, owner: OrganisationId) -> Report | None:
    """A report to an own call, locked."""
    query = select(ProgressReportRow).where(
        col(ProgressReportRow.id) == report_id, col(ProgressReportRow.owner_id) == owner
    )
    row = session.exec(
        query.with_for_update(), execution_options={"populate_existing": True}
    ).one_or_none()
    return None if row is None else _report(row)


def reports_of(session: Session, application_id: UUID) -> list[Report]:
    """In order of number, if row security shows them."""
    query = select(ProgressReportRow).where(col(ProgressReportRow.application_id) == application_id)
    rows = session.exec(
        query.order_by(col(ProgressReportRow.number)),
        execution_options={"populate_existing": True},
    )
    return [_report(row) for row in rows]


def insert_practice(session: Session, practice: Practice) -> None:
    session.add(BestPracticeRow(**asdict(practice) | {"figures": _told(practice.figures)}))
    session.flush()


def save_practice(session: Session, practice: Practice) -> None:
    session.exec(
        update(BestPracticeRow)
        .where(col(BestPracticeRow.id) == practice.id)
        .values(state=practice.state.value, published_at=practice.published_at)
    )


def find_practice(
    session: Session, practice_id: UUID, *, reader: OrganisationId | None, lock: bool = False
) -> Practice | None:
    """A published page, or one of the reader's two sides."""
    query = select(BestPracticeRow).where(col(BestPracticeRow.id) == practice_id, _shown_to(reader))
    row = session.exec(
        query.with_for_update() if lock else query, execution_options={"populate_existing": True}
    ).one_or_none()
    return None if row is None else _practice(row)


def practice_of(session: Session, application_id: UUID) -> Practice | None:
    """The page of a project that is proposed or published."""
    query = select(BestPracticeRow).where(
        col(BestPracticeRow.application_id) == application_id,
        col(BestPracticeRow.state) != PracticeState.WITHDRAWN,
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _practice(row)


def practices_after(
    session: Session, *, reader: OrganisationId | None, after: UUID | None, limit: int
) -> list[Practice]:
    query = select(BestPracticeRow).where(_shown_to(reader))
    if after is not None:
        query = query.where(col(BestPracticeRow.id) > after)
    rows = session.exec(query.order_by(col(BestPracticeRow.id)).limit(limit))
    return [_practice(row) for row in rows]


def _shown_to(reader: OrganisationId | None) -> Any:
    return or_(
        col(BestPracticeRow.state) == PracticeState.PUBLISHED,
        col(BestPracticeRow.organisation_id) == reader,
        col(BestPracticeRow.applicant_id) == reader,
    )


def _told(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = _FIGURES.dump_python(list(figures), mode="json")
    return told


def _report(row: ProgressReportRow) -> Report:
    return Report(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        owner_id=OrganisationId(row.owner_id),
        application_id=row.application_id,
        number=row.number,
        due_on=row.due_on,
        said=row.said,
        figures=tuple(_FIGURES.validate_python(row.figures)),
        state=ReportState(row.state),
        submitted_at=row.submitted_at,
        remark=row.remark,
        reviewed_at=row.reviewed_at,
    )


def _practice(row: BestPracticeRow) -> Practice:
    return Practice(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        applicant_id=OrganisationId(row.applicant_id),
        application_id=row.application_id,
        title=row.title,
        text=row.text,
        figures=tuple(_FIGURES.validate_python(row.figures)),
        state=PracticeState(row.state),
        created_at=row.created_at,
        published_at=row.published_at,
    )
