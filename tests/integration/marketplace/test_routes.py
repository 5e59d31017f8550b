"""Chains planned through the API: who is seen, what is told, what is refused."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.support.api import Document, Market

WUHAN = {"latitude": 30.5, "longitude": 114.4}
SHANGHAI = {"latitude": 31.23, "longitude": 121.47}
CHAIN = ("machining.turning", "machining.milling", "properties.heat-treatment.hardening")


@pytest.fixture
def listed(market: Market) -> dict[str, str]:
    """A firm and a resource for each step, by process."""
    return {process: listing(market, process)[1] for process in CHAIN}


def listing(market: Market, process: str, **facts: Any) -> tuple[str, str]:
    """A firm with one machine for ``process``: organisation id, resource id."""
    visibility = facts.pop("visibility", "public")
    firm = market.organisation(process)
    site = market.site(firm, **facts.pop("at", {}))
    made = {"capabilities": [{"process": process}], "visibility": visibility}
    resource = market.resource(firm, site, **(made | facts))
    market.offer(firm, [resource], visibility=visibility)
    return firm, resource


def body(market: Market, buyer: str, **facts: Any) -> Document:
    steps = [{"process": process, "hours": 2} for process in CHAIN]
    return {"organisation_id": buyer, "steps": steps, "window": market.window()} | facts


def plan(market: Market, buyer: str, **facts: Any) -> Document:
    return market.post("routes", body(market, buyer, **facts), status=200)


def test_a_chain_is_routed_with_its_legs_price_and_proof(
    market: Market, listed: dict[str, str]
) -> None:
    found = plan(market, market.organisation("Buyer"))
    best = found["best"]
    assert [leg["resource_id"] for leg in best["legs"]] == list(listed.values())
    assert [leg["step"] for leg in best["legs"]] == [1, 2, 3]
    assert best["price"] == {"minor": 3 * 2 * 30_000, "currency": "CNY"}
    assert (found["value"], found["bound"], found["proven"]) == (360, 360, True)
    assert best["lead_minutes"] == 360
    assert best["delivered"] == best["legs"][-1]["end"]
    assert found["text"] == "the best of all routes over these candidates"
    assert [(one["candidates"], one["truncated"]) for one in found["steps"]] == [(1, False)] * 3


def test_the_way_between_two_towns_takes_its_time(market: Market) -> None:
    for process, at in zip(CHAIN, ({}, {"lat": 31.23, "lon": 121.47}, {}), strict=True):
        listing(market, process, at=at)
    transport = {"speed_kmh": 60, "handling_minutes": 30}
    best = plan(market, market.organisation("Buyer"), destination=SHANGHAI, transport=transport)[
        "best"
    ]
    trips = [leg["transport_minutes"] for leg in best["legs"]]
    assert trips[0] == 0
    assert trips[1] == trips[2] > 600
    assert best["lead_minutes"] == 6 * 60 + 3 * trips[1]


@pytest.mark.usefixtures("listed")
def test_with_a_destination_the_parts_are_there_when_the_window_ends(market: Market) -> None:
    buyer = market.organisation("Buyer")
    window = market.window(lasts=timedelta(hours=7))
    assert plan(market, buyer, window=window)["best"]
    late = plan(market, buyer, window=window, destination=SHANGHAI)
    assert late["best"] is None
    assert late["text"].startswith("every step has suppliers, but no way through them")
    assert late["text"].endswith(f": by {late['possible_by'][:16]}+00:00 there is one")
    enough = {"start": window["start"], "end": late["possible_by"]}
    found = plan(market, buyer, window=enough, destination=SHANGHAI)
    assert found["best"]["delivered"] == late["possible_by"]


def test_the_cheapest_waits_for_whom_the_earliest_does_not(
    market: Market, listed: dict[str, str]
) -> None:
    firm = market.organisation("Cheap")
    cheap = market.resource(
        firm,
        market.site(firm),
        capabilities=[{"process": CHAIN[1]}],
        rule={"notice_minutes": 24 * 60},
    )
    market.offer(firm, [cheap], price={"price_minor": 100})
    buyer = market.organisation("Buyer")
    earliest, cheapest = (
        plan(market, buyer, objective=objective)["best"] for objective in ("earliest", "cheapest")
    )
    assert earliest["legs"][1]["resource_id"] == listed[CHAIN[1]]
    assert cheapest["legs"][1]["resource_id"] == cheap
    assert cheapest["price"]["minor"] < earliest["price"]["minor"]
    assert cheapest["lead_minutes"] > earliest["lead_minutes"]


@pytest.mark.usefixtures("listed")
def test_more_listings_than_weighed_are_told(market: Market) -> None:
    listing(market, CHAIN[0])
    found = plan(market, market.organisation("Buyer"), candidates=1)
    assert found["truncated"] == [1]
    assert found["text"].endswith("; more listings fit step 1 than were weighed")


@pytest.mark.usefixtures("listed")
def test_a_step_without_a_candidate_says_why_and_what_would_gain_one(
    client: httpx.Client, market: Market
) -> None:
    listing(market, "machining.grinding", capabilities=[
        {"process": "machining.grinding", "tolerance_um": 8}
    ])  # fmt: skip
    grind = {"process": "machining.grinding", "hours": 1}
    tight = {"tolerance": {"grade": "IT5", "nominal_mm": 25}}
    steps = [{"process": CHAIN[0], "hours": 2}, grind | tight]
    asked = body(market, market.organisation("Buyer"), steps=steps)
    response = client.post("routes", json=asked, headers={"Accept-Language": "zh-CN"})
    found = response.json()
    assert found["best"] is None
    assert (found["value"], found["bound"], found["proven"]) == (None, None, True)
    assert found["text"] == "第 2 道工序没有合适的供应；原因见各工序"
    first, second = found["steps"]
    assert (first["candidates"], first["failures"], first["relaxations"]) == (1, [], [])
    assert [one["constraint"] for one in second["failures"]] == ["tolerance"]
    assert second["near_misses"][0]["causes"] == ["tolerance"]
    (looser,) = second["relaxations"]
    assert looser["text"].startswith("公差 ±4 µm (IT5) → ±8 µm (IT7)")


def test_what_others_keep_to_themselves_is_no_stop(market: Market) -> None:
    for process in CHAIN[:2]:
        listing(market, process)
    firm, hidden = listing(market, CHAIN[2], visibility="organisation")
    stranger = plan(market, market.organisation("Buyer"))
    assert (stranger["best"], stranger["steps"][2]["considered"]) == (None, 0)
    own = plan(market, firm)
    assert own["best"]["legs"][2]["resource_id"] == hidden


def test_a_machine_of_two_steps_keeps_its_buffers_and_can_be_held(market: Market) -> None:
    process = CHAIN[0]
    listing(market, process, rule={"buffer_before_minutes": 10, "buffer_after_minutes": 20})
    buyer = market.organisation("Buyer")
    steps = [{"process": process, "hours": 1}, {"process": process, "hours": 1}]
    best = plan(market, buyer, steps=steps)["best"]
    assert best["lead_minutes"] == 150
    kept = ("resource_id", "offer_id", "start", "minutes", "units")
    legs = [{name: leg[name] for name in kept} for leg in best["legs"]]
    held = market.post("joint-bookings", {"organisation_id": buyer, "legs": legs})
    assert held["state"] == "held"


@pytest.mark.parametrize(
    ("facts", "code", "says"),
    [
        ({"steps": [{"process": "no.such", "hours": 1}]}, "chain-step-invalid", "Step 1: "),
        (
            {"steps": [{"process": CHAIN[0], "hours": 1}, {"process": CHAIN[1], "hours": 999}]},
            "chain-step-invalid",
            "Step 2: What is left of the window",
        ),
        ({"steps": []}, "invalid-request", ""),
        ({"steps": [{"process": CHAIN[0], "hours": 1}] * 7}, "invalid-request", ""),
        ({"transport": {"speed_kmh": 0}}, "invalid-request", ""),
        ({"candidates": 51}, "invalid-request", ""),
    ],
)
def test_a_chain_that_cannot_be_is_refused(
    client: httpx.Client, market: Market, facts: Document, code: str, says: str
) -> None:
    response = client.post("routes", json=body(market, market.organisation("Buyer"), **facts))
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response.json()["detail"].startswith(says)
