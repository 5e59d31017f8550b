"""Devices on a platform as ``nonagon up`` starts it: what is stored, what is cut, and how fast."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from edge.credential import GatewayCredential
from gateway.demo.api import DemoApi
from gateway.endpoints import Endpoints
from tests.support.devices import QUIET_S, MqttTry
from tests.support.platform import PlatformProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration, pytest.mark.timeout(180)]

NONAGON_UP = ("-m", "gateway.cli", "up")
CUT_WITHIN_S = 60.0
ADMITTED_WITHIN_S = 30.0


@dataclass(frozen=True)
class Works:
    """A firm that signed up and enrolled its gateway, all over HTTP."""

    api: DemoApi
    gateway_id: str
    credential: GatewayCredential

    def topic(self, kind: str) -> str:
        return f"spBv1.0/{self.credential.group}/{kind}/{self.credential.edge_node}"

    def try_mqtt(self, endpoints: Endpoints) -> MqttTry:
        return MqttTry(
            endpoints.mqtt_url,
            client_id=self.gateway_id,
            username=self.gateway_id,
            password=self.credential.secret,
        )

    def connected(self, endpoints: Endpoints) -> MqttTry:
        """A connection, as an agent gets it: by trying again."""

        def attempt() -> MqttTry | None:
            tried = self.try_mqtt(endpoints)
            eventually(lambda: tried.heard.connected or tried.heard.ended, what="an answer")
            if tried.heard.connected == "Success":
                return tried
            tried.close()
            return None

        found = eventually(attempt, within=ADMITTED_WITHIN_S, what="an admission")
        assert found is not None
        return found


def founded(api: DemoApi, name: str) -> Works:
    opened = api.post(
        "/sign-up",
        {
            "email": f"owner@{name}.example",
            "password": f"a long pass phrase of {name}",
            "name": "Owner",
            "locale": "en",
            "organisation": {"name": name, "name_zh": "企业", "kind": "firm"},
        },
    )
    own = api.with_token(opened["token"])
    site = {"code": name, "name": "Works", "name_zh": "工厂", "region_code": "420111"}
    made = own.post("/sites", site | {"lat": 30.5, "lon": 114.4})
    gateway = own.post("/gateways", {"site_id": made["id"], "edge_node": "gw"})
    code = own.post(f"/gateways/{gateway['id']}/enrolments")["code"]
    given = api.post("/enrolments/redeem", {"code": code})
    return Works(own, gateway["id"], GatewayCredential.model_validate(given))


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("devices") / "state"


@pytest.fixture(scope="module")
def endpoints(state_dir: Path) -> Iterator[Endpoints]:
    platform = PlatformProcess(state_dir, command=NONAGON_UP)
    try:
        yield platform.ready()
    finally:
        platform.end()


@pytest.fixture(scope="module")
def api(endpoints: Endpoints) -> Iterator[DemoApi]:
    with DemoApi(
        httpx.Client(base_url=f"{endpoints.http_url}/api/v1", timeout=30, trust_env=False)
    ) as client:
        yield client


@pytest.fixture(scope="module")
def works(api: DemoApi) -> tuple[Works, Works]:
    return founded(api, "works-a"), founded(api, "works-b")


def counted(endpoints: Endpoints, table: str, where: str, *values: Any) -> int:
    with psycopg.connect(endpoints.database_url) as connection:
        query = f"SELECT count(*) FROM {table} WHERE {where}"  # noqa: S608 - our own words
        row = connection.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])


def test_what_a_gateway_says_outside_its_own_topics_reaches_no_table(
    endpoints: Endpoints, works: tuple[Works, Works]
) -> None:
    own, other = works
    about_group = "topic LIKE 'spBv1.0/' || %s || '/%%'"
    with own.connected(endpoints) as gateway:
        for qos in (0, 1):
            gateway.publish(other.topic("NBIRTH"), b"forged", qos=qos)
            gateway.publish(f"{other.topic('DDATA')}/m1", b"forged", qos=qos, retain=True)
        # What cannot be decoded is quarantined, so it shows that the way to the tables is open.
        gateway.publish(own.topic("NDATA"), b"\xff malformed", qos=0)
        eventually(
            lambda: counted(endpoints, "quarantine", about_group, own.credential.group),
            what="the own message in quarantine",
        )
        time.sleep(QUIET_S)
    assert counted(endpoints, "quarantine", about_group, other.credential.group) == 0
    assert counted(endpoints, "observation", "gateway_id = %s", other.gateway_id) == 0


def test_revoking_over_http_cuts_the_connection(endpoints: Endpoints, api: DemoApi) -> None:
    own = founded(api, "works-revoked")
    with own.connected(endpoints) as gateway:
        path = f"/gateways/{own.gateway_id}/credentials/{own.credential.credential_id}/revoke"
        began = time.monotonic()
        own.api.post(path)
        eventually(lambda: gateway.heard.ended, within=CUT_WITHIN_S, what="the cut")
        assert gateway.heard.ended_at is not None
        sys.stdout.write(f"\nHTTP revoke to cut: {gateway.heard.ended_at - began:.2f} s\n")
    own.try_mqtt(endpoints).refused().close()


def test_a_killed_worker_keeps_newcomers_out_until_its_successor_decides(
    endpoints: Endpoints, works: tuple[Works, Works]
) -> None:
    own, other = works
    with own.connected(endpoints) as inside:
        psutil.Process(endpoints.pids["worker"]).kill()
        other.try_mqtt(endpoints).refused().close()
        began = time.monotonic()
        other.connected(endpoints).close()
        sys.stdout.write(f"\nadmitted again after {time.monotonic() - began:.1f} s\n")
        assert inside.is_up


def test_no_secret_of_a_gateway_or_of_the_broker_stands_in_a_log(
    endpoints: Endpoints, works: tuple[Works, Works], state_dir: Path
) -> None:
    own, other = works
    own.connected(endpoints).close()
    secrets = [own.credential.secret, other.credential.secret]
    secrets += [path.read_text().strip() for path in (state_dir / "nats" / "keys").iterdir()]
    logs = [path.read_text(errors="replace") for path in (state_dir / "log").glob("*.log")]

    assert len(secrets) == 8
    assert len(logs) >= 6
    for text in logs:
        for secret in secrets:
            assert secret not in text
