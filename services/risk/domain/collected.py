"""What is collected before it is a notice: findings of gateways, reports of members."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.findings import FindingKind
from services.contracts.ids import GatewayId, OrganisationId
from services.risk.domain.notice import NoticeKind, Product
from services.risk.domain.rating import Severity

SUBJECT_MAX: Final = 500
DETAIL_MAX: Final = 1_000
FINDINGS_PER_GATEWAY_MAX: Final = 1_000
FINDINGS_AT_ONCE_MAX: Final = 100
REPORTS_PER_DAY_MAX: Final = 20
"""Of one person, within 24 hours."""
DECIDE_WITHIN: Final = timedelta(days=2)
"""From a report until a decision: time is left to tell the authorities."""

FINDING_SEVERITY: Final[Mapping[FindingKind, Severity]] = {
    FindingKind.OPCUA_NONE_ENDPOINT: Severity.HIGH,
    FindingKind.CERTIFICATE_EXPIRED: Severity.MEDIUM,
    FindingKind.CERTIFICATE_EXPIRING: Severity.LOW,
    FindingKind.UNKNOWN_CLIENT: Severity.HIGH,
}


class ReportState(StrEnum):
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ReportDecidedError(DomainError):
    code: ClassVar[str] = "risk-report-decided"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Report {report_id} is {state} already; a decision stands."
    zh: ClassVar[str] = "报告 {report_id} 已为 {state}；决定不可更改。"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a gateway found wrong, however often it was seen."""

    id: UUID
    organisation_id: OrganisationId
    gateway_id: GatewayId
    park: str | None
    kind: FindingKind
    subject: str
    detail: str
    first_seen: datetime
    last_seen: datetime
    seen_count: int

    @property
    def severity(self) -> Severity:
        return FINDING_SEVERITY[self.kind]


@dataclass(frozen=True, slots=True)
class Report:
    """What a member noticed; ``reply`` and ``notice_id`` are what became of it."""

    id: UUID
    organisation_id: OrganisationId
    reported_by: UUID
    title: str
    text: str
    kind: NoticeKind
    severity: Severity
    products: tuple[Product, ...]
    state: ReportState
    created_at: datetime
    decide_by: datetime
    decided_at: datetime | None = None
    decided_by: UUID | None = None
    reply: str | None = None
    notice_id: UUID | None = None


def decided(
    report: Report,
    state: ReportState,
    *,
    by: UUID,
    reply: str,
    notice_id: UUID | None,
    now: datetime,
) -> Report:
    """The report with its outcome.

    Raises:
        ReportDecidedError: it has one.
    """
    if report.state is not ReportState.RECEIVED:
        raise ReportDecidedError(report_id=report.id, state=report.state)
    return replace(
        report, state=state, decided_at=now, decided_by=by, reply=reply, notice_id=notice_id
    )
