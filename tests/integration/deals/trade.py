"""A buyer and three suppliers with a machine each, on an API of the test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions
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

    def slot(self, name: str, *, hours: int = 24) -> Document:
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
