"""Orders."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.deals.domain.lifecycle import State
from marketplace.deals.domain.orders import Order


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
