"""Invoices through the API: recorded once up to what was paid, confirmed or rejected, credited."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import text

from services.identity.domain import OrganisationKind
from services.runtime.db import transaction
from tests.integration.deals.trade import PIECES, Document, Trade, refused, told

pytestmark = pytest.mark.integration

NET, VAT = 50_000, 6_500
AGAIN = (
    "INSERT INTO deal_invoice SELECT gen_random_uuid(), organisation_id, supplier_id, order_id,"
    " 'X', kind, issued_on, currency, lines, net_minor, vat_minor, total_minor, 'recorded',"
    " NULL, NULL, NULL, now(), NULL FROM deal_invoice WHERE number = 'A1'"
)


def stated(number: str, *, net: int = NET, vat: int = VAT, **facts: Any) -> Document:
    line = {"description": "Gripper bodies", "net_minor": net, "rate": 1_300, "vat_minor": vat}
    body = {"number": number, "kind": "special", "issued_on": "2026-03-02", "lines": [line]}
    return body | facts


@pytest.fixture(scope="module")
def order(trade: Trade) -> Document:
    """Settled: its supplier was paid 105 000."""
    made = trade.started("cheap")
    trade.deliver(made, PIECES)
    trade.inspect(made, PIECES)
    return told(trade.buyer.http.post(f"orders/{made['id']}/accept"))


def test_an_invoice_is_recorded_confirmed_credited_and_recorded_anew(
    trade: Trade, order: Document
) -> None:
    seller, buyer, path = trade.supplier_of(order).http, trade.buyer.http, f"orders/{order['id']}"
    first = told(seller.post(f"{path}/invoices", json=stated("A1")), 201)
    assert (first["net_minor"], first["vat_minor"], first["total_minor"]) == (NET, VAT, 56_500)
    again = seller.post(f"{path}/invoices", json=stated("A1", net=100, vat=13))
    assert refused(again, 409) == "invoice-number-used"
    too_much = seller.post(f"{path}/invoices", json=stated("A2"))
    assert refused(too_much, 409) == "invoice-too-much"
    early = seller.post(f"invoices/{first['id']}/credit-notes", json=stated("C1"))
    assert refused(early, 409) == "invoice-decided"
    assert refused(seller.post(f"invoices/{first['id']}/confirm"), 404) == "invoice-not-found"
    confirmed = told(buyer.post(f"invoices/{first['id']}/confirm"))
    assert (confirmed["state"], confirmed["decided_at"] is None) == ("confirmed", False)
    twice = buyer.post(f"invoices/{first['id']}/reject", json={"reason": "late"})
    assert refused(twice, 409) == "invoice-decided"
    note = told(seller.post(f"invoices/{first['id']}/credit-notes", json=stated("C1")), 201)
    assert note["credits"] == first["id"]
    more = seller.post(f"invoices/{first['id']}/credit-notes", json=stated("C2", net=1, vat=0))
    assert refused(more, 409) == "invoice-too-much"
    assert refused(seller.post(f"{path}/invoices", json=stated("A2")), 409) == "invoice-too-much"
    told(buyer.post(f"invoices/{note['id']}/confirm"))
    anew = told(seller.post(f"{path}/invoices", json=stated("A2")), 201)
    told(buyer.post(f"invoices/{anew['id']}/reject", json={"reason": "wrong name"}))
    told(seller.post(f"{path}/invoices", json=stated("A3", net=92_920, vat=12_080)), 201)
    read = [told(one.get(f"{path}/invoices"))["items"] for one in (seller, buyer)]
    assert read[0] == read[1]
    assert [one["number"] for one in read[0]] == ["A1", "C1", "A2", "A3"]
    assert len(buyer.get("invoices?format=csv").text.splitlines()) == 5


def test_with_consent_a_bank_sees_what_buyers_confirmed(trade: Trade, order: Document) -> None:
    seller = trade.supplier_of(order).http
    last = told(seller.get(f"orders/{order['id']}/invoices"))["items"][-1]
    told(trade.buyer.http.post(f"invoices/{last['id']}/confirm"))
    trade.clock.advance(timedelta(minutes=1))
    bank = trade.firms.firm("Bank", kind=OrganisationKind.INVESTOR)
    asked = {"kind": "order_finance", "amount_minor": 1, "months": 1, "purpose": "Steel"}
    asked |= {"recipients": [str(bank.id)]}
    (made,) = told(seller.post("financing-applications", json=asked), 201)["items"]
    path = f"financing-applications/{made['id']}"
    body = {"items": ["invoiced_value"], "expires_at": trade.in_days(100)}
    told(seller.post(f"{path}/consents", json=body), 201)
    (shown,) = told(seller.get(f"{path}/evidence"))["items"]
    assert (shown["item"], shown["value"], shown["rows"]) == ("invoiced_value", 105_000, 3)


def test_tax_that_is_not_of_its_rate_is_refused(trade: Trade, order: Document) -> None:
    seller = trade.supplier_of(order).http
    for vat in (VAT - 1, VAT + 1):
        answer = seller.post(f"orders/{order['id']}/invoices", json=stated("B1", vat=vat))
        assert refused(answer, 422) == "invoice-invalid"


def test_a_third_party_finds_no_invoice(trade: Trade, order: Document) -> None:
    seller, stranger = trade.supplier_of(order).http, trade.suppliers["dear"].http
    (found, *_) = told(seller.get(f"orders/{order['id']}/invoices"))["items"]
    assert refused(stranger.get(f"invoices/{found['id']}"), 404) == "invoice-not-found"
    answer = stranger.post(f"orders/{order['id']}/invoices", json=stated("S1"))
    assert refused(answer, 404) == "order-not-found"
    assert told(stranger.get("invoices"))["items"] == []


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ("UPDATE deal_invoice SET net_minor = net_minor + 1, total_minor = total_minor + 1",
         "never edited"),
        ("UPDATE deal_invoice SET state = 'confirmed', decided_at = now() WHERE number = 'A2'",
         "never edited"),
        (AGAIN, "of 105000 paid"),
    ],
)  # fmt: skip
def test_the_database_keeps_invoices_as_they_are_and_within_what_was_paid(
    trade: Trade, order: Document, change: str, because: str
) -> None:
    assert order["state"] == "settled"
    with pytest.raises(IntegrityError, match=because), transaction(trade.worker) as session:
        session.connection().execute(text(change))
