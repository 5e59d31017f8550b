"""Matching over HTTP: by a matcher that answers, and by the record where none does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.relay import Relay
from tests.support.api import Market, api_client
from tests.support.matcher import Asker, DistinctClock, asking, matcher_running

pytestmark = pytest.mark.integration


@pytest.fixture
def clock() -> DistinctClock:
    return DistinctClock(SystemClock().now())


@pytest.fixture
def asker(nats_server: EmbeddedNats) -> Iterator[Asker]:
    with asking(nats_server.nats_url) as asker:
        yield asker


@pytest.fixture
def client(
    sessions: Sessions, clock: DistinctClock, nats_server: EmbeddedNats, asker: Asker
) -> Iterator[httpx.Client]:
    assert asker.bus.is_connected, "the stream is there"

    async def connect() -> Bus:
        return await Bus.connect(nats_server.nats_url, name="http")

    with api_client(sessions, clock, connect_bus=connect) as client:
        yield client


@contextmanager
def relaying(
    sessions: Sessions, database_url: str, asker: Asker, clock: DistinctClock
) -> Iterator[None]:
    stop = threading.Event()
    relay = Relay(sessions=sessions, database_url=database_url, publish=asker.publish, clock=clock)
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def asked(client: httpx.Client, outcome: str) -> float:
    """How often the door's questions to matchers came out so."""
    text = client.get(f"{client.base_url.copy_with(path='/metrics')}").text
    name = f'nonagon_http_matcher_questions_total{{outcome="{outcome}"}} '
    lines = [line for line in text.splitlines() if line.startswith(name)]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def test_what_was_just_published_is_matched(
    client: httpx.Client,
    sessions: Sessions,
    database_url: str,
    asker: Asker,
    clock: DistinctClock,
    nats_server: EmbeddedNats,
) -> None:
    market = Market(client, clock)
    buyer = market.organisation("Buyer")
    demand = market.demand(buyer)
    with (
        relaying(sessions, database_url, asker, clock),
        matcher_running(sessions, clock, nats_server.nats_url) as matcher,
    ):
        for number in range(1, 6):
            _, _, offer = market.listed_mill(f"Works {number}")
            found = market.match(demand["id"])["candidates"]
            assert len(found) == number
            assert offer["id"] in {one["offer_id"] for one in found}
        examined = matcher.door.registry.get_sample_value("nonagon_matcher_examined_total")
        assert examined is not None
        assert examined >= 5 * number
    assert asked(client, "answered") == 5


def test_without_a_matcher_the_record_answers(client: httpx.Client, clock: DistinctClock) -> None:
    market = Market(client, clock)
    buyer, _, offer = market.listed_mill()
    (found,) = market.match(market.demand(buyer)["id"])["candidates"]
    assert found["offer_id"] == offer["id"]
    assert asked(client, "nobody") == 1


def test_a_matcher_that_hears_no_events_is_not_believed(
    client: httpx.Client, sessions: Sessions, clock: DistinctClock, nats_server: EmbeddedNats
) -> None:
    market = Market(client, clock)
    with matcher_running(sessions, clock, nats_server.nats_url):
        buyer, _, offer = market.listed_mill()
        (found,) = market.match(market.demand(buyer)["id"])["candidates"]
    assert found["offer_id"] == offer["id"]
    assert (asked(client, "behind"), asked(client, "answered")) == (1, 0)
