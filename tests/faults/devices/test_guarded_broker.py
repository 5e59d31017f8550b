"""What a gateway, or whoever poses as one, cannot do on the broker (threats T10)."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from services.devices.domain import Refusal
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.embedded.nats import EmbeddedNats
from tests.support.devices import (
    QUIET_S,
    Enrolled,
    GuardThread,
    MqttTry,
    credential_for,
    enrol,
    revoke,
)
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration]

Firms = tuple[Enrolled, Enrolled]
CUT_WITHIN_S = 60.0
"""The limit of the issue; what is measured stands far below."""
ANSWERED_WITHIN_S = 30
"""What the broker does at once where it gets the processor."""


def say(measured: str) -> None:
    """Shown by ``pytest -s``."""
    sys.stdout.write(f"\n{measured}\n")


@contextmanager
def listening(broker: EmbeddedNats) -> Iterator[MqttTry]:
    """The ingest's place, where everything of the field arrives."""
    with MqttTry.as_ingest(broker).connected() as ingest:
        assert ingest.subscribe("#") == "Granted QoS 1"
        ingest.heard.messages.clear()  # what earlier tests left
        yield ingest


def stored_in_field(broker: EmbeddedNats, needle: bytes) -> list[str]:
    """Files of JetStream, of any account, that hold ``needle``."""
    root = broker.process.log_path.parents[1] / "nats" / "jetstream"
    files = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    return [str(path.relative_to(root)) for path in files if needle in content(path)]


def content(path: Path) -> bytes:
    """What the broker, which goes on working, has in a file of its store just now."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


class TestSigningIn:
    def test_a_gateway_with_its_credential_gets_in_and_is_heard(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms
    ) -> None:
        own, _ = firms
        with listening(guarded_broker) as ingest, MqttTry.of(guarded_broker, own) as gateway:
            gateway.connected()
            assert gateway.subscribe(own.topic("NCMD")) == "Granted QoS 1"
            assert gateway.subscribe("spBv1.0/STATE/nonagon") == "Granted QoS 1"
            gateway.publish(own.topic("DDATA", "m1"), b"mine", qos=0)
            ingest.publish(own.topic("NCMD"), b"receipt", qos=0)

            eventually(lambda: (own.topic("DDATA", "m1"), b"mine") in ingest.heard.messages)
            eventually(lambda: (own.topic("NCMD"), b"receipt") in gateway.heard.messages)
        assert guard.count("admitted") == 1

    @pytest.mark.parametrize(
        ("changed", "refusal"),
        [
            ({"password": "ngw_" + "0" * 64}, Refusal.UNKNOWN),
            ({"password": "guess"}, Refusal.NO_CREDENTIAL),
            ({"username": "ingest", "password": "guess"}, None),
            ({"username": "ingest", "client_id": "x", "password": "ngp_" + "0" * 64}, None),
            ({"username": None, "password": None}, Refusal.NO_CREDENTIAL),
        ],
    )
    def test_without_it_nobody_does(
        self,
        guarded_broker: EmbeddedNats,
        guard: GuardThread,
        firms: Firms,
        changed: dict[str, Any],
        refusal: Refusal | None,
    ) -> None:
        MqttTry.of(guarded_broker, firms[0], **changed).refused().close()

        assert guard.count("admitted") == 0
        if refusal is not None:
            assert guard.count(refusal.name.lower()) == 1

    def test_the_credential_of_another_gateway_does_not_count(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms
    ) -> None:
        own, other = firms
        secret = other.credential.secret
        MqttTry.of(guarded_broker, own, password=secret).refused().close()

        assert guard.count("unknown") == 1

    async def test_a_gateways_credential_opens_no_connection_but_mqtt(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms
    ) -> None:
        own = firms[0]
        client = Client()
        with pytest.raises((NatsError, TimeoutError)):
            await client.connect(
                guarded_broker.nats_url,
                user=own.username,
                password=own.credential.secret,
                allow_reconnect=False,
                error_cb=_silent,
            )
        await client.close()
        assert guard.count("not_mqtt") == 1

    def test_a_renewed_credential_replaces_the_old_at_its_first_use(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms, sessions: Sessions
    ) -> None:
        own = firms[0]
        renewed = credential_for(sessions, SystemClock(), own.organisation_id, own.gateway_id)
        MqttTry.of(guarded_broker, own).connected().close()
        MqttTry.of(guarded_broker, own, password=renewed.secret).connected().close()
        MqttTry.of(guarded_broker, own).refused().close()

        assert (guard.count("admitted"), guard.count("revoked")) == (2, 1)


async def _silent(_: Exception) -> None:
    return


async def _connected(
    broker: EmbeddedNats, user: str, error_cb: Callable[[Exception], Awaitable[None]] = _silent
) -> Client:
    return await nats.connect(
        broker.nats_url_of(user), error_cb=error_cb, connect_timeout=ANSWERED_WITHIN_S
    )


class TestTakeover:
    def test_of_a_client_id_is_refused_and_logged_and_the_owner_stays(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms
    ) -> None:
        own, thief = firms
        with structlog.testing.capture_logs() as logs, MqttTry.of(guarded_broker, own) as gateway:
            gateway.connected()
            MqttTry.of(guarded_broker, thief.posing_as(own)).refused().close()
            time.sleep(QUIET_S)

            assert gateway.is_up
        refusals = [entry for entry in logs if entry["event"] == "connection refused"]
        assert [(one["cause"], one["user"], one["client_id"]) for one in refusals] == [
            (Refusal.CLIENT_ID_OF_ANOTHER.value, thief.username, own.username)
        ]
        assert refusals[0]["log_level"] == "warning"
        assert guard.count("client_id_of_another") == 1

    def test_does_not_erase_what_waits_for_the_owner(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms
    ) -> None:
        """Measured on an open broker: a clean session of somebody else's erased it."""
        own, thief = firms
        with MqttTry.of(guarded_broker, own, clean_session=False) as gateway:
            gateway.connected()
            gateway.subscribe(own.topic("NCMD"))
        with MqttTry.as_ingest(guarded_broker).connected() as ingest:
            ingest.publish(own.topic("NCMD"), b"waiting", qos=1)
        MqttTry.of(guarded_broker, thief.posing_as(own)).refused().close()

        with MqttTry.of(guarded_broker, own, clean_session=False) as gateway:
            eventually(lambda: (own.topic("NCMD"), b"waiting") in gateway.heard.messages)
        MqttTry.of(guarded_broker, own).connected().close()  # ends the stored session
        assert guard.count("client_id_of_another") == 1


