"""Findings, reports and imported files."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, or_, select, update

from services.contracts.findings import FindingKind, ReportedFinding
from services.contracts.ids import GatewayId, OrganisationId
from services.risk.domain.collected import Finding, Report, ReportState
from services.risk.domain.imported import FileProblem, Import, ImportFormat, ImportState
from services.risk.domain.notice import NoticeKind, Product
from services.risk.domain.rating import Severity
from services.risk.domain.viewing import Viewer
from services.risk.tables import FindingRow, ImportRow, ReportRow

_UNIQUE_VIOLATION: Final = "23505"


def see_again(session: Session, sighting: ReportedFinding) -> Finding | None:
    """The known finding, moved to this sighting; ``None`` if it is new."""
    at = sighting.observed_at
    changed = session.exec(
        update(FindingRow)
        .where(
            col(FindingRow.organisation_id) == sighting.organisation_id,
            col(FindingRow.gateway_id) == sighting.gateway_id,
            col(FindingRow.kind) == sighting.kind.value,
            col(FindingRow.subject) == sighting.subject,
        )
        .values(
            first_seen=func.least(FindingRow.first_seen, at),
            last_seen=func.greatest(FindingRow.last_seen, at),
            seen_count=FindingRow.seen_count + 1,
            detail=sighting.detail,
        )
        .returning(col(FindingRow.id))
    ).one_or_none()
    return None if changed is None else _finding_by_id(session, changed[0])


def insert_finding(session: Session, finding: Finding) -> Finding:
    """The stored one; if somebody else stored it meanwhile, theirs with one more sighting."""
    values = asdict(finding) | {"kind": finding.kind.value}
    stored = session.connection().execute(
        insert(FindingRow)
        .values(**values)
        .on_conflict_do_update(
            index_elements=["gateway_id", "kind", "subject"],
            set_={
                "last_seen": func.greatest(FindingRow.last_seen, finding.last_seen),
                "seen_count": FindingRow.seen_count + 1,
            },
        )
        .returning(col(FindingRow.id))
    )
    return _finding_by_id(session, stored.scalar_one())


def count_findings(session: Session, gateway_id: GatewayId) -> int:
    query = select(func.count()).where(col(FindingRow.gateway_id) == gateway_id)
    return session.exec(query).one()


def findings_after(
    session: Session,
    viewer: Viewer,
    *,
    operated: Collection[str],
    after: UUID | None,
    limit: int,
    kinds: Collection[FindingKind],
) -> list[Finding]:
    """A page by id: own ones, those in operated parks, everybody's for the security admin."""
    query = select(FindingRow).order_by(col(FindingRow.id)).limit(limit)
    if not viewer.is_security_admin:
        query = query.where(
            or_(
                col(FindingRow.organisation_id) == viewer.organisation_id,
                col(FindingRow.park).in_(list(operated)),
            )
        )
    if after is not None:
        query = query.where(col(FindingRow.id) > after)
    if kinds:
        query = query.where(col(FindingRow.kind).in_([kind.value for kind in kinds]))
    return [_finding(row) for row in session.exec(query)]


def insert_report(session: Session, report: Report) -> None:
    session.add(
        ReportRow(
            id=report.id,
            organisation_id=report.organisation_id,
            reported_by=report.reported_by,
            title=report.title,
            text=report.text,
            kind=report.kind.value,
            severity=report.severity.value,
            products=[asdict(product) for product in report.products],
            created_at=report.created_at,
            decide_by=report.decide_by,
            **_outcome(report),
        )
    )
    session.flush()


def count_reports_since(session: Session, reported_by: UUID, since: datetime) -> int:
    query = select(func.count()).where(
        col(ReportRow.reported_by) == reported_by, col(ReportRow.created_at) > since
    )
    return session.exec(query).one()


def find_report(session: Session, report_id: UUID, viewer: Viewer) -> Report | None:
    query = select(ReportRow).where(col(ReportRow.id) == report_id, *_reported_to(viewer))
    row = session.exec(query).one_or_none()
    return None if row is None else _report(row)


