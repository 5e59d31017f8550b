"""Events of tracked work: samples, reports, handovers. Only the two parties hear of them."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class SampleChanged(Event):
    """A sample was registered, received, tested, reported on, returned or disposed of."""

    type: ClassVar[str] = "tracking.sample-changed.v1"

    sample_id: UUID
    booking_id: UUID
    organisation_id: UUID
    laboratory_id: UUID
    state: str


class ReportIssued(Event):
    """A laboratory reported on a sample; the outcome is not told."""

    type: ClassVar[str] = "tracking.report-issued.v1"

    report_id: UUID
    sample_id: UUID
    organisation_id: UUID
    laboratory_id: UUID
    number: str


class HandoverRecorded(Event):
    """Goods of a booking were picked up or delivered, or the buyer confirmed that they were."""

    type: ClassVar[str] = "tracking.handover-recorded.v1"

    handover_id: UUID
    booking_id: UUID
    organisation_id: UUID
    carrier_id: UUID
    kind: str
    confirmed: bool
