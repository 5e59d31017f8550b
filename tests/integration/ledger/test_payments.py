"""Money in and out: a provider that confirms, refuses, repeats itself, is late, or silent."""

from uuid import UUID

import pytest
from sqlmodel import select

from services.ledger import handlers
from services.ledger.domain import AccountKind, Escrow, EscrowState, Payment, PaymentState, Verdict
from services.ledger.handlers.payments import give_up
from services.ledger.store import payments as store
from services.runtime.tables import OutboxEvent
from tests.integration.ledger.books import Books

pytestmark = pytest.mark.integration


def asked_for(books: Books, escrow: Escrow) -> UUID:
    asked = handlers.request_funding(
        session=books.session, clock=books.clock, escrow_id=escrow.id, method="transfer"
    )
    return asked.id


def never_answered(books: Books, payment_id: UUID) -> Payment:
    payment = store.lock_payment(books.session, payment_id)
    assert payment is not None
    return give_up(session=books.session, clock=books.clock, payment=payment)


def told(books: Books, subject: str) -> list[str]:
    rows = books.session.exec(select(OutboxEvent))
    return [row.subject for row in rows if row.subject == f"events.ledger.{subject}.v1"]


class TestIntoEscrow:
    def test_a_confirmed_payment_funds_it(self, books: Books) -> None:
        escrow = books.funded()

        assert escrow.state is EscrowState.FUNDED
        assert books.balance(AccountKind.ESCROW, books.buyer, escrow.id) == 100_000
        assert books.balance(AccountKind.PROVIDER_CLEARING, None) == -100_000
        books.commits()

    def test_a_refused_payment_may_be_tried_again(self, books: Books) -> None:
        escrow = books.open()
        failed = books.answer(asked_for(books, escrow), Verdict.FAILED, why="no funds")

        assert (failed.state, failed.explanation) == (PaymentState.FAILED, "no funds")
        assert told(books, "payment-failed")
        books.pay_in(escrow.id)
        assert books.read(escrow).state is EscrowState.FUNDED
        books.commits()

    def test_one_payment_at_a_time_is_under_way(self, books: Books) -> None:
        escrow = books.open()
        asked_for(books, escrow)
        with pytest.raises(handlers.PaymentUnderWayError):
            asked_for(books, escrow)

    @pytest.mark.parametrize("name", ["1", "2"])
    def test_a_provider_that_answers_twice_is_heard_once(self, books: Books, name: str) -> None:
        """The same answer again, and another one that says the same."""
        escrow = books.open()
        payment_id = books.pay_in(escrow.id)
        books.answer(payment_id, Verdict.SUCCEEDED, name)
        books.answer(payment_id, Verdict.FAILED, "3")

        assert books.balance(AccountKind.PROVIDER_CLEARING, None) == -100_000
        assert len(told(books, "escrow-funded")) == 1
        books.commits()

    def test_one_that_never_answers_leaves_nothing_but_an_explanation(self, books: Books) -> None:
        escrow = books.open()
        over = never_answered(books, asked_for(books, escrow))

        assert over.state is PaymentState.FAILED
        assert over.explanation == "the provider never answered; nothing was booked"
        assert books.read(escrow).state is EscrowState.OPEN
        assert told(books, "payment-failed")
        books.commits()

    def test_money_that_comes_after_all_funds_what_still_waits(self, books: Books) -> None:
        escrow = books.open()
        payment_id = asked_for(books, escrow)
        never_answered(books, payment_id)
        late = books.answer(payment_id, Verdict.SUCCEEDED)

        assert books.read(escrow).state is EscrowState.FUNDED
        assert late.explanation == "the provider confirmed it after it was given up"
        books.commits()

    def test_money_that_comes_too_late_is_in_the_payers_wallet(self, books: Books) -> None:
        escrow = books.open()
        payment_id = asked_for(books, escrow)
        never_answered(books, payment_id)
        books.pay_in(escrow.id)
        late = books.answer(payment_id, Verdict.SUCCEEDED)

        assert books.wallet(books.buyer) == 100_000
        assert "went to the payer's wallet" in late.explanation
        assert books.read(escrow).balance.minor == 100_000
        books.commits()

    def test_a_cancelled_escrow_takes_no_money(self, books: Books) -> None:
        escrow = books.open()
        payment_id = asked_for(books, escrow)
        handlers.cancel_escrow(
            session=books.session, clock=books.clock, escrow_id=escrow.id, because="withdrawn"
        )
        books.answer(payment_id, Verdict.SUCCEEDED)

        assert books.wallet(books.buyer) == 100_000
        books.commits()

    def test_a_wallet_pays_what_it_holds_and_no_more(self, books: Books) -> None:
        first, second = books.funded(), books.open()
        books.refund(first, 100_000)
        for escrow in (second, books.open()):
            if escrow is second:
                handlers.request_funding(
                    session=books.session, clock=books.clock, escrow_id=escrow.id, method="wallet"
                )
                continue
            with pytest.raises(handlers.BalanceShortError):
                handlers.request_funding(
                    session=books.session, clock=books.clock, escrow_id=escrow.id, method="wallet"
                )

        assert books.read(second).state is EscrowState.FUNDED
        assert books.wallet(books.buyer) == 0


class TestToTheBank:
    def test_a_confirmed_payout_leaves_the_platform(self, books: Books) -> None:
        books.refund(books.funded(), 100_000)
        payment_id = books.payout(books.buyer, 60_000)
        assert books.wallet(books.buyer) == 40_000
        assert books.balance(AccountKind.PAYOUT_TRANSIT, None) == 60_000
        books.answer(payment_id, Verdict.SUCCEEDED)

        assert books.balance(AccountKind.PAYOUT_TRANSIT, None) == 0
        assert books.balance(AccountKind.PROVIDER_CLEARING, None) == -40_000
        assert told(books, "payout-settled")
        books.commits()

    def test_a_refused_payout_is_given_back_by_a_reversal(self, books: Books) -> None:
        books.refund(books.funded(), 100_000)
        payment_id = books.payout(books.buyer, 60_000)
        for name in ("1", "2"):
            books.answer(payment_id, Verdict.FAILED, name, "account closed")

        assert books.wallet(books.buyer) == 100_000
        assert books.balance(AccountKind.PAYOUT_TRANSIT, None) == 0
        books.commits()

    def test_no_more_is_paid_out_than_is_there(self, books: Books) -> None:
        books.refund(books.funded(), 100_000)
        with pytest.raises(handlers.BalanceShortError):
            books.payout(books.buyer, 100_001)

    def test_a_provider_that_contradicts_itself_is_for_a_person_to_clear(
        self, books: Books
    ) -> None:
        books.refund(books.funded(), 100_000)
        payment_id = books.payout(books.buyer, 60_000)
        books.answer(payment_id, Verdict.FAILED, "1")
        after = books.answer(payment_id, Verdict.SUCCEEDED, "2")

        assert after.explanation is not None
        assert "by hand" in after.explanation
        assert books.wallet(books.buyer) == 100_000
        books.commits()
