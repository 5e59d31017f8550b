"""The ledger over HTTP: an order paid, released, read and paid out by the firms themselves."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.worker.__main__ import CONSUMERS
from services.contracts.events.booking import ChargeDue
from services.contracts.money import Money
from services.ledger import handlers
from services.ledger.domain import EscrowTerms, Subject
from services.ledger.provider.sandbox import Sandbox
from services.ledger.settling import settle
from services.runtime.consumers import handle_once
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from tests.support.clock import FrozenClock
from tests.support.firms import Firm, Firms, firms_on
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

PERIOD = {"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}


@pytest.fixture
def firms(sessions: Sessions, clock: FrozenClock) -> Iterator[Firms]:
    with firms_on(sessions, clock) as firms:
        yield firms


@pytest.fixture
def buyer(firms: Firms) -> Firm:
    return firms.firm("Buyer")


@pytest.fixture
def seller(firms: Firms) -> Firm:
    return firms.firm("Seller")


def said(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()


def opened(firms: Firms, buyer: Firm, seller: Firm, **terms: Any) -> Any:
    """As the context of orders would at award."""
    with transaction(firms.sessions) as session:
        return handlers.open_escrow(
            session=session,
            clock=firms.clock,
            subject=Subject("order", firms.clock.new_id()),
            payer=buyer.id,
            payee=seller.id,
            amount=Money(100_000),
            terms=EscrowTerms(**terms),
        )


def settled(firms: Firms, folder: Path) -> None:
    """What the worker does every two seconds."""
    with sessions_as(firms.sessions, WORKER) as working:
        sandbox = Sandbox(folder / "sandbox.sqlite", firms.clock)
        settle(sessions=working, clock=firms.clock, provider=sandbox)


def test_an_order_is_paid_read_and_paid_out(
    firms: Firms, buyer: Firm, seller: Firm, clock: FrozenClock, tmp_path: Path
) -> None:
    stakes = [(seller.id, 7_500), (firms.firm("Partner").id, 2_500)]
    asked = {
        "name": "Three quarters",
        "members": [{"member_id": str(one), "stake": stake} for one, stake in stakes],
    }
    rule = said(seller.http.post("share-rules", json=asked), 201)
    assert said(seller.http.get(f"share-rules/{rule['id']}")) == rule
    escrow = opened(firms, buyer, seller, share_rule_id=rule["id"])
    payment = said(buyer.http.post("payments", json={"escrow_id": str(escrow.id)}), 201)
    assert "非持牌支付机构" in payment["provider"]
    settled(firms, tmp_path)
    assert said(buyer.http.get(f"payments/{payment['id']}"))["state"] == "succeeded"
    with transaction(firms.sessions) as session:
        handlers.release(
            session=session, clock=clock, escrow_id=escrow.id, amount=Money(40_000),
            because="first milestone accepted", fact_id=clock.new_id(),
        )  # fmt: skip
        handlers.refund(
            session=session, clock=clock, escrow_id=escrow.id, amount=Money(60_000),
            because="the rest was not delivered", fact_id=clock.new_id(),
        )  # fmt: skip

    for firm in (buyer, seller):
        shown = said(firm.http.get(f"escrows/{escrow.id}"))
        assert (shown["state"], shown["balance_minor"]) == ("settled", 0)
        steps = said(firm.http.get(f"escrows/{escrow.id}/movements"))["items"]
        assert [step["kind"] for step in steps] == ["opened", "funded", "released", "refunded"]
        assert steps[2]["vat_minor"] + steps[2]["fee_minor"] + steps[2]["net_minor"] == 40_000
    accounts = said(buyer.http.get("accounts"))["items"]
    wallet = next(one for one in accounts if one["kind"] == "wallet")
    assert wallet["balance_minor"] == 60_000
    statement = said(buyer.http.get(f"accounts/{wallet['id']}/statement", params=PERIOD))
    assert (statement["opening_minor"], statement["closing_minor"]) == (0, 60_000)
    assert [line["because"] for line in statement["entries"]] == ["the rest was not delivered"]
    exported = buyer.http.get(
        f"accounts/{wallet['id']}/statement", params={**PERIOD, "format": "csv"}
    )
    lines = list(csv.DictReader(io.StringIO(exported.text.removeprefix("\ufeff"))))
    assert [line["amount_minor"] for line in lines] == ["60000"]


def test_only_the_payer_pays(firms: Firms, buyer: Firm, seller: Firm) -> None:
    escrow = opened(firms, buyer, seller)
    for firm in (seller, firms.firm("Stranger")):
        refused = said(firm.http.post("payments", json={"escrow_id": str(escrow.id)}), 404)
        assert refused["code"] == "escrow-not-found"


def test_a_payout_needs_a_second_factor(buyer: Firm) -> None:
    refused = said(buyer.http.post("payouts", json={"amount_minor": 1}), 403)
    assert refused["code"] == "second-factor-required"


def test_cost_centres_are_charged_once_per_fact(buyer: Firm, clock: FrozenClock) -> None:
    centres = [
        said(buyer.http.post("cost-centres", json={"code": code, "name": code}), 201)
        for code in ("milling", "assembly")
    ]
    taken = buyer.http.post("cost-centres", json={"code": "milling", "name": "again"})
    assert said(taken, 409)["code"] == "account-code-taken"
    booking = {
        "source": centres[1]["id"],
        "target": centres[0]["id"],
        "amount_minor": 4_200,
        "because": "two hours of the five-axis mill",
        "subject_id": str(clock.new_id()),
        "fact_id": str(clock.new_id()),
    }
    assert said(buyer.http.post("internal-bookings", json=booking), 201)["is_new"]
    assert not said(buyer.http.post("internal-bookings", json=booking), 201)["is_new"]
    to_itself = {**booking, "target": booking["source"], "fact_id": str(clock.new_id())}
    refused = buyer.http.post("internal-bookings", json=to_itself)
    assert said(refused, 422)["code"] == "account-not-internal"

    held = {
        one["code"]: one["balance_minor"] for one in said(buyer.http.get("cost-centres"))["items"]
    }
    assert held == {"milling": 4_200, "assembly": -4_200}


def test_a_period_that_ends_before_it_starts_is_none(buyer: Firm) -> None:
    centre = said(buyer.http.post("cost-centres", json={"code": "a", "name": "a"}), 201)
    backwards = {"start": PERIOD["end"], "end": PERIOD["start"]}
    refused = buyer.http.get(f"accounts/{centre['id']}/statement", params=backwards)
    assert said(refused, 422)["code"] == "period-invalid"


def test_a_fee_of_a_booking_is_owed_once(
    firms: Firms, buyer: Firm, seller: Firm, clock: FrozenClock
) -> None:
    consumer = next(one for one in CONSUMERS if one.name == "ledger-charges")
    booking_id = clock.new_id()
    for _ in range(2):
        due = ChargeDue(
            id=clock.new_id(),
            occurred_at=clock.now(),
            booking_id=booking_id,
            organisation_id=buyer.id,
            provider_id=seller.id,
            amount_minor=5_000,
            currency="CNY",
            reason="late_cancellation",
        )
        with sessions_as(firms.sessions, WORKER) as working:
            assert handle_once(working, clock, consumer, due)

    for firm, kind, minor in ((buyer, "payable", -5_000), (seller, "receivable", 5_000)):
        (account,) = said(firm.http.get("accounts"))["items"]
        assert (account["kind"], account["balance_minor"]) == (kind, minor)
