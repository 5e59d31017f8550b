"""Gateways of two firms, a guarded broker, its guard in a thread, and MQTT clients that try things.

| fixture | scope | gives |
| --- | --- | --- |
| ``guarded_broker`` | session | ``EmbeddedNats`` as ``nonagon up`` runs it |
| ``guard`` | function | ``GuardThread`` that decides by the database of ``sessions`` |
| ``firms`` | function | two ``Enrolled`` gateways of two organisations |
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import CollectorRegistry

from gateway.worker.callouts import Guard
from gateway.worker.metrics import WorkerMetrics
from services.contracts.ids import GatewayId, OrganisationId
from services.devices import handlers as devices
from services.devices.handlers import Redeemed
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.clock import Clock, SystemClock
from services.runtime.db import Sessions, transaction
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.nkeys import AccountKey
from tests.support.waiting import eventually

QUIET_S = 0.5
"""After this long without it, something is taken not to happen."""


@dataclass(frozen=True)
class Enrolled:
    """A gateway with a credential; ``client_id`` is what it presents as such."""

    organisation_id: OrganisationId
    gateway_id: GatewayId
    group: str
    edge_node: str
    credential: Redeemed
    client_id: str = ""

    @property
    def username(self) -> str:
        return str(self.gateway_id)

    def topic(self, kind: str, device: str | None = None) -> str:
        own = f"spBv1.0/{self.group}/{kind}/{self.edge_node}"
        return own if device is None else f"{own}/{device}"

    def posing_as(self, other: "Enrolled") -> "Enrolled":
        return replace(self, client_id=other.username)


def register_gateway(
    sessions: Sessions, clock: Clock, *, group: str, edge_node: str = "gw"
) -> tuple[OrganisationId, GatewayId]:
    """A firm, its site ``group`` and a gateway on it."""
    with transaction(sessions) as session:
        firm = identity.create_organisation(
            session=session, clock=clock, name=group, name_zh="企业", kind=OrganisationKind.FIRM
        )
        site = identity.create_site(
            session=session,
            clock=clock,
            organisation_id=firm.id,
            code=group,
            name="Works",
            name_zh="工厂",
            region_code="320505",
            park=None,
            lat=31.3,
            lon=120.5,
        )
        gateway = identity.create_gateway(
            session=session,
            clock=clock,
            organisation_id=firm.id,
            site_id=site.id,
            edge_node=edge_node,
        )
        return firm.id, gateway.id


def credential_for(
    sessions: Sessions, clock: Clock, organisation_id: OrganisationId, gateway_id: GatewayId
) -> Redeemed:
    """A new credential, by way of a code."""
    with transaction(sessions) as session:
        issued = devices.create_enrolment(
            session=session, clock=clock, organisation_id=organisation_id, gateway_id=gateway_id
        )
    with transaction(sessions) as session:
        return devices.redeem(session=session, clock=clock, code=issued.code)


def enrol(sessions: Sessions, clock: Clock, *, group: str, edge_node: str = "gw") -> Enrolled:
    organisation_id, gateway_id = register_gateway(
        sessions, clock, group=group, edge_node=edge_node
    )
    credential = credential_for(sessions, clock, organisation_id, gateway_id)
    return Enrolled(organisation_id, gateway_id, group, edge_node, credential)


def revoke(sessions: Sessions, clock: Clock, gateway: Enrolled) -> None:
    with transaction(sessions) as session:
        devices.revoke_credential(
            session=session,
            clock=clock,
            organisation_id=gateway.organisation_id,
            gateway_id=gateway.gateway_id,
            credential_id=gateway.credential.credential.id,
        )


class GuardThread:
    """A guard in a thread of its own, as the worker runs it; ``look_again`` is the event's work."""

    def __init__(self, broker: EmbeddedNats, sessions: Sessions) -> None:
        self.registry = CollectorRegistry()
        self._loop: asyncio.AbstractEventLoop
        self._stop = asyncio.Event()
        self._guard: Guard
        self._make: Callable[[], Guard] = lambda: Guard(
            url=broker.nats_url_of("guard"),
            key=AccountKey.read(broker.keys.seed_file),
            sessions=sessions,
            clock=SystemClock(),
            metrics=WorkerMetrics(self.registry),
        )
        self._thread = threading.Thread(target=self._run, name="guard under test", daemon=True)

    def count(self, outcome: str) -> float:
        labels = {"outcome": outcome}
        return self.registry.get_sample_value("nonagon_worker_callouts_total", labels) or 0.0

    def look_again(self) -> None:
        self._loop.call_soon_threadsafe(self._guard.look_again)

    def _run(self) -> None:
        async def guard() -> None:
            self._loop = asyncio.get_running_loop()
            self._guard = self._make()
            await self._guard.run(self._stop)

        asyncio.run(guard())

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(
            lambda: getattr(self, "_guard", None) and self._guard.is_connected, what="guarding"
        )
        time.sleep(0.1)  # the subscription is on its way
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()