class TestTopics:
    @pytest.mark.parametrize("retain", [False, True], ids=["plain", "retained"])
    @pytest.mark.parametrize("qos", [0, 1])
    def test_outside_its_own_node_nothing_it_says_is_heard_or_stored(
        self,
        guarded_broker: EmbeddedNats,
        guard: GuardThread,
        firms: Firms,
        qos: int,
        retain: bool,  # noqa: FBT001 - a parameter of the test
    ) -> None:
        own, other = firms
        needle = f"forbidden-{qos}-{retain}".encode()
        with listening(guarded_broker) as ingest, MqttTry.of(guarded_broker, own) as gateway:
            gateway.connected()
            for topic in self.forbidden(own, other):
                gateway.publish(topic, needle, qos=qos, retain=retain)
            gateway.publish(own.topic("NDATA"), b"allowed", qos=qos)

            eventually(lambda: (own.topic("NDATA"), b"allowed") in ingest.heard.messages)
            assert [topic for topic, said in ingest.heard.messages if said == needle] == []
        assert stored_in_field(guarded_broker, needle) == []
        with listening(guarded_broker) as late:
            time.sleep(QUIET_S)
            assert [topic for topic, said in late.heard.messages if said == needle] == []
        assert guard.count("admitted") == 1

    @staticmethod
    def forbidden(own: Enrolled, other: Enrolled) -> list[str]:
        return [
            other.topic("NBIRTH"),
            other.topic("DDATA", "m1"),
            f"spBv1.0/{own.group}/DDATA/other-gw/m1",
            f"spBv1.0/{other.group}/NDATA/{own.edge_node}",
            own.topic("NCMD"),
            own.topic("DCMD", "m1"),
            other.topic("NCMD"),
            own.topic("NDATA", "m1"),
            f"{own.topic('DDATA', 'm1')}/deeper",
            "spBv1.0/STATE/nonagon",
            "STATE/nonagon",
            "events/capacity/resource-state-changed/v1",
            "$MQTT/msgs/x",
            "$JS/API/STREAM/DELETE/$MQTT_msgs",
            "$SYS/REQ/USER/AUTH",
            "anything",
        ]

    def test_a_will_for_another_is_not_executed(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms
    ) -> None:
        own, other = firms
        needle = b"the will of another"
        with listening(guarded_broker) as ingest:
            for topic in (other.topic("NDEATH"), "spBv1.0/STATE/nonagon"):
                gateway = MqttTry.of(guarded_broker, own, will=(topic, needle, True))
                gateway.connected().vanish()
            own_will = (own.topic("NDEATH"), b"its own", False)
            MqttTry.of(guarded_broker, own, will=own_will).connected().vanish()

            eventually(lambda: (own.topic("NDEATH"), b"its own") in ingest.heard.messages)
            assert [topic for topic, said in ingest.heard.messages if said == needle] == []
        assert stored_in_field(guarded_broker, needle) == []
        assert guard.count("admitted") == 3

    @pytest.mark.parametrize(
        "topic",
        [
            "#",
            "spBv1.0/#",
            "spBv1.0/+/NCMD/+",
            "spBv1.0/works-a/#",
            "spBv1.0/works-a/NCMD/+",
            "spBv1.0/works-a/NCMD/gw/#",
            "spBv1.0/works-b/NCMD/gw",
            "spBv1.0/works-a/DCMD/gw/m1",
            "spBv1.0/works-a/NDATA/gw",
            "spBv1.0/STATE/#",
            "events/#",
            "$SYS/#",
            "$MQTT/#",
            "$MQTT/sub/#",
            "$JS/#",
            "_INBOX/#",
        ],
    )
    @pytest.mark.parametrize("qos", [0, 1])
    def test_what_is_not_for_it_cannot_be_subscribed(
        self,
        guarded_broker: EmbeddedNats,
        guard: GuardThread,
        firms: Firms,
        topic: str,
        qos: int,
    ) -> None:
        own, other = firms
        with (
            MqttTry.as_ingest(guarded_broker).connected() as ingest,
            MqttTry.of(guarded_broker, own).connected() as gateway,
        ):
            assert "Granted" not in gateway.subscribe(topic, qos=qos)
            ingest.publish(other.topic("NCMD"), b"not for you", qos=1)
            ingest.publish(own.topic("DDATA", "m1"), b"not for you", qos=1)
            time.sleep(0.1)
            assert gateway.heard.messages == []
        assert guard.count("admitted") == 1


