"""A buyer and three suppliers with a machine each, on an API of the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from marketplace.deals.consumers import CONSUMERS
from services.contracts.access import Role
from services.ledger import handlers as ledger
from services.ledger.domain import Answer, PaymentKind
from services.ledger.domain.payment import Verdict
from services.runtime.consumers import handle_once
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from tests.support.api import Market
from tests.support.clock import FrozenClock
from tests.support.firms import Firm, Firms, firms_on
from tests.support.working import sessions_as

Document = dict[str, Any]
PIECES = 100
PRICES = {"cheap": 1_000, "middling": 1_200, "dear": 1_500}
"""Minor units per piece."""


def told(response: httpx.Response, status: int = 200) -> Document:
    """The document of an answer that must have this status."""
    assert response.status_code == status, response.text
    document: Document = response.json()
    return document


def refused(response: httpx.Response, status: int) -> str:
    """The code of a refusal."""
    return str(told(response, status)["code"])


class Trade:
    """``suppliers`` by name; each quotes by its price of ``PRICES``."""

    def __init__(self, firms: Firms, worker: Sessions, clock: FrozenClock) -> None:
        self.clock = clock
        self.firms = firms
        self.worker = worker
        self.buyer = firms.firm("Buyer")
        self.suppliers = {name: firms.firm(f"Supplier {name}") for name in PRICES}
        self.offers: dict[str, Document] = {}
        self._seen = 0
        self._arbiter: httpx.Client | None = None
        self._market = Market(self.buyer.http, clock)

    def in_days(self, days: float) -> str:
        return (self.clock.now() + timedelta(days=days)).isoformat()

    def machine(self, name: str) -> Document:
        """The offer of a supplier's one machine."""
        if name not in self.offers:
            firm = self.suppliers[name]
            self._market.client = firm.http
            site = self._market.site(str(firm.id))
            machine = self._market.resource(str(firm.id), site, visibility="public")
            self.offers[name] = self._market.offer(str(firm.id), [machine], visibility="public")
        return self.offers[name]

    def draft(self, *invited: str, status: int = 201, **facts: Any) -> Document:
        body = {
            "title": "Gripper bodies",
            "text": "As drawn, deburred.",
            "lines": [{"description": "Gripper body", "quantity": PIECES}],
            "closes_at": self.in_days(3),
            "suppliers": [str(self.suppliers[name].id) for name in invited],
        }
        return told(self.buyer.http.post("deals", json=body | facts), status)

    def published(self, *invited: str, **facts: Any) -> str:
        """The id of a request that can be quoted for."""
        deal_id = str(self.draft(*(invited or PRICES), **facts)["id"])
        told(self.buyer.http.post(f"deals/{deal_id}/publish"))
        return deal_id

    def quote(self, deal_id: str, name: str, *, status: int = 201, **facts: Any) -> Document:
        body = {
            "lines": [{"unit_minor": PRICES[name], "setup_minor": 5_000}],
            "lead_days": 10,
            "valid_until": self.in_days(5),
        }
        firm = self.suppliers[name]
        return told(firm.http.post(f"deals/{deal_id}/quotes", json=body | facts), status)

    def slot(self, name: str, *, hours: float = 24) -> Document:
        """Four hours of the supplier's machine, so many hours from now."""
        offer = self.machine(name)
        start = self.clock.now() + timedelta(hours=hours)
        return {
            "resource_id": offer["resource_ids"][0],
            "offer_id": offer["id"],
            "start": start.isoformat(),
            "minutes": 240,
        }

    def choose(self, quote: Document, what: str, *, status: int = 200) -> Document:
        return told(self.buyer.http.post(f"quotes/{quote['id']}/{what}"), status)

    def awarded(self, name: str = "cheap", **facts: Any) -> Document:
        """The order of a request that one supplier quoted for."""
        quote = self.quote(self.published(name), name, **facts)
        self.choose(quote, "shortlist")
        return self.choose(quote, "award", status=201)

    def fund(self, order: Document) -> Document:
        """The order once the payment provider has said that the buyer's money is there."""
        told(self.buyer.http.post(f"orders/{order['id']}/fund", json={"method": "bank"}))
        with transaction(self.worker) as session:
            payments = ledger.list_payments(
                session=session,
                organisation_id=self.buyer.id,
                kind=PaymentKind.FUNDING,
                after=None,
                limit=1_000,
            )
            (asked,) = (one for one in payments if str(one.escrow_id) == order["escrow_id"])
            ledger.take_answer(
                session=session,
                clock=self.clock,
                payment_id=asked.id,
                answer=Answer(f"bank-{asked.id}", Verdict.SUCCEEDED),
            )
        self.work()
        return self.order(order)

    def started(self, name: str = "cheap", **facts: Any) -> Document:
        """An order in production."""
        order = self.fund(self.awarded(name, **facts))
        return told(self.suppliers[name].http.post(f"orders/{order['id']}/start"))

    def deliver(self, order: Document, quantity: int, *, status: int = 201) -> Document:
        body = {"line": 1, "quantity": quantity}
        return told(
            self.supplier_of(order).http.post(f"orders/{order['id']}/deliveries", json=body), status
        )

    def inspect(self, order: Document, lot: int, *, defects: int = 0, **facts: Any) -> Document:
        """The buyer's report; the sample is the whole lot."""
        sampled = {"severity": "major", "aql": "2.5", "inspected": lot, "defects": defects}
        body = {"line": 1, "lot": lot, "sampled": [sampled]}
        return told(
            self.buyer.http.post(f"orders/{order['id']}/inspections", json=body | facts), 201
        )

    def order(self, order: Document) -> Document:
        return told(self.buyer.http.get(f"orders/{order['id']}"))

    def money(self, order: Document) -> list[tuple[str, int]]:
        """What became of an order's money, as both of its sides read it."""
        read = [
            told(firm.http.get(f"orders/{order['id']}/money"))["items"]
            for firm in (self.buyer, self.supplier_of(order))
        ]
        assert read[0] == read[1]
        assert all(step["because"] for step in read[0])
        return [(step["kind"], step["minor"]) for step in read[0]]

    def arbiter(self) -> httpx.Client:
        """Who decides disputes for the platform, with a second factor proven."""
        if self._arbiter is None:
            self._arbiter = self.firms.administrator(Role.SYSTEM_ADMIN)
            with transaction(self.firms.sessions) as session:
                session.connection().execute(
                    text("UPDATE session SET strong_at = :now"), {"now": self.clock.now()}
                )
        return self._arbiter

    def supplier_of(self, order: Document) -> Firm:
        return next(
            firm for firm in self.suppliers.values() if str(firm.id) == order["supplier_id"]
        )

    def work(self) -> None:
        """Let the worker's consumers follow whatever was told since."""
        told_since = text(
            "SELECT seq, subject, payload FROM outbox_event WHERE seq > :seen ORDER BY seq"
        )
        while True:
            with transaction(self.worker) as session:
                rows = session.connection().execute(told_since, {"seen": self._seen}).all()
            if not rows:
                return
            for row in rows:
                self._seen = row.seq
                self._consume(row.subject, row.payload)

    def _consume(self, subject: str, payload: Document) -> None:
        for consumer in CONSUMERS:
            if consumer.event.subject() == subject:
                event = consumer.event.model_validate(payload)
                handle_once(self.worker, self.clock, consumer, event)

    def deal(self, firm: Firm, deal_id: str) -> Document:
        return told(firm.http.get(f"deals/{deal_id}"))

    def bid(self, name: str, deal_id: str) -> Document:
        """The supplier's own part in a request."""
        (bid,) = self.deal(self.suppliers[name], deal_id)["bids"]
        found: Document = bid
        return found

    def supplier_id(self, name: str) -> UUID:
        return self.suppliers[name].id


@contextmanager
def trade_on(sessions: Sessions, clock: FrozenClock) -> Iterator[Trade]:
    with firms_on(sessions, clock) as firms, sessions_as(sessions, WORKER) as worker:
        yield Trade(firms, worker, clock)
