"""Service contracts, work orders and remote sessions as the API takes and shows them."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.offers.schemas import PriceOut, PriceRuleIn, PriceRuleOut
from marketplace.service_contracts.domain import (
    RESOURCES_MAX,
    RESPONSE_MINUTES_MAX,
    SESSION_MINUTES_MAX,
    TEXT_MAX,
    TITLE_MAX,
    WORKED_MINUTES_MAX,
    Contract,
    Finding,
    RemoteSession,
    RemoteSessionState,
    ServiceContractState,
    ServiceFindingKind,
    ServiceParty,
    SessionEntry,
    SessionEntryKind,
    Shown,
    Terms,
    Warned,
    WorkOrder,
    WorkOrderState,
)
from services.contracts.documents import Document
from services.contracts.ids import ResourceId


class ServiceContractIn(Document):
    """Terms for own machines, proposed to a provider."""

    provider_id: UUID
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    resource_ids: list[UUID] = Field(min_length=1, max_length=RESOURCES_MAX)
    warnings: list[Warned] = Field(
        max_length=len(Warned), description="states of a machine that open a work order"
    )
    shows: list[Shown] = Field(
        max_length=len(Shown), description="what a remote session shows of a machine"
    )
    response_minutes: int = Field(ge=1, le=RESPONSE_MINUTES_MAX)
    session_minutes: int = Field(default=60, ge=1, le=SESSION_MINUTES_MAX)
    late_discount: int = Field(
        default=0, ge=0, le=10_000, description="basis points off the fee of work begun late"
    )
    price: PriceRuleIn

    def terms(self) -> Terms:
        return Terms(
            title=self.title,
            resource_ids=tuple(map(ResourceId, self.resource_ids)),
            warnings=tuple(sorted(set(self.warnings))),
            shows=tuple(sorted(set(self.shows))),
            response_minutes=self.response_minutes,
            session_minutes=self.session_minutes,
            price=self.price.rule(),
            late_discount=self.late_discount,
        )


class ServiceContractOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="the owner of the machines")
    provider_id: UUID
    title: str
    resource_ids: list[UUID]
    warnings: list[Warned]
    shows: list[Shown]
    response_minutes: int
    session_minutes: int
    late_discount: int
    price: PriceRuleOut
    state: ServiceContractState
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, contract: Contract) -> Self:
        terms = contract.terms
        return cls(
            id=contract.id,
            organisation_id=contract.organisation_id,
            provider_id=contract.provider_id,
            title=terms.title,
            resource_ids=list(terms.resource_ids),
            warnings=list(terms.warnings),
            shows=list(terms.shows),
            response_minutes=terms.response_minutes,
            session_minutes=terms.session_minutes,
            late_discount=terms.late_discount,
            price=PriceRuleOut.model_validate(terms.price, from_attributes=True),
            state=contract.state,
            created_at=contract.created_at,
            updated_at=contract.updated_at,
        )


class WorkRequestIn(Document):
    resource_id: UUID
    reason: str = Field(min_length=1, max_length=TEXT_MAX)


class WorkReportIn(Document):
    worked_minutes: int = Field(ge=1, le=WORKED_MINUTES_MAX)


class WorkOrderOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="the owner of the machine")
    provider_id: UUID
    contract_id: UUID
    resource_id: UUID
    cause: str = Field(description="the state that warned, or requested")
    reason: str | None
    warnings: int
    warned_at: datetime
    due_at: datetime
    escalated_at: datetime | None
    accepted_at: datetime | None
    late: bool
    worked_minutes: int | None
    fee: PriceOut | None
    state: WorkOrderState
    closed_at: datetime | None
    paid_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: WorkOrder) -> Self:
        return cls(
            id=order.id,
            organisation_id=order.organisation_id,
            provider_id=order.provider_id,
            contract_id=order.contract_id,
            resource_id=order.resource_id,
            cause=order.cause,
            reason=order.reason,
            warnings=order.warnings,
            warned_at=order.warned_at,
            due_at=order.due_at,
            escalated_at=order.escalated_at,
            accepted_at=order.accepted_at,
            late=order.is_late,
            worked_minutes=order.worked_minutes,
            fee=None if order.fee is None else PriceOut.of(order.fee),
            state=order.state,
            closed_at=order.closed_at,
            paid_at=order.paid_at,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


class ServiceFindingIn(Document):
    kind: ServiceFindingKind
    text: str = Field(min_length=1, max_length=TEXT_MAX)
    sha256: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="of a file both parties hold"
    )


class ServiceFindingOut(BaseModel):
    id: UUID
    order_id: UUID
    kind: ServiceFindingKind
    text: str
    sha256: str | None
    at: datetime

    @classmethod
    def of(cls, finding: Finding) -> Self:
        return cls.model_validate(finding, from_attributes=True)


class RemoteSessionIn(Document):
    purpose: str = Field(min_length=1, max_length=TEXT_MAX)
    minutes: int = Field(ge=1, le=SESSION_MINUTES_MAX)


class RemoteSessionOut(BaseModel):
    id: UUID
    organisation_id: UUID
    provider_id: UUID
    order_id: UUID
    purpose: str
    minutes: int
    state: RemoteSessionState
    requested_by: UUID | None
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, session: RemoteSession) -> Self:
        return cls.model_validate(session, from_attributes=True)


class SessionEntryOut(BaseModel):
    """A line of the log; of a look, what it showed."""

    id: UUID
    session_id: UUID
    kind: SessionEntryKind
    party: ServiceParty
    actor_id: UUID | None
    at: datetime
    shown: dict[str, Any] | None

    @classmethod
    def of(cls, entry: SessionEntry) -> Self:
        return cls.model_validate(entry, from_attributes=True)
