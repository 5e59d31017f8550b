"""What a provider tells by a callback: kept at once, booked by the worker."""

from typing import ClassVar
from uuid import UUID

import structlog
from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.ledger import ProviderTold
from services.ledger.domain import Answer, Verdict
from services.ledger.handlers import payments
from services.runtime.clock import Clock
from services.runtime.outbox import emit

log = structlog.get_logger(__name__)


class CallbacksOffError(DomainError):
    code: ClassVar[str] = "callbacks-off"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "No payment provider shares a secret of 32 characters or more with this installation;"
        " set NONAGON_PAYMENT_SECRET."
    )
    zh: ClassVar[str] = "本部署未与支付机构共享密钥；请设置 NONAGON_PAYMENT_SECRET。"


class ProviderAbsentError(DomainError):
    code: ClassVar[str] = "payment-provider-absent"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "This installation has no payment provider, so no money can be moved by {method}; ask its"
        " operator to set NONAGON_PAYMENT_PROVIDER."
    )
    zh: ClassVar[str] = (
        "本部署没有支付机构，无法以 {method} 收付款；请联系运营方设置 NONAGON_PAYMENT_PROVIDER。"
    )


def check_provider(method: str, *, provider: str) -> None:
    """Refuse what only a provider could move, where there is none.

    Raises:
        ProviderAbsentError: it is ``none``, and ``method`` is not the wallet.
    """
    if provider == "none" and method != payments.WALLET:
        raise ProviderAbsentError(method=method)


def keep(*, session: Session, clock: Clock, payment_id: UUID, answer: Answer) -> None:
    """Keep what was told, for the worker; told again it is heard again and booked once."""
    now = clock.now()
    event = ProviderTold(
        id=clock.new_id(),
        occurred_at=now,
        payment_id=payment_id,
        answer_id=answer.id,
        verdict=answer.verdict,
        because=answer.because,
    )
    emit(session, event, now=now)


def follow(*, session: Session, clock: Clock, told: ProviderTold) -> None:
    """Book what was told, in the worker."""
    answer = Answer(told.answer_id, Verdict(told.verdict), told.because)
    try:
        payments.take_answer(
            session=session, clock=clock, payment_id=told.payment_id, answer=answer
        )
    except payments.PaymentNotFoundError:
        log.warning("the provider tells of a payment nobody asked for", key=str(told.payment_id))
