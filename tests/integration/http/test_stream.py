"""Live events over HTTP, from the bus to a reader that reconnects."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from gateway.http.app import create_app
from marketplace.taxonomy.loader import load_taxonomy
from services.contracts.access import Role
from services.contracts.events.envelope import Audience
from services.contracts.events.marketplace import DemandMatched
from services.identity.domain import OrganisationKind
from services.runtime.bus import Bus, OutgoingEvent
from services.runtime.db import Sessions
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.settings import Settings
from tests.support.api import Keyring, served
from tests.support.clock import FrozenClock
from tests.support.waiting import eventually

STREAM = "/api/v1/stream"
STRANGER = UUID(int=9)


@pytest.fixture
def app(sessions: Sessions, clock: FrozenClock, nats_server: EmbeddedNats) -> FastAPI:
    return create_app(
        settings=Settings(),
        sessions=sessions,
        clock=clock,
        catalogue=load_taxonomy(),
        connect_bus=lambda: Bus.connect(nats_server.nats_url, name="stream-test"),
    )


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with (
        served(app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=10) as client,
    ):
        eventually(lambda: client.get("/readyz").status_code == 200, what="bus connected")
        yield client


def matched(number: int, *, asker: UUID = STRANGER, visibility: str = "public") -> DemandMatched:
    return DemandMatched(
        id=UUID(int=number),
        occurred_at=datetime(2026, 3, 2, tzinfo=UTC),
        demand_id=UUID(int=100 + number),
        match_id=UUID(int=200 + number),
        candidates=number,
        audience=Audience(organisation_ids=(asker,), visibility=visibility),
    )


def told(number: int) -> DemandMatched:
    """As a listener reads it: for whom it was is nobody's business."""
    return matched(number).model_copy(update={"audience": Audience()})


async def publish(nats_url: str, *events: DemandMatched) -> None:
    bus = await Bus.connect(nats_url, name="stream-test-publisher")
    await bus.ensure_stream()
    await bus.publish(
        [
            OutgoingEvent(event.id, event.subject(), event.model_dump(mode="json"))
            for event in events
        ]
    )
    await bus.close()


def frames(response: httpx.Response) -> Iterator[dict[str, str]]:
    frame: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            frame[name] = value
        elif frame:
            yield frame
            frame = {}


def test_carries_what_the_bus_says_and_resumes_after_the_last_id(
    client: httpx.Client, nats_server: EmbeddedNats, app: FastAPI
) -> None:
    hub = app.state.live

    with client.stream("GET", STREAM) as response:
        reader = frames(response)
        assert next(reader) == {"retry": "2000"}
        assert response.headers["content-type"].startswith("text/event-stream")
        assert hub.subscriber_count == 1
        asyncio.run(publish(nats_server.nats_url, matched(1)))
        first = next(reader)
    assert first["event"] == "marketplace.demand-matched.v1"
    assert DemandMatched.model_validate_json(first["data"]) == told(1)
    assert "audience" not in first["data"]
    eventually(lambda: hub.subscriber_count == 0, what="the reader left the hub")

    asyncio.run(publish(nats_server.nats_url, matched(2)))
    eventually(lambda: hub.last_id != first["id"], what="the hub has the second event")
    with client.stream("GET", STREAM, headers={"last-event-id": first["id"]}) as response:
        reader = frames(response)
        next(reader)
        assert DemandMatched.model_validate_json(next(reader)["data"]) == told(2)


def test_tells_a_reader_from_another_life_to_reset(client: httpx.Client) -> None:
    with client.stream("GET", STREAM, headers={"last-event-id": "gone-7"}) as response:
        reader = frames(response)
        next(reader)
        assert next(reader)["event"] == "reset"


def test_tells_each_listener_what_it_may_hear(
    client: httpx.Client,
    nats_server: EmbeddedNats,
    app: FastAPI,
    sessions: Sessions,
    clock: FrozenClock,
) -> None:
    hub, keyring = app.state.live, Keyring(sessions, clock)
    asker, other = (
        keyring.organisation(name=name, name_zh=name, kind=OrganisationKind.FIRM)
        for name in ("Asker", "Other")
    )
    before = hub.last_id
    own = UUID(asker)
    events = [
        matched(1, asker=own, visibility="organisation"),
        matched(2, asker=own, visibility="private"),
        matched(3),
    ]
    asyncio.run(publish(nats_server.nats_url, *events))
    eventually(lambda: hub.last_id.endswith("-3"), what="the hub has all events")

    def heard(key: str | None, count: int) -> list[int]:
        headers = {"last-event-id": before}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        with client.stream("GET", STREAM, headers=headers) as response:
            reader = frames(response)
            next(reader)
            return [json.loads(next(reader)["data"])["candidates"] for _ in range(count)]

    assert heard(keyring.key(asker), 3) == [1, 2, 3]
    assert heard(keyring.key(asker, Role.BUYER), 2) == [1, 3]
    assert heard(keyring.key(other), 1) == [3]
    assert heard(None, 1) == [3]
