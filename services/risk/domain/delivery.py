"""A notice delivered to one organisation, and the clock of its acknowledgement."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.risk.domain.addressing import Recipient
from services.risk.domain.notice import Notice
from services.risk.domain.rating import ACKNOWLEDGE_WITHIN


class AlreadyAcknowledgedError(DomainError):
    code: ClassVar[str] = "risk-notice-already-acknowledged"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your organisation acknowledged the notice at {at}; nothing is left to do."
    zh: ClassVar[str] = "贵组织已于 {at} 确认该通报；无需再操作。"


@dataclass(frozen=True, slots=True)
class Delivery:
    """``organisation_id`` received it, ``author_id`` is the organisation that wrote it.

    ``person_ids`` narrows reading to them; empty: any member.
    """

    id: UUID
    notice_id: UUID
    author_id: OrganisationId
    organisation_id: OrganisationId
    person_ids: frozenset[UUID]
    delivered_at: datetime
    due_at: datetime
    read_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: UUID | None = None
    escalated_at: datetime | None = None
    """When it was noticed that ``due_at`` had passed without an acknowledgement."""

    @property
    def is_escalated(self) -> bool:
        return self.escalated_at is not None

    def is_overdue(self, now: datetime) -> bool:
        """At ``due_at`` itself it is."""
        return self.acknowledged_at is None and now >= self.due_at


def delivered(
    notice: Notice, recipient: Recipient, *, delivery_id: UUID, now: datetime
) -> Delivery:
    return Delivery(
        id=delivery_id,
        notice_id=notice.id,
        author_id=notice.organisation_id,
        organisation_id=recipient.organisation_id,
        person_ids=recipient.person_ids,
        delivered_at=now,
        due_at=now + ACKNOWLEDGE_WITHIN[notice.content.rating.severity],
    )


def acknowledged(delivery: Delivery, *, by: UUID, now: datetime) -> Delivery:
    """Receipt by a person; reading is part of it.

    Raises:
        AlreadyAcknowledgedError: somebody of the organisation has.
    """
    if delivery.acknowledged_at is not None:
        raise AlreadyAcknowledgedError(at=delivery.acknowledged_at.isoformat())
    return replace(
        delivery, acknowledged_at=now, acknowledged_by=by, read_at=delivery.read_at or now
    )
