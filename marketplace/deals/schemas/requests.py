"""Requests, bids and messages."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from marketplace.deals.domain.lifecycle import State, stage
from marketplace.deals.domain.requests import (
    LINES_MAX,
    QUANTITY_MAX,
    SUPPLIERS_MAX,
    TEXT_MAX,
    TITLE_MAX,
    Bid,
    Line,
    Message,
    MessageKind,
    Terms,
)
from marketplace.deals.handlers.requests import Seen
from services.capacity.domain import Visibility
from services.contracts.documents import Document, Instant
from services.contracts.ids import DemandId, OrganisationId
from services.runtime.web import OwnOrganisation

Unit = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class LineIn(Document):
    description: str = Field(min_length=1, max_length=TITLE_MAX)
    quantity: int = Field(ge=1, le=QUANTITY_MAX)
    unit: Unit = "piece"


class DealIn(Document):
    """What is asked for. Without lines those of the demand are quoted for.

    ``visibility`` organisation: only who is invited; park, space, public: whoever sees it may take
    part too.
    """

    organisation_id: OwnOrganisation = None
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    text: str = Field(default="", max_length=TEXT_MAX)
    demand_id: UUID | None = None
    lines: list[LineIn] = Field(default=[], max_length=LINES_MAX)
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    closes_at: Instant = Field(description="until when suppliers may quote")
    needed_by: Instant | None = None
    visibility: Visibility = Visibility.ORGANISATION
    park: Code | None = None
    space_id: UUID | None = None
    blind: bool = Field(default=True, description="suppliers do not learn who else is invited")
    suppliers: list[UUID] = Field(
        default=[], max_length=SUPPLIERS_MAX, description="organisations to invite"
    )

    def terms(self) -> Terms:
        return Terms(
            title=self.title,
            text=self.text,
            lines=tuple(
                Line(number, **line.model_dump()) for number, line in enumerate(self.lines, start=1)
            ),
            currency=self.currency,
            closes_at=self.closes_at,
            visibility=self.visibility,
            blind=self.blind,
            demand_id=None if self.demand_id is None else DemandId(self.demand_id),
            park=self.park,
            space_id=self.space_id,
            needed_by=self.needed_by,
        )

    def invited(self) -> list[OrganisationId]:
        return [OrganisationId(one) for one in self.suppliers]


class LineOut(BaseModel):
    number: int
    description: str
    quantity: int
    unit: str


class BidOut(BaseModel):
    """The life of a request with one supplier; documents of both are kept under its id."""

    id: UUID
    deal_id: UUID
    supplier_id: UUID
    state: State
    invited: bool
    revision: int = Field(description="of the request, that the supplier was asked for last")
    asked_at: datetime
    answered_at: datetime | None
    reason: str | None = Field(description="why it does not quote")

    @classmethod
    def of(cls, bid: Bid) -> Self:
        return cls.model_validate(bid, from_attributes=True)


class DealOut(BaseModel):
    """A request; ``version`` is its ETag. ``state`` is the furthest of the bids one may see."""

    id: UUID
    organisation_id: UUID = Field(description="who asks")
    title: str
    text: str
    demand_id: UUID | None
    lines: list[LineOut]
    currency: str
    closes_at: datetime
    needed_by: datetime | None
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    blind: bool
    shown_suppliers: list[UUID] = Field(description="who else is invited; nobody when blind")
    state: State
    revision: int
    version: int
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime
    bids: list[BidOut] = Field(description="of the buyer: all; of a supplier: its own")

    @classmethod
    def of(cls, seen: Seen) -> Self:
        deal, terms = seen.deal, seen.deal.terms
        return cls(
            id=deal.id,
            organisation_id=deal.organisation_id,
            title=terms.title,
            text=terms.text,
            demand_id=terms.demand_id,
            lines=[LineOut.model_validate(line, from_attributes=True) for line in terms.lines],
            currency=terms.currency,
            closes_at=terms.closes_at,
            needed_by=terms.needed_by,
            visibility=terms.visibility,
            park=terms.park,
            space_id=terms.space_id,
            blind=terms.blind,
            shown_suppliers=list(deal.shown_suppliers),
            state=stage(deal.state, [bid.state for bid in seen.bids]),
            revision=deal.revision,
            version=deal.version,
            published_at=deal.published_at,
            created_at=deal.created_at,
            updated_at=deal.updated_at,
            bids=[BidOut.of(bid) for bid in seen.bids],
        )


class DeclineIn(Document):
    reason: str = Field(min_length=1, max_length=TEXT_MAX)


class MessageIn(Document):
    """``supplier_id`` is for the buyer: whom it answers; left out, all are told."""

    text: str = Field(min_length=1, max_length=TEXT_MAX)
    supplier_id: UUID | None = None


class MessageOut(BaseModel):
    id: UUID
    supplier_id: UUID | None = Field(description="whose thread it is in; null: told to all")
    author_id: UUID
    kind: MessageKind
    text: str
    created_at: datetime

    @classmethod
    def of(cls, message: Message) -> Self:
        return cls.model_validate(message, from_attributes=True)
