"""What the API says about resources, their time and their live state."""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from services.capacity.domain import (
    ATTRIBUTES_MAX,
    CAPABILITIES_MAX,
    CODES_MAX,
    COMPANIONS_MAX,
    HORIZON_DAYS_MAX,
    ICS_BYTES_MAX,
    KIND_PATTERN,
    MINUTES_MAX,
    NAME_MAX,
    QUANTITY_MAX,
    UNITS_MAX,
    CapabilityDeclaration,
    CapacityRule,
    Certificate,
    Companion,
    Gap,
    LiveState,
    Provenance,
    QuarantinedMessage,
    Resource,
    StateSpan,
    Visibility,
    Withdrawal,
)
from services.capacity.handlers import Timeline
from services.contracts.documents import Day, Document, Instant
from services.contracts.ids import ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import JobPredictionSource, Quality, ResourceState
from services.runtime.web import OwnOrganisation

REASON_MAX = 500
ATTRIBUTES_BYTES_MAX = 16 * 1024
EXCERPT_BYTES = 96
DIMENSION_MAX_MM = 100_000
TOLERANCE_MAX_UM = 1_000_000
_ICALENDAR = f"iCalendar (RFC 5545), at most {ICS_BYTES_MAX} bytes of UTF-8"

Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
Code = Annotated[str, Field(min_length=1, max_length=100)]
ShortText = Annotated[str, Field(max_length=NAME_MAX)]
Minutes = Annotated[int, Field(ge=0, le=MINUTES_MAX)]
Millimetres = Annotated[int, Field(gt=0, le=DIMENSION_MAX_MM)]


