"""Collecting: findings of gateways, and reports of members with what became of them."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.findings import FindingKind, ReportedFinding
from services.identity import handlers as identity
from services.risk.domain.collected import (
    DECIDE_WITHIN,
    DETAIL_MAX,
    FINDINGS_PER_GATEWAY_MAX,
    REPORTS_PER_DAY_MAX,
    SUBJECT_MAX,
    Finding,
    Report,
    ReportState,
    decided,
)
from services.risk.domain.notice import (
    Notice,
    NoticeContent,
    NoticeKind,
    NoticeSource,
    Product,
)
from services.risk.domain.rating import Rating, Severity
from services.risk.domain.tlp import Tlp
from services.risk.handlers.drafting import author_of, draft
from services.risk.handlers.viewing import operated_parks, viewer_of
from services.risk.store import collected as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

_DAY = timedelta(days=1)


class TooManyFindingsError(DomainError):
    code: ClassVar[str] = "too-many-risk-findings"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Gateway {gateway_id} has {most} findings already; no new one is kept."
    zh: ClassVar[str] = "网关 {gateway_id} 已有 {most} 项发现；不再保存新的发现。"


class InvalidFindingError(DomainError):
    code: ClassVar[str] = "invalid-risk-finding"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "A finding names its subject in 1 to {most} characters; shorten it."
    zh: ClassVar[str] = "发现的对象须为 1 至 {most} 个字符；请缩短。"


class TooManyReportsError(DomainError):
    code: ClassVar[str] = "too-many-risk-reports"
    kind: ClassVar[ErrorKind] = ErrorKind.TOO_MANY
    en: ClassVar[str] = "You filed {most} reports within a day; file the next one tomorrow."
    zh: ClassVar[str] = "您一天内已提交 {most} 份报告；请明天再提交。"


class ReportNotFoundError(DomainError):
    code: ClassVar[str] = "risk-report-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no report {report_id} for you; list /risk/reports."
    zh: ClassVar[str] = "没有您可查看的报告 {report_id}；请查看 /risk/reports。"


def report_finding(*, session: Session, clock: Clock, sighting: ReportedFinding) -> Finding:
    """Keep what a gateway found; the same thing again moves its last sighting.

    Raises:
        GatewayNotFoundError: the organisation has no such gateway.
        InvalidFindingError: the subject is empty or too long.
        TooManyFindingsError: the gateway has as many as are kept.
    """
    if not 0 < len(sighting.subject) <= SUBJECT_MAX:
        raise InvalidFindingError(most=SUBJECT_MAX)
    gateway = identity.get_gateway(
        session=session,
        organisation_id=sighting.organisation_id,
        gateway_id=sighting.gateway_id,
    )
    if (known := store.see_again(session, sighting)) is not None:
        return known
    if store.count_findings(session, gateway.id) >= FINDINGS_PER_GATEWAY_MAX:
        raise TooManyFindingsError(gateway_id=gateway.id, most=FINDINGS_PER_GATEWAY_MAX)
    site = identity.get_site(session=session, site_id=gateway.site_id)
    finding = Finding(
        id=clock.new_id(),
        organisation_id=gateway.organisation_id,
        gateway_id=gateway.id,
        park=site.park,
        kind=sighting.kind,
        subject=sighting.subject,
        detail=sighting.detail[:DETAIL_MAX],
        first_seen=sighting.observed_at,
        last_seen=sighting.observed_at,
        seen_count=1,
    )
    return store.insert_finding(session, finding)


class FindingRecorder:
    """A ``FindingSink`` for processes: each sighting in a transaction of its own."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def __call__(self, finding: ReportedFinding) -> None:
        with transaction(self._sessions) as session:
            report_finding(session=session, clock=self._clock, sighting=finding)


def list_findings(
    *,
    session: Session,
    acting: Acting,
    after: UUID | None,
    limit: int,
    kinds: Collection[FindingKind],
) -> list[Finding]:
    """A page of own findings, of those in an operated park, of all for the security admin."""
    return store.findings_after(
        session,
        viewer_of(session, acting),
        operated=operated_parks(session, acting),
        after=after,
        limit=limit,
        kinds=kinds,
    )


def file_report(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    title: str,
    text: str,
    kind: NoticeKind,
    severity: Severity,
    products: Sequence[Product],
) -> Report:
    """What a member noticed, for the security administrators.

    Raises:
        TooManyReportsError: the member filed too many today.
    """
    now = clock.now()
    reporter = author_of(acting)
    if store.count_reports_since(session, reporter, now - _DAY) >= REPORTS_PER_DAY_MAX:
        raise TooManyReportsError(most=REPORTS_PER_DAY_MAX, retry_after_s=int(_DAY.total_seconds()))
    report = Report(
        id=clock.new_id(),
        organisation_id=acting.organisation_id,
        reported_by=reporter,
        title=title,
        text=text,
        kind=kind,
        severity=severity,
        products=tuple(products),
        state=ReportState.RECEIVED,
        created_at=now,
        decide_by=now + DECIDE_WITHIN,
    )
    store.insert_report(session, report)
    return report


def read_report(*, session: Session, acting: Acting, report_id: UUID) -> Report:
    """A report, for who filed it and the security administrators.

    Raises:
        ReportNotFoundError: it is neither's.
    """
    found = store.find_report(session, report_id, viewer_of(session, acting))
    if found is None:
        raise ReportNotFoundError(report_id=report_id)
    return found


def list_reports(
    *,
    session: Session,
    acting: Acting,
    after: UUID | None,
    limit: int,
    states: Collection[ReportState],
) -> list[Report]:
    """A page of what the caller filed; of everybody's for the security administrators."""
    viewer = viewer_of(session, acting)
    return store.reports_after(session, viewer, after=after, limit=limit, states=states)


def accept_report(
    *, session: Session, clock: Clock, acting: Acting, report_id: UUID, reply: str
) -> tuple[Report, Notice]:
    """Make a report the draft of a notice, as closed as can be until its authors open it.

    Raises:
        ReportNotFoundError, ReportDecidedError: as they say.
    """
    report = _undecided(session, report_id)
    content = NoticeContent(
        title=report.title,
        title_zh=report.title,
        kind=report.kind,
        rating=Rating(report.severity),
        tlp=Tlp.AMBER_STRICT,
        products=report.products,
        description=report.text,
    )
    notice = draft(
        session=session, clock=clock, acting=acting, content=content, source=NoticeSource.REPORT
    )
    done = decided(
        report,
        ReportState.ACCEPTED,
        by=author_of(acting),
        reply=reply,
        notice_id=notice.id,
        now=clock.now(),
    )
    return _save(session, done), notice


def reject_report(
    *, session: Session, clock: Clock, acting: Acting, report_id: UUID, reply: str
) -> Report:
    """Say why a report becomes no notice.

    Raises:
        ReportNotFoundError, ReportDecidedError: as they say.
    """
    done = decided(
        _undecided(session, report_id),
        ReportState.REJECTED,
        by=author_of(acting),
        reply=reply,
        notice_id=None,
        now=clock.now(),
    )
    return _save(session, done)


def _undecided(session: Session, report_id: UUID) -> Report:
    report = store.lock_report(session, report_id)
    if report is None:
        raise ReportNotFoundError(report_id=report_id)
    return report


def _save(session: Session, report: Report) -> Report:
    store.save_outcome(session, report)
    note(
        session,
        subject_kind="risk_report",
        subject_id=report.id,
        after={"state": report.state, "notice_id": report.notice_id},
    )
    return report
