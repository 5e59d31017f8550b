"""An order of four steps over four firms, played through the public API.

A buyer needs a shaft turned, milled, hardened and measured. Nobody does all of it: the platform
routes it over firms in three towns, the buyer holds every leg as one and confirms it. A second
buyer has planned the same route meanwhile, and is told which leg is gone: the cheap mill's.
Planning again gives the next best ways, the same mill later or a dearer one as soon. The firm that
hardens gives a held leg back, and what hung on it is free again.
"""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.booking.consumers import follow_leg
from services.contracts.events.booking import JointLegLost
from services.runtime.db import Sessions, transaction
from tests.integration.booking.park import events
from tests.support.api import Document, Market
from tests.support.clock import FrozenClock

TURN, MILL = "machining.turning", "machining.milling"
HARDEN, MEASURE = "properties.heat-treatment.hardening", "testing.dimensional.cmm"
HOURS = {TURN: 2, MILL: 3, HARDEN: 8, MEASURE: 1}
WUHAN, EZHOU, XIAOGAN = (30.59, 114.30), (30.39, 114.89), (30.92, 113.92)
AT_HOME = {"latitude": 30.59, "longitude": 114.30}


@pytest.fixture
def firms(market: Market) -> dict[str, str]:
    """Who does what where, on how many machines: one mill is cheap, another dear."""
    works = {
        "turner": (TURN, WUHAN, 18_000, 2),
        "miller": (MILL, EZHOU, 30_000, 1),
        "dear miller": (MILL, EZHOU, 45_000, 1),
        "hardener": (HARDEN, XIAOGAN, 12_000, 2),
        "laboratory": (MEASURE, WUHAN, 20_000, 2),
    }
    return {name: works_of(market, name, *facts) for name, facts in works.items()}


def works_of(
    market: Market, name: str, process: str, at: tuple[float, float], per_hour: int, units: int
) -> str:
    firm = market.organisation(name)
    site = market.site(firm, lat=at[0], lon=at[1])
    capability = {"process": process, "materials": ["metal.steel"], "tolerance_um": 10}
    machine = market.resource(firm, site, name=name, units=units, capabilities=[capability])
    market.offer(firm, [machine], price={"price_minor": per_hour})
    return machine


def plan(market: Market, buyer: str, **facts: Any) -> Document:
    asked = {
        "organisation_id": buyer,
        "steps": [
            {"process": process, "hours": hours, "material": "metal.steel.alloy.42crmo"}
            for process, hours in HOURS.items()
        ],
        "window": market.window(lasts=timedelta(days=6)),
        "origin": AT_HOME,
        "destination": AT_HOME,
        "objective": "cheapest",
        "transport": {"speed_kmh": 50, "handling_minutes": 30},
    }
    return market.post("routes", asked | facts, status=200)


def hold(client: httpx.Client, buyer: str, route: Document, **more: Any) -> httpx.Response:
    sent = ("resource_id", "offer_id", "start", "minutes", "units")
    legs = [{name: leg[name] for name in sent} for leg in route["legs"]]
    return client.post("joint-bookings", json={"organisation_id": buyer, "legs": legs}, **more)


def machines(document: Document) -> list[str]:
    return [leg["resource_id"] for leg in document["legs"]]


