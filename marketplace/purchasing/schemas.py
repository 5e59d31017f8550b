"""Purchasing lists as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from marketplace.purchasing.domain.lists import (
    GUESTS_MAX,
    ITEMS_MAX,
    QUANTITY_MAX,
    SPEC_MAX,
    TEXT_MAX,
    TITLE_MAX,
    UNIT_MAX,
    ItemTerms,
    Part,
    PartState,
    State,
    Terms,
)
from marketplace.purchasing.domain.pricing import (
    LEAD_DAYS_MAX,
    TIERS_MAX,
    TOTAL_MAX,
    UNIT_MINOR_MAX,
    Cost,
    LinePrice,
    Priced,
    QuoteState,
    Tier,
    TieredQuote,
)
from marketplace.purchasing.handlers.lists import Seen
from marketplace.purchasing.handlers.parts import OwnShare
from marketplace.purchasing.handlers.quotes import Comparison
from services.capacity.domain import Visibility
from services.contracts.documents import Document, Instant
from services.contracts.ids import OrganisationId
from services.runtime.web import OwnOrganisation

Code = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Quantity = Annotated[int, Field(ge=0, le=QUANTITY_MAX)]
Number = Annotated[int, Field(ge=1, le=ITEMS_MAX)]


class ItemIn(Document):
    description: str = Field(min_length=1, max_length=TITLE_MAX)
    unit: str = Field(default="piece", min_length=1, max_length=UNIT_MAX)
    quantity: Quantity = Field(default=0, description="the lead's own; may be none")
    spec: str = Field(default="", max_length=SPEC_MAX)
    needed_by: Instant | None = None

    def terms(self) -> ItemTerms:
        return ItemTerms(**self.model_dump())


class ItemsIn(Document):
    items: list[ItemIn] = Field(min_length=1, max_length=ITEMS_MAX)


class GuestsIn(Document):
    members: list[UUID] = Field(default=[], max_length=GUESTS_MAX)
    suppliers: list[UUID] = Field(default=[], max_length=GUESTS_MAX)

    def sides(self) -> tuple[list[OrganisationId], list[OrganisationId]]:
        members = [OrganisationId(one) for one in self.members]
        return members, [OrganisationId(one) for one in self.suppliers]


class PurchaseIn(GuestsIn):
    """``visibility`` organisation: only who is invited; park, space, public: whoever sees it."""

    organisation_id: OwnOrganisation = None
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    text: str = Field(default="", max_length=TEXT_MAX)
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    closes_at: Instant = Field(description="until when members add quantities")
    quotes_until: Instant = Field(description="until when suppliers quote; then it is awarded")
    visibility: Visibility = Visibility.ORGANISATION
    park: Code | None = None
    space_id: UUID | None = None
    items: list[ItemIn] = Field(default=[], max_length=ITEMS_MAX)

    def terms(self) -> Terms:
        return Terms(
            title=self.title,
            text=self.text,
            currency=self.currency,
            closes_at=self.closes_at,
            quotes_until=self.quotes_until,
            visibility=self.visibility,
            park=self.park,
            space_id=self.space_id,
            items=tuple(item.terms() for item in self.items),
        )


class WantedIn(Document):
    number: Number
    quantity: Quantity


class PartIn(Document):
    quantities: list[WantedIn] = Field(min_length=1, max_length=ITEMS_MAX)

    def pairs(self) -> list[tuple[int, int]]:
        return [(one.number, one.quantity) for one in self.quantities]


class ConfirmIn(Document):
    at_most_minor: int = Field(
        ge=0, le=TOTAL_MAX, description="the most one pays for all of it, should others leave"
    )


class TierIn(Document):
    quantity: int = Field(ge=1, le=QUANTITY_MAX, description="from this pooled quantity on")
    unit_minor: int = Field(ge=1, le=UNIT_MINOR_MAX)


class LinePriceIn(Document):
    """Who is just below a break is charged as for the break where that is cheaper."""

    number: Number
    tiers: list[TierIn] = Field(min_length=1, max_length=TIERS_MAX)
    setup_minor: int = Field(default=0, ge=0, le=TOTAL_MAX)

    def price(self) -> LinePrice:
        tiers = tuple(Tier(tier.quantity, tier.unit_minor) for tier in self.tiers)
        return LinePrice(self.number, tiers, self.setup_minor)


class TieredQuoteIn(Document):
    lines: list[LinePriceIn] = Field(min_length=1, max_length=ITEMS_MAX)
    lead_days: int = Field(ge=0, le=LEAD_DAYS_MAX)
    valid_until: Instant
    note: str = Field(default="", max_length=TEXT_MAX)

    def prices(self) -> list[LinePrice]:
        return [line.price() for line in self.lines]


class ChoiceIn(Document):
    number: Number
    quote_id: UUID


class AwardIn(Document):
    """By item, or with ``quote_id`` everything one quote offers."""

    quote_id: UUID | None = None
    choices: list[ChoiceIn] = Field(default=[], max_length=ITEMS_MAX)
    confirm_by: Instant = Field(description="until when members confirm their shares")


class ItemOut(BaseModel):
    number: int
    description: str
    unit: str
    spec: str
    needed_by: datetime | None
    pooled: int = Field(description="what all members together want")


class PurchaseAwardOut(BaseModel):
    """What one may see of the award of an item; ``final_…`` once it is ordered."""

    number: int
    quote_id: UUID
    supplier_id: UUID
    quantity: int
    total_minor: int
    final_quantity: int | None
    final_minor: int | None


class PurchaseOut(BaseModel):
    """A list with its totals; ``version`` is its ETag. Who wants how much only the lead sees."""

    id: UUID
    organisation_id: UUID = Field(description="who leads it")
    title: str
    text: str
    currency: str
    closes_at: datetime
    quotes_until: datetime
    confirm_by: datetime | None
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    state: State
    version: int
    created_at: datetime
    updated_at: datetime
    items: list[ItemOut]
    awards: list[PurchaseAwardOut]

    @classmethod
    def of(cls, seen: Seen) -> Self:
        facts = {
            name: getattr(seen.purchase, name)
            for name in cls.model_fields
            if name not in {"items", "awards"}
        }
        items = [ItemOut.model_validate(item, from_attributes=True) for item in seen.items]
        awards = [
            PurchaseAwardOut.model_validate(award, from_attributes=True) for award in seen.awards
        ]
        return cls(**facts, items=items, awards=awards)


class ItemRow(BaseModel):
    """An item as a sheet has it: what a list is filled from, and with the total."""

    description: str
    unit: str
    quantity: int
    spec: str
    needed_by: datetime | None


class WantedOut(BaseModel):
    number: int
    quantity: int


class PartOut(BaseModel):
    id: UUID
    purchase_id: UUID
    member_id: UUID
    state: PartState
    quantities: list[WantedOut]
    at_most_minor: int | None
    because: str | None = Field(description="why it was left out")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, part: Part) -> Self:
        return cls(
            id=part.id,
            purchase_id=part.list_id,
            member_id=part.member_id,
            state=part.state,
            quantities=[
                WantedOut(number=number, quantity=quantity)
                for number, quantity in sorted(part.quantities.items())
            ],
            at_most_minor=part.at_most_minor,
            because=part.because,
            created_at=part.created_at,
            updated_at=part.updated_at,
        )


class ShareLineOut(BaseModel):
    number: int
    quantity: int
    pooled: int
    supplier_id: UUID | None
    amount_minor: int | None
    because: str
    order_id: UUID | None


class ShareOut(BaseModel):
    """One's own share; amounts in minor units of ``currency``."""

    purchase_id: UUID
    state: PartState
    because: str | None
    currency: str
    lines: list[ShareLineOut]
    due_minor: int = Field(description="the most it comes to if all who have not declined confirm")
    confirmed_minor: int = Field(description="if nobody confirms beyond those who have")
    alone_minor: int = Field(description="if one bought alone at these prices")
    at_most_minor: int | None = Field(description="what one agreed to")

    @classmethod
    def of(cls, share: OwnShare) -> Self:
        return cls(
            purchase_id=share.purchase.id,
            state=share.part.state,
            because=share.part.because,
            currency=share.purchase.currency,
            lines=[ShareLineOut.model_validate(line, from_attributes=True) for line in share.lines],
            due_minor=share.due_minor,
            confirmed_minor=share.confirmed_minor,
            alone_minor=share.alone_minor,
            at_most_minor=share.part.at_most_minor,
        )