class TestRevocation:
    def test_cuts_the_gateway_and_keeps_it_out(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms, sessions: Sessions
    ) -> None:
        own, other = firms
        with (
            MqttTry.of(guarded_broker, own) as gateway,
            MqttTry.of(guarded_broker, other) as neighbour,
        ):
            gateway.connected()
            neighbour.connected()
            revoked_at = time.monotonic()
            revoke(sessions, SystemClock(), own)
            guard.look_again()
            eventually(lambda: gateway.heard.ended, within=CUT_WITHIN_S, what="the cut")
            assert gateway.heard.ended_at is not None
            say(f"revoked gateway cut after {gateway.heard.ended_at - revoked_at:.3f} s")

            MqttTry.of(guarded_broker, own).refused().close()
            time.sleep(QUIET_S)
            assert neighbour.is_up
        assert (guard.count("cut"), guard.count("revoked")) == (1, 1)

    def test_cuts_it_even_if_nobody_is_told(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms, sessions: Sessions
    ) -> None:
        """The event may be lost; connections are compared with credentials now and then anyway."""
        own = firms[0]
        with MqttTry.of(guarded_broker, own) as gateway:
            gateway.connected()
            revoked_at = time.monotonic()
            revoke(sessions, SystemClock(), own)
            eventually(lambda: gateway.heard.ended, within=CUT_WITHIN_S, what="the cut")
            assert gateway.heard.ended_at is not None
            say(f"without the event cut after {gateway.heard.ended_at - revoked_at:.3f} s")
        eventually(lambda: guard.count("cut") == 1, what="the cut counted, which follows it")

    def test_while_no_worker_ran_is_made_up_for(
        self, guarded_broker: EmbeddedNats, firms: Firms, sessions: Sessions
    ) -> None:
        own = firms[0]
        with GuardThread(guarded_broker, sessions):
            gateway = MqttTry.of(guarded_broker, own).connected()
        revoke(sessions, SystemClock(), own)
        assert gateway.is_up

        with GuardThread(guarded_broker, sessions) as successor:
            eventually(lambda: gateway.heard.ended, within=CUT_WITHIN_S, what="the cut")
            eventually(lambda: successor.count("cut") == 1)
        gateway.close()

    def test_of_a_former_credential_leaves_the_renewed_one_alone(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms, sessions: Sessions
    ) -> None:
        own = firms[0]
        renewed = credential_for(sessions, SystemClock(), own.organisation_id, own.gateway_id)
        with MqttTry.of(guarded_broker, own, password=renewed.secret) as gateway:
            gateway.connected()
            revoke(sessions, SystemClock(), own)
            guard.look_again()
            time.sleep(QUIET_S)
            assert gateway.is_up
        assert guard.count("cut") == 0


