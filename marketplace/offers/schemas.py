"""Offers as the API takes and shows them."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from marketplace.directions.domain import NUMBER_MAX, Engagement
from marketplace.offers.domain import (
    RESOURCES_MAX,
    TITLE_MAX,
    Offer,
    OfferState,
)
from marketplace.offers.pricing import MaterialPrice, Price, PriceRule, Surcharge, Tier, Unit
from marketplace.offers.promotion import REASON_MAX, PromotionState
from services.capacity.domain import ATTRIBUTES_MAX, Visibility
from services.contracts.documents import Day, Document
from services.identity.domain import Verification
from services.runtime.web import OwnOrganisation

PARTS_MAX = 50
"""Tiers, materials or surcharges of one price."""
ATTRIBUTES_BYTES_MAX = 16 * 1024
AMOUNT_MAX = 10**13
"""Minor units: a hundred thousand million yuan."""


def _small(attributes: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(attributes)) > ATTRIBUTES_BYTES_MAX:
        raise ValueError(f"attributes exceed {ATTRIBUTES_BYTES_MAX} bytes")
    return attributes


Attributes = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Any],
    Field(max_length=ATTRIBUTES_MAX),
    AfterValidator(_small),
]


class TierDocument(Document):
    """All hours or pieces cost this, from ``least`` of them on."""

    model_config = ConfigDict(from_attributes=True)

    least: int = Field(ge=1, le=AMOUNT_MAX)
    price_minor: int = Field(le=AMOUNT_MAX)


class MaterialDocument(Document):
    """What each piece of a material, or of anything below it, adds."""

    model_config = ConfigDict(from_attributes=True)

    material: str = Field(min_length=1, max_length=60)
    per_piece_minor: int = Field(le=AMOUNT_MAX)


class SurchargeDocument(Document):
    """Basis points on all but the minimum, where the buyer asks for it."""

    model_config = ConfigDict(from_attributes=True)

    key: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    basis_points: int = Field(le=100_000)


class PriceRuleIn(Document):
    """A price document. Amounts are in minor units (fen); ``setup_minor`` is charged once.

    What is booked by the slot has a price per hour, a set-up and a minimum; the other parts are for
    offers that are engaged by a request.
    """

    model_config = ConfigDict(from_attributes=True)

    unit: Unit = "hour"
    price_minor: int = Field(le=AMOUNT_MAX)
    setup_minor: int = Field(default=0, le=AMOUNT_MAX)
    minimum_minor: int = Field(default=0, le=AMOUNT_MAX)
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    tiers: list[TierDocument] = Field(default_factory=list, max_length=PARTS_MAX)
    materials: list[MaterialDocument] = Field(default_factory=list, max_length=PARTS_MAX)
    surcharges: list[SurchargeDocument] = Field(default_factory=list, max_length=PARTS_MAX)
    valid_from: Day | None = None
    valid_to: Day | None = Field(default=None, description="the last day it holds")

    def rule(self) -> PriceRule:
        return PriceRule(
            price_minor=self.price_minor,
            setup_minor=self.setup_minor,
            minimum_minor=self.minimum_minor,
            currency=self.currency,
            unit=self.unit,
            tiers=tuple(Tier(one.least, one.price_minor) for one in self.tiers),
            materials=tuple(
                MaterialPrice(one.material, one.per_piece_minor) for one in self.materials
            ),
            surcharges=tuple(Surcharge(one.key, one.basis_points) for one in self.surcharges),
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


class OfferIn(Document):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "organisation_id": "01926f6e-7a00-7000-8000-000000000001",
                "direction": 4,
                "title": "Five-axis milling, aluminium and titanium",
                "title_zh": "五轴铣削：铝与钛",
                "resource_ids": ["01926f6e-7a00-7000-8000-000000000002"],
                "price": {"price_minor": 42000, "setup_minor": 20000},
                "attributes": {"axes": 5, "automation": "assisted"},
            }
        },
    )

    organisation_id: OwnOrganisation = None
    direction: int = Field(ge=1, le=NUMBER_MAX, description="its number under /directions")
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    title_zh: str = Field(min_length=1, max_length=TITLE_MAX)
    resource_ids: list[UUID] = Field(min_length=1, max_length=RESOURCES_MAX)
    price: PriceRuleIn
    visibility: Visibility | None = Field(
        default=None, description="left out: the usual one of the direction"
    )
    engage: Literal["book", "request"] | None = Field(
        default=None, description="left out: booked, where the direction books"
    )
    attributes: Attributes = Field(
        default_factory=dict,
        description="what the direction lets be said of the resources:"
        " GET /directions/{direction_key}/kinds/{resource_kind}",
    )


class OfferEdit(Document):
    """The next version of an offer. What is offered, where and to whom stays."""

    title: str = Field(min_length=1, max_length=TITLE_MAX)
    title_zh: str = Field(min_length=1, max_length=TITLE_MAX)
    price: PriceRuleIn
    attributes: Attributes = Field(
        default_factory=dict, description="all of them; what is left out is said no more"
    )


class PriceRuleOut(PriceRuleIn):
    pass


class OfferOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organisation_id: UUID
    direction: int
    title: str
    title_zh: str
    resource_ids: list[UUID]
    price: PriceRuleOut
    visibility: Visibility
    engage: Engagement
    attributes: dict[str, Any]
    state: OfferState
    version: int
    created_at: datetime
    updated_at: datetime
    verification: Verification = Field(description="of the organisation (企业认证)")

    @classmethod
    def of(cls, offer: Offer, verification: Verification) -> Self:
        names = cls.model_fields.keys() - {"verification"}
        shown = {name: getattr(offer, name) for name in names}
        return cls.model_validate(shown | {"verification": verification})


class OfferVersionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    version: int
    title: str
    title_zh: str
    price: PriceRuleOut
    attributes: dict[str, Any]
    visibility: Visibility | None = Field(description="null: from before it was kept")
    since: datetime


class PromotionIn(Document):
    reason: str = Field(min_length=1, max_length=REASON_MAX)


class PromotionReview(Document):
    approve: bool
    remark: str = Field(default="", max_length=REASON_MAX)


class PromotionOut(BaseModel):
    """Asked for one version of an offer; reviewed by another person than who asked."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    offer_id: UUID
    offer_version: int
    state: PromotionState
    reason: str
    asked_by: UUID
    asked_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    remark: str | None


class OfferVersionList(BaseModel):
    items: list[OfferVersionOut]


class LackOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    label: str
    label_zh: str


class CompletenessOut(BaseModel):
    """How much of what could be said of an offer is said, and what is not."""

    model_config = ConfigDict(from_attributes=True)

    percent: int = Field(ge=0, le=100)
    missing: list[LackOut]


class PriceLineOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    rule: str
    amount_minor: int


class PriceOut(BaseModel):
    """An evaluated price and the lines it is the sum of."""

    total_minor: int
    currency: str
    lines: list[PriceLineOut]

    @classmethod
    def of(cls, price: Price) -> Self:
        return cls(
            total_minor=price.total.minor,
            currency=price.total.currency,
            lines=[PriceLineOut.model_validate(line) for line in price.lines],
        )
