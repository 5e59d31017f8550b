"""Payments and payouts (收款与付款): asked of a provider once, answered whenever it answers.

A provider may be slow, answer twice, or never. Its own idempotency key is the payment's id, so
asking again is the same request; what it says last of a payment that was given up still counts,
because money that came is there. A payout nobody confirmed or refused may have left: it stays in
transit and is looked up for as long as it takes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.contracts.ids import OrganisationId
from services.contracts.money import Money

METHOD_MAX: Final = 60
BACKOFF: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3_600))
"""How long to wait for an answer before asking again; afterwards it is given up."""
ATTEMPTS_MAX: Final = len(BACKOFF)
UNANSWERED: Final = "the provider never answered; nothing was booked"
IN_TRANSIT: Final = "no answer yet: the money stays in transit until the provider tells"
CONTRADICTED: Final = "the provider refused it and later confirmed it; to be cleared by hand"


class PaymentKind(StrEnum):
    FUNDING = "funding"
    """收款: from the payer into an escrow."""
    PAYOUT = "payout"
    """付款: from a wallet to its owner's bank account."""


class PaymentState(StrEnum):
    REQUESTED = "requested"
    """Written down; the provider does not know yet."""
    SENT = "sent"
    """The provider may know: from here on it is looked up before it is asked again."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Verdict(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PENDING = "pending"


FINAL: Final = frozenset({PaymentState.SUCCEEDED, PaymentState.FAILED})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider says of a payment. ``id`` is the provider's own, the same in a repeat."""

    id: str
    verdict: Verdict
    because: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """``organisation_id`` pays in or is paid out; ``explanation`` says how it ended."""

    id: UUID
    kind: PaymentKind
    organisation_id: OrganisationId
    amount: Money
    method: str
    state: PaymentState
    created_at: datetime
    updated_at: datetime
    escrow_id: UUID | None = None
    source: str | None = None
    """For a payout: the kind of account it comes from."""
    attempts: int = 0
    next_at: datetime | None = None
    """When to ask or look next; ``None`` once it is over."""
    explanation: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state in FINAL


class Consequence(StrEnum):
    """What an answer means for the ledger."""

    NOTHING = "nothing"
    """It says what is known, or nothing yet."""
    SUCCESS = "success"
    FAILURE = "failure"
    LATE_SUCCESS = "late_success"
    """Done after it had been given up."""


def sent(payment: Payment, *, now: datetime) -> Payment:
    """About to be asked of the provider for the first or another time: the recovery point."""
    wait = BACKOFF[min(payment.attempts, ATTEMPTS_MAX - 1)]
    is_waiting_long = payment.kind is PaymentKind.PAYOUT and payment.attempts >= ATTEMPTS_MAX
    return replace(
        payment,
        explanation=IN_TRANSIT if is_waiting_long else payment.explanation,
        state=PaymentState.SENT,
        attempts=payment.attempts + 1,
        next_at=now + wait,
        updated_at=now,
    )


def is_exhausted(payment: Payment) -> bool:
    """Whether it is given up now: only what took no money from anybody may be."""
    return payment.kind is PaymentKind.FUNDING and payment.attempts >= ATTEMPTS_MAX


def given_up(payment: Payment, *, now: datetime) -> Payment:
    """Failed for want of an answer."""
    return _over(payment, PaymentState.FAILED, UNANSWERED, now)


def answered(payment: Payment, answer: Answer, *, now: datetime) -> tuple[Payment, Consequence]:
    """The payment after ``answer``, and what follows for the ledger; an answer counts once."""
    if payment.state is PaymentState.SUCCEEDED:
        return payment, Consequence.NOTHING
    if answer.verdict is Verdict.PENDING:
        # It knows of the payment, so it is not silent: it is waited for longer.
        return replace(payment, attempts=min(payment.attempts, ATTEMPTS_MAX - 1)), (
            Consequence.NOTHING
        )
    if answer.verdict is Verdict.SUCCEEDED:
        is_late = payment.state is PaymentState.FAILED
        if is_late and payment.kind is PaymentKind.PAYOUT:
            return replace(payment, explanation=CONTRADICTED, updated_at=now), Consequence.NOTHING
        why = "the provider confirmed it after it was given up" if is_late else answer.because
        over = _over(payment, PaymentState.SUCCEEDED, why or "the provider confirmed it", now)
        return over, Consequence.LATE_SUCCESS if is_late else Consequence.SUCCESS
    if payment.state is PaymentState.FAILED:
        return payment, Consequence.NOTHING
    why = answer.because or "the provider refused it"
    return _over(payment, PaymentState.FAILED, why, now), Consequence.FAILURE


def _over(payment: Payment, state: PaymentState, why: str, now: datetime) -> Payment:
    return replace(payment, state=state, next_at=None, explanation=why, updated_at=now)
