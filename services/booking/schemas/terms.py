"""Terms of cancellation as clients send and read them."""

from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, Field

from services.booking.domain import LIMITS, PERCENT_MAX, Charge, ChargeReason, Terms
from services.contracts.documents import Document


class TermsIn(Document):
    """What giving a booking back, or not coming, is to cost; never more than its price."""

    free_minutes: Annotated[
        int,
        Field(ge=0, le=LIMITS["free_minutes"], description="before the start; free until then"),
    ] = 0
    late_percent: Annotated[
        int, Field(ge=0, le=PERCENT_MAX, description="of the price, for cancelling later")
    ] = 0
    late_minimum_minor: Annotated[int, Field(ge=0, le=LIMITS["late_minimum_minor"])] = 0
    no_show_percent: Annotated[
        int, Field(ge=0, le=PERCENT_MAX, description="of the price, for not coming")
    ] = 0
    no_show_minimum_minor: Annotated[int, Field(ge=0, le=LIMITS["no_show_minimum_minor"])] = 0
    grace_minutes: Annotated[
        int,
        Field(ge=0, le=LIMITS["grace_minutes"], description="after the start; no no-show before"),
    ] = 0

    def terms(self) -> Terms:
        return Terms(**self.model_dump())


class TermsOut(BaseModel):
    """Terms of cancellation; see ``TermsIn``."""

    free_minutes: int
    late_percent: int
    late_minimum_minor: int
    no_show_percent: int
    no_show_minimum_minor: int
    grace_minutes: int

    @classmethod
    def of(cls, terms: Terms) -> "TermsOut":
        return cls(**asdict(terms))


class ChargeOut(BaseModel):
    """What the buyer owes for a booking it did not use."""

    minor: int
    currency: str
    reason: ChargeReason

    @classmethod
    def of(cls, charge: Charge | None) -> "ChargeOut | None":
        if charge is None:
            return None
        return cls(minor=charge.amount.minor, currency=charge.amount.currency, reason=charge.reason)
