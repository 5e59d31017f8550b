"""The Sparkplug host application on the broker: STATE, subscriptions, commands (paho-mqtt 2)."""

import json
import ssl
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.ingest.batch import Arrival
from gateway.ingest.commands import Command
from gateway.ingest.inbox import Inbox
from services.contracts.intervals import ms_from_utc
from services.contracts.sparkplug import NAMESPACE, MessageType, state_topic
from services.runtime.clock import Clock

HOST_ID: Final = "nonagon"
MQTT_PORT: Final = 1883
KEEPALIVE_S: Final = 15
RECONNECT_FIRST_S: Final = 1
RECONNECT_MAX_S: Final = 10
STATE_QOS: Final = 1
COMMAND_QOS: Final = 0
"""Sparkplug B 3.0 sends commands with QoS 0."""
_HEARD: Final = [
    (f"{NAMESPACE}/+/{kind.value}/#", 1) for kind in MessageType if kind is not MessageType.NCMD
]

log = structlog.get_logger(__name__)


class SparkplugHost:
    """The primary host ``nonagon``: says it is there, hears every node, sends commands.

    Runs in paho's thread, whose callbacks only append to the inbox. A clean session: what is
    published while we are away is sent again by the edges, and the broker keeps nothing for us.
    """

    def __init__(
        self,
        *,
        url: str,
        inbox: Inbox,
        clock: Clock,
        host_id: str = HOST_ID,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        address = urlsplit(url)
        self._address = address.hostname or "127.0.0.1", address.port or MQTT_PORT
        self._inbox = inbox
        self._clock = clock
        self._state_topic = state_topic(host_id)
        self._connection = 0
        self._state_timestamp_ms = 0
        self._listens = False
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"nonagon-host-{host_id}",
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        if address.username:
            password = address.password and unquote(address.password)
            self._client.username_pw_set(unquote(address.username), password)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.reconnect_delay_set(RECONNECT_FIRST_S, RECONNECT_MAX_S)
        self._client.on_pre_connect = self._before_connect
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    @property
    def is_listening(self) -> bool:
        """Connected, and every subscription granted: what is published from now on is heard."""
        return self._listens and self._client.is_connected()

    def start(self) -> None:
        """Connect in a thread of its own, again and again until it works."""
        self._client.connect_async(*self._address, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def send(self, command: Command) -> None:
        topic, payload = command
        self._client.publish(topic, payload, qos=COMMAND_QOS)

    def stop(self) -> None:
        """Say goodbye: a clean disconnect discards the Will, so the death is published by hand."""
        if self._client.is_connected():
            self._client.unsubscribe(self._state_topic)
            farewell = self._client.publish(
                self._state_topic, self._state(online=False), qos=STATE_QOS, retain=True
            )
            farewell.wait_for_publish(timeout=RECONNECT_FIRST_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _state(self, *, online: bool) -> str:
        return json.dumps({"online": online, "timestamp": self._state_timestamp_ms})

    def _before_connect(self, client: Client, _userdata: Any) -> None:
        """Birth and Will of one connection carry one timestamp, newer than all before."""
        self._listens = False
        now_ms = ms_from_utc(self._clock.now())
        self._state_timestamp_ms = max(now_ms, self._state_timestamp_ms + 1)
        client.will_set(self._state_topic, self._state(online=False), qos=STATE_QOS, retain=True)

    def _on_connect(
        self,
        client: Client,
        _userdata: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("broker refuses the host", cause=str(reason))
            return
        self._connection += 1
        client.subscribe([*_HEARD, (self._state_topic, STATE_QOS)])
        log.info("broker connected", address=self._address[0], port=self._address[1])

    def _on_subscribe(
        self,
        client: Client,
        _userdata: Any,
        _message_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        """Be born only when births of edges are heard (Sparkplug B 3.0 §5.8)."""
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            log.error("broker refuses subscriptions of the host", causes=refused)
            return
        self._listens = True
        client.publish(self._state_topic, self._state(online=True), qos=STATE_QOS, retain=True)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._listens = False
        if reason.is_failure:
            log.warning("broker connection lost, reconnecting", cause=str(reason))

    def _on_message(self, client: Client, _userdata: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            log.warning("message dropped, its topic is not UTF-8")
            return
        payload = bytes(message.payload)
        if topic == self._state_topic:
            self._contradict(client, payload)
        else:
            self._inbox.put(Arrival(topic, payload, self._clock.now(), self._connection))

    def _contradict(self, client: Client, state: bytes) -> None:
        """Repeat our birth when the Will of a predecessor comes after it (Sparkplug B 3.0 §5.8)."""
        ours = self._state(online=True)
        if state != ours.encode():
            client.publish(self._state_topic, ours, qos=STATE_QOS, retain=True)
