"""Events of the risk context. They carry no word of a notice: who may read it reads it."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class RiskNoticeReleased(Event):
    """Two persons stand for a notice; it goes out when its embargo ends."""

    type: ClassVar[str] = "risk.notice-released.v1"

    notice_id: UUID
    organisation_id: UUID


class RiskNoticeDelivered(Event):
    """A notice reached an organisation, which acknowledges it until ``due_at``."""

    type: ClassVar[str] = "risk.notice-delivered.v1"

    notice_id: UUID
    organisation_id: UUID
    due_at: datetime


class RiskNoticeAcknowledged(Event):
    """An organisation said that it knows."""

    type: ClassVar[str] = "risk.notice-acknowledged.v1"

    notice_id: UUID
    organisation_id: UUID


class RiskNoticeOverdue(Event):
    """An organisation did not acknowledge in time."""

    type: ClassVar[str] = "risk.notice-overdue.v1"

    notice_id: UUID
    organisation_id: UUID
    due_at: datetime
