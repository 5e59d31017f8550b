"""Random lives of escrows and wallets against a naive model of who has how much."""

from collections import Counter
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine
from sqlmodel import Session

from services.contracts.money import Money
from services.ledger import handlers
from services.ledger.domain import AccountKind, Escrow, ShareMember, Verdict
from services.ledger.domain.escrow import EscrowRefusedError
from tests.integration.ledger.books import found_books
from tests.support.clock import FrozenClock

MINOR = st.integers(1, 3_000)
STAKES = (3_333, 6_667)


class Lives(RuleBasedStateMachine):
    """The model knows amounts only; without fee and tax what leaves an escrow is what arrives."""

    engine: ClassVar[Engine]
    escrows = Bundle("escrows")
    payments = Bundle("payments")
    payouts = Bundle("payouts")

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.whole = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.clock = FrozenClock()
        self.books = found_books(self.session, self.clock)
        firms = (self.books.seller, self.books.partner)
        members = [ShareMember(one, stake) for one, stake in zip(firms, STAKES, strict=True)]
        self.share_rule = handlers.create_share_rule(
            session=self.session, clock=self.clock, organisation_id=self.books.seller,
            name="shares", members=members,
        )  # fmt: skip
        self.amounts: dict[Any, int] = {}
        self.held: Counter[Any] = Counter()
        self.is_funded: set[Any] = set()
        self.frozen: set[Any] = set()
        self.wallets: Counter[Any] = Counter()
        self.outside = 0
        self.transit: dict[Any, int] = {}
        self.answered: set[Any] = set()
        self.facts: set[Any] = set()

    def teardown(self) -> None:
        self.session.close()
        self.whole.rollback()
        self.connection.close()

    @rule(target=escrows, minor=MINOR)
    def open(self, minor: int) -> Escrow:
        escrow = self.books.open(
            Money(minor), vat_rate=0, commission_rule="none", share_rule_id=self.share_rule.id
        )
        self.amounts[escrow.id] = minor
        return escrow

    @rule(target=payments, escrow=escrows)
    def ask(self, escrow: Escrow) -> Any:
        try:
            asked = handlers.request_funding(
                session=self.session, clock=self.clock, escrow_id=escrow.id, method="transfer"
            )
        except EscrowRefusedError:
            assert escrow.id in self.is_funded
        except handlers.PaymentUnderWayError:
            assert escrow.id not in self.is_funded
        else:
            return asked.id, escrow
        return None, escrow

    @rule(payment=payments, verdict=st.sampled_from(Verdict), repeats=st.integers(1, 2))
    def answer(self, payment: tuple[Any, Escrow], verdict: Verdict, repeats: int) -> None:
        payment_id, escrow = payment
        if payment_id is None:
            return
        for number in range(repeats):
            self.books.answer(payment_id, verdict, f"{verdict}-{number}")
        if verdict is not Verdict.SUCCEEDED or payment_id in self.answered:
            return
        self.answered.add(payment_id)
        self.outside -= self.amounts[escrow.id]
        if escrow.id in self.is_funded:
            self.wallets[self.books.buyer] += self.amounts[escrow.id]
        else:
            self.is_funded.add(escrow.id)
            self.held[escrow.id] = self.amounts[escrow.id]

    @rule(escrow=escrows, minor=MINOR, fact=st.integers(0, 3), back=st.booleans())
    def leave(self, escrow: Escrow, minor: int, fact: int, *, back: bool) -> None:
        """A release, or a refund; perhaps of a fact that moved money before."""
        fact_id = self.share_rule.id if fact == 0 else self.clock.new_id()
        known = (escrow.id, back, fact_id)
        move = self.books.refund if back else self.books.release
        may = escrow.id not in self.frozen and minor <= self.held[escrow.id]
        try:
            move(escrow, minor, fact_id)
        except EscrowRefusedError:
            assert not may
            return
        except handlers.FactReusedError:
            assert known in self.facts
            return
        if known in self.facts:
            return
        assert may
        self.facts.add(known)
        self.held[escrow.id] -= minor
        if back:
            self.wallets[self.books.buyer] += minor
            return
        # Of two, the larger remainder is that of half a unit or more; stakes here never tie.
        first = (minor * STAKES[0] + 5_000) // 10_000
        self.wallets[self.books.seller] += first
        self.wallets[self.books.partner] += minor - first

    @rule(escrow=escrows)
    def dispute(self, escrow: Escrow) -> None:
        use_case = handlers.unfreeze if escrow.id in self.frozen else handlers.freeze
        try:
            use_case(
                session=self.session, clock=self.clock, escrow_id=escrow.id, because="disputed"
            )
        except EscrowRefusedError:
            assert escrow.id in self.is_funded
            assert self.held[escrow.id] == 0
        else:
            self.frozen ^= {escrow.id}

    @rule(target=payouts, minor=MINOR, who=st.sampled_from(["buyer", "seller", "partner"]))
    def pay_out(self, minor: int, who: str) -> Any:
        owner = getattr(self.books, who)
        try:
            payout = self.books.payout(owner, minor)
        except handlers.BalanceShortError:
            assert minor > self.wallets[owner]
            return None
        assert minor <= self.wallets[owner]
        self.wallets[owner] -= minor
        self.transit[payout] = minor
        return payout, owner

    @rule(payout=payouts, verdict=st.sampled_from(Verdict))
    def answer_payout(self, payout: Any, verdict: Verdict) -> None:
        if payout is None:
            return
        payout_id, owner = payout
        self.books.answer(payout_id, verdict, str(verdict))
        if verdict is Verdict.PENDING or payout_id not in self.transit:
            return
        minor = self.transit.pop(payout_id)
        if verdict is Verdict.SUCCEEDED:
            self.outside += minor
        else:
            self.wallets[owner] += minor

    @rule(minor=MINOR, verdict=st.sampled_from(Verdict))
    def earn_and_pay_out(self, minor: int, verdict: Verdict) -> None:
        """The whole way of money, which chance seldom finds."""
        escrow = self.open(minor)
        self.answer(self.ask(escrow), Verdict.SUCCEEDED, 1)
        self.leave(escrow, minor, 1, back=False)
        self.answer_payout(self.pay_out(self.wallets[self.books.partner], "partner"), verdict)

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        books = self.books
        for owner in (books.buyer, books.seller, books.partner):
            assert books.wallet(owner) == self.wallets[owner]
        for escrow_id, minor in self.held.items():
            assert books.balance(AccountKind.ESCROW, books.buyer, escrow_id) == minor >= 0
        assert books.balance(AccountKind.PROVIDER_CLEARING, None) == self.outside
        assert books.balance(AccountKind.PAYOUT_TRANSIT, None) == sum(self.transit.values())
        books.commits()


def test_no_life_makes_or_loses_a_fen(rolled_back_engine: Engine) -> None:
    Lives.engine = rolled_back_engine
    bounded = settings(max_examples=8, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(Lives, settings=bounded)
