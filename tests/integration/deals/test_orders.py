"""From the award to the settled order: money moves by what was made, and both can read why."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from marketplace.deals.handlers import following
from services.contracts.access import Role
from services.ledger import handlers as ledger
from services.runtime.db import transaction
from tests.integration.deals.trade import PIECES, PRICES, Document, Trade, refused, told

pytestmark = pytest.mark.integration

TOTAL = PIECES * PRICES["cheap"] + 5_000


def ledger_balances(trade: Trade) -> None:
    with transaction(trade.worker) as session:
        report = ledger.check(session=session)
    assert report.is_sound, report


def test_an_order_is_made_inspected_accepted_and_paid(trade: Trade) -> None:
    halves = [{"title": "first half", "share": 3_333}, {"title": "rest", "share": 6_667}]
    order = trade.awarded(milestones=halves)
    too_soon = trade.suppliers["cheap"].http.post(f"orders/{order['id']}/start")
    assert refused(too_soon, 409) == "deal-move-too-soon"
    assert trade.fund(order)["funded_at"]
    told(trade.suppliers["cheap"].http.post(f"orders/{order['id']}/start"))
    trade.deliver(order, 40)
    assert trade.deliver(order, 61, status=409)["code"] == "delivery-invalid"
    assert trade.inspect(order, 40)["passed"] is True
    release = {"milestone": 1}
    path = f"orders/{order['id']}"
    paid = told(trade.buyer.http.post(f"{path}/releases", json=release))
    first = TOTAL * 3_333 // 10_000
    assert (paid["released_minor"], paid["left_minor"]) == (first, TOTAL - first)
    again = trade.buyer.http.post(f"{path}/releases", json=release)
    assert refused(again, 409) == "milestone-closed"
    assert refused(trade.buyer.http.post(f"{path}/accept"), 409) == "deal-move-too-soon"
    trade.deliver(order, 60)
    trade.inspect(order, 60)
    settled = told(trade.buyer.http.post(f"{path}/accept"))
    assert (settled["state"], settled["released_minor"], settled["left_minor"]) == (
        "settled",
        TOTAL,
        0,
    )
    assert trade.money(order) == [
        ("opened", TOTAL),
        ("funded", TOTAL),
        ("released", first),
        ("released", TOTAL - first),
    ]
    deliveries = told(trade.buyer.http.get(f"{path}/deliveries"))["items"]
    assert [one["quantity"] for one in deliveries] == [40, 60]
    ledger_balances(trade)


def test_a_rejected_lot_goes_back_and_is_delivered_anew(trade: Trade) -> None:
    order = trade.started()
    path = f"orders/{order['id']}"
    trade.deliver(order, PIECES)
    report = trade.inspect(order, PIECES, defects=9)
    assert report["passed"] is False
    assert report["findings"][0]["plan"] == {"letter": "F", "sample": 20, "accept": 1}
    assert refused(trade.buyer.http.post(f"{path}/accept"), 409) == "deal-move-too-soon"
    back = told(trade.buyer.http.post(f"{path}/rework"))
    assert (back["state"], back["lines"][0]["delivered"]) == ("in_production", 0)
    trade.deliver(order, PIECES)
    outside = {
        "name": "bore", "nominal": "20", "lower": "0", "upper": "0.021", "unit": "mm",
        "severity": "critical", "measured": ["20.01", "20.022"],
    }  # fmt: skip
    sampled = [
        {"severity": "critical", "aql": "2.5", "inspected": 20, "defects": 0},
        {"severity": "major", "aql": "2.5", "inspected": 20, "defects": 1},
    ]
    report = trade.inspect(order, PIECES, sampled=sampled, characteristics=[outside])
    assert report["passed"] is False
    assert [one["passed"] for one in report["findings"]] == [False, True]
    assert report["characteristics"][0]["outside"] == 1
    told(trade.buyer.http.post(f"{path}/rework"))
    trade.deliver(order, PIECES)
    trade.inspect(order, PIECES)
    assert told(trade.buyer.http.post(f"{path}/accept"))["state"] == "settled"


def test_a_suppliers_own_report_is_evidence_and_accepts_nothing(trade: Trade) -> None:
    order = trade.started()
    trade.deliver(order, PIECES)
    sampled = [{"severity": "major", "aql": "1.0", "inspected": PIECES, "defects": 0}]
    body = {"line": 1, "lot": PIECES, "sampled": sampled}
    path = f"orders/{order['id']}"
    report = trade.suppliers["cheap"].http.post(f"{path}/inspections", json=body)
    assert told(report, 201)["passed"] is True
    assert trade.order(order)["state"] == "in_production"
    assert trade.order(order)["lines"][0]["accepted"] == 0
    assert len(told(trade.buyer.http.get(f"{path}/inspections"))["items"]) == 1


def test_after_a_partial_delivery_both_settle_and_the_rest_goes_back(trade: Trade) -> None:
    order = trade.started()
    path = f"orders/{order['id']}"
    trade.deliver(order, 60)
    trade.inspect(order, 60)
    wrong = {"split": {"release_minor": 1, "refund_minor": 1}, "because": "?"}
    assert refused(trade.buyer.http.post(f"{path}/proposals", json=wrong), 422) == (
        "settlement-sums-wrong"
    )
    asked = trade.buyer.http.post(f"{path}/proposals", json={"because": "60 are enough"})
    proposal = told(asked, 201)
    due = TOTAL * 60 // 100
    assert proposal["split"] == {"release_minor": due, "refund_minor": TOTAL - due}
    agreement = {"proposal_id": proposal["id"]}
    own = trade.buyer.http.post(f"{path}/agreement", json=agreement)
    assert refused(own, 409) == "own-proposal"
    supplier = trade.suppliers["cheap"]
    settled = told(supplier.http.post(f"{path}/agreement", json=agreement))
    assert (settled["state"], settled["released_minor"], settled["refunded_minor"]) == (
        "settled",
        due,
        TOTAL - due,
    )
    assert trade.money(order)[-2:] == [("released", due), ("refunded", TOTAL - due)]
    late = trade.suppliers["cheap"].http.post(f"{path}/agreement", json=agreement)
    assert refused(late, 409) == "proposal-not-found"
    ledger_balances(trade)


def disputed(trade: Trade, **facts: Any) -> tuple[Document, Document]:
    """An order over which its buyer has opened a dispute, with a photograph."""
    order = trade.started()
    trade.deliver(order, PIECES)
    trade.inspect(order, PIECES, defects=30)
    photo = trade.buyer.http.post(
        f"documents?name=scratches.csv&subject_kind=deal_bid&subject_id={order['bid_id']}",
        content=b"piece,scratch\n1,2 mm\n",
        headers={"content-type": "text/csv"},
    )
    body = {"category": "quality", "reason": "scratched", "documents": [told(photo, 201)["id"]]}
    opened = trade.buyer.http.post(f"orders/{order['id']}/disputes", json=body | facts)
    return order, told(opened, 201)


def test_a_dispute_freezes_the_money_until_an_arbiter_decides(trade: Trade) -> None:
    order, dispute = disputed(trade)
    path = f"orders/{order['id']}"
    assert trade.order(order)["state"] == "disputed"
    release = trade.buyer.http.post(f"{path}/releases", json={"milestone": 1})
    assert refused(release, 409) == "deal-move-refused"
    supplier = trade.suppliers["cheap"]
    assert supplier.http.get(f"documents/{dispute['documents'][0]}").status_code == 200
    assert trade.suppliers["dear"].http.get(f"disputes/{dispute['id']}").status_code == 404
    split = {"release_minor": 30_000, "refund_minor": TOTAL - 30_000}
    decision = {"split": split, "because": "30 of 100 can be used"}
    forbidden = supplier.http.post(f"disputes/{dispute['id']}/decision", json=decision)
    assert refused(forbidden, 403) == "forbidden"
    arbiter = trade.arbiter()
    assert told(arbiter.get(f"disputes/{dispute['id']}"))["reason"] == "scratched"
    evidence = arbiter.get(f"documents/{dispute['documents'][0]}/content")
    assert evidence.content == b"piece,scratch\n1,2 mm\n"
    short = {"split": split | {"refund_minor": 0}, "because": "?"}
    wrong = arbiter.post(f"disputes/{dispute['id']}/decision", json=short)
    assert refused(wrong, 422) == "settlement-sums-wrong"
    told(arbiter.post(f"disputes/{dispute['id']}/decision", json=decision))
    again = arbiter.post(f"disputes/{dispute['id']}/decision", json=decision)
    assert refused(again, 409) == "dispute-ended"
    trade.work()
    settled = trade.order(order)
    assert (settled["state"], settled["released_minor"], settled["refunded_minor"]) == (
        "settled",
        30_000,
        TOTAL - 30_000,
    )
    assert [kind for kind, _ in trade.money(order)] == [
        "opened", "funded", "frozen", "unfrozen", "released", "refunded",
    ]  # fmt: skip
    ledger_balances(trade)


def test_a_dispute_ends_by_agreement_too(trade: Trade) -> None:
    order, dispute = disputed(trade)
    path = f"orders/{order['id']}"
    body = {"split": {"release_minor": 0, "refund_minor": TOTAL}, "because": "all goes back"}
    proposal = told(trade.suppliers["cheap"].http.post(f"{path}/proposals", json=body), 201)
    agreement = {"proposal_id": proposal["id"]}
    assert told(trade.buyer.http.post(f"{path}/agreement", json=agreement))["state"] == "settled"
    ended = told(trade.buyer.http.get(f"disputes/{dispute['id']}"))
    assert (ended["state"], ended["split"]) == ("agreed", body["split"])
    assert trade.money(order)[-1] == ("refunded", TOTAL)
    decision = {"split": body["split"], "because": "late"}
    late = trade.arbiter().post(f"disputes/{dispute['id']}/decision", json=decision)
    assert refused(late, 409) == "dispute-ended"


def test_an_order_is_called_off_before_money_came_and_its_slots_are_free(trade: Trade) -> None:
    order = trade.awarded(slots=[trade.slot("cheap", hours=30)])
    path = f"orders/{order['id']}"
    assert told(trade.buyer.http.post(f"{path}/call-off"))["state"] == "withdrawn"
    trade.work()
    booking = told(trade.buyer.http.get(f"bookings/{order['booking_ids'][0]}"))
    assert booking["state"] == "cancelled"
    assert trade.money(order)[-1][0] == "cancelled"
    funded = trade.started()
    late = trade.buyer.http.post(f"orders/{funded['id']}/call-off")
    assert refused(late, 409) == "deal-move-refused"


def test_work_on_the_machine_starts_the_order_and_is_a_fact(trade: Trade) -> None:
    order = trade.fund(trade.awarded(slots=[trade.slot("cheap", hours=0.25)]))
    supplier = trade.suppliers["cheap"]
    (booking_id,) = order["booking_ids"]
    trade.clock.advance(timedelta(minutes=30))
    told(supplier.http.post(f"bookings/{booking_id}/start"))
    trade.work()
    assert trade.order(order)["state"] == "in_production"
    with transaction(trade.worker) as session:
        late = session.connection().exec_driver_sql(
            "SELECT value FROM deal_fact WHERE kind = 'started'"
        )
        assert late.scalar_one() == 15


def test_scores_are_made_of_facts_and_small_samples_say_nothing(trade: Trade) -> None:
    for _ in range(3):
        order = trade.started("middling")
        trade.deliver(order, PIECES)
        trade.inspect(order, PIECES)
        told(trade.buyer.http.post(f"orders/{order['id']}/accept"))
    with transaction(trade.worker) as session:
        assert following.add_up_scores(session=session, clock=trade.clock)
        assert following.add_up_scores(session=session, clock=trade.clock) == 0
    anybody = trade.suppliers["dear"].http
    read = told(anybody.get(f"organisations/{trade.supplier_id('middling')}/scores"))["scores"]
    found = {one["measure"]: (one["sample"], one["value"]) for one in read}
    assert found["award_rate"] == (3, 1_000)
    assert found["lots_passed"] == (3, 1_000)
    assert found["response_time"] == (3, 0)
    assert found["disputed"] == (3, 0)
    assert found["punctual_start"] == (0, None)
    assert all(one["definition"] for one in read)


def test_another_firm_reaches_nothing_of_an_order(trade: Trade) -> None:
    order = trade.awarded()
    outsider = trade.suppliers["dear"].http
    for path in ("", "/money", "/deliveries", "/inspections", "/proposals"):
        assert refused(outsider.get(f"orders/{order['id']}{path}"), 404) == "order-not-found"
    stolen = trade.suppliers["cheap"].http.post(
        f"orders/{order['id']}/fund", json={"method": "bank"}
    )
    assert refused(stolen, 404) == "order-not-found"
    idle = trade.firms.administrator(Role.AUDIT_ADMIN).get(f"orders/{order['id']}")
    assert refused(idle, 403) == "forbidden"


def test_what_replaces_a_booking_at_risk_is_the_orders(trade: Trade) -> None:
    order = trade.awarded(slots=[trade.slot("cheap", hours=40)])
    (former,) = order["booking_ids"]
    with transaction(trade.worker) as session:
        session.connection().execute(
            text("UPDATE booking SET at_risk = true, at_risk_reason = 'down' WHERE id = :id"),
            {"id": former},
        )
    slot = trade.slot("cheap", hours=60)
    asked = {name: slot[name] for name in ("resource_id", "offer_id", "start")}
    taken = told(trade.buyer.http.post(f"bookings/{former}/rebook", json=asked), 201)
    assert (taken["replaces_id"], taken["leg"]) == (former, 1)
    joint = told(trade.buyer.http.get(f"joint-bookings/{order['joint_id']}"))
    assert [leg["id"] for leg in joint["legs"]] == [taken["id"]]
    trade.work()
    trade.work()
    followed = trade.order(order)
    assert (followed["booking_ids"], followed["at_risk"]) == ([taken["id"]], False)
    assert told(trade.supplier_of(order).http.get(f"bookings/{former}"))["state"] == "cancelled"
