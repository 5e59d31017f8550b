"""Events of service contracts on connected equipment. Only the two parties hear of them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class ContractChanged(Event):
    """A service contract was proposed, agreed, declined or ended."""

    type: ClassVar[str] = "service-contracts.contract-changed.v1"

    contract_id: UUID
    organisation_id: UUID
    provider_id: UUID
    state: str


class WorkOrderChanged(Event):
    """A work order was opened by a warning or its owner, or moved on in its life."""

    type: ClassVar[str] = "service-contracts.work-order-changed.v1"

    order_id: UUID
    contract_id: UUID
    resource_id: UUID
    organisation_id: UUID
    provider_id: UUID
    cause: str
    state: str
    due_at: datetime


class WorkOrderEscalated(Event):
    """Nobody responded to a work order in the time agreed."""

    type: ClassVar[str] = "service-contracts.work-order-escalated.v1"

    order_id: UUID
    organisation_id: UUID
    provider_id: UUID
    due_at: datetime


class RemoteSessionChanged(Event):
    """A remote session was requested, granted, refused or ended."""

    type: ClassVar[str] = "service-contracts.remote-session-changed.v1"

    session_id: UUID
    order_id: UUID
    organisation_id: UUID
    provider_id: UUID
    state: str
    expires_at: datetime | None
