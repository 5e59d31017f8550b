"""One MQTT 3.1.1 connection, used once: connect, publish, hear, close. Threads stay in here."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

CONNECT_TIMEOUT_S: Final = 5.0
SUBSCRIBE_TIMEOUT_S: Final = 5.0
DEATH_TIMEOUT_S: Final = 1.0
INBOX_MAX: Final = 1_000
QOS_AT_LEAST_ONCE: Final = 1


class BrokerUnavailableError(Exception):
    """No MQTT connection; the text names the broker and the cause."""


class LinkLostError(Exception):
    """The connection ended under a request."""


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LinkDown:
    cause: str


@dataclass(frozen=True, slots=True)
class Will:
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who the client is to the broker, and the TLS it comes by; ``None``: nobody, in the clear."""

    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


class MqttLink:
    """A connection with its Will, clean session; a lost one is replaced by a new object.

    Sparkplug wants another ``bdSeq`` in the Will of every CONNECT, so paho's own reconnect is off.
    """

    def __init__(
        self,
        *,
        url: str,
        sign_in: SignIn,
        keepalive_s: int,
        will: Will,
        on_event: Callable[[], None],
    ) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._url, self._host, self._port = url, parts.hostname, parts.port
        self._keepalive_s = keepalive_s
        self._will = will
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._subscribed: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._inbox: asyncio.Queue[Message | LinkDown] = asyncio.Queue(INBOX_MAX)
        self._is_up = False
        self.dropped_count = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=sign_in.client_id,
            clean_session=True,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )
        if sign_in.username is not None:
            self._client.username_pw_set(sign_in.username, sign_in.password)
        if sign_in.tls is not None:
            self._client.tls_set_context(sign_in.tls)
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.will_set(will.topic, will.payload, qos=QOS_AT_LEAST_ONCE, retain=False)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    async def connect(self) -> None:
        """Open the session.

        Raises:
            BrokerUnavailableError: unreachable, refused, or silent.
        """
        try:
            await asyncio.to_thread(self._client.connect, self._host, self._port, self._keepalive_s)
            self._client.loop_start()
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                reason = await self._connected
        except (OSError, LinkLostError, paho.WebsocketConnectionError) as error:
            cause = str(error) or type(error).__name__
            raise BrokerUnavailableError(f"MQTT broker {self._url}: {cause}") from error
        if reason.is_failure:
            raise BrokerUnavailableError(f"MQTT broker {self._url} refused: {reason}")
        self._is_up = True

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe at QoS 1 and wait until the broker agrees.

        Raises:
            LinkLostError: it did not.
        """
        self._client.subscribe([(topic, QOS_AT_LEAST_ONCE) for topic in topics])
        try:
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
                reasons = await self._subscribed
        except TimeoutError as error:
            raise LinkLostError("the broker did not answer the subscription") from error
        refused = [reason for reason in reasons if reason.is_failure]
        if refused:
            raise LinkLostError(f"the broker refused a subscription: {refused[0]}")

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand over a QoS 0 message.

        Raises:
            LinkLostError: the connection did not take it.
        """
        if not self._is_up:
            raise LinkLostError("not connected")
        result = self._client.publish(topic, payload, qos=0)
        if result.rc != paho.MQTT_ERR_SUCCESS:
            raise LinkLostError(paho.error_string(result.rc))

    def pending(self) -> Message | LinkDown | None:
        """The next message or the end of the link, if one is here; ``on_event`` tells when."""
        return None if self._inbox.empty() else self._inbox.get_nowait()

    async def close(self, *, with_death: bool) -> None:
        """Leave; a clean DISCONNECT discards the Will, so ``with_death`` publishes it first."""
        if with_death and self._is_up:
            await self._publish_death()
        self._is_up = False
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        for future in (self._connected, self._subscribed):
            if future.done() and not future.cancelled():
                future.exception()  # an unread outcome is not an error here
            future.cancel()

    async def _publish_death(self) -> None:
        result = self._client.publish(
            self._will.topic, self._will.payload, qos=QOS_AT_LEAST_ONCE, retain=False
        )
        if result.rc == paho.MQTT_ERR_SUCCESS:
            await asyncio.to_thread(result.wait_for_publish, DEATH_TIMEOUT_S)

    def _on_connect(self, _c: Any, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        self._loop.call_soon_threadsafe(_resolve, self._connected, reason)

    def _on_subscribe(self, _c: Any, _u: Any, _m: int, reasons: list[ReasonCode], _p: Any) -> None:
        self._loop.call_soon_threadsafe(_resolve, self._subscribed, reasons)

    def _on_message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(
            self._deliver, Message(message.topic, bytes(message.payload))
        )

    def _on_disconnect(self, _c: Any, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        self._loop.call_soon_threadsafe(self._fall, str(reason))

    def _fall(self, cause: str) -> None:
        self._is_up = False
        for future in (self._connected, self._subscribed):
            if not future.done():
                future.set_exception(LinkLostError(cause))
        if self._inbox.full():
            self._inbox.get_nowait()
        self._inbox.put_nowait(LinkDown(cause))
        self._on_event()

    def _deliver(self, message: Message) -> None:
        if self._inbox.full():
            self.dropped_count += 1  # receipts are repeated, so a flood loses nothing for good
            return
        self._inbox.put_nowait(message)
        self._on_event()


def _resolve(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)
