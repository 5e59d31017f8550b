"""Use cases of payments and payouts: asking for one, and what an answer of the provider does.

Money is asked for in one transaction and the answer is booked in another; between them stands the
payment itself. ``services.ledger.settling`` drives it from one to the other.
"""

from dataclasses import replace
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.ledger import PaymentFailed, PayoutSettled
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger.domain import (
    Account,
    AccountKind,
    Answer,
    EscrowState,
    Leg,
    Payment,
    PaymentKind,
    PaymentState,
    Subject,
    TransactionKind,
)
from services.ledger.domain import payment as domain
from services.ledger.domain.accounts import check_amount
from services.ledger.domain.escrow import funded as check_awaits
from services.ledger.domain.payment import Consequence
from services.ledger.handlers import escrows
from services.ledger.handlers.posting import post, reverse
from services.ledger.store import accounts as books
from services.ledger.store import payments as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit

WALLET: Final = "wallet"
"""The method that takes what the payer has here already: no provider is asked."""
FROM_WALLET: Final = "paid from the payer's wallet"
PAYABLE_FROM: Final = (AccountKind.WALLET, AccountKind.TAX)
"""What may be paid out."""


class PaymentNotFoundError(DomainError):
    code: ClassVar[str] = "payment-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation has no payment {payment_id}; list them."
    zh: ClassVar[str] = "贵组织没有付款 {payment_id}；请查看列表。"


class PaymentUnderWayError(DomainError):
    code: ClassVar[str] = "payment-under-way"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "A payment into escrow {escrow_id} is under way; wait for how it ends."
    zh: ClassVar[str] = "托管 {escrow_id} 的付款正在处理；请等待其结果。"


class MethodUnknownError(DomainError):
    code: ClassVar[str] = "payment-method-unknown"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "A payout cannot be made from {source}; name wallet or tax."
    zh: ClassVar[str] = "无法从 {source} 付款；请选择 wallet 或 tax。"


def request_funding(
    *,
    session: Session,
    clock: Clock,
    escrow_id: UUID,
    method: str,
    payer: OrganisationId | None = None,
) -> Payment:
    """Ask the payer's money for an escrow. ``method`` is ``wallet``, or one of the provider's.

    Raises:
        EscrowNotFoundError: the caller is no party to such an escrow, or not its payer.
        EscrowRefusedError: it awaits no money.
        PaymentUnderWayError: it was asked for already.
        BalanceShortError: the wallet holds less.
    """
    escrow = escrows.lock(session, escrow_id)
    if payer not in {None, escrow.payer_id}:
        raise escrows.EscrowNotFoundError(escrow_id=escrow_id)
    now = clock.now()
    check_awaits(escrow, escrow.amount, now=now)
    asked = Payment(
        id=clock.new_id(),
        kind=PaymentKind.FUNDING,
        organisation_id=escrow.payer_id,
        amount=escrow.amount,
        method=method,
        state=PaymentState.REQUESTED,
        created_at=now,
        updated_at=now,
        escrow_id=escrow.id,
        next_at=now,
    )
    if method == WALLET:
        asked = replace(asked, state=PaymentState.SUCCEEDED, next_at=None, explanation=FROM_WALLET)
    if not store.insert_payment(session, asked):
        raise PaymentUnderWayError(escrow_id=escrow_id)
    if method == WALLET:
        wallet = Account(AccountKind.WALLET, escrow.payer_id, escrow.amount.currency)
        escrows.fund(
            session=session, clock=clock, escrow=escrow, source=wallet, because=FROM_WALLET,
            fact_id=asked.id,
        )  # fmt: skip
    note(session, subject_kind="payment", subject_id=asked.id, after=asked)
    return asked


def request_payout(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    amount: Money,
    method: str,
    source: AccountKind = AccountKind.WALLET,
) -> Payment:
    """Take ``amount`` out of an own account and have it paid to the bank.

    Raises:
        AmountInvalidError, MethodUnknownError: no such amount, or nothing to pay it from.
        BalanceShortError: the account holds less.
    """
    check_amount(amount)
    if source not in PAYABLE_FROM:
        raise MethodUnknownError(source=source)
    now = clock.now()
    asked = Payment(
        id=clock.new_id(),
        kind=PaymentKind.PAYOUT,
        organisation_id=organisation_id,
        amount=amount,
        method=method,
        state=PaymentState.REQUESTED,
        created_at=now,
        updated_at=now,
        source=source,
        next_at=now,
    )
    store.insert_payment(session, asked)
    post(
        session=session,
        clock=clock,
        kind=TransactionKind.PAYOUT,
        because="payout asked for",
        subject=_subject(asked),
        fact_id=asked.id,
        legs=(
            Leg(Account(source, organisation_id, amount.currency), -amount.minor),
            Leg(_transit(asked), amount.minor),
        ),
    )
    note(session, subject_kind="payment", subject_id=asked.id, after=asked)
    return asked


def get_payment(
    *, session: Session, organisation_id: OrganisationId, payment_id: UUID, kind: PaymentKind
) -> Payment:
    """Read an own payment or payout.

    Raises:
        PaymentNotFoundError: the organisation has none of that id and kind.
    """
    found = store.find_payment(session, payment_id, organisation_id, kind)
    if found is None:
        raise PaymentNotFoundError(payment_id=payment_id)
    return found


