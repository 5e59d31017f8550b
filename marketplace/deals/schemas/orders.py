"""Orders, deliveries and what is paid."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from marketplace.deals.domain.lifecycle import State
from marketplace.deals.domain.orders import Delivery, Order, Paid
from marketplace.deals.domain.quoting import MILESTONES_MAX
from marketplace.deals.domain.requests import LINES_MAX, QUANTITY_MAX, TEXT_MAX
from services.contracts.documents import Document
from services.ledger.domain.payment import METHOD_MAX

Method = Annotated[str, StringConstraints(min_length=1, max_length=METHOD_MAX)]


class OrderLineOut(BaseModel):
    number: int
    description: str
    quantity: int
    unit: str
    amount_minor: int
    delivered: int
    accepted: int


class MilestoneOut(BaseModel):
    number: int
    title: str
    share: int = Field(description="basis points of the total")
    amount_minor: int
    due_at: datetime | None
    released_at: datetime | None


class OrderOut(BaseModel):
    """An order; ``version`` is its ETag. Money is in minor units of ``currency``."""

    id: UUID
    organisation_id: UUID = Field(description="who buys")
    supplier_id: UUID
    deal_id: UUID
    bid_id: UUID = Field(description="documents of both sides are kept under its id")
    quote_id: UUID
    state: State
    currency: str
    total_minor: int
    released_minor: int
    refunded_minor: int
    left_minor: int = Field(description="neither released nor refunded yet")
    earned_minor: int = Field(description="what the accepted quantities are worth")
    escrow_id: UUID | None
    funded_at: datetime | None
    joint_id: UUID | None
    booking_ids: list[UUID]
    at_risk: bool = Field(description="a booking of it may not be kept")
    passed: bool | None = Field(description="what the last inspection came to")
    needed_by: datetime | None
    lines: list[OrderLineOut]
    milestones: list[MilestoneOut]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: Order) -> Self:
        return cls.model_validate(order, from_attributes=True)


class FundingIn(Document):
    """``wallet``, or a method of the payment provider."""

    method: Method


class DeliveryIn(Document):
    line: int = Field(ge=1, le=LINES_MAX)
    quantity: int = Field(ge=1, le=QUANTITY_MAX)
    note: str = Field(default="", max_length=TEXT_MAX)


class DeliveryOut(BaseModel):
    id: UUID
    line: int
    quantity: int
    note: str
    at: datetime

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls.model_validate(delivery, from_attributes=True)


class ReleaseIn(Document):
    milestone: int = Field(ge=1, le=MILESTONES_MAX)


class PaidOut(BaseModel):
    """A step of an order's escrow; of a release, ``vat + fee + net`` is the amount."""

    id: UUID
    kind: str
    minor: int
    because: str
    vat_minor: int
    fee_minor: int
    net_minor: int
    trace: list[str] = Field(description="how tax and fee came about")
    at: datetime

    @classmethod
    def of(cls, paid: Paid) -> Self:
        return cls.model_validate(paid, from_attributes=True)
