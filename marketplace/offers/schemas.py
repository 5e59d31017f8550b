"""Offers as the API takes and shows them."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from marketplace.directions.domain import NUMBER_MAX
from marketplace.offers.domain import (
    RESOURCES_MAX,
    TITLE_MAX,
    Offer,
    OfferState,
    Price,
    PriceRule,
)
from services.capacity.domain import ATTRIBUTES_MAX, Visibility
from services.contracts.documents import Document
from services.identity.domain import Verification
from services.runtime.web import OwnOrganisation

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


class PriceRuleIn(Document):
    """A price document. Amounts are in minor units (fen); ``setup_minor`` is charged once."""

    model_config = ConfigDict(from_attributes=True)

    unit: Literal["hour"] = "hour"
    price_minor: int = Field(le=AMOUNT_MAX)
    setup_minor: int = Field(default=0, le=AMOUNT_MAX)
    minimum_minor: int = Field(default=0, le=AMOUNT_MAX)
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")

    def rule(self) -> PriceRule:
        return PriceRule(**self.model_dump())


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
    since: datetime


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
