"""What clients send and get of notices, deliveries, findings, reports and files."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.contracts.documents import Document, Instant
from services.contracts.findings import FindingKind
from services.contracts.ids import OrganisationId, PersonId
from services.risk.domain import wellformed
from services.risk.domain.addressing import NAMED_MAX, Addressee, Addressing
from services.risk.domain.collected import (
    DETAIL_MAX,
    FINDINGS_AT_ONCE_MAX,
    SUBJECT_MAX,
    Finding,
    Report,
    ReportState,
)
from services.risk.domain.delivery import Delivery
from services.risk.domain.imported import Import, ImportFormat, ImportState
from services.risk.domain.notice import (
    Notice,
    NoticeContent,
    NoticeKind,
    NoticeSource,
    NoticeState,
    Product,
    Reference,
)
from services.risk.domain.rating import VECTOR_MAX, Severity, rated
from services.risk.domain.tlp import HANDLING, Tlp
from services.risk.domain.watermark import Watermark

Title = Annotated[
    str, StringConstraints(min_length=1, max_length=wellformed.TITLE_MAX, strip_whitespace=True)
]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=wellformed.NAME_MAX, strip_whitespace=True)
]
LongText = Annotated[str, Field(max_length=wellformed.TEXT_MAX)]
Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=wellformed.REASON_MAX, strip_whitespace=True)
]
Park = Annotated[str, Field(pattern=wellformed.PARK_PATTERN)]
Region = Annotated[str, Field(pattern=wellformed.REGION_PATTERN)]
Identifier = Annotated[str, Field(pattern=wellformed.IDENTIFIER_PATTERN)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1, description="of the reading this is based on")]


class ProductDocument(Document):
    vendor: Name
    name: Name
    versions: Annotated[str, Field(max_length=wellformed.NAME_MAX)] = Field(
        default="", description="a range in words, e.g. < 4.2.1"
    )
    cpe: Annotated[str, Field(max_length=wellformed.CPE_MAX)] | None = None

    def product(self) -> Product:
        return Product(self.vendor, self.name, self.versions, self.cpe)

    @classmethod
    def of(cls, product: Product) -> "ProductDocument":
        return cls(
            vendor=product.vendor, name=product.name, versions=product.versions, cpe=product.cpe
        )


class ReferenceDocument(Document):
    url: Annotated[str, Field(max_length=wellformed.URL_MAX, pattern=r"^https?://")]
    summary: Annotated[str, Field(max_length=wellformed.TITLE_MAX)] = ""


class AddresseeDocument(Document):
    organisation_id: UUID
    person_id: UUID


class AddressingDocument(Document):
    """Whoever any of it names. Persons are for TLP:RED, everything else for the other labels."""

    organisations: list[UUID] = Field(default=[], max_length=NAMED_MAX)
    persons: list[AddresseeDocument] = Field(default=[], max_length=NAMED_MAX)
    parks: list[Park] = Field(default=[], max_length=NAMED_MAX)
    regions: list[Region] = Field(
        default=[], max_length=NAMED_MAX, description="prefixes of GB/T 2260 codes"
    )
    affected_products: bool = Field(
        default=False, description="organisations whose resources name an affected product"
    )
    all_verified: bool = False

    def addressing(self) -> Addressing:
        return Addressing(
            organisations=tuple(OrganisationId(one) for one in self.organisations),
            persons=tuple(
                Addressee(OrganisationId(one.organisation_id), PersonId(one.person_id))
                for one in self.persons
            ),
            parks=tuple(self.parks),
            regions=tuple(self.regions),
            affected_products=self.affected_products,
            all_verified=self.all_verified,
        )

    @classmethod
    def of(cls, addressing: Addressing) -> "AddressingDocument":
        return cls(
            organisations=list(addressing.organisations),
            persons=[
                AddresseeDocument(organisation_id=one.organisation_id, person_id=one.person_id)
                for one in addressing.persons
            ],
            parks=list(addressing.parks),
            regions=list(addressing.regions),
            affected_products=addressing.affected_products,
            all_verified=addressing.all_verified,
        )


class NoticeIn(Document):
    """A CVSS vector outweighs ``severity``; one of the two is needed."""

    title: Title
    title_zh: Title
    kind: NoticeKind
    tlp: Tlp
    severity: Severity | None = None
    cvss_vector: Annotated[str, Field(max_length=VECTOR_MAX)] | None = Field(
        default=None, description="CVSS 3.1 or 4.0"
    )
    products: list[ProductDocument] = Field(default=[], max_length=wellformed.PRODUCTS_MAX)
    identifiers: list[Identifier] = Field(
        default=[], max_length=wellformed.IDENTIFIERS_MAX, description="e.g. CVE-2026-12345"
    )
    embargo_until: Instant | None = None
    description: LongText = ""
    remediation: LongText = ""
    references: list[ReferenceDocument] = Field(default=[], max_length=wellformed.REFERENCES_MAX)
    addressing: AddressingDocument = AddressingDocument()
    supersedes_id: UUID | None = None

    def content(self) -> NoticeContent:
        """What the author means.

        Raises:
            InvalidVectorError, UnratedError: it cannot be rated.
        """
        return NoticeContent(
            title=self.title,
            title_zh=self.title_zh,
            kind=self.kind,
            rating=rated(vector=self.cvss_vector, severity=self.severity),
            tlp=self.tlp,
            products=tuple(product.product() for product in self.products),
            identifiers=tuple(self.identifiers),
            embargo_until=self.embargo_until,
            description=self.description,
            remediation=self.remediation,
            references=tuple(Reference(one.url, one.summary) for one in self.references),
            addressing=self.addressing.addressing(),
            supersedes_id=self.supersedes_id,
        )


class NoticeUpdate(NoticeIn):
    version: Version


class StepIn(Document):
    version: Version


class WithdrawalIn(StepIn):
    reason: Reason


class NoticeLine(Document):
    """A notice in a list."""

    id: UUID
    number: str
    organisation_id: UUID = Field(description="whose notice it is")
    title: str
    title_zh: str
    kind: NoticeKind
    severity: Severity
    cvss_score: Decimal | None
    cvss_vector: str | None
    tlp: Tlp
    state: NoticeState
    products: str
    identifiers: str
    embargo_until: datetime | None
    released_at: datetime | None
    delivered_at: datetime | None

    @classmethod
    def of(cls, notice: Notice) -> "NoticeLine":
        content = notice.content
        return cls(
            id=notice.id,
            number=notice.number,
            organisation_id=notice.organisation_id,
            title=content.title,
            title_zh=content.title_zh,
            kind=content.kind,
            severity=content.rating.severity,
            cvss_score=content.rating.score,
            cvss_vector=content.rating.vector,
            tlp=content.tlp,
            state=notice.state,
            products="; ".join(
                " ".join(filter(None, (one.vendor, one.name, one.versions)))
                for one in content.products
            ),
            identifiers=", ".join(content.identifiers),
            embargo_until=content.embargo_until,
            released_at=notice.released_at,
            delivered_at=notice.delivered_at,
        )


class NoticeCopy(NoticeLine):
    """A notice in a file that is taken away."""

    remediation: str
    watermark: str

    @classmethod
    def marked(cls, notice: Notice, mark: Watermark) -> "NoticeCopy":
        line = NoticeLine.of(notice)
        return cls(
            **line.model_dump(),
            remediation=notice.content.remediation,
            watermark=mark.over(notice.content.tlp),
        )


class NoticeOut(Document):
    """A notice. Who stands behind it and who else received it only its authors are told."""

    id: UUID
    number: str
    organisation_id: UUID = Field(description="whose notice it is")
    title: str
    title_zh: str
    kind: NoticeKind
    severity: Severity
    cvss_score: Decimal | None
    cvss_vector: str | None
    tlp: Tlp
    handling: str
    handling_zh: str
    products: list[ProductDocument]
    identifiers: list[str]
    embargo_until: datetime | None
    description: str
    remediation: str
    references: list[ReferenceDocument]
    supersedes_id: UUID | None
    state: NoticeState
    source: NoticeSource
    released_at: datetime | None
    delivered_at: datetime | None
    withdrawn_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int
    addressing: AddressingDocument | None
    approved_by: UUID | None
    released_by: UUID | None

    @classmethod
    def of(cls, notice: Notice, *, is_insider: bool = True) -> "NoticeOut":
        content = notice.content
        handling, handling_zh = HANDLING[content.tlp]
        return cls(
            id=notice.id,
            number=notice.number,
            organisation_id=notice.organisation_id,
            title=content.title,
            title_zh=content.title_zh,
            kind=content.kind,
            severity=content.rating.severity,
            cvss_score=content.rating.score,
            cvss_vector=content.rating.vector,
            tlp=content.tlp,
            handling=handling,
            handling_zh=handling_zh,
            products=[ProductDocument.of(product) for product in content.products],
            identifiers=list(content.identifiers),
            embargo_until=content.embargo_until,
            description=content.description,
            remediation=content.remediation,
            references=[
                ReferenceDocument(url=one.url, summary=one.summary) for one in content.references
            ],
            supersedes_id=content.supersedes_id,
            state=notice.state,
            source=notice.source,
            released_at=notice.released_at,
            delivered_at=notice.delivered_at,
            withdrawn_reason=notice.withdrawn_reason,
            created_at=notice.created_at,
            updated_at=notice.updated_at,
            version=notice.version,
            addressing=AddressingDocument.of(content.addressing) if is_insider else None,
            approved_by=notice.approved_by if is_insider else None,
            released_by=notice.released_by if is_insider else None,
        )


class DeliveryOut(Document):
    id: UUID
    notice_id: UUID
    organisation_id: UUID = Field(description="who received it")
    delivered_at: datetime
    due_at: datetime = Field(description="until when it must be acknowledged")
    read_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    overdue: bool
    escalated: bool

    @classmethod
    def of(cls, delivery: Delivery, now: datetime) -> "DeliveryOut":
        return cls(
            id=delivery.id,
            notice_id=delivery.notice_id,
            organisation_id=delivery.organisation_id,
            delivered_at=delivery.delivered_at,
            due_at=delivery.due_at,
            read_at=delivery.read_at,
            acknowledged_at=delivery.acknowledged_at,
            acknowledged_by=delivery.acknowledged_by,
            overdue=delivery.is_overdue(now),
            escalated=delivery.is_escalated,
        )


class FindingIn(Document):
    gateway_id: UUID
    kind: FindingKind
    subject: Annotated[str, Field(min_length=1, max_length=SUBJECT_MAX)] = Field(
        description="what it is about: an endpoint URL, a thumbprint, a client id"
    )
    detail: Annotated[str, Field(max_length=DETAIL_MAX)] = ""
    observed_at: Instant | None = Field(default=None, description="now, if not given")


class FindingsIn(Document):
    findings: Annotated[list[FindingIn], Field(min_length=1, max_length=FINDINGS_AT_ONCE_MAX)]


class FindingOut(Document):
    id: UUID
    organisation_id: UUID
    gateway_id: UUID
    park: str | None
    kind: FindingKind
    severity: Severity
    subject: str
    detail: str
    first_seen: datetime
    last_seen: datetime
    seen_count: int

    @classmethod
    def of(cls, finding: Finding) -> "FindingOut":
        return cls(
            id=finding.id,
            organisation_id=finding.organisation_id,
            gateway_id=finding.gateway_id,
            park=finding.park,
            kind=finding.kind,
            severity=finding.severity,
            subject=finding.subject,
            detail=finding.detail,
            first_seen=finding.first_seen,
            last_seen=finding.last_seen,
            seen_count=finding.seen_count,
        )


class FindingsOut(Document):
    items: list[FindingOut]


class ReportIn(Document):
    title: Title
    text: Annotated[str, Field(min_length=1, max_length=wellformed.TEXT_MAX)]
    kind: NoticeKind
    severity: Severity = Severity.MEDIUM
    products: list[ProductDocument] = Field(default=[], max_length=wellformed.PRODUCTS_MAX)


class DecisionIn(Document):
    accept: bool = Field(description="true: a draft notice is made of it")
    reply: Reason


class ReportOut(Document):
    id: UUID
    organisation_id: UUID
    reported_by: UUID
    title: str
    text: str
    kind: NoticeKind
    severity: Severity
    products: list[ProductDocument]
    state: ReportState
    created_at: datetime
    decide_by: datetime
    decided_at: datetime | None
    reply: str | None
    notice_id: UUID | None = Field(description="told to the security administrators alone")

    @classmethod
    def of(cls, report: Report, *, is_insider: bool) -> "ReportOut":
        return cls(
            id=report.id,
            organisation_id=report.organisation_id,
            reported_by=report.reported_by,
            title=report.title,
            text=report.text,
            kind=report.kind,
            severity=report.severity,
            products=[ProductDocument.of(product) for product in report.products],
            state=report.state,
            created_at=report.created_at,
            decide_by=report.decide_by,
            decided_at=report.decided_at,
            reply=report.reply,
            notice_id=report.notice_id if is_insider else None,
        )


class ProblemOut(Document):
    place: str = Field(description="line and column, or JSON pointer")
    en: str
    zh: str


class ImportOut(Document):
    """What became of a file; of a quarantined one nothing was taken."""

    id: UUID
    format: ImportFormat
    state: ImportState
    size: int
    sha256: str
    problems: list[ProblemOut]
    notice_ids: list[UUID]
    imported_by: UUID
    created_at: datetime

    @classmethod
    def of(cls, made: Import) -> "ImportOut":
        return cls(
            id=made.id,
            format=made.format,
            state=made.state,
            size=made.size,
            sha256=made.sha256.hex(),
            problems=[ProblemOut(place=one.place, en=one.en, zh=one.zh) for one in made.problems],
            notice_ids=list(made.notice_ids),
            imported_by=made.imported_by,
            created_at=made.created_at,
        )
