"""Tables of the risk context. That two persons release is a constraint here, not only a rule."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from services.contracts.findings import FindingKind
from services.risk.domain.collected import ReportState
from services.risk.domain.imported import ImportFormat, ImportState
from services.risk.domain.notice import SERIAL_MAX, NoticeKind, NoticeSource, NoticeState
from services.risk.domain.rating import Severity
from services.risk.domain.tlp import Tlp
from services.runtime.tables import instant


def _one_of(column: str, values: Any) -> str:
    quoted = ", ".join(f"'{value.value}'" for value in values)
    return f"{column} IN ({quoted})"


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


def _ids() -> Any:
    return Field(sa_column=Column(ARRAY(Uuid()), nullable=False))


class CounterRow(SQLModel, table=True):
    """The last number given to a notice of a year; of no organisation."""

    __tablename__: ClassVar[str] = "risk_counter"
    __table_args__ = (
        CheckConstraint(f"last BETWEEN 1 AND {SERIAL_MAX}", name="within_the_number"),
    )

    year: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    last: int


class NoticeRow(SQLModel, table=True):
    """``authors`` wrote or submitted it; who approved and who released are two others."""

    __tablename__: ClassVar[str] = "risk_notice"
    __table_args__ = (
        CheckConstraint(_one_of("state", NoticeState), name="state_known"),
        CheckConstraint(_one_of("kind", NoticeKind), name="kind_known"),
        CheckConstraint(_one_of("severity", Severity), name="severity_known"),
        CheckConstraint(_one_of("tlp", Tlp), name="tlp_known"),
        CheckConstraint(_one_of("source", NoticeSource), name="source_known"),
        CheckConstraint("title <> '' AND title_zh <> ''", name="titled"),
        CheckConstraint("cardinality(authors) > 0", name="written_by_somebody"),
        CheckConstraint("cvss_score BETWEEN 0 AND 10", name="score_range"),
        CheckConstraint("(cvss_vector IS NULL) = (cvss_score IS NULL)", name="score_of_vector"),
        CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL)"
            " AND (released_by IS NULL) = (released_at IS NULL)",
            name="steps_whole",
        ),
        CheckConstraint(
            "(approved_by IS NULL OR approved_by <> ALL (authors))"
            " AND (released_by IS NULL OR released_by <> ALL (authors))",
            name="not_by_an_author",
        ),
        CheckConstraint(
            "released_by IS NULL OR (approved_by IS NOT NULL AND approved_by <> released_by)",
            name="two_persons",
        ),
        CheckConstraint(
            "state NOT IN ('released', 'superseded') OR released_by IS NOT NULL",
            name="released_by_somebody",
        ),
        CheckConstraint(
            "delivered_at IS NULL OR (released_at IS NOT NULL AND delivered_at >= released_at"
            " AND (embargo_until IS NULL OR delivered_at >= embargo_until))",
            name="delivered_after_embargo",
        ),
        CheckConstraint("version >= 1", name="version"),
        ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
        ForeignKeyConstraint(
            ["organisation_id", "supersedes_id"], ["risk_notice.organisation_id", "risk_notice.id"]
        ),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("year", "serial"),
        Index(
            "ix_risk_notice_undelivered",
            "released_at",
            postgresql_where=text("state = 'released' AND delivered_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    year: int
    serial: int
    organisation_id: UUID
    title: str
    title_zh: str
    kind: str
    severity: str
    cvss_vector: str | None = None
    cvss_score: Decimal | None = Field(default=None, sa_column=Column(Numeric(3, 1)))
    tlp: str
    embargo_until: datetime | None = instant(nullable=True)
    products: list[dict[str, Any]] = _json()
    identifiers: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    description: str
    remediation: str
    cited: list[dict[str, Any]] = _json()
    addressing: dict[str, Any] = _json()
    supersedes_id: UUID | None = None
    state: str
    source: str
    authors: list[UUID] = _ids()
    approved_by: UUID | None = None
    approved_at: datetime | None = instant(nullable=True)
    released_by: UUID | None = None
    released_at: datetime | None = instant(nullable=True)
    delivered_at: datetime | None = instant(nullable=True)
    withdrawn_reason: str | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()
    version: int


class DeliveryRow(SQLModel, table=True):
    """A notice of ``author_id`` as ``organisation_id`` received it, for ``person_ids`` if any."""

    __tablename__: ClassVar[str] = "risk_delivery"
    __table_args__ = (
        CheckConstraint("due_at >= delivered_at", name="due_later"),
        CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged_whole"
        ),
        CheckConstraint("acknowledged_at IS NULL OR read_at IS NOT NULL", name="read_first"),
        ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
        ForeignKeyConstraint(
            ["author_id", "notice_id"], ["risk_notice.organisation_id", "risk_notice.id"]
        ),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("notice_id", "organisation_id"),
        Index(
            "ix_risk_delivery_overdue",
            "due_at",
            postgresql_where=text("acknowledged_at IS NULL AND escalated_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    notice_id: UUID
    author_id: UUID
    organisation_id: UUID
    person_ids: list[UUID] = _ids()
    delivered_at: datetime = instant()
    due_at: datetime = instant()
    read_at: datetime | None = instant(nullable=True)
    acknowledged_at: datetime | None = instant(nullable=True)
    acknowledged_by: UUID | None = None
    escalated_at: datetime | None = instant(nullable=True)


class FindingRow(SQLModel, table=True):
    """What a gateway found wrong, once per thing; ``park`` lets its operator see it."""

    __tablename__: ClassVar[str] = "risk_finding"
    __table_args__ = (
        CheckConstraint(_one_of("kind", FindingKind), name="kind_known"),
        CheckConstraint("subject <> ''", name="about_something"),
        CheckConstraint("seen_count >= 1 AND last_seen >= first_seen", name="seen"),
        ForeignKeyConstraint(
            ["organisation_id", "gateway_id"], ["gateway.organisation_id", "gateway.id"]
        ),
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("gateway_id", "kind", "subject"),
        Index("ix_risk_finding_park", "park"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    gateway_id: UUID
    park: str | None = None
    kind: str
    subject: str
    detail: str
    first_seen: datetime = instant()
    last_seen: datetime = instant()
    seen_count: int


class ReportRow(SQLModel, table=True):
    """What a member noticed; read by that person and the security administrators."""

    __tablename__: ClassVar[str] = "risk_report"
    __table_args__ = (
        CheckConstraint(_one_of("kind", NoticeKind), name="kind_known"),
        CheckConstraint(_one_of("severity", Severity), name="severity_known"),
        CheckConstraint(_one_of("state", ReportState), name="state_known"),
        CheckConstraint(
            "(state = 'received') = (decided_at IS NULL)"
            " AND (decided_at IS NULL) = (decided_by IS NULL)"
            " AND (decided_at IS NULL) = (reply IS NULL)",
            name="decided_whole",
        ),
        ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_risk_report_reported_by_created_at", "reported_by", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    reported_by: UUID
    title: str
    text: str
    kind: str
    severity: str
    products: list[dict[str, Any]] = _json()
    state: str
    created_at: datetime = instant()
    decide_by: datetime = instant()
    decided_at: datetime | None = instant(nullable=True)
    decided_by: UUID | None = None
    reply: str | None = None
    notice_id: UUID | None = Field(default=None, foreign_key="risk_notice.id")


class ImportRow(SQLModel, table=True):
    """A file that was sent; the beginning of a bad one is kept with what is wrong."""

    __tablename__: ClassVar[str] = "risk_import"
    __table_args__ = (
        CheckConstraint(_one_of("format", ImportFormat), name="format_known"),
        CheckConstraint(_one_of("state", ImportState), name="state_known"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256_whole"),
        CheckConstraint("size >= coalesce(octet_length(kept), 0)", name="kept_is_a_part"),
        CheckConstraint(
            "(state = 'quarantined') = (kept IS NOT NULL)"
            " AND (state = 'quarantined') = (jsonb_array_length(problems) > 0)",
            name="quarantined_with_cause",
        ),
        ForeignKeyConstraint(["organisation_id"], ["organisation.id"]),
        UniqueConstraint("organisation_id", "id"),
        Index(
            "uq_risk_import_once",
            "organisation_id",
            "sha256",
            unique=True,
            postgresql_where=text("state = 'imported'"),
        ),
        Index("ix_risk_import_organisation_id_created_at", "organisation_id", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    imported_by: UUID
    format: str
    state: str
    size: int
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    problems: list[dict[str, Any]] = _json()
    notice_ids: list[UUID] = _ids()
    kept: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    created_at: datetime = instant()
