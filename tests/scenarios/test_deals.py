"""Deals told as stories (``deals/*.yaml``), played through the public API to the last fen.

Each ends in the same way: the order is settled, what was released and refunded is what was funded,
both sides read the same account of it with a reason for every step, and the ledger balances.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from services.ledger import handlers as ledger
from services.runtime.db import engine_for, sessions_for, transaction
from tests.integration.deals.trade import Document, Trade, told, trade_on
from tests.support.clock import FrozenClock
from tests.support.servers import PostgresServer

STORIES: Final = sorted((Path(__file__).parent / "deals").glob("*.yaml"))


@pytest.fixture(scope="module")
def trade(postgres_server: PostgresServer) -> Iterator[Trade]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=5, application="test")
    with trade_on(sessions_for(engine), FrozenClock()) as made:
        yield made
    engine.dispose()
    postgres_server.drop(url)


class Stage:
    """Plays the steps of one story."""

    def __init__(self, trade: Trade, story: Document) -> None:
        self.trade = trade
        self.story = story
        self.deal_id = trade.published()
        self.quotes: dict[str, Document] = {}
        self.order: Document = {}
        self.proposal: Document = {}
        self.dispute: Document = {}

    def play(self, step: Document) -> None:
        verb = next(iter(step))
        STEPS[verb](self, step[verb], {key: step[key] for key in step if key != verb})

    def ask(self, name: str, more: Document) -> None:
        supplier = self.trade.suppliers[name].http
        told(supplier.post(f"deals/{self.deal_id}/messages", json=more), 201)

    def tell(self, _: str, more: Document) -> None:
        told(self.trade.buyer.http.post(f"deals/{self.deal_id}/messages", json=more), 201)

    def decline(self, name: str, _: Document) -> None:
        body = {"reason": "fully booked"}
        told(self.trade.suppliers[name].http.post(f"deals/{self.deal_id}/decline", json=body))

    def quote(self, name: str, _: Document) -> None:
        slots = [self.trade.slot(name)] if self.story.get("slot") else []
        self.quotes[name] = self.trade.quote(
            self.deal_id, name, slots=slots, milestones=self.story.get("milestones", [])
        )

    def award(self, name: str, _: Document) -> None:
        quote = self.quotes[name]
        rows = told(self.trade.buyer.http.get(f"deals/{self.deal_id}/comparison"))["items"]
        assert rows[0]["quote_id"] == quote["id"]
        self.trade.choose(quote, "shortlist")
        if quote["slots"]:
            self.trade.choose(quote, "hold")
        self.order = self.trade.choose(quote, "award", status=201)

    def fund(self, _: str, __: Document) -> None:
        self.trade.fund(self.order)

    def start(self, _: str, __: Document) -> None:
        told(self.trade.supplier_of(self.order).http.post(f"{self._path}/start"))

    def deliver(self, quantity: int, _: Document) -> None:
        self.trade.deliver(self.order, quantity)

    def inspect(self, lot: int, more: Document) -> None:
        report = self.trade.inspect(self.order, lot, **more)
        assert report["passed"] is ("defects" not in more)

    def release(self, milestone: int, _: Document) -> None:
        body = {"milestone": milestone}
        told(self.trade.buyer.http.post(f"{self._path}/releases", json=body))

    def accept(self, _: str, __: Document) -> None:
        told(self.trade.buyer.http.post(f"{self._path}/accept"))

    def open_dispute(self, category: str, more: Document) -> None:
        body = {"category": category, "reason": more["text"]}
        self.dispute = told(self.trade.buyer.http.post(f"{self._path}/disputes", json=body), 201)

    def propose(self, side: str, more: Document) -> None:
        body: Document = {"because": more["text"]}
        if "release_minor" in more:
            body["split"] = {key: more[key] for key in ("release_minor", "refund_minor")}
        self.proposal = told(self._http(side).post(f"{self._path}/proposals", json=body), 201)

    def agree(self, side: str, _: Document) -> None:
        body = {"proposal_id": self.proposal["id"]}
        told(self._http(side).post(f"{self._path}/agreement", json=body))

    def decide(self, _: str, more: Document) -> None:
        split = {key: more[key] for key in ("release_minor", "refund_minor")}
        body = {"split": split, "because": more["text"]}
        told(self.trade.arbiter().post(f"disputes/{self.dispute['id']}/decision", json=body))
        self.trade.work()

    @property
    def _path(self) -> str:
        return f"orders/{self.order['id']}"

    def _http(self, side: str) -> Any:
        firm = self.trade.buyer if side == "buyer" else self.trade.supplier_of(self.order)
        return firm.http


STEPS: Final[Mapping[str, Callable[[Stage, Any, Document], None]]] = {
    "ask": Stage.ask,
    "tell": Stage.tell,
    "decline": Stage.decline,
    "quote": Stage.quote,
    "award": Stage.award,
    "fund": Stage.fund,
    "start": Stage.start,
    "deliver": Stage.deliver,
    "inspect": Stage.inspect,
    "release": Stage.release,
    "accept": Stage.accept,
    "dispute": Stage.open_dispute,
    "propose": Stage.propose,
    "agree": Stage.agree,
    "decide": Stage.decide,
}


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_deal_ends_in_an_explained_ledger(trade: Trade, path: Path) -> None:
    story: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert len(story["story"]) > 100
    stage = Stage(trade, story)
    for step in story["steps"]:
        stage.play(step)
    trade.work()

    expected, order = story["expect"], trade.order(stage.order)
    assert order["state"] == expected["state"]
    assert order["left_minor"] == 0
    for name in ("released_minor", "refunded_minor"):
        assert order[name] == expected[name], name
    for name, state in expected["bids"].items():
        assert trade.bid(name, stage.deal_id)["state"] == state, name
    trade.money(order)
    steps = told(trade.buyer.http.get(f"orders/{order['id']}/money"))["items"]
    for step, wanted in zip(steps, expected["money"], strict=True):
        assert (step["kind"], step["minor"]) == (wanted["kind"], wanted["minor"])
        assert wanted.get("because", "") in step["because"]
        parts = step["vat_minor"] + step["fee_minor"] + step["net_minor"]
        assert parts == (step["minor"] if step["kind"] == "released" else 0)
    with transaction(trade.worker) as session:
        assert ledger.check(session=session).is_sound


def test_there_is_a_story_of_each_way_to_end() -> None:
    assert len(STORIES) == 3
