"""Quotes and their comparison."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from marketplace.deals.domain.comparing import Compared
from marketplace.deals.domain.quoting import (
    AMOUNT_MAX,
    LEAD_DAYS_MAX,
    MILESTONES_MAX,
    PERMILLE,
    SHARE_WHOLE,
    TIERS_MAX,
    MilestoneTerm,
    PriceDocument,
    Quote,
    QuoteState,
    Slot,
    Tier,
)
from marketplace.deals.domain.requests import LINES_MAX, QUANTITY_MAX, TEXT_MAX, TITLE_MAX
from services.booking.domain import LEGS_MAX, MINUTES_MAX
from services.contracts.documents import Document, Instant
from services.contracts.ids import OfferId, ResourceId


class TierIn(Document):
    quantity: int = Field(ge=1, le=QUANTITY_MAX, description="from this many on")
    unit_minor: int = Field(ge=0, le=AMOUNT_MAX)


class PriceDocumentIn(Document):
    """How a line is priced, in minor units; what it comes to is told line by line."""

    unit_minor: int = Field(ge=0, le=AMOUNT_MAX, description="per piece, below the first tier")
    tiers: list[TierIn] = Field(default=[], max_length=TIERS_MAX)
    material_minor: int = Field(default=0, ge=0, le=AMOUNT_MAX, description="per piece")
    setup_minor: int = Field(default=0, ge=0, le=AMOUNT_MAX, description="once")
    surcharge_permille: int = Field(default=0, ge=0, le=PERMILLE)
    minimum_minor: int = Field(default=0, ge=0, le=AMOUNT_MAX)

    def document(self) -> PriceDocument:
        facts = self.model_dump(exclude={"tiers"})
        tiers = tuple(Tier(tier.quantity, tier.unit_minor) for tier in self.tiers)
        return PriceDocument(tiers=tiers, **facts)


class SlotIn(Document):
    """Time of an own resource under an own offer that the buyer may see."""

    resource_id: UUID
    offer_id: UUID
    start: Instant
    minutes: int = Field(ge=1, le=MINUTES_MAX)
    units: int = Field(default=1, ge=1)

    def slot(self) -> Slot:
        return Slot(
            resource_id=ResourceId(self.resource_id),
            offer_id=OfferId(self.offer_id),
            start=self.start,
            minutes=self.minutes,
            units=self.units,
        )


class MilestoneIn(Document):
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    share: int = Field(ge=1, le=SHARE_WHOLE, description="basis points; all sum to 10000")
    due_at: Instant | None = None

    def term(self) -> MilestoneTerm:
        return MilestoneTerm(self.title, self.share, self.due_at)


class QuoteIn(Document):
    """One price document per line of the request, in its order."""

    lines: list[PriceDocumentIn] = Field(min_length=1, max_length=LINES_MAX)
    lead_days: int = Field(ge=0, le=LEAD_DAYS_MAX, description="from the award on")
    valid_until: Instant
    slots: list[SlotIn] = Field(default=[], max_length=LEGS_MAX)
    milestones: list[MilestoneIn] = Field(default=[], max_length=MILESTONES_MAX)
    template: str | None = Field(
        default=None, max_length=40, description="one of /deal-templates, instead of milestones"
    )
    note: str = Field(default="", max_length=TEXT_MAX)

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.template is not None and self.milestones:
            raise ValueError("name a template or say milestones, not both")
        return self


class TraceOut(BaseModel):
    rule: str
    amount_minor: int


class QuoteLineOut(BaseModel):
    """What a line costs, and the rules it is the sum of."""

    number: int
    description: str
    quantity: int
    unit: str
    amount_minor: int
    trace: list[TraceOut]


class SlotOut(BaseModel):
    resource_id: UUID
    offer_id: UUID
    start: datetime
    minutes: int
    units: int


class MilestoneTermOut(BaseModel):
    title: str
    share: int
    due_at: datetime | None


class QuoteOut(BaseModel):
    """A quote; ``joint_id`` is the joint booking that holds its slots until ``hold_until``."""

    id: UUID
    deal_id: UUID
    bid_id: UUID
    organisation_id: UUID = Field(description="who asked")
    supplier_id: UUID
    revision: int
    version: int
    state: QuoteState
    currency: str
    total_minor: int
    lead_days: int
    valid_until: datetime
    lines: list[QuoteLineOut]
    slots: list[SlotOut]
    milestones: list[MilestoneTermOut]
    note: str
    joint_id: UUID | None
    hold_until: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, quote: Quote) -> Self:
        return cls.model_validate(quote, from_attributes=True)


class ComparedOut(BaseModel):
    """One quote beside the others, as a row of a table."""

    quote_id: UUID
    supplier_id: UUID
    supplier: str
    rank: int = Field(description="by total, from 1")
    total_minor: int
    currency: str
    over_lowest_minor: int
    lead_days: int
    ready_at: datetime = Field(description="if awarded now")
    in_time: bool | None = Field(description="ready when needed; null if nobody said when that is")
    valid_until: datetime
    slots: int
    slots_held: bool
    version: int

    @classmethod
    def of(cls, compared: Compared, supplier: str) -> Self:
        quote = compared.quote
        return cls(
            quote_id=quote.id,
            supplier_id=quote.supplier_id,
            supplier=supplier,
            rank=compared.rank,
            total_minor=quote.total_minor,
            currency=quote.currency,
            over_lowest_minor=compared.over_lowest_minor,
            lead_days=quote.lead_days,
            ready_at=compared.ready_at,
            in_time=compared.in_time,
            valid_until=quote.valid_until,
            slots=len(quote.slots),
            slots_held=quote.joint_id is not None,
            version=quote.version,
        )
