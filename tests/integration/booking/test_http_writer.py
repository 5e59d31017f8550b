"""Booking over HTTP where a durable writer answers, and where it does not: nobody can tell."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from services.booking.writing.asking import RemoteWriter
from services.matching.service.port import MatcherUnavailableError
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, transaction
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.settings import Settings
from tests.integration.booking.park import COPIES, HOUR
from tests.support.api import Keyring, Market, served_app
from tests.support.matcher import Asker, DistinctClock, asking, matcher_running
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


class Counting(RemoteWriter):
    """Tells what became of each question; ``lost`` answers do not arrive."""

    def __init__(self, asker: Asker) -> None:
        super().__init__(asker.remote())
        self.answers: list[str] = []
        self.lost = False

    def hold(self, question: Any) -> Any:
        outcomes = super().hold(question)
        self.answers.append(outcomes[0].declined or "held")
        if self.lost:
            raise MatcherUnavailableError("no-answer")
        return outcomes


@pytest.fixture
def clock() -> DistinctClock:
    return DistinctClock(SystemClock().now())


@pytest.fixture
def door(sessions: Sessions, clock: DistinctClock) -> Iterator[tuple[FastAPI, httpx.Client]]:
    keyring = Keyring(sessions, clock)
    with (
        served_app(sessions, clock) as (app, address),
        httpx.Client(
            base_url=f"{address}/api/v1/",
            trust_env=False,
            timeout=30,
            auth=keyring,
            event_hooks={"response": [keyring.remember]},
        ) as client,
    ):
        yield app, client


@pytest.fixture
def client(door: tuple[FastAPI, httpx.Client]) -> httpx.Client:
    return door[1]


@pytest.fixture
def slot(client: httpx.Client, clock: DistinctClock) -> dict[str, Any]:
    market = Market(client, clock)
    _, resource_id, offer = market.listed_mill()
    start = clock.now().replace(minute=0, second=0, microsecond=0) + 3 * HOUR
    return {
        "organisation_id": market.organisation("Buyer"),
        "resource_id": resource_id,
        "offer_id": offer["id"],
        "start": start.isoformat(),
        "minutes": 90,
    }


@pytest.fixture
def writer(
    sessions: Sessions,
    clock: DistinctClock,
    nats_server: EmbeddedNats,
    door: tuple[FastAPI, httpx.Client],
    slot: dict[str, Any],
) -> Iterator[Counting]:
    assert slot["offer_id"], "listed before the market is read"
    with (
        asking(nats_server.nats_url) as asker,
        matcher_running(sessions, clock, nats_server.nats_url) as matcher,
    ):
        asker.relay(sessions, clock)
        eventually(matcher.door.writing.writes, what="the writer writes")
        counting = Counting(asker)
        door[0].state.writer = counting
        yield counting


def book(client: httpx.Client, slot: dict[str, Any], key: str | None = None) -> httpx.Response:
    return client.post("bookings", json=slot, headers={"Idempotency-Key": key} if key else {})


def rows(sessions: Sessions, statement: str) -> list[Any]:
    with transaction(sessions) as session:
        return list(session.connection().execute(text(statement)).all())


def test_the_writer_answers_as_the_request_would(
    client: httpx.Client, slot: dict[str, Any], writer: Counting, sessions: Sessions
) -> None:
    held = book(client, slot, "k")
    assert held.status_code == 201, held.text
    assert writer.answers == ["held"]
    assert held.json() == client.get(f"bookings/{held.json()['id']}").json()
    told = rows(sessions, "SELECT subject_id FROM audit_entry WHERE action = 'booking.hold'")
    assert len(told) == 1, "the request is told of once"
    again = book(client, slot, "k")
    assert (again.status_code, again.content) == (201, held.content)


def test_a_taken_slot_is_the_same_problem(
    client: httpx.Client, slot: dict[str, Any], writer: Counting
) -> None:
    assert book(client, slot).status_code == 201
    refused = book(client, slot)
    assert (refused.status_code, refused.json()["code"]) == (409, "slot-taken")
    other = book(client, slot | {"minutes": 1})
    assert (other.status_code, other.json()["code"]) == (422, "slot-invalid")
    assert writer.answers == ["held", "no-room", "rule"]


@pytest.mark.parametrize("key", [None, "k"])
def test_a_lost_answer_is_found_under_the_key(
    client: httpx.Client,
    slot: dict[str, Any],
    writer: Counting,
    sessions: Sessions,
    key: str | None,
) -> None:
    writer.lost = True
    held = book(client, slot, key)
    assert held.status_code == 201, held.text
    ((booked,),) = rows(sessions, "SELECT id FROM booking")
    assert held.json()["id"] == str(booked)


def test_a_key_of_another_request_is_the_same_problem(
    client: httpx.Client, slot: dict[str, Any], writer: Counting
) -> None:
    assert book(client, slot, "k").status_code == 201
    reused = book(client, slot | {"minutes": 60}, "k")
    assert reused.json()["code"] == "idempotency-key-reused"
    assert writer.answers[0] == "held"


def test_holding_too_many_is_the_same_problem(
    client: httpx.Client, slot: dict[str, Any], writer: Counting, sessions: Sessions
) -> None:
    assert book(client, slot).status_code == 201
    with transaction(sessions) as session:
        session.connection().execute(text(COPIES), {"count": Settings().open_holds_max - 1})
    later = datetime.fromisoformat(slot["start"]) + 3 * HOUR
    refused = book(client, slot | {"start": later.isoformat()})
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-holds")
    assert writer.answers == ["held", "too-many-holds"]
