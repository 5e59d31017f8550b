"""A provider that never answers, then one that answers twice: the order and every line say why."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from services.ledger.domain.payment import BACKOFF, UNANSWERED
from services.ledger.handlers.checking import check
from services.ledger.provider.sandbox import Sandbox
from services.ledger.settling import settle
from services.runtime.db import transaction
from tests.integration.deals.trade import PIECES, Document, Trade, refused, told
from tests.support.firms import Firm

pytestmark = pytest.mark.integration

PERIOD = {"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}


def fresh(trade: Trade, firm: Firm) -> httpx.Client:
    """A client whose session has just begun, however long the test has waited."""
    return trade.firms.client(firm.owner_id, firm.id)


def lines_of(http: httpx.Client) -> Iterator[Document]:
    for account in told(http.get("accounts"))["items"]:
        yield from told(http.get(f"accounts/{account['id']}/statement", params=PERIOD))["entries"]


def test_an_order_nobody_answers_for_is_paid_by_who_answers_twice(
    trade: Trade, tmp_path: Path
) -> None:
    order = trade.awarded()
    path = f"orders/{order['id']}"
    told(trade.buyer.http.post(f"{path}/fund", json={"method": "silent"}))
    sandbox = Sandbox(tmp_path / "sandbox.sqlite", trade.clock)
    for wait in (timedelta(), *BACKOFF, timedelta(seconds=1)):
        trade.clock.advance(wait)
        settle(sessions=trade.worker, clock=trade.clock, provider=sandbox)
    buyer, seller = fresh(trade, trade.buyer), fresh(trade, trade.supplier_of(order))
    (unanswered,) = told(buyer.get("payments"))["items"]
    assert (unanswered["state"], unanswered["explanation"]) == ("failed", UNANSWERED)
    assert refused(seller.post(f"{path}/start"), 409) == "deal-move-too-soon"
    assert list(lines_of(buyer)) == []
    told(buyer.post(f"{path}/fund", json={"method": "twice"}))
    for _ in range(3):
        settle(sessions=trade.worker, clock=trade.clock, provider=sandbox)
        trade.clock.advance(timedelta(minutes=1))
    trade.work()
    told(seller.post(f"{path}/start"))
    steps = told(buyer.get(f"{path}/money"))["items"]
    assert [(one["kind"], one["minor"]) for one in steps] == [
        ("opened", order["total_minor"]), ("funded", order["total_minor"]),
    ]  # fmt: skip
    # Half is delivered and accepted; both agree that the rest goes back.
    told(seller.post(f"{path}/deliveries", json={"line": 1, "quantity": PIECES // 2}), 201)
    sampled = {"severity": "major", "aql": "2.5", "inspected": PIECES // 2, "defects": 0}
    body = {"line": 1, "lot": PIECES // 2, "sampled": [sampled]}
    told(buyer.post(f"{path}/inspections", json=body), 201)
    proposal = told(buyer.post(f"{path}/proposals", json={"because": "enough"}), 201)
    settled = told(seller.post(f"{path}/agreement", json={"proposal_id": proposal["id"]}))
    assert settled["state"] == "settled"
    assert settled["released_minor"] + settled["refunded_minor"] == order["total_minor"]
    for http in (buyer, seller):
        lines = list(lines_of(http))
        assert lines
        assert all(line["because"] for line in lines)
        assert any("enough" in line["because"] for line in lines)
    with transaction(trade.firms.sessions) as session:
        assert check(session=session).is_sound