class IntervalDocument(Document):
    """Half-open: ``[start, end)``."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, interval: Interval) -> "IntervalDocument":
        return cls(start=interval.start, end=interval.end)


def _intervals(intervals: Iterable[Interval]) -> list[IntervalDocument]:
    return [IntervalDocument.of(interval) for interval in intervals]


class CapacityRuleDocument(Document):
    setup_minutes: Minutes = Field(
        default=0, description="occupied before the hours booked, and not charged by the hour"
    )
    buffer_before_minutes: Minutes = 0
    buffer_after_minutes: Minutes = 0
    notice_minutes: Minutes = 0
    horizon_days: int = Field(default=60, ge=1, le=HORIZON_DAYS_MAX)
    minimum_hours: float = Field(default=0.5, gt=0, le=HORIZON_DAYS_MAX * 24)
    minimum_quantity: int = Field(
        default=1, ge=1, le=QUANTITY_MAX, description="pieces of the smallest lot taken on"
    )

    def rule(self) -> CapacityRule:
        return CapacityRule(**self.model_dump())


class CertificateDocument(Document):
    kind: Code
    scope: ShortText = ""
    number: ShortText = ""
    issuer: ShortText = ""
    valid_to: Day | None = None
    verified_by: ShortText = Field(
        default="", description="who compared it with the original, as the organisation states"
    )


class CapabilityDocument(Document):
    process: Code
    materials: list[Code] = Field(default_factory=list, max_length=CODES_MAX)
    envelope_mm: tuple[Millimetres, Millimetres, Millimetres] | None = None
    tolerance_um: int | None = Field(
        default=None, gt=0, le=TOLERANCE_MAX_UM, description="best ± value held, µm"
    )
    certificates: list[CertificateDocument] = Field(default_factory=list, max_length=CODES_MAX)
    attributes: dict[Code, Any] = Field(default_factory=dict, max_length=ATTRIBUTES_MAX)

    @model_validator(mode="after")
    def _attributes_are_small(self) -> "CapabilityDocument":
        if len(json.dumps(self.attributes)) > ATTRIBUTES_BYTES_MAX:
            raise ValueError(f"attributes exceed {ATTRIBUTES_BYTES_MAX} bytes")
        return self

    def declaration(self) -> CapabilityDeclaration:
        return CapabilityDeclaration(
            process=self.process,
            materials=tuple(self.materials),
            envelope_mm=self.envelope_mm,
            tolerance_um=self.tolerance_um,
            certificates=tuple(Certificate(**dict(held)) for held in self.certificates),
            attributes=self.attributes,
        )

    @classmethod
    def of(cls, capability: CapabilityDeclaration) -> "CapabilityDocument":
        return cls(
            process=capability.process,
            materials=list(capability.materials),
            envelope_mm=capability.envelope_mm,
            tolerance_um=capability.tolerance_um,
            certificates=[
                CertificateDocument(
                    kind=held.kind,
                    scope=held.scope,
                    number=held.number,
                    issuer=held.issuer,
                    valid_to=held.valid_to,
                    verified_by=held.verified_by,
                )
                for held in capability.certificates
            ],
            attributes=dict(capability.attributes),
        )


class CompanionDocument(Document):
    """Another resource of the organisation that is booked along (联合占用)."""

    resource_id: UUID
    units: int = Field(
        default=1, ge=1, le=UNITS_MAX, description="of it, for each unit that is booked"
    )

    def companion(self) -> Companion:
        return Companion(ResourceId(self.resource_id), self.units)


Companions = Annotated[
    list[CompanionDocument],
    Field(
        max_length=COMPANIONS_MAX,
        description="what it needs beside itself for the whole slot, such as an operator; these"
        " need no companions themselves",
    ),
]


class CompanionsPut(Document):
    companions: Companions


class ResourceCreate(Document):
    organisation_id: OwnOrganisation = None
    site_id: UUID
    kind: str = Field(pattern=KIND_PATTERN, examples=["machine", "lab_method", "software_seats"])
    name: Name
    name_zh: Name
    timezone: str = Field(default="Asia/Shanghai", max_length=64)
    units: int = Field(default=1, ge=1, le=UNITS_MAX)
    rule: CapacityRuleDocument = Field(default_factory=CapacityRuleDocument)
    capabilities: list[CapabilityDocument] = Field(
        default_factory=list, max_length=CAPABILITIES_MAX
    )
    calendar_ics: str | None = Field(
        default=None,
        max_length=ICS_BYTES_MAX,
        description=f"{_ICALENDAR}; without it the resource works around the clock",
    )
    visibility: Visibility = Visibility.PUBLIC
    space_id: UUID | None = Field(
        default=None, description="the chain space it is shared in, for visibility `space`"
    )
    companions: Companions = Field(default_factory=list)


class ResourceRead(Document):
    id: UUID
    organisation_id: UUID
    site_id: UUID
    kind: str
    name: str
    name_zh: str
    timezone: str
    units: int
    rule: CapacityRuleDocument
    capabilities: list[CapabilityDocument]
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    companions: list[CompanionDocument]
    created_at: datetime

    @classmethod
    def of(cls, resource: Resource) -> "ResourceRead":
        rule = resource.rule
        return cls(
            id=resource.id,
            organisation_id=resource.organisation_id,
            site_id=resource.site_id,
            kind=resource.kind,
            name=resource.name,
            name_zh=resource.name_zh,
            timezone=resource.timezone,
            units=resource.units,
            rule=CapacityRuleDocument(
                setup_minutes=rule.setup_minutes,
                buffer_before_minutes=rule.buffer_before_minutes,
                buffer_after_minutes=rule.buffer_after_minutes,
                notice_minutes=rule.notice_minutes,
                horizon_days=rule.horizon_days,
                minimum_hours=rule.minimum_hours,
                minimum_quantity=rule.minimum_quantity,
            ),
            capabilities=[CapabilityDocument.of(each) for each in resource.capabilities],
            visibility=resource.visibility,
            park=resource.park,
            space_id=resource.space_id,
            companions=[
                CompanionDocument(resource_id=one.resource_id, units=one.units)
                for one in resource.companions
            ],
            created_at=resource.created_at,
        )


class CalendarPut(Document):
    ics: str = Field(max_length=ICS_BYTES_MAX, description=_ICALENDAR)


class TwinPut(Document):
    gateway_id: UUID
    device: str = Field(pattern=r"^[a-z0-9_-]{1,64}$", description="Sparkplug device")


class MaintenanceCreate(Document):
    start: Instant
    end: Instant
    reason: str = Field(min_length=1, max_length=REASON_MAX)


class MaintenanceRead(Document):
    resource_id: UUID
    start: datetime
    end: datetime
    reason: str


class LiveStateRead(Document):
    """``measured``: a known state seen recently; ``age_s`` counts from the last live sign."""

    resource_id: UUID
    state: ResourceState
    reason: str | None
    since: datetime | None
    measured: bool
    age_s: float | None
    seen_at: datetime | None
    source_at: datetime | None
    received_at: datetime | None
    quality: Literal["good", "bad", "stale"]
    job_id: str | None
    job_predicted_end: datetime | None
    prediction_source: JobPredictionSource | None
    part_count: int | None
    execution: str | None
    reliability: int | None = Field(
        description="share of the time it was meant to work that it could, of the last 28 whole"
        " days, in thousandths; null while less than a day is known"
    )

    @classmethod
    def of(cls, live: LiveState, *, now: datetime, stale_after: timedelta) -> "LiveStateRead":
        return cls(
            resource_id=live.resource_id,
            state=live.state,
            reason=live.reason,
            since=live.since,
            measured=live.is_measured(now, stale_after),
            age_s=live.age_s(now),
            seen_at=live.seen_at,
            source_at=live.source_at,
            received_at=live.received_at,
            quality=_QUALITY_WORDS[live.quality],
            job_id=live.job_id,
            job_predicted_end=live.job_predicted_end,
            prediction_source=live.prediction_source,
            part_count=live.part_count,
            execution=live.execution,
            reliability=live.reliability,
        )


_QUALITY_WORDS: Mapping[Quality, Literal["good", "bad", "stale"]] = {
    Quality.GOOD: "good",
    Quality.BAD: "bad",
    Quality.STALE: "stale",
}


class GapRead(Document):
    """``free_units`` units, each free throughout; gaps of a pool may overlap."""

    start: datetime
    end: datetime
    free_units: int
    provenance: Provenance
    age_s: float | None

    @classmethod
    def of(cls, gap: Gap) -> "GapRead":
        return cls(
            start=gap.interval.start,
            end=gap.interval.end,
            free_units=gap.free_units,
            provenance=gap.provenance,
            age_s=gap.age_s,
        )


class GapsRead(Document):
    resource_id: UUID
    items: list[GapRead]


class StateSpanRead(Document):
    state: ResourceState
    reason: str | None
    start: datetime
    end: datetime

    @classmethod
    def of(cls, span: StateSpan) -> "StateSpanRead":
        return cls(
            state=span.state,
            reason=span.reason,
            start=span.interval.start,
            end=span.interval.end,
        )


class TimelineRead(Document):
    resource_id: UUID
    day: IntervalDocument
    states: list[StateSpanRead]
    working: list[IntervalDocument]
    reserved: list[IntervalDocument]
    maintenance: list[IntervalDocument]

    @classmethod
    def of(cls, timeline: Timeline) -> "TimelineRead":
        return cls(
            resource_id=timeline.resource_id,
            day=IntervalDocument.of(timeline.day),
            states=[StateSpanRead.of(span) for span in timeline.states],
            working=_intervals(timeline.working),
            reserved=_intervals(timeline.reserved),
            maintenance=_intervals(timeline.maintenance),
        )


class WithdrawalRead(Document):
    id: UUID
    resource_id: UUID
    start: datetime
    end: datetime
    cause: ResourceState
    withdrawn_at: datetime
    restored_at: datetime | None

    @classmethod
    def of(cls, withdrawal: Withdrawal) -> "WithdrawalRead":
        return cls(
            id=withdrawal.id,
            resource_id=withdrawal.resource_id,
            start=withdrawal.during.start,
            end=withdrawal.during.end,
            cause=withdrawal.cause,
            withdrawn_at=withdrawal.withdrawn_at,
            restored_at=withdrawal.restored_at,
        )


class QuarantinedRead(Document):
    """``excerpt`` is the beginning of the payload, base64."""

    id: UUID
    topic: str
    cause: str
    payload_bytes: int
    excerpt: str
    received_at: datetime

    @classmethod
    def of(cls, message: QuarantinedMessage) -> "QuarantinedRead":
        return cls(
            id=message.id,
            topic=message.topic,
            cause=message.cause,
            payload_bytes=message.payload_bytes,
            excerpt=b64encode(message.payload[:EXCERPT_BYTES]).decode(),
            received_at=message.received_at,
        )
