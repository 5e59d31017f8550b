"""PostgreSQL killed under running doors: named, survived, and nothing acknowledged is lost."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from services.runtime import migrations
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.embedded.postgres import EmbeddedPostgres
from tests.faults.ingest.edges import OBSERVATIONS, PersistentEdge, assert_all_stored_once
from tests.integration.ingest.park import register_park
from tests.integration.ingest.process import IngestThread
from tests.support.api import Market, api_client
from tests.support.clock import FrozenClock
from tests.support.platform import remove_outside
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration]

BOOKINGS = 24


@pytest.fixture
def server(state_root: Path) -> Iterator[EmbeddedPostgres]:
    """A durable server of the test's own, to be killed."""
    state_dir = state_root / "outage"
    with EmbeddedPostgres(state_dir) as server:
        migrations.upgrade(server.database_url)
        yield server
    remove_outside(state_dir)


@pytest.fixture
def sessions(server: EmbeddedPostgres) -> Iterator[Sessions]:
    engine = engine_for(server.database_url, pool_max=5, application="test")
    yield sessions_for(engine)
    engine.dispose()


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock) as client:
        yield client


class Buyer:
    """Books hour after hour; asks again with the same key until the answer is a booking."""

    def __init__(self, market: Market) -> None:
        self._client, self._clock = market.client, market.clock
        self._organisation_id, self._resource_id, offer = market.listed_mill()
        self._offer_id = offer["id"]
        self.acknowledged: list[str] = []
        self.refusals: list[httpx.Response] = []

    def book_all(self) -> None:
        for hour in range(BOOKINGS):
            while (answer := self.hold(hour)).status_code != 201:
                self.refusals.append(answer)
                threading.Event().wait(0.05)
            self.acknowledged.append(answer.json()["id"])

    def hold(self, hour: int) -> httpx.Response:
        start = self._clock.now() + timedelta(hours=1 + hour)
        asked = {
            "organisation_id": self._organisation_id,
            "resource_id": self._resource_id,
            "offer_id": self._offer_id,
            "start": start.isoformat(),
            "minutes": 60,
        }
        key = {"idempotency-key": f"hour-{hour}"}
        return self._client.post("bookings", json=asked, headers=key)


def ready(client: httpx.Client) -> httpx.Response:
    return client.get(str(client.base_url).replace("/api/v1/", "/readyz"))


def test_http_names_the_outage_recovers_by_itself_and_keeps_every_booking(
    server: EmbeddedPostgres, client: httpx.Client, clock: FrozenClock
) -> None:
    buyer = Buyer(Market(client, clock))
    booking = threading.Thread(target=buyer.book_all, daemon=True)
    booking.start()
    eventually(lambda: len(buyer.acknowledged) >= 5, what="first bookings")

    server.process.kill()
    eventually(lambda: buyer.refusals, what="the outage is noticed")
    english = client.get("bookings", headers={"accept-language": "en"})
    chinese = client.get("bookings", headers={"accept-language": "zh"})
    unready = ready(client)
    server.start()
    booking.join(60)

    for answer in (english, chinese, *buyer.refusals):
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in {"database-unreachable", "database-lost-at-commit"}
        assert int(answer.headers["retry-after"]) >= 1
    assert english.json()["detail"].startswith("The database cannot be reached")
    assert chinese.json()["detail"].startswith("无法连接数据库")
    assert unready.status_code == 503
    assert "connection" in unready.json()["checks"]["database"]["cause"]
    assert ready(client).status_code == 200
    stored = client.get("bookings", params={"limit": 200}).json()["items"]
    assert len(stored) == BOOKINGS
    assert [each["id"] for each in stored] == buyer.acknowledged


def test_ingest_stores_every_observation_once_over_a_killed_server(
    server: EmbeddedPostgres, sessions: Sessions, nats_server: EmbeddedNats
) -> None:
    park = register_park(sessions, SystemClock(), group="outage", node="gw", devices=["m1"])
    edge = PersistentEdge(nats_server.mqtt_url, group=park.group, node=park.node, devices=["m1"])
    edge.connect()
    with IngestThread(database_url=server.database_url, mqtt_url=nats_server.mqtt_url) as ingest:
        sending = edge.send_until_receipted(OBSERVATIONS)
        eventually(lambda: len(edge.receipted()) > 5, within=30)
        server.process.kill()
        eventually(lambda: not ingest.answers("readyz"), what="readyz tells")
        assert ingest.answers("livez")
        server.start()
        sending.join(timeout=60)
        assert edge.receipted() == set(range(1, OBSERVATIONS + 1))
    edge.disconnect()
    with sessions() as session:
        assert_all_stored_once(session.connection())
