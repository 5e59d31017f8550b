"""When the host says that it is there: not before the broker grants every subscription."""

import socket
from collections.abc import Iterator

import pytest

from gateway.ingest.host import SparkplugHost
from gateway.ingest.inbox import Inbox
from services.runtime.clock import SystemClock
from services.runtime.embedded.ports import LOOPBACK
from tests.support.waiting import eventually

WITHIN_S = 10.0
CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK = 1, 2, 3, 8, 9
GRANTED, REFUSED = 1, 0x80


class Broker:
    """One MQTT connection, answered by hand (MQTT 3.1.1)."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(WITHIN_S)
        self.url = f"mqtt://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def accept(self) -> None:
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(WITHIN_S)
        assert self.packet()[0] == CONNECT
        self.send(CONNACK, b"\0\0")

    def send(self, kind: int, content: bytes) -> None:
        self._connection.sendall(bytes([kind << 4, len(content)]) + content)

    def packet(self) -> tuple[int, bytes]:
        """The kind and the content of the next one, of less than 16 KiB."""
        kind, length = self._octets(2)
        if length >= 128:
            length += (self._octets(1)[0] - 1) * 128
        return kind >> 4, self._octets(length)

    def is_silent(self, *, seconds: float) -> bool:
        self._connection.settimeout(seconds)
        try:
            return not self._connection.recv(1)
        except TimeoutError:
            return True

    def _octets(self, count: int) -> bytes:
        return b"".join(self._connection.recv(1) for _ in range(count))

    def close(self) -> None:
        self._connection.close()
        self._listener.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def host(broker: Broker) -> Iterator[SparkplugHost]:
    host = SparkplugHost(url=broker.url, inbox=Inbox(), clock=SystemClock())
    host.start()
    broker.accept()
    yield host
    host.stop()


def subscribed(broker: Broker) -> tuple[bytes, int]:
    """The id of the request to subscribe, and to how many topics."""
    kind, content = broker.packet()
    assert kind == SUBSCRIBE
    topics, place = 0, 2
    while place < len(content):
        place += 2 + int.from_bytes(content[place : place + 2], "big") + 1
        topics += 1
    return content[:2], topics


def test_is_born_when_every_subscription_is_granted(broker: Broker, host: SparkplugHost) -> None:
    number, topics = subscribed(broker)
    assert not host.is_listening
    broker.send(SUBACK, number + bytes([GRANTED] * topics))
    kind, birth = broker.packet()
    assert kind == PUBLISH
    assert b'"online": true' in birth
    eventually(lambda: host.is_listening)


def test_is_not_born_where_one_is_refused(broker: Broker, host: SparkplugHost) -> None:
    number, topics = subscribed(broker)
    broker.send(SUBACK, number + bytes([GRANTED] * (topics - 1) + [REFUSED]))
    assert broker.is_silent(seconds=0.5)
    assert not host.is_listening