class TestWithoutGuard:
    def test_nobody_new_gets_in_until_it_is_back_and_who_is_in_stays(
        self, guarded_broker: EmbeddedNats, firms: Firms, sessions: Sessions
    ) -> None:
        own, other = firms
        with GuardThread(guarded_broker, sessions):
            inside = MqttTry.of(guarded_broker, own).connected()

        began = time.monotonic()
        MqttTry.of(guarded_broker, other).refused().close()
        say(f"no guard: refused after {time.monotonic() - began:.1f} s")
        assert inside.is_up
        MqttTry.as_ingest(guarded_broker).connected().close()

        with GuardThread(guarded_broker, sessions):
            MqttTry.of(guarded_broker, other).connected().close()
        assert inside.is_up
        inside.close()

    def test_the_database_away_means_no(self, guarded_broker: EmbeddedNats, firms: Firms) -> None:
        nowhere = engine_for("postgresql://x@127.0.0.1:1/x", pool_max=1, application="test")
        with GuardThread(guarded_broker, sessions_for(nowhere)) as guard:
            MqttTry.of(guarded_broker, firms[0]).refused().close()
            assert guard.count("unchecked") == 1

    def test_a_broker_that_restarts_is_guarded_again(
        self, guarded_broker: EmbeddedNats, guard: GuardThread, firms: Firms
    ) -> None:
        guarded_broker.kill()
        guarded_broker.restart()  # in this thread: the server lives as long as its starter

        def gets_in() -> bool:
            with MqttTry.of(guarded_broker, firms[0]) as gateway:
                eventually(lambda: gateway.heard.connected or gateway.heard.ended)
                return gateway.heard.connected == "Success"

        eventually(gets_in, within=15)
        assert guard.count("admitted") >= 1


class TestPlatformUsers:
    async def test_the_http_door_hears_events_and_says_nothing(
        self, guarded_broker: EmbeddedNats
    ) -> None:
        refusals: list[str] = []

        async def refused(error: Exception) -> None:
            refusals.append(str(error))

        http = await _connected(guarded_broker, "http", refused)
        worker = await _connected(guarded_broker, "worker")
        try:
            heard = await http.subscribe("events.>")
            await http.flush(ANSWERED_WITHIN_S)
            await worker.publish("events.x.v1", b"fact")
            await worker.flush(ANSWERED_WITHIN_S)
            assert (await heard.next_msg(timeout=ANSWERED_WITHIN_S)).data == b"fact"
            await http.publish("events.x.v1", b"forged")
            await http.subscribe("$SYS.>")
            await http.flush(ANSWERED_WITHIN_S)
            with pytest.raises(TimeoutError):
                await heard.next_msg(timeout=0.3)
        finally:
            await http.close()
            await worker.close()
        assert len([text for text in refusals if "permissions violation" in text.lower()]) == 2

    async def test_the_guard_sees_no_more_of_the_system_account_than_it_needs(
        self, guarded_broker: EmbeddedNats
    ) -> None:
        client = await _connected(guarded_broker, "guard")
        try:
            for allowed, subject in ((True, "CONNZ"), (False, "VARZ"), (False, "SUBSZ")):
                asked = client.request(f"$SYS.REQ.SERVER.PING.{subject}", b"{}", timeout=1)
                if allowed:
                    assert "data" in json.loads((await asked).data)
                else:
                    with pytest.raises((NatsError, TimeoutError)):
                        await asked
        finally:
            await client.close()

    async def test_a_gateways_id_is_no_way_around_the_accounts(
        self, guarded_broker: EmbeddedNats
    ) -> None:
        """Events and the field are apart: what is said in one is not heard in the other."""
        worker = await _connected(guarded_broker, "worker")
        try:
            heard = await worker.subscribe(">")
            await worker.flush()
            ingest = await asyncio.to_thread(MqttTry.as_ingest, guarded_broker)
            await asyncio.to_thread(ingest.connected)
            await asyncio.to_thread(ingest.publish, "spBv1.0/a/NCMD/b", b"field", qos=0)
            with pytest.raises(TimeoutError):
                await heard.next_msg(timeout=QUIET_S)
            await asyncio.to_thread(ingest.close)
        finally:
            await worker.close()


def test_enrolled_gateways_of_one_edge_node_name_do_not_meet(
    guarded_broker: EmbeddedNats, guard: GuardThread, sessions: Sessions
) -> None:
    """Edge nodes are unique per site only; the client id is the gateway's, so none is cut off."""
    clock = SystemClock()
    two = [enrol(sessions, clock, group=group, edge_node="same") for group in ("s-1", "s-2")]
    with MqttTry.of(guarded_broker, two[0]) as first, MqttTry.of(guarded_broker, two[1]) as second:
        first.connected()
        second.connected()
        time.sleep(QUIET_S)
        assert first.is_up
        assert second.is_up
    assert guard.count("admitted") == 2
