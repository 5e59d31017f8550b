"""Payments driven to their end over a provider that may do anything, and workers that may die."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.ledger import handlers
from services.ledger.domain import Answer, Escrow, EscrowState, Payment, PaymentKind, PaymentState
from services.ledger.domain.payment import BACKOFF
from services.ledger.provider.port import Order
from services.ledger.provider.sandbox import LATE, Sandbox
from services.ledger.settling import settle
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions
from tests.contract.payments.fake import FakeProvider
from tests.integration.ledger.books import PRICE, Books, committed
from tests.support.clock import FrozenClock
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

Ask = Callable[[str], tuple[Escrow, UUID]]


@pytest.fixture
def firms(sessions: Sessions, clock: FrozenClock) -> Books:
    with committed(sessions, clock) as books:
        return books


@pytest.fixture
def working(sessions: Sessions) -> Iterator[Sessions]:
    with sessions_as(sessions, WORKER) as working:
        yield working


@pytest.fixture
def ask(sessions: Sessions, clock: FrozenClock, firms: Books) -> Ask:
    """An escrow and the payment into it that was asked for by a method."""

    def asked(method: str) -> tuple[Escrow, UUID]:
        with committed(sessions, clock, firms) as books:
            escrow = books.open()
            payment = handlers.request_funding(
                session=books.session, clock=clock, escrow_id=escrow.id, method=method
            )
        return escrow, payment.id

    return asked


def ended(
    sessions: Sessions, firms: Books, escrow: Escrow, payment_id: UUID
) -> tuple[Escrow, Payment]:
    """How both stand, once everything that must hold was seen to hold."""
    with committed(sessions, firms.clock, firms) as books:
        books.commits()
        payment = handlers.get_payment(
            session=books.session,
            organisation_id=firms.buyer,
            payment_id=payment_id,
            kind=PaymentKind.FUNDING,
        )
        return books.read(escrow), payment


def test_every_behaviour_of_the_sandbox_ends_in_an_explained_ledger(
    sessions: Sessions,
    working: Sessions,
    clock: FrozenClock,
    firms: Books,
    ask: Ask,
    tmp_path: Path,
) -> None:
    asked = {
        method: ask(method)
        for method in ("transfer", "declined", "slow", "twice", "silent", "late", "lost", "dropped")
    }
    sandbox = Sandbox(tmp_path / "sandbox.sqlite", clock)
    for wait in (timedelta(), *BACKOFF, timedelta(), LATE, timedelta()):
        clock.advance(wait)
        settle(sessions=working, clock=clock, provider=sandbox)

    outcomes = {method: ended(sessions, firms, *one) for method, one in asked.items()}
    assert all(payment.explanation for _, payment in outcomes.values())
    assert {method for method, (escrow, _) in outcomes.items() if escrow.funded_minor == 0} == {
        "declined",
        "silent",
    }
    silent = outcomes["silent"][1]
    assert silent.state is PaymentState.FAILED
    assert silent.attempts == len(BACKOFF)
    late = outcomes["late"][1].explanation
    assert late == "the provider confirmed it after it was given up"


class Killed(BaseException):
    """Ends a worker where it stands."""


class Dying(FakeProvider):
    """Kills who asks: before the request leaves, or before its answer is booked."""

    def __init__(self, *, before: bool) -> None:
        super().__init__()
        self.before = before
        self.lives = 1

    def ask(self, order: Order) -> Answer:
        if self.lives and self.before:
            self.lives -= 1
            raise Killed
        answer = super().ask(order)
        if self.lives:
            self.lives -= 1
            raise Killed
        return answer


@pytest.mark.parametrize("dying", ["before the request leaves", "before its answer is booked"])
def test_a_worker_that_dies_around_the_call_loses_and_repeats_nothing(
    sessions: Sessions, working: Sessions, clock: FrozenClock, firms: Books, ask: Ask, dying: str
) -> None:
    escrow, payment_id = ask("transfer")
    provider = Dying(before=dying.endswith("leaves"))
    with pytest.raises(Killed):
        settle(sessions=working, clock=clock, provider=provider)
    assert ended(sessions, firms, escrow, payment_id)[1].state is PaymentState.SENT
    clock.advance(BACKOFF[0])
    settle(sessions=working, clock=clock, provider=provider)

    after, payment = ended(sessions, firms, escrow, payment_id)
    assert payment.state is PaymentState.SUCCEEDED
    assert after.state is EscrowState.FUNDED
    assert len({order.key for order in provider.orders}) == 1


def test_a_payout_nobody_answers_stays_in_transit_and_is_looked_up(
    sessions: Sessions, working: Sessions, clock: FrozenClock, firms: Books
) -> None:
    with committed(sessions, clock, firms) as books:
        books.refund(books.funded(), 100_000)
        payment_id = books.payout(firms.buyer, 100_000)
    provider = FakeProvider()
    provider.is_silent = True
    for wait in (timedelta(), *BACKOFF, BACKOFF[-1]):
        clock.advance(wait)
        settle(sessions=working, clock=clock, provider=provider)
    with committed(sessions, clock, firms) as books:
        books.commits()
        waiting = handlers.get_payment(
            session=books.session,
            organisation_id=firms.buyer,
            payment_id=payment_id,
            kind=PaymentKind.PAYOUT,
        )
        assert waiting.state is PaymentState.SENT
        assert waiting.explanation is not None
        assert "stays in transit" in waiting.explanation
    provider.is_silent = False
    clock.advance(BACKOFF[-1])
    settle(sessions=working, clock=clock, provider=provider)
    with committed(sessions, clock, firms) as books:
        books.commits()
        assert books.wallet(firms.buyer) == 0


def test_a_notice_of_nobodys_payment_harms_nobody(working: Sessions, clock: FrozenClock) -> None:
    provider = FakeProvider()
    stray = Order(clock.new_id(), PaymentKind.FUNDING, PRICE, "transfer")
    provider.ask(stray)
    provider.tell(stray.key)

    assert settle(sessions=working, clock=clock, provider=provider) == 0
    assert not provider.notices()
