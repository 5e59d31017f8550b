"""Escrow from award to the last fen: who gets what, what is refused, and what happens once."""

import pytest
from sqlmodel import select

from services.contracts.money import Money
from services.ledger import handlers
from services.ledger.domain import AccountKind, EscrowState, ShareMember
from services.ledger.domain.escrow import EscrowRefusedError, MovementKind, TermsInvalidError
from services.runtime.tables import OutboxEvent
from tests.integration.ledger.books import Books

pytestmark = pytest.mark.integration


def test_a_release_pays_tax_fee_and_the_rest(books: Books) -> None:
    escrow = books.funded()
    settled = books.release(escrow, 100_000)

    # 13 % within 1,000.00 are 115.04; 3 % of the 884.96 left are 26.55, of it 1.50 tax at 6 %.
    assert settled.state is EscrowState.SETTLED
    assert books.balance(AccountKind.TAX, books.seller) == 11_504
    assert books.balance(AccountKind.FEE, None) == 2_655 - 150
    assert books.balance(AccountKind.TAX, None) == 150
    assert books.wallet(books.seller) == 100_000 - 11_504 - 2_655
    assert books.balance(AccountKind.ESCROW, books.buyer, escrow.id) == 0
    books.commits()


def test_milestones_cost_together_what_one_release_costs(books: Books) -> None:
    whole, parts = books.funded(), books.funded()
    books.release(whole, 100_000)
    tax, wallet = books.balance(AccountKind.TAX, books.seller), books.wallet(books.seller)
    fee = books.balance(AccountKind.FEE, None)
    for minor in (33_333, 33_333, 33_334):
        books.release(parts, minor)

    assert books.balance(AccountKind.TAX, books.seller) == 2 * tax
    assert books.wallet(books.seller) == 2 * wallet
    assert books.balance(AccountKind.FEE, None) == 2 * fee
    books.commits()


def test_a_share_rule_splits_to_the_last_fen(books: Books) -> None:
    rule = handlers.create_share_rule(
        session=books.session,
        clock=books.clock,
        organisation_id=books.seller,
        name="Two thirds and a third",
        members=[ShareMember(books.seller, 6_667), ShareMember(books.partner, 3_333)],
    )
    escrow = books.funded(Money(10_001), vat_rate=0, commission_rule="none", share_rule_id=rule.id)
    books.release(escrow, 10_001)

    # 6,667.6667 and 3,333.3333: the larger remainder gets the last one.
    assert books.wallet(books.seller) == 6_668
    assert books.wallet(books.partner) == 3_333
    books.commits()


def test_a_refund_after_partial_delivery_is_explained(books: Books) -> None:
    escrow = books.funded()
    books.release(escrow, 40_000)
    after = books.refund(escrow, 60_000)

    assert after.state is EscrowState.SETTLED
    assert books.wallet(books.buyer) == 60_000
    told = handlers.list_movements(
        session=books.session, viewer=books.seller, escrow_id=escrow.id, after=None, limit=10
    )
    assert [(one.kind, one.minor) for one in told] == [
        (MovementKind.OPENED, 100_000),
        (MovementKind.FUNDED, 100_000),
        (MovementKind.RELEASED, 40_000),
        (MovementKind.REFUNDED, 60_000),
    ]
    assert told[2].trace
    assert told[3].because == "not delivered"
    books.commits()


def test_a_fact_moves_money_once(books: Books) -> None:
    escrow, fact = books.funded(), books.clock.new_id()
    books.release(escrow, 10_000, fact)
    again = books.release(escrow, 10_000, fact)

    assert again.released_minor == 10_000
    with pytest.raises(handlers.FactReusedError):
        books.release(escrow, 10_001, fact)
    books.refund(escrow, 5_000, fact)
    assert books.refund(escrow, 5_000, fact).refunded_minor == 5_000
    books.commits()


def test_no_more_leaves_than_is_there(books: Books) -> None:
    escrow = books.funded()
    books.release(escrow, 99_999)
    with pytest.raises(EscrowRefusedError, match="holds 1, not 2"):
        books.refund(escrow, 2)


def test_a_dispute_keeps_everything_where_it_is(books: Books) -> None:
    escrow = books.funded()
    handlers.freeze(
        session=books.session, clock=books.clock, escrow_id=escrow.id, because="disputed"
    )
    with pytest.raises(EscrowRefusedError, match="disputed"):
        books.release(escrow, 1)
    with pytest.raises(EscrowRefusedError, match="disputed"):
        books.refund(escrow, 1)
    handlers.unfreeze(
        session=books.session, clock=books.clock, escrow_id=escrow.id, because="half each"
    )
    books.release(escrow, 50_000)
    assert books.refund(escrow, 50_000).state is EscrowState.SETTLED
    books.commits()


def test_nothing_is_released_before_it_came(books: Books) -> None:
    escrow = books.open()
    with pytest.raises(EscrowRefusedError, match="it is open"):
        books.release(escrow, 1)


def test_a_subject_has_one_escrow(books: Books) -> None:
    escrow = books.open()
    with pytest.raises(handlers.EscrowExistsError):
        handlers.open_escrow(
            session=books.session,
            clock=books.clock,
            subject=escrow.subject,
            payer=books.buyer,
            payee=books.seller,
            amount=Money(1),
            terms=escrow.terms,
        )


def test_terms_that_cannot_be_kept_are_refused(books: Books) -> None:
    with pytest.raises(TermsInvalidError):
        books.open(vat_rate=10_001)
    with pytest.raises(handlers.ShareRuleNotFoundError):
        books.open(share_rule_id=books.clock.new_id())


def test_the_parties_are_told(books: Books) -> None:
    escrow = books.funded()
    books.release(escrow, 30_000)
    books.refund(escrow, 70_000)

    told = {
        row.subject: row.payload or {}
        for row in books.session.exec(select(OutboxEvent))
        if row.subject.startswith("events.ledger.")
    }
    assert set(told) == {
        "events.ledger.escrow-funded.v1",
        "events.ledger.escrow-released.v1",
        "events.ledger.escrow-refunded.v1",
    }
    refunded = told["events.ledger.escrow-refunded.v1"]
    assert (refunded["amount_minor"], refunded["left_minor"]) == (70_000, 0)
    assert set(refunded["audience"]["organisation_ids"]) == {str(books.buyer), str(books.seller)}
