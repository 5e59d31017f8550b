"""Bookings over HTTP: idempotent creation, ETags, problem documents, lists."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.runtime.db import Sessions, transaction
from tests.integration.booking.park import TTL, count
from tests.support.api import Document, Market, api_client
from tests.support.clock import START, FrozenClock


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock) as client:
        yield client


@pytest.fixture
def market(client: httpx.Client, clock: FrozenClock) -> Market:
    return Market(client, clock)


@pytest.fixture
def slot(market: Market) -> Document:
    """A body that books a listed mill for a buyer."""
    _, resource_id, offer = market.listed_mill()
    return {
        "organisation_id": market.organisation("Buyer"),
        "resource_id": resource_id,
        "offer_id": offer["id"],
        "start": (START + timedelta(hours=2)).isoformat(),
        "minutes": 90,
    }


def book(client: httpx.Client, slot: Document, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("bookings", json=slot, headers=headers)


def test_hold_answers_with_price_and_deadline(client: httpx.Client, slot: Document) -> None:
    response = book(client, slot)
    assert response.status_code == 201
    held = response.json()
    assert held["state"] == "held"
    assert held["price"] == {"minor": 45_000, "currency": "CNY"}
    assert held["hold_until"].startswith("2026-03-02T09:15:00")
    assert (held["at_risk"], held["version"], held["units"]) == (False, 1, 1)


def test_a_repeated_request_with_the_same_key_is_the_same_booking(
    client: httpx.Client, slot: Document, sessions: Sessions
) -> None:
    first, again = book(client, slot, "k"), book(client, slot, "k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    with transaction(sessions) as session:
        assert count(session, "booking") == 1


def test_many_requests_at_once_with_the_same_key_make_one_booking(
    client: httpx.Client, slot: Document, sessions: Sessions
) -> None:
    slot["units"] = 1
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: book(client, slot, "k"), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    with transaction(sessions) as session:
        assert count(session, "booking") == 1


def test_a_key_used_for_another_slot_is_refused(client: httpx.Client, slot: Document) -> None:
    book(client, slot, "k")
    response = book(client, slot | {"minutes": 91}, "k")
    assert response.status_code == 422
    assert response.json()["code"] == "idempotency-key-reused"


def test_a_refused_request_leaves_its_key_unused(client: httpx.Client, slot: Document) -> None:
    held = book(client, slot).json()
    assert book(client, slot, "k").status_code == 409
    client.post(f"bookings/{held['id']}/cancel")
    assert book(client, slot, "k").status_code == 201


def test_a_rival_gets_409_as_a_problem_in_the_language_asked(
    client: httpx.Client, slot: Document
) -> None:
    book(client, slot)
    response = client.post("bookings", json=slot, headers={"Accept-Language": "zh-CN"})
    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "slot-taken"
    assert "没有 1 个空闲单元" in response.json()["detail"]


def test_confirm_and_cancel_move_the_etag(client: httpx.Client, slot: Document) -> None:
    path = f"bookings/{book(client, slot).json()['id']}"
    assert client.get(path).headers["ETag"] == '"1"'
    confirmed = client.post(f"{path}/confirm", headers={"If-Match": '"1"'})
    assert (confirmed.json()["state"], confirmed.headers["ETag"]) == ("confirmed", '"2"')
    stale = client.post(f"{path}/cancel", headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (409, "booking-version-mismatch")
    assert client.post(f"{path}/cancel", headers={"If-Match": "*"}).json()["state"] == "cancelled"
    assert client.get(path).headers["ETag"] == '"3"'


def test_start_and_finish_follow_confirmation(client: httpx.Client, slot: Document) -> None:
    path = f"bookings/{book(client, slot).json()['id']}"
    assert client.post(f"{path}/start").status_code == 409
    client.post(f"{path}/confirm")
    assert client.post(f"{path}/start").json()["state"] == "started"
    assert client.post(f"{path}/finish").json()["state"] == "finished"


def test_an_etag_that_is_none_is_refused(client: httpx.Client, slot: Document) -> None:
    path = f"bookings/{book(client, slot).json()['id']}"
    response = client.post(f"{path}/confirm", headers={"If-Match": '"latest"'})
    assert (response.status_code, response.json()["code"]) == (422, "if-match-invalid")


def test_confirming_too_late_is_refused(
    client: httpx.Client, slot: Document, clock: FrozenClock
) -> None:
    path = f"bookings/{book(client, slot).json()['id']}"
    clock.advance(TTL)
    response = client.post(f"{path}/confirm")
    assert (response.status_code, response.json()["code"]) == (409, "hold-expired")


@pytest.mark.parametrize(
    "wrong",
    [{"price": 1}, {"minutes": 0}, {"minutes": -5}, {"units": 0}, {"start": "2026-03-02T11:00:00"},
     {"start": "soon"}, {"start": 1772449200}, {"start": "1772449200"}, {"resource_id": "x"}],
)  # fmt: skip
def test_a_malformed_slot_is_422_and_books_nothing(
    client: httpx.Client, slot: Document, sessions: Sessions, wrong: dict[str, Any]
) -> None:
    assert book(client, slot | wrong).status_code == 422
    with transaction(sessions) as session:
        assert count(session, "booking") == 0


def test_an_unknown_booking_is_404(client: httpx.Client, slot: Document) -> None:
    response = client.get(f"bookings/{slot['resource_id']}")
    assert (response.status_code, response.json()["code"]) == (404, "booking-not-found")


def test_lists_page_filter_and_export(client: httpx.Client, slot: Document) -> None:
    starts = [(START + timedelta(hours=2 * hour)).isoformat() for hour in (1, 2, 3)]
    ids = [book(client, slot | {"start": start}).json()["id"] for start in starts]
    client.post(f"bookings/{ids[1]}/cancel")
    page = client.get("bookings", params={"limit": 2}).json()
    assert [one["id"] for one in page["items"]] == ids[:2]
    rest = client.get("bookings", params={"limit": 2, "after": page["next"]}).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == (ids[2:], None)
    cancelled = client.get("bookings", params={"state": ["cancelled", "expired"]}).json()
    assert [one["id"] for one in cancelled["items"]] == [ids[1]]
    exported = client.get("bookings", params={"format": "csv"})
    assert exported.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[0] for line in exported.text.splitlines()[1:]] == ids
