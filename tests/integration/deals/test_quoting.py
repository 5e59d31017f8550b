"""From the request to the award, through the API: who sees what, what holds, what comes of it."""

from datetime import timedelta

import pytest

from marketplace.deals.handlers import requests as handlers
from services.runtime.db import transaction
from tests.integration.deals.trade import PIECES, PRICES, Document, Trade, refused, told
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


def expire(trade: Trade, *, later: timedelta) -> None:
    """The worker's job at a later time; nobody's session is over meanwhile."""
    with transaction(trade.worker) as session:
        handlers.expire_due(session=session, clock=FrozenClock(trade.clock.now() + later))


def test_three_quotes_are_compared_and_the_best_is_awarded(trade: Trade) -> None:
    deal_id = trade.published(needed_by=trade.in_days(12))
    quotes = {name: trade.quote(deal_id, name, lead_days=5 + n) for n, name in enumerate(PRICES)}
    total = PIECES * PRICES["cheap"] + 5_000
    assert quotes["cheap"]["total_minor"] == total
    trace = quotes["cheap"]["lines"][0]["trace"]
    assert [(one["rule"], one["amount_minor"]) for one in trace] == [
        ("pieces", total - 5_000),
        ("setup", 5_000),
    ]
    rows = told(trade.buyer.http.get(f"deals/{deal_id}/comparison"))["items"]
    assert [row["quote_id"] for row in rows] == [quotes[name]["id"] for name in PRICES]
    assert rows[1]["over_lowest_minor"] == PIECES * (PRICES["middling"] - PRICES["cheap"])
    assert [row["in_time"] for row in rows] == [True, True, True]
    file = trade.buyer.http.get(f"deals/{deal_id}/comparison?format=csv")
    assert len(file.text.strip().splitlines()) == 4
    assert trade.deal(trade.buyer, deal_id)["state"] == "quoted"

    trade.choose(quotes["cheap"], "shortlist")
    order = trade.choose(quotes["cheap"], "award", status=201)
    assert (order["state"], order["total_minor"]) == ("awarded", total)
    assert [one["amount_minor"] for one in order["milestones"]] == [total]
    states = {bid["supplier_id"]: bid["state"] for bid in trade.deal(trade.buyer, deal_id)["bids"]}
    assert states == {
        str(trade.supplier_id("cheap")): "awarded",
        str(trade.supplier_id("middling")): "passed_over",
        str(trade.supplier_id("dear")): "passed_over",
    }
    assert refused(trade.buyer.http.post(f"quotes/{quotes['dear']['id']}/shortlist"), 409) == (
        "deal-move-refused"
    )


def test_a_supplier_sees_its_own_quotes_only_and_outsiders_nothing(trade: Trade) -> None:
    deal_id = trade.published("cheap", "dear")
    mine, other = trade.quote(deal_id, "cheap"), trade.quote(deal_id, "dear")
    supplier, outsider = trade.suppliers["cheap"], trade.suppliers["middling"]
    seen = trade.deal(supplier, deal_id)
    assert [bid["supplier_id"] for bid in seen["bids"]] == [str(supplier.id)]
    assert seen["shown_suppliers"] == []
    listed = told(supplier.http.get(f"quotes?deal_id={deal_id}"))["items"]
    assert [quote["id"] for quote in listed] == [mine["id"]]
    assert refused(supplier.http.get(f"quotes/{other['id']}"), 404) == "quote-not-found"
    assert refused(supplier.http.get(f"deals/{deal_id}/comparison"), 404) == "deal-not-found"
    assert refused(outsider.http.get(f"deals/{deal_id}"), 404) == "deal-not-found"
    assert refused(outsider.http.get(f"deals/{deal_id}/messages"), 404) == "deal-not-found"
    trade.quote(deal_id, "middling", status=404)
    stolen = supplier.http.post(f"quotes/{mine['id']}/shortlist")
    assert refused(stolen, 404) == "quote-not-found"


def test_a_draft_is_nobodys_but_its_buyers(trade: Trade) -> None:
    deal_id = trade.draft("cheap", visibility="public")["id"]
    for name in ("cheap", "dear"):
        gone = trade.suppliers[name].http.get(f"deals/{deal_id}")
        assert refused(gone, 404) == "deal-not-found"
    told(trade.buyer.http.post(f"deals/{deal_id}/publish"))
    assert trade.bid("cheap", deal_id)["state"] == "published"
    assert trade.deal(trade.suppliers["dear"], deal_id)["bids"] == []


