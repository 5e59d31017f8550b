"""MQTT topics: what a gateway says and hears with its own credential, a dead or a false one."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import product
from typing import Final

import pytest

from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from services.runtime.embedded.nats import EmbeddedNats
from tests.access import tally
from tests.support.devices import (
    Enrolled,
    GuardThread,
    MqttTry,
    enrol,
    firms,
    guard,
    guarded_broker,
    revoke,
)
from tests.support.waiting import eventually

__all__ = ["firms", "guard", "guarded_broker"]

pytestmark = pytest.mark.integration

SAID: Final = ("NBIRTH", "NDATA", "NDEATH")
SAID_OF_DEVICES: Final = ("DBIRTH", "DDATA", "DDEATH")
NOT_SAID: Final = ("NCMD", "DCMD", "STATE")
NOBODYS: Final = (
    "spBv1.0/STATE/nonagon",
    "spBv1.0/works-a/NDATA",
    "spBv1.0/works-c/NDATA/gw",
    "spBv2.0/works-a/NDATA/gw",
    "events/capacity",
    "SYS/x",
    "works-a",
)
WILD: Final = ("#", "+/#", "spBv1.0/#", "spBv1.0/+/NDATA/+", "spBv1.0/works-a/#")


def topics(gateway: Enrolled) -> Iterator[tuple[str, bool]]:
    """Topics of a gateway's edge node, and whether the node itself speaks there."""
    for kind in SAID:
        yield gateway.topic(kind), True
        yield gateway.topic(kind, "m1"), False
    for kind in SAID_OF_DEVICES:
        yield gateway.topic(kind, "m1"), True
        yield gateway.topic(kind), False
    for kind in NOT_SAID:
        yield gateway.topic(kind), False
        yield gateway.topic(kind, "m1"), False


def spoken(gateways: tuple[Enrolled, Enrolled]) -> dict[str, Enrolled | None]:
    """Every topic, and the one gateway that may speak there."""
    found: dict[str, Enrolled | None] = dict.fromkeys(NOBODYS)
    for gateway in gateways:
        found |= {topic: gateway if may else None for topic, may in topics(gateway)}
    return found


@pytest.fixture
def dead(sessions: Sessions) -> Enrolled:
    """Revoked since."""
    gateway = enrol(sessions, SystemClock(), group="works-d")
    revoke(sessions, SystemClock(), gateway)
    return gateway


def test_a_gateway_is_heard_on_its_own_topics_only(
    guarded_broker: EmbeddedNats, guard: GuardThread, firms: tuple[Enrolled, Enrolled]
) -> None:
    del guard
    cells = list(product(firms, spoken(firms).items()))
    expected = {
        (topic, _said(gateway, topic)) for gateway, (topic, speaker) in cells if speaker is gateway
    }
    with ExitStack() as stack:
        ingest = stack.enter_context(MqttTry.as_ingest(guarded_broker, "topic-probes").connected())
        assert ingest.subscribe("#") == "Granted QoS 1"
        ingest.heard.messages.clear()
        for gateway, (topic, _) in cells:
            with MqttTry.of(guarded_broker, gateway).connected() as client:
                client.publish(topic, _said(gateway, topic), qos=0)
        eventually(lambda: expected <= set(ingest.heard.messages), what="what is theirs arrives")
        heard = {it for it in ingest.heard.messages if it[1].startswith(b"probe ")}
    wrong = [f"{topic} heard as {said!r}" for topic, said in heard ^ expected]
    tally.count(len(cells), wrong)
    assert wrong == [], "\n".join(wrong)


def _said(gateway: Enrolled, topic: str) -> bytes:
    return f"probe {gateway.group} {topic}".encode()


def test_a_gateway_listens_to_its_commands_and_the_host_only(
    guarded_broker: EmbeddedNats, guard: GuardThread, firms: tuple[Enrolled, Enrolled]
) -> None:
    del guard
    asked, wrong = 0, []
    for gateway in firms:
        granted = {gateway.topic("NCMD"), "spBv1.0/STATE/nonagon"}
        for topic in {*spoken(firms), *WILD, *granted}:
            asked += 1
            with MqttTry.of(guarded_broker, gateway).connected() as client:
                is_granted = client.subscribe(topic).startswith("Granted")
            if is_granted != (topic in granted):
                wrong.append(f"{gateway.group} at {topic}: granted is {is_granted}")
    tally.count(asked, wrong)
    assert wrong == [], "\n".join(wrong)


def _answered(client: MqttTry) -> bool:
    return client.heard.connected is not None or client.heard.ended is not None


def test_a_dead_and_a_false_credential_reach_no_topic(
    guarded_broker: EmbeddedNats,
    guard: GuardThread,
    firms: tuple[Enrolled, Enrolled],
    dead: Enrolled,
) -> None:
    del guard
    own, other = firms
    tries = {
        "revoked": MqttTry.of(guarded_broker, dead),
        "forged": MqttTry.of(guarded_broker, own, password="ngw_" + "0" * 64),
        "another's": MqttTry.of(guarded_broker, own, password=other.credential.secret),
        "as another": MqttTry.of(guarded_broker, own.posing_as(other)),
        "none": MqttTry.of(guarded_broker, own, username=None, password=None),
    }
    wrong = []
    for name, client in tries.items():
        eventually(partial(_answered, client), what="an answer")
        if client.heard.connected == "Success":
            wrong.append(f"{name} credential lets in")
        client.close()
    tally.count(len(tries), wrong)
    assert wrong == []