@dataclass
class Heard:
    """What became of a client's connection; every list is in order."""

    connected: str | None = None
    ended: str | None = None
    ended_at: float | None = None
    subscribed: list[str] = field(default_factory=list)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    acknowledged: int = 0


class MqttTry:
    """One MQTT connection that is tried, and what came of it. Never reconnects by itself."""

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        username: str | None = None,
        password: str | None = None,
        will: tuple[str, bytes, bool] | None = None,
        clean_session: bool = True,
        **tls: Any,
    ) -> None:
        place = urlsplit(url)
        self.heard = Heard()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean_session,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )
        if username is not None:
            self._client.username_pw_set(username, password)
        if tls:
            self._client.tls_set(**tls)
        if will is not None:
            topic, payload, retain = will
            self._client.will_set(topic, payload, qos=1, retain=retain)
        self._listen()
        self._client.connect(place.hostname or "", place.port or 0, keepalive=30)
        self._client.loop_start()

    @classmethod
    def of(cls, broker: EmbeddedNats, gateway: Enrolled, **changed: Any) -> Self:
        usual: dict[str, Any] = {
            "client_id": gateway.client_id or gateway.username,
            "username": gateway.username,
            "password": gateway.credential.secret,
        }
        return cls(broker.mqtt_url, **(usual | changed))

    @classmethod
    def as_ingest(cls, broker: EmbeddedNats, name: str = "test-ingest") -> Self:
        password = broker.keys.passwords["ingest"]
        return cls(broker.mqtt_url, client_id=name, username="ingest", password=password)

    def _listen(self) -> None:
        heard, client = self.heard, self._client

        def disconnected(*said: Any) -> None:
            heard.ended, heard.ended_at = str(said[3]), time.monotonic()

        client.on_connect = lambda *said: setattr(heard, "connected", str(said[3]))
        client.on_disconnect = disconnected
        client.on_subscribe = lambda *said: heard.subscribed.extend(str(one) for one in said[3])
        client.on_message = lambda *said: heard.messages.append(
            (said[2].topic, bytes(said[2].payload))
        )
        client.on_publish = lambda *_: setattr(heard, "acknowledged", heard.acknowledged + 1)

    def connected(self) -> Self:
        eventually(lambda: self.heard.connected is not None, what="an answer to CONNECT")
        assert self.heard.connected == "Success", self.heard
        return self

    def refused(self) -> Self:
        eventually(lambda: self.heard.connected or self.heard.ended, what="an answer to CONNECT")
        assert self.heard.connected != "Success", self.heard
        return self

    def subscribe(self, topic: str, *, qos: int = 1) -> str:
        """What the broker answers."""
        known = len(self.heard.subscribed)
        self._client.subscribe(topic, qos)
        eventually(lambda: len(self.heard.subscribed) > known or self.heard.ended, what="a SUBACK")
        return self.heard.subscribed[-1] if len(self.heard.subscribed) > known else "cut"

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Returns when it has left; at QoS 1, when it was acknowledged."""
        message = self._client.publish(topic, payload, qos=qos, retain=retain)
        message.wait_for_publish(timeout=5)

    @property
    def is_up(self) -> bool:
        return self.heard.connected == "Success" and self.heard.ended is None

    def vanish(self) -> None:
        """As a crash: no DISCONNECT, so the broker publishes the Will."""
        socket = self._client.socket()
        assert socket is not None
        self._client.loop_stop()
        socket.close()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@pytest.fixture(scope="session")
def guarded_broker(state_root: Path) -> Iterator[EmbeddedNats]:
    with EmbeddedNats(state_root / "guarded") as server:
        yield server


@pytest.fixture
def guard(guarded_broker: EmbeddedNats, sessions: Sessions) -> Iterator[GuardThread]:
    with GuardThread(guarded_broker, sessions) as running:
        yield running


@pytest.fixture
def firms(sessions: Sessions) -> tuple[Enrolled, Enrolled]:
    clock = SystemClock()
    return enrol(sessions, clock, group="works-a"), enrol(sessions, clock, group="works-b")