class TierOut(BaseModel):
    quantity: int
    unit_minor: int


class LinePriceOut(BaseModel):
    number: int
    tiers: list[TierOut]
    setup_minor: int


class TieredQuoteOut(BaseModel):
    id: UUID
    purchase_id: UUID
    supplier_id: UUID
    version: int
    state: QuoteState
    lines: list[LinePriceOut]
    lead_days: int
    valid_until: datetime
    note: str
    created_at: datetime

    @classmethod
    def of(cls, quote: TieredQuote) -> Self:
        facts = {
            name: getattr(quote, name)
            for name in cls.model_fields
            if name not in {"lines", "purchase_id"}
        }
        lines = [LinePriceOut.model_validate(one, from_attributes=True) for one in quote.lines]
        return cls(**facts, purchase_id=quote.list_id, lines=lines)


class CostOut(BaseModel):
    """What an item costs at the pooled quantity, and by which break."""

    number: int
    quantity: int
    total_minor: int
    because: str

    @classmethod
    def of(cls, cost: Cost) -> Self:
        return cls.model_validate(cost, from_attributes=True)


class PricedOut(BaseModel):
    """A quote over the pooled quantities; ``rank`` is by ``completed_minor``."""

    quote_id: UUID
    supplier_id: UUID
    rank: int
    costs: list[CostOut]
    total_minor: int
    missing: list[int] = Field(description="wanted items it does not offer")
    completed_minor: int | None = Field(
        description="with what is missing from whoever offers it cheapest; null: nobody does"
    )
    lead_days: int
    valid_until: datetime

    @classmethod
    def of(cls, priced: Priced) -> Self:
        quote = priced.quote
        return cls(
            quote_id=quote.id,
            supplier_id=quote.supplier_id,
            rank=priced.rank,
            costs=[CostOut.of(one) for one in priced.costs],
            total_minor=priced.total_minor,
            missing=list(priced.missing),
            completed_minor=priced.completed_minor,
            lead_days=quote.lead_days,
            valid_until=quote.valid_until,
        )


class ChoiceOut(BaseModel):
    number: int
    quote_id: UUID


class ComparisonOut(BaseModel):
    """``best`` gives each item to whoever offers it cheapest: no award by item costs less."""

    quotes: list[PricedOut]
    best: list[ChoiceOut]
    best_minor: int

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        best = [
            ChoiceOut(number=number, quote_id=quote_id)
            for number, quote_id in sorted(comparison.best.items())
        ]
        quotes = [PricedOut.of(one) for one in comparison.quotes]
        return cls(quotes=quotes, best=best, best_minor=comparison.best_minor)
