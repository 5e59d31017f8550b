"""Financing as the API takes and shows it."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.finance.domain import (
    AMOUNT_MAX,
    PURPOSE_MAX,
    RATE_MAX,
    RECIPIENTS_MAX,
    REMARK_MAX,
    TERM_MONTHS_MAX,
    Application,
    Asked,
    Consent,
    Evidence,
    FinancingKind,
    Item,
    State,
    Terms,
)
from services.contracts.documents import Document, Instant
from services.contracts.money import Money

Minor = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
Months = Annotated[int, Field(ge=1, le=TERM_MONTHS_MAX)]


class FinancingIn(Document):
    """What is asked, alike, of each of ``recipients``; they do not learn of each other."""

    kind: FinancingKind
    amount_minor: Minor
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    months: Months
    purpose: str = Field(min_length=1, max_length=PURPOSE_MAX)
    recipients: list[UUID] = Field(
        min_length=1, max_length=RECIPIENTS_MAX, description="organisations of kind investor"
    )

    def asked(self) -> Asked:
        return Asked(self.kind, Money(self.amount_minor, self.currency), self.months, self.purpose)


class OfferIn(Document):
    amount_minor: Minor
    rate: int = Field(ge=0, le=RATE_MAX, description="hundredths of a percent a year")
    months: Months
    remark: str | None = Field(default=None, max_length=REMARK_MAX)

    def terms(self) -> Terms:
        return Terms(self.amount_minor, self.rate, self.months)


class DeclineIn(Document):
    remark: str = Field(min_length=1, max_length=REMARK_MAX)


class ConsentIn(Document):
    items: list[Item] = Field(min_length=1, max_length=len(Item))
    expires_at: Instant


class OfferOut(BaseModel):
    amount_minor: int
    rate: int
    months: int


class FinancingOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="who asks")
    recipient_id: UUID
    request_id: UUID
    kind: FinancingKind
    amount_minor: int
    currency: str
    months: int
    purpose: str
    state: State
    offer: OfferOut | None
    remark: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, application: Application) -> Self:
        asked, offer = application.asked, application.offer
        return cls(
            id=application.id,
            organisation_id=application.organisation_id,
            recipient_id=application.recipient_id,
            request_id=application.request_id,
            kind=asked.kind,
            amount_minor=asked.amount.minor,
            currency=asked.amount.currency,
            months=asked.months,
            purpose=asked.purpose,
            state=application.state,
            offer=None if offer is None else OfferOut.model_validate(offer, from_attributes=True),
            remark=application.remark,
            created_at=application.created_at,
            updated_at=application.updated_at,
        )


class FinancingsOut(BaseModel):
    """The applications of one request, one for each recipient."""

    request_id: UUID
    items: list[FinancingOut]

    @classmethod
    def of(cls, applications: list[Application]) -> Self:
        items = [FinancingOut.of(one) for one in applications]
        return cls(request_id=applications[0].request_id, items=items)


class ConsentOut(BaseModel):
    id: UUID
    organisation_id: UUID
    recipient_id: UUID
    application_id: UUID
    items: list[Item]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, consent: Consent) -> Self:
        return cls.model_validate(consent, from_attributes=True)


class EvidenceOut(BaseModel):
    """A figure and the rows behind it: how many, and the hash of their sorted ids."""

    id: UUID
    consent_id: UUID
    as_of: datetime
    item: Item
    period: str | None = Field(description="a month, e.g. 2026-03; null: all of the year before")
    currency: str | None = Field(description="of a value in minor units; null: a count of rows")
    value: int
    rows: int
    rows_sha256: str

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        figure = evidence.figure
        return cls(
            id=evidence.id,
            consent_id=evidence.consent_id,
            as_of=evidence.as_of,
            item=figure.item,
            period=figure.period,
            currency=figure.currency,
            value=figure.value,
            rows=figure.rows,
            rows_sha256=figure.rows_sha256,
        )
