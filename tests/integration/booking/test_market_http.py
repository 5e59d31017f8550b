"""The slot market over HTTP: statuses, ETags, idempotency, and the cap of open holds in a race."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from services.runtime.db import Sessions
from tests.support.api import Document, Market, api_client
from tests.support.clock import START, FrozenClock

pytestmark = pytest.mark.integration
CAP = 3


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock, open_holds_max=CAP) as client:
        yield client


@pytest.fixture
def market(client: httpx.Client, clock: FrozenClock) -> Market:
    return Market(client, clock)


@pytest.fixture
def slot(market: Market) -> Document:
    """Two of twelve seats, asked for by a buyer."""
    owner = market.organisation("Owner")
    resource = market.resource(owner, market.site(owner), units=12)
    offer = market.offer(owner, [resource])
    return {
        "organisation_id": market.organisation("Buyer"),
        "resource_id": resource,
        "offer_id": offer["id"],
        "start": (START + timedelta(hours=48)).isoformat(),
        "minutes": 60,
        "units": 2,
    }


def test_requests_at_once_do_not_pass_the_cap_together(
    client: httpx.Client, slot: Document
) -> None:
    one = slot | {"units": 1}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("bookings", json=one), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * CAP + [429] * (8 - CAP)
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "too-many-holds"
    assert int(refused.headers["Retry-After"]) == 900


def test_the_cap_counts_the_legs_of_a_chain(client: httpx.Client, slot: Document) -> None:
    leg = {name: slot[name] for name in ("resource_id", "offer_id", "start", "minutes")}
    asked = {"organisation_id": slot["organisation_id"], "legs": [leg] * (CAP + 1)}
    answer = client.post("joint-bookings", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-holds")
    assert client.post("joint-bookings", json=asked | {"legs": [leg] * CAP}).status_code == 201


def test_a_move_and_a_release_follow_the_etag(client: httpx.Client, slot: Document) -> None:
    path = f"bookings/{client.post('bookings', json=slot).json()['id']}"
    to = {"start": (START + timedelta(hours=50)).isoformat(), "minutes": 90, "units": 4}
    moved = client.post(f"{path}/reschedule", json=to, headers={"If-Match": '"1"'})
    assert (moved.status_code, moved.headers["ETag"]) == (200, '"2"'), moved.text
    assert (moved.json()["units"], moved.json()["price"]["minor"]) == (4, 180_000)
    stale = client.post(f"{path}/release", json={"units": 1}, headers={"If-Match": '"1"'})
    assert stale.json()["code"] == "booking-version-mismatch"
    fewer = client.post(f"{path}/release", json={"units": 3}, headers={"If-Match": '"2"'})
    assert (fewer.json()["units"], fewer.json()["price"]["minor"]) == (1, 45_000)
    assert client.get(path).json() == fewer.json()


def test_a_window_that_ends_before_it_starts_is_refused(
    client: httpx.Client, slot: Document
) -> None:
    wish = slot | {"end": START.isoformat()}
    assert client.post("waitlist", json=wish).status_code == 422


def test_what_is_not_at_risk_has_no_proposals(client: httpx.Client, slot: Document) -> None:
    path = f"bookings/{client.post('bookings', json=slot).json()['id']}"
    answer = client.get(f"{path}/proposals")
    assert (answer.status_code, answer.json()["code"]) == (409, "booking-not-at-risk")


def test_bookings_are_a_calendar(client: httpx.Client, slot: Document) -> None:
    made = client.post("bookings", json=slot).json()
    answer = client.get("booking-calendar", params={"resource_id": slot["resource_id"]})
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert f"UID:{made['id']}@nonagon" in answer.text


@pytest.mark.parametrize("wrong", [{"late_percent": 101}, {"free_minutes": -1}, {"fee": 1}])
def test_terms_out_of_range_are_refused(
    client: httpx.Client, slot: Document, wrong: dict[str, int]
) -> None:
    answer = client.put(f"resources/{slot['resource_id']}/cancellation-policy", json=wrong)
    assert answer.status_code == 422