def list_payments(
    *,
    session: Session,
    organisation_id: OrganisationId,
    kind: PaymentKind,
    after: UUID | None,
    limit: int,
) -> list[Payment]:
    return store.payments_after(
        session, organisation_id=organisation_id, kind=kind, after=after, limit=limit
    )


def take_answer(*, session: Session, clock: Clock, payment_id: UUID, answer: Answer) -> Payment:
    """Book what the provider said, in the worker; the same answer again changes nothing.

    Raises:
        PaymentNotFoundError: there is no such payment.
    """
    before = store.lock_payment(session, payment_id)
    if before is None:
        raise PaymentNotFoundError(payment_id=payment_id)
    if store.is_taken(session, payment_id, answer):
        return before
    now = clock.now()
    after, consequence = domain.answered(before, answer, now=now)
    if answer.verdict is not domain.Verdict.PENDING:
        store.insert_notice(session, before, answer, consequence, now=now)
    if after != before:
        after = _followed(session, clock, after, consequence)
        save(session, before, after)
    return after


def give_up(*, session: Session, clock: Clock, payment: Payment) -> Payment:
    """End a payment nobody answered; ``payment`` is held under lock."""
    over = domain.given_up(payment, now=clock.now())
    save(session, payment, over)
    _tell_failure(session, clock, over)
    return over


def save(session: Session, before: Payment, after: Payment) -> None:
    store.save_payment(session, after)
    note(
        session, subject_kind="payment", subject_id=after.id, before=before, after=after,
        organisation_id=after.organisation_id, action="payment.settle",
    )  # fmt: skip


def _followed(
    session: Session, clock: Clock, payment: Payment, consequence: Consequence
) -> Payment:
    """Do in the ledger what the answer means; the payment with what it came to."""
    if consequence is Consequence.FAILURE:
        if payment.kind is PaymentKind.PAYOUT:
            _give_back(session, clock, payment)
        _tell_failure(session, clock, payment)
    elif consequence is not Consequence.NOTHING and payment.kind is PaymentKind.FUNDING:
        return _came_in(session, clock, payment)
    elif consequence is Consequence.SUCCESS:
        _went_out(session, clock, payment)
    return payment


def _came_in(session: Session, clock: Clock, payment: Payment) -> Payment:
    """Into the escrow if that still awaits it, else into the payer's wallet."""
    assert payment.escrow_id is not None, "a funding is for an escrow"
    escrow = escrows.lock(session, payment.escrow_id)
    why = payment.explanation or ""
    if escrow.state is EscrowState.OPEN:
        escrows.fund(
            session=session, clock=clock, escrow=escrow, source=_clearing(payment), because=why,
            fact_id=payment.id,
        )  # fmt: skip
        return payment
    because = f"{why}; the escrow was {escrow.state}, so it went to the payer's wallet"
    wallet = Account(AccountKind.WALLET, payment.organisation_id, payment.amount.currency)
    minor = payment.amount.minor
    post(
        session=session,
        clock=clock,
        kind=TransactionKind.LATE_FUNDING,
        because=because,
        subject=escrow.subject,
        fact_id=payment.id,
        legs=(Leg(_clearing(payment), -minor), Leg(wallet, minor)),
    )
    return replace(payment, explanation=because)


def _went_out(session: Session, clock: Clock, payment: Payment) -> None:
    minor = payment.amount.minor
    post(
        session=session,
        clock=clock,
        kind=TransactionKind.PAYOUT_SETTLED,
        because=payment.explanation or "",
        subject=_subject(payment),
        fact_id=payment.id,
        legs=(Leg(_transit(payment), -minor), Leg(_clearing(payment), minor)),
    )
    now = clock.now()
    told = PayoutSettled(
        id=clock.new_id(),
        occurred_at=now,
        payment_id=payment.id,
        organisation_id=payment.organisation_id,
        subject_kind="payout",
        subject_id=payment.id,
        amount_minor=minor,
        currency=payment.amount.currency,
        audience=Audience(organisation_ids=(payment.organisation_id,)),
    )
    emit(session, told, now=now)


def _give_back(session: Session, clock: Clock, payment: Payment) -> None:
    """Undo what was taken for a payout that came to nothing."""
    taken = books.find_transaction(session, TransactionKind.PAYOUT, payment.id)
    assert taken is not None, "a payout begins with its posting"
    reverse(
        session=session,
        clock=clock,
        transaction=taken,
        because=f"payout failed: {payment.explanation}",
        fact_id=payment.id,
    )


def _tell_failure(session: Session, clock: Clock, payment: Payment) -> None:
    subject = _subject(payment)
    now = clock.now()
    told = PaymentFailed(
        id=clock.new_id(),
        occurred_at=now,
        payment_id=payment.id,
        kind=payment.kind,
        organisation_id=payment.organisation_id,
        subject_kind=subject.kind,
        subject_id=subject.id,
        amount_minor=payment.amount.minor,
        currency=payment.amount.currency,
        because=payment.explanation or "",
        audience=Audience(organisation_ids=(payment.organisation_id,)),
    )
    emit(session, told, now=now)


def _subject(payment: Payment) -> Subject:
    if payment.escrow_id is not None:
        return Subject("escrow", payment.escrow_id)
    return Subject("payout", payment.id)


def _clearing(payment: Payment) -> Account:
    return Account(AccountKind.PROVIDER_CLEARING, None, payment.amount.currency)


def _transit(payment: Payment) -> Account:
    return Account(AccountKind.PAYOUT_TRANSIT, None, payment.amount.currency)
