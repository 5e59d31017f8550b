"""Driving payments to their end, in the worker: two local transactions around every call.

``requested`` → write ``sent`` and commit (the recovery point) → call the provider, in no
transaction → take its answer and commit. Whoever dies in between leaves a payment that is ``sent``:
it is looked up before it is asked again, and the provider knows its key.
"""

from typing import Final
from uuid import UUID

import structlog

from services.ledger.domain import Answer, Payment, PaymentState
from services.ledger.domain import payment as domain
from services.ledger.handlers import payments
from services.ledger.provider.port import Notice, Order, Provider, ProviderSilentError
from services.ledger.store import payments as store
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

STEPS_MAX: Final = 200
"""Payments taken on in one run."""

log = structlog.get_logger(__name__)


def settle(*, sessions: Sessions, clock: Clock, provider: Provider) -> int:
    """Hear what the provider tells by itself, then take every payment that is due one step on.

    Returns:
        How many payments were taken on.
    """
    for notice in provider.notices():
        _hear(sessions, clock, notice)
        provider.acknowledge(notice)
    steps = 0
    while steps < STEPS_MAX and _step(sessions, clock, provider):
        steps += 1
    return steps


def _hear(sessions: Sessions, clock: Clock, notice: Notice) -> None:
    try:
        _take(sessions, clock, notice.key, notice.answer)
    except payments.PaymentNotFoundError:
        log.warning("the provider tells of a payment nobody asked for", key=str(notice.key))


def _step(sessions: Sessions, clock: Clock, provider: Provider) -> bool:
    """One payment; whether there was one."""
    with transaction(sessions) as session:
        due = store.lock_due(session, now=clock.now())
        if due is None:
            return False
        if domain.is_exhausted(due):
            payments.give_up(session=session, clock=clock, payment=due)
            return True
        sent = domain.sent(due, now=clock.now())
        payments.save(session, due, sent)
    answer = _asked(provider, sent, is_first=due.state is PaymentState.REQUESTED)
    if answer is not None:
        _take(sessions, clock, sent.id, answer)
    return True


def _asked(provider: Provider, payment: Payment, *, is_first: bool) -> Answer | None:
    """What the provider says; ``None`` for nothing. Who may know is looked up first."""
    order = Order(payment.id, payment.kind, payment.amount, payment.method)
    try:
        known = None if is_first else provider.look_up(payment.id)
        return known or provider.ask(order)
    except ProviderSilentError:
        log.info("the provider does not answer", payment=str(payment.id), tries=payment.attempts)
        return None


def _take(sessions: Sessions, clock: Clock, payment_id: UUID, answer: Answer) -> None:
    with transaction(sessions) as session:
        payments.take_answer(session=session, clock=clock, payment_id=payment_id, answer=answer)
