"""The doors of identity and capacity over HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.capacity import handlers
from services.capacity.domain import ICS_BYTES_MAX
from services.contracts.access import Role
from services.contracts.ids import GatewayId, OrganisationId, ResourceId, SiteId
from services.identity.domain import OrganisationKind
from services.runtime.db import Sessions, transaction
from tests.integration.capacity.park import Park, reported
from tests.support.api import Keyring, api_client
from tests.support.clock import START, FrozenClock

pytestmark = pytest.mark.integration


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock) as client:
        yield client


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def get(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def park(client: httpx.Client) -> Park:
    firm = post(client, "organisations", name="=Mills", name_zh="铣削厂", kind="firm")
    site = post(
        client,
        "sites",
        organisation_id=firm["id"],
        code="wuhan-1",
        name="Wuhan",
        name_zh="武汉",
        region_code="420106",
        lat=30.5,
        lon=114.3,
    )
    gateway = post(client, "gateways", site_id=site["id"], edge_node="edge-1")
    return Park(
        OrganisationId(UUID(firm["id"])), SiteId(UUID(site["id"])), GatewayId(UUID(gateway["id"]))
    )


@pytest.fixture
def mill(client: httpx.Client, park: Park) -> str:
    resource = post(
        client,
        "resources",
        organisation_id=str(park.organisation_id),
        site_id=str(park.site_id),
        kind="machine",
        name="Mill",
        name_zh="铣床",
    )
    return str(resource["id"])


def bind(client: httpx.Client, park: Park, mill: str) -> None:
    answer = client.put(
        f"resources/{mill}/twin",
        json={"gateway_id": str(park.gateway_id), "device": "mill-1"},
    )
    assert answer.status_code == 204, answer.text


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def wrong_at(answer: httpx.Response) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request"), answer.text
    return [(error["in"], error["pointer"]) for error in answer.json()["errors"]]


class TestIdentity:
    def test_everything_made_can_be_read(self, client: httpx.Client, park: Park) -> None:
        for path, key in (
            ("organisations", park.organisation_id),
            ("sites", park.site_id),
            ("gateways", park.gateway_id),
        ):
            (listed,) = get(client, f"{path}")["items"]
            assert listed == get(client, f"{path}/{key}")

    def test_a_list_is_a_file_that_runs_nothing(self, client: httpx.Client, park: Park) -> None:
        answer = client.get("organisations", params={"format": "csv"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert f"{park.organisation_id},'=Mills,铣削厂,firm," in answer.text

    def test_a_wrong_credit_code_is_named(self, client: httpx.Client) -> None:
        body = {"name": "x", "name_zh": "x", "kind": "firm", "uscc": "91110000600037341M"}
        answer = client.post("organisations", json=body)
        assert "GB 32100" in refused(answer, 422)

    def test_unknown_fields_are_refused(self, client: httpx.Client) -> None:
        body = {"name": "x", "name_zh": "x", "kind": "firm", "colour": "red"}
        assert client.post("organisations", json=body).status_code == 422


class TestResource:
    def test_is_listed_and_read(self, client: httpx.Client, mill: str) -> None:
        (listed,) = get(client, "resources", kind="machine")["items"]
        assert listed == get(client, f"resources/{mill}")
        assert get(client, "resources", kind="expert") == {"items": [], "next": None}

    def test_its_calendar_limits_its_gaps(self, client: httpx.Client, mill: str) -> None:
        ics = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
            "DTSTART:20260302T080000\r\nDTEND:20260302T200000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        path = f"resources/{mill}/calendar"
        assert client.put(path, json={"ics": ics}).status_code == 204
        window = {"start": "2026-03-02T09:00:00Z", "end": "2026-03-05T09:00:00Z"}
        (gap,) = get(client, f"resources/{mill}/gaps", **window)["items"]
        assert (gap["start"], gap["end"], gap["provenance"], gap["age_s"]) == (
            "2026-03-02T09:00:00Z",
            "2026-03-02T12:00:00Z",
            "declared",
            None,
        )
        answer = client.put(path, json={"ics": "BEGIN:VCALENDAR\r\nwhat\r\n"})
        assert "line 2" in refused(answer, 422)

    @pytest.mark.parametrize(("letter", "status"), [("x", 422), ("\U0010ffff", 413)])
    def test_a_calendar_over_its_limit_is_refused(
        self, client: httpx.Client, mill: str, letter: str, status: int
    ) -> None:
        body = json.dumps({"ics": letter * (ICS_BYTES_MAX + 1)})
        headers = {"content-type": "application/json"}
        answer = client.put(f"resources/{mill}/calendar", content=body, headers=headers)
        assert answer.status_code == status, answer.text
        if status == 422:
            assert wrong_at(answer) == [("body", "/ics")]

    def test_maintenance_takes_time(self, client: httpx.Client, mill: str) -> None:
        window = {"start": "2026-03-02T10:00:00Z", "end": "2026-03-02T12:00:00Z"}
        post(client, f"resources/{mill}/maintenance", **window, reason="oil")
        assert get(client, f"resources/{mill}/gaps", **window)["items"] == []

    def test_a_window_that_ends_before_it_starts_is_named(
        self, client: httpx.Client, mill: str
    ) -> None:
        window = {"start": "2026-03-02T12:00:00Z", "end": "2026-03-02T10:00:00Z"}
        answer = client.get(f"resources/{mill}/gaps", params=window)
        assert "not after its start" in refused(answer, 422)
        answer = client.post(f"resources/{mill}/maintenance", json={**window, "reason": "oil"})
        assert "not after its start" in refused(answer, 422)

    @pytest.mark.parametrize("number", ["0", "0.5", "1609459200"])
    def test_a_number_is_no_instant_and_no_day(
        self, client: httpx.Client, mill: str, number: str
    ) -> None:
        later = "2026-03-03T09:00:00Z"
        for path, query, wrong in (
            ("withdrawals", {"since": number}, "since"),
            (f"resources/{mill}/timeline", {"day": number}, "day"),
            (f"resources/{mill}/gaps", {"start": number, "end": later}, "start"),
        ):
            assert wrong_at(client.get(path, params=query)) == [("query", f"/{wrong}")]
        path = f"resources/{mill}/maintenance"
        for start in (number, float(number)):
            body = {"start": start, "end": later, "reason": "oil"}
            assert wrong_at(client.post(path, json=body)) == [("body", "/start")]

    @pytest.mark.parametrize("given", [0, "86400", "2027-01-01T00:00:00Z"])
    def test_a_certificate_is_valid_to_a_day(
        self, client: httpx.Client, park: Park, given: object
    ) -> None:
        held = {"kind": "iso-9001", "valid_to": given}
        body = {
            "site_id": str(park.site_id),
            "kind": "machine",
            "name": "Lathe",
            "name_zh": "车床",
            "capabilities": [{"process": "machining.turning", "certificates": [held]}],
        }
        place = "/capabilities/0/certificates/0/valid_to"
        assert wrong_at(client.post("resources", json=body)) == [("body", place)]
        held["valid_to"] = "2027-01-01"
        (read,) = post(client, "resources", **body)["capabilities"][0]["certificates"]
        assert read["valid_to"] == "2027-01-01"

    def test_a_resource_that_does_not_exist_is_named(
        self, client: httpx.Client, clock: FrozenClock
    ) -> None:
        stranger = clock.new_id()
        for path in ("", "/state", "/timeline?day=2026-03-02"):
            answer = client.get(f"resources/{stranger}{path}")
            assert str(stranger) in refused(answer, 404)


class TestLive:
    def test_a_fault_is_seen_in_state_gaps_withdrawals_and_timeline(
        self, client: httpx.Client, sessions: Sessions, clock: FrozenClock, park: Park, mill: str
    ) -> None:
        assert "no live twin" in refused(client.get(f"resources/{mill}/state"), 404)
        bind(client, park, mill)
        assert get(client, f"resources/{mill}/state")["state"] == "unknown"
        with transaction(sessions) as session:
            handlers.record_observations(
                session=session,
                clock=clock,
                rows=[
                    reported(park, ResourceId(UUID(mill)), 1, "down", at=START - timedelta(hours=1))
                ],
            )
            handlers.record_seen(session=session, clock=clock, seen={ResourceId(UUID(mill)): START})
        state = get(client, f"resources/{mill}/state")
        assert (state["state"], state["measured"], state["age_s"]) == ("down", True, 0)
        window = {"start": "2026-03-02T09:00:00Z", "end": "2026-03-03T09:00:00Z"}
        assert get(client, f"resources/{mill}/gaps", **window)["items"] == []
        (withdrawal,) = get(client, "withdrawals", since="2026-03-01T00:00:00Z")["items"]
        assert (withdrawal["resource_id"], withdrawal["cause"]) == (mill, "down")
        assert get(client, "withdrawals", since="2026-03-03T00:00:00Z")["items"] == []
        spans = get(client, f"resources/{mill}/timeline", day="2026-03-02")["states"]
        assert [(span["state"], span["start"]) for span in spans] == [
            ("down", "2026-03-02T08:00:00Z")
        ]

    @pytest.mark.usefixtures("park")
    def test_quarantine_shows_what_was_not_understood(
        self, client: httpx.Client, sessions: Sessions, clock: FrozenClock
    ) -> None:
        for topic in ("spBv1.0/wuhan-1/NDATA/edge-1", "spBv1.0/elsewhere/NDATA/edge-1", "t"):
            with transaction(sessions) as session:
                handlers.quarantine(
                    session=session,
                    clock=clock,
                    topic=topic,
                    payload=b"\xff\x00",
                    cause="no protobuf",
                )
        (message,) = get(client, "quarantine")["items"]
        assert message["topic"] == "spBv1.0/wuhan-1/NDATA/edge-1"
        assert (message["cause"], message["payload_bytes"], message["excerpt"]) == (
            "no protobuf",
            2,
            "/wA=",
        )

    @pytest.mark.usefixtures("park")
    def test_the_whole_quarantine_is_the_administrators(
        self, client: httpx.Client, sessions: Sessions, clock: FrozenClock
    ) -> None:
        with transaction(sessions) as session:
            for topic in ("spBv1.0/wuhan-1/NDATA/edge-1", "t"):
                handlers.quarantine(
                    session=session, clock=clock, topic=topic, payload=b"", cause="no protobuf"
                )
        assert isinstance(client.auth, Keyring)
        platform = client.auth.organisation(
            name="Platform", name_zh="平台", kind=OrganisationKind.PLATFORM
        )
        seen = {}
        for role in (Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN):
            key = client.auth.key(platform, role)
            seen[role] = client.get("quarantine", headers={"Authorization": f"Bearer {key}"})
        topics = [one["topic"] for one in seen[Role.SYSTEM_ADMIN].json()["items"]]
        assert topics == ["spBv1.0/wuhan-1/NDATA/edge-1", "t"]
        assert seen[Role.AUDIT_ADMIN].status_code == 403


def test_companions_are_registered_replaced_and_read(
    client: httpx.Client, park: Park, mill: str
) -> None:
    facts = {
        "organisation_id": str(park.organisation_id),
        "site_id": str(park.site_id),
        "name": "x",
        "name_zh": "x",
    }
    operators = post(client, "resources", kind="expert", units=3, **facts)
    needed = [{"resource_id": mill, "units": 1}, {"resource_id": operators["id"], "units": 2}]
    cell = post(client, "resources", kind="cell", companions=needed, **facts)
    assert get(client, f"resources/{cell['id']}")["companions"] == needed

    path = f"resources/{cell['id']}/companions"
    assert client.put(path, json={"companions": needed[::-1]}).status_code == 204
    assert get(client, f"resources/{cell['id']}")["companions"] == needed[::-1]

    refused = client.put(f"resources/{mill}/companions", json={"companions": needed[1:]})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-companion")
    assert client.put(path, json={"companions": []}).status_code == 204
    assert get(client, f"resources/{cell['id']}")["companions"] == []
