"""What ingest tells edges of itself: STATE, born and dead, retained and with a Will."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway.ingest.host import HOST_ID
from services.contracts.sparkplug import state_topic
from services.runtime.embedded.nats import EmbeddedNats
from tests.integration.ingest.process import IngestProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration]
SAID_WITHIN_S = 60


@dataclass(frozen=True)
class State:
    online: bool
    timestamp: int
    qos: int
    retained: bool


class Watcher:
    """An edge's ear on STATE; what was published before it listened comes retained."""

    def __init__(self, mqtt_url: str, *, name: str) -> None:
        host, _, port = mqtt_url.removeprefix("mqtt://").partition(":")
        self._address = host, int(port)
        self._heard: list[State] = []
        self._awaited = 0
        """How many of them the last :meth:`await_online` has looked at."""
        self._lock = threading.Lock()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"watcher-{name}")
        self._client.on_connect = lambda client, *_: client.subscribe(state_topic(HOST_ID), qos=1)
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect(*self._address)
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        told = json.loads(message.payload)
        assert told.keys() == {"online", "timestamp"}
        with self._lock:
            self._heard.append(State(**told, qos=message.qos, retained=message.retain))

    def last(self) -> State | None:
        with self._lock:
            return self._heard[-1] if self._heard else None

    def await_online(self, *, online: bool) -> State:
        """The next such state after the last awaited one, however soon another follows it."""

        def found() -> State | None:
            with self._lock:
                for number, state in enumerate(self._heard[self._awaited :], self._awaited + 1):
                    if state.online == online:
                        self._awaited = number
                        return state
            return None

        try:
            state = eventually(found, within=SAID_WITHIN_S, what=f"online {online}")
        except AssertionError as error:
            raise AssertionError(f"{error}; heard {self._heard}") from error
        assert state is not None
        return state


@pytest.fixture
def ingest(database_url: str, nats_server: EmbeddedNats) -> Iterator[IngestProcess]:
    with IngestProcess(database_url=database_url, mqtt_url=nats_server.mqtt_url) as process:
        yield process


def kept(nats_server: EmbeddedNats, *, online: bool) -> State:
    """What the broker keeps for those who come late."""

    def found() -> State | None:
        with Watcher(nats_server.mqtt_url, name="late") as watcher:
            first = eventually(watcher.last, what="a retained state")
        return first if first and first.retained and first.online == online else None

    state = eventually(found, what=f"online {online} is kept")
    assert state is not None
    return state


def test_a_birth_is_retained_at_qos_1_and_the_will_of_a_killed_host_takes_it_back(
    ingest: IngestProcess, nats_server: EmbeddedNats
) -> None:
    birth = kept(nats_server, online=True)
    assert birth.qos == 1
    with Watcher(nats_server.mqtt_url, name="early") as watcher:
        watcher.await_online(online=True)
        ingest.kill()
        death = watcher.await_online(online=False)
    assert (death.qos, death.retained) == (1, False)
    assert death.timestamp == birth.timestamp
    assert kept(nats_server, online=False) == State(
        online=False, timestamp=birth.timestamp, qos=1, retained=True
    )


def test_a_host_told_to_end_says_so_itself_and_the_next_birth_is_newer(
    ingest: IngestProcess, nats_server: EmbeddedNats
) -> None:
    with Watcher(nats_server.mqtt_url, name="early") as watcher:
        first = watcher.await_online(online=True)
        assert ingest.stop() == 0
        assert watcher.await_online(online=False).timestamp == first.timestamp
        ingest.start()
        assert watcher.await_online(online=True).timestamp > first.timestamp
