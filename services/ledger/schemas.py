"""The ledger as the API takes and shows it; amounts are minor units of their currency."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.contracts.documents import Document
from services.contracts.ids import OrganisationId
from services.ledger.domain import (
    AccountKind,
    Entry,
    Escrow,
    EscrowState,
    Movement,
    MovementKind,
    Payment,
    PaymentState,
    ShareMember,
    ShareRule,
    TransactionKind,
)
from services.ledger.domain.accounts import AMOUNT_MAX
from services.ledger.domain.books import KeptAccount
from services.ledger.domain.payment import METHOD_MAX
from services.ledger.domain.shares import MEMBERS_MAX, NAME_MAX, WHOLE

SANDBOX: Final = (
    "demonstration sandbox, no licensed payment institution: no real money moves"
    " (演示沙箱，非持牌支付机构，不发生真实资金划转)"
)
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[\w.-]+$")]
Minor = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
Method = Annotated[str, StringConstraints(min_length=1, max_length=METHOD_MAX)]


class AccountOut(BaseModel):
    id: UUID
    kind: AccountKind
    currency: str
    balance_minor: int
    of: UUID | None = Field(description="the escrow it belongs to")
    code: str | None = Field(description="of a cost centre or team")
    name: str | None

    @classmethod
    def of_kept(cls, kept: KeptAccount) -> Self:
        account = kept.account
        return cls(
            id=kept.id,
            kind=account.kind,
            currency=account.currency,
            balance_minor=kept.balance.minor,
            of=account.of if account.kind is AccountKind.ESCROW else None,
            code=kept.code,
            name=kept.name,
        )


class EntryOut(BaseModel):
    """A line of a statement; positive went in. ``because`` explains it."""

    id: UUID
    at: datetime
    kind: TransactionKind
    amount_minor: int
    balance_minor: int = Field(description="after this entry")
    currency: str
    because: str
    subject_kind: str
    subject_id: UUID
    transaction_id: UUID
    reverses: UUID | None

    @classmethod
    def of(cls, entry: Entry, balance_minor: int) -> Self:
        told = entry.transaction
        return cls(
            id=entry.id,
            at=told.at,
            kind=told.kind,
            amount_minor=entry.amount.minor,
            balance_minor=balance_minor,
            currency=entry.amount.currency,
            because=told.because,
            subject_kind=told.subject.kind,
            subject_id=told.subject.id,
            transaction_id=told.id,
            reverses=told.reverses,
        )


class StatementOut(BaseModel):
    account: AccountOut
    start: datetime
    end: datetime
    opening_minor: int
    closing_minor: int
    is_whole: bool = Field(description="false: too many entries, choose a shorter period")
    entries: list[EntryOut]


class EscrowOut(BaseModel):
    id: UUID
    subject_kind: str
    subject_id: UUID
    payer_id: UUID
    payee_id: UUID
    state: EscrowState
    currency: str
    amount_minor: int
    funded_minor: int
    released_minor: int
    refunded_minor: int
    balance_minor: int
    vat_rate: int = Field(description="basis points of the tax contained in the amount")
    commission_rule: str
    commission_version: int
    frozen_because: str | None
    opened_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, escrow: Escrow) -> Self:
        return cls(
            id=escrow.id,
            subject_kind=escrow.subject.kind,
            subject_id=escrow.subject.id,
            payer_id=escrow.payer_id,
            payee_id=escrow.payee_id,
            state=escrow.state,
            currency=escrow.amount.currency,
            amount_minor=escrow.amount.minor,
            funded_minor=escrow.funded_minor,
            released_minor=escrow.released_minor,
            refunded_minor=escrow.refunded_minor,
            balance_minor=escrow.balance.minor,
            vat_rate=escrow.terms.vat_rate,
            commission_rule=escrow.terms.commission_rule,
            commission_version=escrow.commission_version,
            frozen_because=escrow.frozen_because,
            opened_at=escrow.opened_at,
            updated_at=escrow.updated_at,
        )


class MovementOut(BaseModel):
    """A step of an escrow; of a release ``vat + fee + net`` is the amount."""

    id: UUID
    kind: MovementKind
    at: datetime
    amount_minor: int
    vat_minor: int
    fee_minor: int
    fee_vat_minor: int = Field(description="tax within the fee")
    net_minor: int = Field(description="what the payee's side got")
    because: str
    trace: list[str] = Field(description="how the parts of a release were reckoned")
    fact_id: UUID

    @classmethod
    def of(cls, one: Movement) -> Self:
        return cls(
            id=one.id,
            kind=one.kind,
            at=one.at,
            amount_minor=one.minor,
            vat_minor=one.vat_minor,
            fee_minor=one.fee_minor,
            fee_vat_minor=one.fee_vat_minor,
            net_minor=one.net_minor,
            because=one.because,
            trace=list(one.trace),
            fact_id=one.fact_id,
        )


class FundingIn(Document):
    escrow_id: UUID
    method: Method = Field(
        default="transfer", description="wallet, or a method of the payment provider"
    )


class PayoutIn(Document):
    amount_minor: Minor
    currency: Currency = "CNY"
    method: Method = "transfer"
    source: Literal["wallet", "tax"] = Field(default="wallet", description="account it comes from")


class PaymentOut(BaseModel):
    """A payment in, or a payout; ``explanation`` says how it ended."""

    id: UUID
    state: PaymentState
    amount_minor: int
    currency: str
    method: str
    escrow_id: UUID | None
    source: str | None
    attempts: int
    explanation: str | None
    provider: str = SANDBOX
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> Self:
        return cls(
            id=payment.id,
            state=payment.state,
            amount_minor=payment.amount.minor,
            currency=payment.amount.currency,
            method=payment.method,
            escrow_id=payment.escrow_id,
            source=payment.source,
            attempts=payment.attempts,
            explanation=payment.explanation,
            created_at=payment.created_at,
            updated_at=payment.updated_at,
        )


class ShareMemberIO(Document):
    member_id: UUID = Field(description="an organisation")
    stake: int = Field(ge=1, le=WHOLE, description="basis points of the whole")


class ShareRuleIn(Document):
    """Stakes add up to 10,000 basis points; a rule is never changed, new stakes are a new rule."""

    name: str = Field(min_length=1, max_length=NAME_MAX)
    members: list[ShareMemberIO] = Field(min_length=1, max_length=MEMBERS_MAX)

    def parsed(self) -> list[ShareMember]:
        return [ShareMember(OrganisationId(one.member_id), one.stake) for one in self.members]


class ShareRuleOut(BaseModel):
    id: UUID
    name: str
    members: list[ShareMemberIO]
    created_at: datetime

    @classmethod
    def of(cls, rule: ShareRule) -> Self:
        members = [
            ShareMemberIO(member_id=one.organisation_id, stake=one.stake) for one in rule.members
        ]
        return cls(id=rule.id, name=rule.name, members=members, created_at=rule.created_at)


class CostCentreIn(Document):
    """A cost centre (成本中心) or team (班组) of the own organisation."""

    kind: Literal["cost_centre", "team"] = "cost_centre"
    code: Code
    name: str = Field(min_length=1, max_length=NAME_MAX)
    currency: Currency = "CNY"


class InternalBookingIn(Document):
    """Charge one cost centre or team to another of the own organisation, once per ``fact_id``."""

    source: UUID = Field(description="account that is charged")
    target: UUID = Field(description="account that is credited")
    amount_minor: Minor
    currency: Currency = "CNY"
    because: str = Field(min_length=1, max_length=500)
    subject_kind: str = Field(default="booking", pattern=r"^[a-z][a-z_]{0,39}$")
    subject_id: UUID = Field(description="what it is for, e.g. a booking")
    fact_id: UUID


class InternalBookingOut(BaseModel):
    fact_id: UUID
    is_new: bool = Field(description="false: this fact was booked before")