def test_an_order_of_four_steps_is_routed_held_and_confirmed_and_a_rival_goes_round(
    market: Market, client: httpx.Client, firms: dict[str, str]
) -> None:
    buyer, rival = market.organisation("Buyer"), market.organisation("Rival")
    route, same = plan(market, buyer)["best"], plan(market, rival)["best"]
    cheap = [firms[name] for name in ("turner", "miller", "hardener", "laboratory")]
    assert machines(route) == machines(same) == cheap
    assert len({leg["organisation_id"] for leg in route["legs"]}) == 4
    trips = [leg["transport_minutes"] for leg in route["legs"]]
    assert trips[0] == 0
    assert min(trips[1:]) > 60
    assert route["price"]["minor"] == 2 * 18_000 + 3 * 30_000 + 8 * 12_000 + 20_000

    held = hold(client, buyer, route, headers={"Idempotency-Key": "order-1"})
    assert held.status_code == 201, held.text
    assert hold(client, buyer, route, headers={"Idempotency-Key": "order-1"}).json() == held.json()
    joint = held.json()
    assert (joint["state"], joint["price"]) == ("held", route["price"])
    confirmed = client.post(f"joint-bookings/{joint['id']}/confirm")
    assert confirmed.json()["state"] == "confirmed"
    assert {leg["state"] for leg in confirmed.json()["legs"]} == {"confirmed"}

    refused = hold(client, rival, same)
    assert (refused.status_code, refused.json()["code"]) == (409, "leg-taken")
    assert refused.json()["legs"] == [2]
    assert refused.json()["detail"].startswith(f"Leg 2: Resource {firms['miller']} has no 1 unit")
    assert refused.json()["detail"].endswith("Nothing was held; change this leg, or route again.")
    assert market.get("bookings", organisation_id=rival)["items"] == []

    again = plan(market, rival)["best"]
    assert machines(again) == cheap
    assert again["delivered"] > same["delivered"]
    sooner = plan(market, rival, objective="earliest")["best"]
    assert machines(sooner) == [cheap[0], firms["dear miller"], *cheap[2:]]
    assert same["delivered"] == sooner["delivered"] < again["delivered"]
    assert sooner["price"]["minor"] == same["price"]["minor"] + 3 * 15_000
    assert hold(client, rival, sooner).status_code == 201


def test_each_firm_sees_its_own_leg_and_the_buyer_all(
    market: Market, client: httpx.Client, firms: dict[str, str]
) -> None:
    buyer = market.organisation("Buyer")
    route = plan(market, buyer)["best"]
    joint = hold(client, buyer, route).json()
    own = market.keyring.header(buyer)
    assert [one["id"] for one in client.get("joint-bookings", headers=own).json()["items"]] == [
        joint["id"]
    ]
    for leg in joint["legs"]:
        as_provider = market.keyring.header(leg["provider_id"])
        seen = client.get("bookings", headers=as_provider).json()["items"]
        assert [(one["id"], one["joint_id"]) for one in seen] == [(leg["id"], joint["id"])]
        assert client.get("joint-bookings", headers=as_provider).json()["items"] == []
        path = f"joint-bookings/{joint['id']}"
        for asked in (client.get(path, headers=as_provider),
                      client.post(f"{path}/cancel", headers=as_provider)):  # fmt: skip
            assert (asked.status_code, asked.json()["code"]) == (404, "joint-booking-not-found")
    assert set(firms.values()) > {leg["resource_id"] for leg in joint["legs"]}


@pytest.mark.usefixtures("firms")
def test_a_held_chain_falls_as_a_whole_when_one_firm_gives_its_leg_back(
    market: Market, client: httpx.Client, sessions: Sessions, clock: FrozenClock
) -> None:
    buyer = market.organisation("Buyer")
    route = plan(market, buyer)["best"]
    joint = hold(client, buyer, route).json()
    own = market.keyring.header(buyer)
    third = joint["legs"][2]
    for to in ("confirm", "cancel"):
        alone = client.post(f"bookings/{third['id']}/{to}", headers=own)
        assert (alone.status_code, alone.json()["code"]) == (409, "booking-part-of-joint")

    as_provider = market.keyring.header(third["provider_id"])
    assert client.post(f"bookings/{third['id']}/cancel", headers=as_provider).status_code == 200
    stuck = client.post(f"joint-bookings/{joint['id']}/confirm", headers=own)
    assert (stuck.status_code, stuck.json()["legs"]) == (409, [3])
    with transaction(sessions) as session:
        (told,) = (one for one in events(session) if "joint_id" in one)
        follow_leg(session=session, clock=clock, event=JointLegLost.model_validate(told))

    fallen = client.get(f"joint-bookings/{joint['id']}", headers=own).json()
    assert fallen["state"] == "cancelled"
    assert {leg["state"] for leg in fallen["legs"]} == {"cancelled"}
    assert plan(market, buyer)["best"]["delivered"] == route["delivered"]