def lock_report(session: Session, report_id: UUID) -> Report | None:
    query = select(ReportRow).where(col(ReportRow.id) == report_id).with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _report(row)


def save_outcome(session: Session, report: Report) -> None:
    session.exec(update(ReportRow).where(col(ReportRow.id) == report.id).values(**_outcome(report)))


def reports_after(
    session: Session,
    viewer: Viewer,
    *,
    after: UUID | None,
    limit: int,
    states: Collection[ReportState],
) -> list[Report]:
    query = select(ReportRow).where(*_reported_to(viewer)).order_by(col(ReportRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(ReportRow.id) > after)
    if states:
        query = query.where(col(ReportRow.state).in_([state.value for state in states]))
    return [_report(row) for row in session.exec(query)]


def insert_import(session: Session, made: Import) -> bool:
    """Whether it was stored; not when the same file was taken meanwhile."""
    row = ImportRow(
        **asdict(made)
        | {
            "format": made.format.value,
            "state": made.state.value,
            "problems": [asdict(problem) for problem in made.problems],
            "notice_ids": list(made.notice_ids),
        }
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION:
            return False
        raise
    return True


def count_imports_since(session: Session, organisation_id: UUID, since: datetime) -> int:
    query = select(func.count()).where(
        col(ImportRow.organisation_id) == organisation_id, col(ImportRow.created_at) > since
    )
    return session.exec(query).one()


def find_imported(session: Session, organisation_id: UUID, sha256: bytes) -> Import | None:
    """The import of the same file, if it was taken."""
    query = select(ImportRow).where(
        col(ImportRow.organisation_id) == organisation_id,
        col(ImportRow.sha256) == sha256,
        col(ImportRow.state) == ImportState.IMPORTED.value,
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _import(row)


def imports_after(
    session: Session, organisation_id: UUID, *, after: UUID | None, limit: int
) -> list[Import]:
    query = (
        select(ImportRow)
        .where(col(ImportRow.organisation_id) == organisation_id)
        .order_by(col(ImportRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(ImportRow.id) > after)
    return [_import(row) for row in session.exec(query)]


def _reported_to(viewer: Viewer) -> tuple[Any, ...]:
    if viewer.is_security_admin:
        return ()
    return (col(ReportRow.reported_by) == viewer.actor_id,)


def _outcome(report: Report) -> dict[str, Any]:
    return {
        "state": report.state.value,
        "decided_at": report.decided_at,
        "decided_by": report.decided_by,
        "reply": report.reply,
        "notice_id": report.notice_id,
    }


def _finding_by_id(session: Session, finding_id: UUID) -> Finding:
    query = select(FindingRow).where(col(FindingRow.id) == finding_id)
    return _finding(session.exec(query, execution_options={"populate_existing": True}).one())


def _finding(row: FindingRow) -> Finding:
    return Finding(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        gateway_id=GatewayId(row.gateway_id),
        park=row.park,
        kind=FindingKind(row.kind),
        subject=row.subject,
        detail=row.detail,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        seen_count=row.seen_count,
    )


def _report(row: ReportRow) -> Report:
    return Report(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        reported_by=row.reported_by,
        title=row.title,
        text=row.text,
        kind=NoticeKind(row.kind),
        severity=Severity(row.severity),
        products=tuple(Product(**product) for product in row.products),
        state=ReportState(row.state),
        created_at=row.created_at,
        decide_by=row.decide_by,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reply=row.reply,
        notice_id=row.notice_id,
    )


def _import(row: ImportRow) -> Import:
    return Import(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        imported_by=row.imported_by,
        format=ImportFormat(row.format),
        state=ImportState(row.state),
        size=row.size,
        sha256=row.sha256,
        problems=tuple(FileProblem(**problem) for problem in row.problems),
        notice_ids=tuple(row.notice_ids),
        kept=row.kept,
        created_at=row.created_at,
    )
