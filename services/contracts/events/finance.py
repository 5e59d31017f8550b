"""Events of financing: applications and consents. Only the two parties hear of them."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class ApplicationChanged(Event):
    """An application for financing was made, answered, accepted or withdrawn."""

    type: ClassVar[str] = "finance.application-changed.v1"

    application_id: UUID
    organisation_id: UUID
    recipient_id: UUID
    state: str


class ConsentChanged(Event):
    """The applicant lets the recipient see evidence, or no longer: ``given`` or ``revoked``."""

    type: ClassVar[str] = "finance.consent-changed.v1"

    consent_id: UUID
    application_id: UUID
    organisation_id: UUID
    recipient_id: UUID
    change: str