def test_an_open_request_is_joined_by_who_finds_it_and_its_documents_read(trade: Trade) -> None:
    deal_id = trade.published("cheap", visibility="public", blind=False)
    drawing = trade.buyer.http.post(
        f"documents?name=drawing.csv&subject_kind=deal&subject_id={deal_id}",
        content=b"a,b\n1,2\n",
        headers={"content-type": "text/csv"},
    )
    document_id = told(drawing, 201)["id"]
    invited, finder = trade.suppliers["cheap"], trade.suppliers["dear"]
    assert trade.deal(finder, deal_id)["shown_suppliers"] == [str(invited.id)]
    told(invited.http.get(f"documents/{document_id}"))
    assert refused(finder.http.get(f"documents/{document_id}"), 404) == "document-not-found"
    told(finder.http.post(f"deals/{deal_id}/bids"), 201)
    assert finder.http.get(f"documents/{document_id}/content").content == b"a,b\n1,2\n"
    assert refused(trade.buyer.http.post(f"deals/{deal_id}/bids"), 409) == "own-deal"


def test_questions_stay_between_two_and_a_notice_is_for_all(trade: Trade) -> None:
    deal_id = trade.published("cheap", "dear")
    asker, other = trade.suppliers["cheap"], trade.suppliers["dear"]
    path = f"deals/{deal_id}/messages"
    told(asker.http.post(path, json={"text": "Which alloy?"}), 201)
    assert trade.bid("cheap", deal_id)["state"] == "clarify"
    assert trade.bid("dear", deal_id)["state"] == "published"
    answer = {"text": "6061", "supplier_id": str(asker.id)}
    told(trade.buyer.http.post(path, json=answer), 201)
    told(trade.buyer.http.post(path, json={"text": "The alloy is 6061 for all"}), 201)
    kinds = {
        name: [one["kind"] for one in told(firm.http.get(path))["items"]]
        for name, firm in (("buyer", trade.buyer), ("asker", asker), ("other", other))
    }
    assert kinds == {
        "buyer": ["question", "answer", "notice"],
        "asker": ["question", "answer", "notice"],
        "other": ["notice"],
    }
    meddling = {"text": "psst", "supplier_id": str(other.id)}
    assert refused(asker.http.post(path, json=meddling), 422) == "deal-invalid"
    stranger = {"text": "?", "supplier_id": str(trade.supplier_id("middling"))}
    assert refused(trade.buyer.http.post(path, json=stranger), 422) == "deal-thread-missing"


def test_a_revision_outdates_the_quotes_and_asks_everybody_again(trade: Trade) -> None:
    deal_id = trade.published("cheap", "dear")
    quote = trade.quote(deal_id, "cheap")
    trade.choose(quote, "shortlist")
    declined = trade.suppliers["dear"].http.post(f"deals/{deal_id}/decline", json={"reason": "-"})
    assert told(declined)["state"] == "no_bid"
    body = {
        "title": "Gripper bodies, longer",
        "lines": [{"description": "Gripper body", "quantity": 2 * PIECES}],
        "closes_at": trade.in_days(4),
    }
    stale = trade.buyer.http.put(f"deals/{deal_id}", json=body, headers={"If-Match": '"1"'})
    assert refused(stale, 412) == "deal-version-mismatch"
    revised = told(trade.buyer.http.put(f"deals/{deal_id}", json=body))
    assert (revised["revision"], revised["state"]) == (2, "published")
    old = told(trade.buyer.http.get(f"quotes/{quote['id']}"))
    assert old["state"] == "outdated"
    assert refused(trade.buyer.http.post(f"quotes/{quote['id']}/award"), 409) == "deal-move-refused"
    assert trade.quote(deal_id, "dear")["lines"][0]["quantity"] == 2 * PIECES


def test_a_later_quote_supersedes_and_one_taken_back_is_gone(trade: Trade) -> None:
    deal_id = trade.published("cheap")
    first = trade.quote(deal_id, "cheap")
    second = trade.quote(deal_id, "cheap", lines=[{"unit_minor": 900}])
    assert (first["version"], second["version"]) == (1, 2)
    assert told(trade.buyer.http.get(f"quotes/{first['id']}"))["state"] == "superseded"
    supplier = trade.suppliers["cheap"]
    assert told(supplier.http.post(f"quotes/{second['id']}/take-back"))["state"] == "withdrawn"
    rows = told(trade.buyer.http.get(f"deals/{deal_id}/comparison"))["items"]
    assert rows == []
    assert trade.quote(deal_id, "cheap")["version"] == 3


