"""Offers as the API takes and shows them."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from marketplace.offers.domain import (
    DIRECTION_MAX,
    DIRECTION_MIN,
    RESOURCES_MAX,
    TITLE_MAX,
    Offer,
    OfferState,
    Price,
    PriceRule,
)
from services.capacity.domain import Visibility
from services.contracts.documents import Document
from services.identity.domain import Verification
from services.runtime.web import OwnOrganisation

AMOUNT_MAX = 10**13
"""Minor units: a hundred thousand million yuan."""


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
            }
        },
    )

    organisation_id: OwnOrganisation = None
    direction: int = Field(ge=DIRECTION_MIN, le=DIRECTION_MAX, description="of the nine, 1 to 9")
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    title_zh: str = Field(min_length=1, max_length=TITLE_MAX)
    resource_ids: list[UUID] = Field(min_length=1, max_length=RESOURCES_MAX)
    price: PriceRuleIn
    visibility: Visibility = Visibility.PUBLIC


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
