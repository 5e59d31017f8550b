"""Firms with money: what tests of the ledger begin with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session, text

from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.ledger import handlers
from services.ledger.domain import (
    Account,
    AccountKind,
    Answer,
    Escrow,
    EscrowTerms,
    Subject,
    Verdict,
)
from services.ledger.store import accounts as store
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

PRICE = Money(100_000)


@dataclass
class Books:
    session: Session
    clock: Clock
    buyer: OrganisationId
    seller: OrganisationId
    partner: OrganisationId

    def order(self) -> Subject:
        return Subject("order", self.clock.new_id())

    def open(self, amount: Money = PRICE, **terms: Any) -> Escrow:
        return handlers.open_escrow(
            session=self.session,
            clock=self.clock,
            subject=self.order(),
            payer=self.buyer,
            payee=self.seller,
            amount=amount,
            terms=EscrowTerms(**terms),
        )

    def funded(self, amount: Money = PRICE, **terms: Any) -> Escrow:
        opened = self.open(amount, **terms)
        self.pay_in(opened.id)
        return self.read(opened)

    def pay_in(self, escrow_id: UUID) -> UUID:
        """The payment by which the provider confirmed the money at once."""
        payment = handlers.request_funding(
            session=self.session, clock=self.clock, escrow_id=escrow_id, method="transfer"
        )
        self.answer(payment.id, Verdict.SUCCEEDED)
        return payment.id

    def answer(self, payment_id: UUID, verdict: Verdict, name: str = "1", why: str = "") -> Any:
        return handlers.take_answer(
            session=self.session,
            clock=self.clock,
            payment_id=payment_id,
            answer=Answer(name, verdict, why),
        )

    def read(self, escrow: Escrow) -> Escrow:
        found = handlers.find_escrow(session=self.session, subject=escrow.subject)
        assert found is not None
        return found

    def release(self, escrow: Escrow, minor: int, fact_id: UUID | None = None) -> Escrow:
        return handlers.release(
            session=self.session,
            clock=self.clock,
            escrow_id=escrow.id,
            amount=Money(minor, escrow.amount.currency),
            because="accepted",
            fact_id=fact_id or self.clock.new_id(),
        )

    def refund(self, escrow: Escrow, minor: int, fact_id: UUID | None = None) -> Escrow:
        return handlers.refund(
            session=self.session,
            clock=self.clock,
            escrow_id=escrow.id,
            amount=Money(minor, escrow.amount.currency),
            because="not delivered",
            fact_id=fact_id or self.clock.new_id(),
        )

    def payout(self, organisation_id: OrganisationId, minor: int) -> UUID:
        asked = handlers.request_payout(
            session=self.session,
            clock=self.clock,
            organisation_id=organisation_id,
            amount=Money(minor),
            method="transfer",
        )
        return asked.id

    def balance(
        self,
        kind: AccountKind,
        owner: OrganisationId | None,
        of: UUID | None = None,
        currency: str = "CNY",
    ) -> int:
        return store.balance(self.session, Account(kind, owner, currency, of)).minor

    def wallet(self, owner: OrganisationId) -> int:
        return self.balance(AccountKind.WALLET, owner)

    def commits(self) -> None:
        """What the database looks at when a transaction commits; then all that must hold."""
        self.session.flush()
        self.session.connection().execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        self.session.connection().execute(text("SET CONSTRAINTS ALL DEFERRED"))
        report = handlers.check(session=self.session)
        assert report.breaches == ()
        assert report.total == 0


def found_books(session: Session, clock: Clock) -> Books:
    firms = [
        identity.create_organisation(
            session=session, clock=clock, name=name, name_zh=name, kind=OrganisationKind.FIRM
        ).id
        for name in ("Buyer", "Seller", "Partner")
    ]
    return Books(session, clock, *firms)


@contextmanager
def committed(sessions: Sessions, clock: Clock, books: Books | None = None) -> Iterator[Books]:
    """Books, or the same firms again, in a transaction of their own that commits."""
    with transaction(sessions) as session:
        if books is None:
            yield found_books(session, clock)
        else:
            yield Books(session, clock, books.buyer, books.seller, books.partner)
