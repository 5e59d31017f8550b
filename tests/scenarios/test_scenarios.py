"""The main job told as stories (``*.yaml`` beside this file), played through the public API.

A machine, a laboratory method, a pool of seats and an expert go the same way: nothing here asks for
the kind. Per story: register → offer → demand → match → hold → confirm → a rival is refused while
every unit is taken → cancel → the slot is free again.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.api import Document, Market
from tests.support.clock import FrozenClock

STORIES = sorted(Path(__file__).parent.glob("*.yaml"))


@pytest.fixture(params=STORIES, ids=lambda path: path.stem)
def story(request: pytest.FixtureRequest) -> Document:
    document: Document = _plain(yaml.safe_load(request.param.read_text(encoding="utf-8")))
    return document


@pytest.fixture
def resource_id(market: Market, story: Document) -> str:
    owner = market.organisation("Owner")
    resource = market.resource(owner, market.site(owner), **story["resource"])
    market.offer(owner, [resource], **story["offer"])
    return resource


def ask(market: Market, story: Document, buyer: str) -> Document:
    """The best candidate for the story's demand."""
    demand = market.demand(buyer, **story["demand"])
    found = market.match(demand["id"])
    assert len(found["candidates"]) == 1, found
    candidate: Document = found["candidates"][0]
    return candidate | {"demand_id": demand["id"]}


def hold(client: httpx.Client, buyer: str, candidate: Document) -> httpx.Response:
    start, end = (datetime.fromisoformat(candidate[name]) for name in ("start", "end"))
    body = {
        "organisation_id": buyer,
        "resource_id": candidate["resource_id"],
        "offer_id": candidate["offer_id"],
        "demand_id": candidate["demand_id"],
        "start": candidate["start"],
        "minutes": int((end - start) / timedelta(minutes=1)) - candidate["setup_minutes"],
        "units": candidate["units"],
    }
    return client.post("bookings", json=body)


def test_the_best_slot_is_offered_with_its_price_and_reasons(
    market: Market, story: Document, resource_id: str, clock: FrozenClock
) -> None:
    candidate = ask(market, story, market.organisation("Buyer"))

    expected = story["expect"]
    start, end = (datetime.fromisoformat(candidate[name]) for name in ("start", "end"))
    assert candidate["resource_id"] == resource_id
    assert candidate["price"] == {"minor": expected["price_minor"], "currency": "CNY"}
    assert (end - start) == timedelta(minutes=expected["minutes"])
    assert candidate["units"] == expected["units"]
    assert start >= clock.now() + timedelta(hours=expected.get("earliest_after_hours", 0))
    assert all(verdict["passed"] and verdict["text"] for verdict in candidate["verdicts"])


def test_a_slot_is_held_confirmed_and_given_back(
    market: Market, client: httpx.Client, story: Document, resource_id: str
) -> None:
    buyer = market.organisation("Buyer")
    candidate = ask(market, story, buyer)

    held = hold(client, buyer, candidate)
    assert held.status_code == 201, held.text
    booking = held.json()
    assert (booking["state"], booking["resource_id"]) == ("held", resource_id)
    assert booking["price"] == candidate["price"]
    confirmed = market.post(f"bookings/{booking['id']}/confirm", status=200)
    assert (confirmed["state"], confirmed["hold_until"]) == ("confirmed", None)

    cancelled = market.post(f"bookings/{booking['id']}/cancel", status=200)

    assert cancelled["state"] == "cancelled"
    assert ask(market, story, buyer)["start"] == candidate["start"]


@pytest.mark.usefixtures("resource_id")
def test_a_rival_is_refused_once_every_unit_is_taken_and_finds_a_later_slot(
    market: Market, client: httpx.Client, story: Document
) -> None:
    buyer, rival = market.organisation("Buyer"), market.organisation("Rival")
    candidate = ask(market, story, buyer)
    fitting = story["resource"].get("units", 1) // story["expect"]["units"]
    for _ in range(fitting):
        assert hold(client, buyer, candidate).status_code == 201

    refused = hold(client, rival, candidate)

    assert refused.status_code == 409, refused.text
    assert refused.json()["code"] == "slot-taken"
    after_buffer = timedelta(
        minutes=story["resource"].get("rule", {}).get("buffer_after_minutes", 0)
    )
    later = datetime.fromisoformat(ask(market, story, rival)["start"])
    assert later == datetime.fromisoformat(candidate["end"]) + after_buffer


def test_every_story_tells_what_it_is_about() -> None:
    for path in STORIES:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert len(told["story"]) > 100, path.name
    assert len(STORIES) >= 4


def _plain(value: Any) -> Any:
    """YAML dates as the text JSON carries."""
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