def test_slots_are_held_with_the_quote_and_firm_with_the_award(trade: Trade) -> None:
    deal_id = trade.published("cheap", "dear")
    slot = trade.slot("cheap")
    quote = trade.quote(deal_id, "cheap", slots=[slot])
    beaten = trade.quote(deal_id, "dear", slots=[trade.slot("dear")])
    assert refused(trade.buyer.http.post(f"quotes/{quote['id']}/hold"), 409) == "deal-move-refused"
    for one in (quote, beaten):
        trade.choose(one, "shortlist")
        assert trade.choose(one, "hold")["joint_id"]
    assert trade.deal(trade.buyer, deal_id)["state"] == "slot_held"
    rival = trade.suppliers["middling"].http.post("bookings", json=slot)
    assert refused(rival, 409) == "slot-taken"
    taking_back = trade.suppliers["cheap"].http.post(f"quotes/{quote['id']}/take-back")
    assert refused(taking_back, 409) == "deal-move-refused"

    order = trade.choose(quote, "award", status=201)
    (booking_id,) = order["booking_ids"]
    assert told(trade.buyer.http.get(f"bookings/{booking_id}"))["state"] == "confirmed"
    lost = told(trade.buyer.http.get(f"quotes/{beaten['id']}"))
    assert (lost["state"], lost["joint_id"]) == ("lost", None)
    free = trade.suppliers["middling"].http.post("bookings", json=beaten["slots"][0])
    told(free, 201)


def test_an_award_whose_slot_is_gone_awards_nothing(trade: Trade) -> None:
    deal_id = trade.published("middling")
    slot = trade.slot("middling", hours=48)
    quote = trade.quote(deal_id, "middling", slots=[slot])
    trade.choose(quote, "shortlist")
    told(trade.suppliers["dear"].http.post("bookings", json=slot), 201)
    gone = trade.buyer.http.post(f"quotes/{quote['id']}/award")
    assert refused(gone, 409) == "leg-taken"
    assert trade.deal(trade.buyer, deal_id)["state"] == "shortlisted"
    orders = told(trade.buyer.http.get("orders?limit=200"))["items"]
    assert deal_id not in {order["deal_id"] for order in orders}


def test_nobody_quotes_another_firms_machine(trade: Trade) -> None:
    deal_id = trade.published("dear")
    foreign = trade.slot("cheap", hours=72)
    assert trade.quote(deal_id, "dear", slots=[foreign], status=404)["code"] == (
        "quote-slot-not-yours"
    )


def test_what_is_over_runs_out_and_gives_its_slots_back(trade: Trade) -> None:
    deal_id, empty = trade.published("dear"), trade.published("dear")
    quote = trade.quote(
        deal_id, "dear", slots=[trade.slot("dear", hours=150)], valid_until=trade.in_days(4)
    )
    trade.choose(quote, "shortlist")
    trade.choose(quote, "hold")
    expire(trade, later=timedelta(days=1, minutes=1))
    assert trade.deal(trade.buyer, deal_id)["state"] == "shortlisted"
    assert told(trade.buyer.http.get(f"quotes/{quote['id']}"))["joint_id"] is None
    expire(trade, later=timedelta(days=3, minutes=1))
    assert trade.deal(trade.buyer, empty)["state"] == "expired"
    assert trade.deal(trade.buyer, deal_id)["state"] == "shortlisted"
    expire(trade, later=timedelta(days=4, minutes=1))
    assert told(trade.buyer.http.get(f"quotes/{quote['id']}"))["state"] == "expired"
    assert trade.deal(trade.buyer, deal_id)["state"] == "expired"
    over = trade.suppliers["dear"].http.post(f"deals/{deal_id}/decline", json={"reason": "late"})
    assert refused(over, 409) == "deal-move-refused"


def test_a_request_given_up_ends_for_all_of_its_suppliers(trade: Trade) -> None:
    deal_id = trade.published("cheap", "dear")
    quote = trade.quote(deal_id, "cheap")
    assert told(trade.buyer.http.post(f"deals/{deal_id}/withdraw"))["state"] == "withdrawn"
    assert trade.bid("cheap", deal_id)["state"] == "withdrawn"
    assert told(trade.buyer.http.get(f"quotes/{quote['id']}"))["state"] == "lost"
    again = trade.buyer.http.post(f"deals/{deal_id}/withdraw")
    assert refused(again, 409) == "deal-move-refused"


def test_what_nobody_could_quote_for_is_refused_with_its_field(trade: Trade) -> None:
    wrong: list[tuple[Document, str]] = [
        ({"lines": []}, "lines"),
        ({"closes_at": trade.in_days(-1)}, "closes_at"),
        ({"visibility": "park"}, "visibility"),
    ]
    for facts, field in wrong:
        assert trade.draft("cheap", status=422, **facts)["code"] == "deal-invalid", field
    nobody = trade.draft()["id"]
    assert refused(trade.buyer.http.post(f"deals/{nobody}/publish"), 409) == "deal-move-too-soon"
    deal_id = trade.published("cheap")
    quotes: list[Document] = [
        {"lines": [{"unit_minor": 1}, {"unit_minor": 1}]},
        {"lines": [{"unit_minor": 0}]},
        {"valid_until": trade.in_days(-1)},
        {"milestones": [{"title": "half", "share": 5_000}]},
    ]
    for given in quotes:
        assert trade.quote(deal_id, "cheap", status=422, **given)["code"] == "quote-invalid"
