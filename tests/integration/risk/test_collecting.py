"""Findings of gateways, reports of members, files: what is taken in, and who sees it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import text

from services.contracts.access import Role
from services.contracts.findings import FindingKind, FindingSink, ReportedFinding
from services.contracts.ids import GatewayId, OrganisationId
from services.risk.handlers import collecting
from services.risk.handlers.collecting import FindingRecorder
from services.runtime.db import transaction
from tests.integration.risk.world import Caller, World, code, notice_facts, step
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration

CSV = (
    "title_zh,title,kind,tlp,severity,vendor,product,versions,remediation\r\n"
    "固件未签名,Unsigned firmware,vulnerability,AMBER,high,Example,PLC-900,< 4.2,更新\r\n"
    "弱口令,Weak password,misconfiguration,TLP:GREEN,medium,Example,HMI-7,,改口令\r\n"
)
ENDPOINT = "opc.tcp://192.0.2.7:4840"


def sighting(gateway: object, **facts: Any) -> dict[str, Any]:
    return {"gateway_id": str(gateway), "kind": "opcua_none_endpoint", "subject": ENDPOINT} | facts


def sent(caller: Caller, *findings: dict[str, Any]) -> list[dict[str, Any]]:
    body = {"findings": list(findings)}
    items: list[dict[str, Any]] = caller.make("risk/findings", body, status=200)["items"]
    return items


def imported(caller: Caller, data: bytes, kind: str = "csv") -> dict[str, Any]:
    response = caller.ask("POST", "risk/imports", params={"format": kind}, content=data)
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()
    return document


def test_a_finding_is_kept_once_with_its_first_and_last_sighting(
    world: World, clock: FrozenClock
) -> None:
    firm = world.firm()
    gateway = world.gateway(firm.organisation_id)
    first_at = clock.now()
    sent(firm, sighting(gateway))
    clock.advance(timedelta(hours=2))
    (again,) = sent(firm, sighting(gateway, detail="SecurityMode None"))
    assert again["seen_count"] == 2
    assert again["severity"] == "high"
    assert again["first_seen"] == first_at.isoformat().replace("+00:00", "Z")
    assert again["last_seen"] == clock.now().isoformat().replace("+00:00", "Z")
    other = sighting(gateway, kind="certificate_expiring")
    late = sighting(gateway, observed_at=(clock.now() + timedelta(days=9)).isoformat())
    sent(firm, other, late)
    listed = firm.read("risk/findings")["items"]
    assert [one["kind"] for one in listed] == ["opcua_none_endpoint", "certificate_expiring"]
    assert listed[0]["last_seen"] == again["last_seen"], "nothing is seen tomorrow"
    assert len(firm.read("risk/findings", kind="certificate_expiring")["items"]) == 1


@pytest.mark.parametrize("number", [0, "1772449200"])
def test_a_number_is_no_instant(world: World, number: object) -> None:
    firm = world.firm()
    gateway = world.gateway(firm.organisation_id)
    for path, body, pointer in (
        (
            "findings",
            {"findings": [sighting(gateway, observed_at=number)]},
            "/findings/0/observed_at",
        ),
        ("notices", notice_facts(embargo_until=number), "/embargo_until"),
    ):
        answer = firm.post(f"risk/{path}", body)
        assert answer.status_code == 422, answer.text
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_findings_are_for_owner_park_operator_and_security_admin(world: World) -> None:
    firm, other, (admin, _) = world.firm(), world.firm(), world.administrators()
    neighbour = world.firm()
    operator = world.park("optics-valley", firm.organisation_id, neighbour.organisation_id)
    elsewhere = world.park("elsewhere")
    buyer = world.person(firm.organisation_id, Role.BUYER)
    sent(firm, sighting(world.gateway(firm.organisation_id, park="optics-valley")))
    for reader, sees in {
        firm: 1,
        operator: 1,
        admin: 1,
        other: 0,
        neighbour: 0,
        elsewhere: 0,
    }.items():
        assert len(reader.read("risk/findings")["items"]) == sees
    assert buyer.get("risk/findings").status_code == 403


def test_nobody_reports_for_anothers_gateway(world: World) -> None:
    firm, other = world.firm(), world.firm()
    gateway = world.gateway(firm.organisation_id)
    refused = other.post("risk/findings", {"findings": [sighting(gateway)]})
    assert code(refused) == "gateway-not-found"


def test_a_gateway_cannot_flood(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "FINDINGS_PER_GATEWAY_MAX", 2)
    firm = world.firm()
    gateway = world.gateway(firm.organisation_id)
    sent(firm, sighting(gateway, subject="a"), sighting(gateway, subject="b"))
    refused = firm.post("risk/findings", {"findings": [sighting(gateway, subject="c")]})
    assert (refused.status_code, code(refused)) == (409, "too-many-risk-findings")
    assert sent(firm, sighting(gateway, subject="a"))[0]["seen_count"] == 2


def test_a_process_of_the_platform_reports_too(world: World, clock: FrozenClock) -> None:
    firm = world.firm()
    gateway = world.gateway(firm.organisation_id)
    sink: FindingSink = FindingRecorder(world.sessions, clock)
    seen = ReportedFinding(
        organisation_id=OrganisationId(firm.organisation_id),
        gateway_id=GatewayId(gateway),
        kind=FindingKind.UNKNOWN_CLIENT,
        subject="client-9",
        detail="refused",
        observed_at=clock.now(),
    )
    sink(seen)
    sink(seen)
    (listed,) = firm.read("risk/findings")["items"]
    assert (listed["subject"], listed["seen_count"]) == ("client-9", 2)


def test_a_report_is_followed_by_who_filed_it(world: World) -> None:
    firm, admins = world.firm(), world.administrators()
    colleague = world.person(firm.organisation_id)
    body = {"title": "Odd traffic", "text": "At night.", "kind": "incident", "severity": "high"}
    report = firm.make("risk/reports", body)
    assert (report["state"], report["reply"]) == ("received", None)
    path = f"risk/reports/{report['id']}"
    assert code(colleague.get(path)) == "risk-report-not-found"
    assert colleague.read("risk/reports")["items"] == []
    assert len(admins[0].read("risk/reports", state="received")["items"]) == 1
    decision = {"accept": True, "reply": "Thank you, we warn the others."}
    assert firm.post(f"{path}/decision", decision).status_code == 403
    decided = admins[0].make(f"{path}/decision", decision, status=200)
    assert firm.read(path)["reply"] == "Thank you, we warn the others."
    assert firm.read(path)["notice_id"] is None
    notice = admins[1].read(f"risk/notices/{decided['notice_id']}")
    assert (notice["state"], notice["source"], notice["tlp"]) == ("draft", "report", "amber+strict")
    again = admins[1].post(f"{path}/decision", {"accept": False, "reply": "No"})
    assert code(again) == "risk-report-decided"


def test_a_person_files_so_many_reports_a_day(
    world: World, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "REPORTS_PER_DAY_MAX", 2)
    firm = world.firm()
    body = {"title": "Odd traffic", "text": "At night.", "kind": "incident"}
    for _ in range(2):
        firm.make("risk/reports", body)
    refused = firm.post("risk/reports", body)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "86400")
    clock.advance(timedelta(days=1))
    firm.make("risk/reports", body)


def test_a_csv_file_becomes_drafts(world: World) -> None:
    firm = world.firm()
    made = imported(firm, CSV.encode("gb18030"))
    assert (made["state"], made["problems"], len(made["notice_ids"])) == ("imported", [], 2)
    notice = firm.read(f"risk/notices/{made['notice_ids'][0]}")
    assert (notice["title_zh"], notice["source"], notice["tlp"]) == ("固件未签名", "csv", "amber")
    again = firm.ask(
        "POST", "risk/imports", params={"format": "csv"}, content=CSV.encode("gb18030")
    )
    assert code(again) == "risk-file-imported-already"
    assert firm.ask("GET", "risk/notices").json()["items"][0]["number"] == "RN-2026-00001"


def test_the_same_file_sent_twice_at_once_is_taken_once(world: World) -> None:
    firm = world.firm()

    def send(_: int) -> int:
        query = {"format": "csv"}
        return firm.ask("POST", "risk/imports", params=query, content=CSV.encode()).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(send, range(4)))
    assert answers == [201, 409, 409, 409]
    assert len(firm.read("risk/notices")["items"]) == 2


def test_a_bad_file_changes_nothing_and_is_kept_with_its_cause(world: World) -> None:
    firm, other = world.firm(), world.firm()
    bad = CSV.replace("AMBER", "PINK").replace("medium", "urgent").encode()
    made = imported(firm, bad)
    assert (made["state"], made["notice_ids"]) == ("quarantined", [])
    assert [one["place"] for one in made["problems"]] == ["line 2, tlp", "line 3, severity"]
    assert firm.read("risk/notices")["items"] == []
    assert [one["id"] for one in firm.read("risk/imports")["items"]] == [made["id"]]
    assert other.read("risk/imports")["items"] == []
    with transaction(world.sessions) as session:
        row = session.connection().execute(text("SELECT kept, size FROM risk_import")).one()
    assert (bytes(row.kept), row.size) == (bad, len(bad))


def test_what_leaves_as_csaf_comes_in_again(world: World) -> None:
    firm, admins, other = world.firm(), world.administrators(), world.firm()
    notice = firm.make("risk/notices", notice_facts(tlp="clear"))
    notice = step(admins[0], step(firm, notice, "submit"), "approve")
    notice = step(admins[1], notice, "release")
    world.deliver()
    file = other.get(f"risk/notices/{notice['id']}/csaf").content
    made = imported(other, file, "csaf")
    (copy,) = [other.read(f"risk/notices/{one}") for one in made["notice_ids"]]
    for name in ("title", "tlp", "severity", "cvss_vector", "products", "remediation", "kind"):
        assert copy[name] == notice[name]
    assert copy["state"] == "draft"


def test_an_advisory_names_each_wrong_pointer(world: World) -> None:
    firm = world.firm()
    document = {"document": {"category": "csaf_base", "csaf_version": "1.2", "title": ""}}
    made = imported(firm, json.dumps(document).encode(), "csaf")
    places = {one["place"] for one in made["problems"]}
    assert {"/document/csaf_version", "/document/title", "/document/tracking"} <= places
    assert all(one["en"] != one["zh"] for one in made["problems"])


HOSTILE = [
    b"\x00",
    b"[" * 100_000,
    b'{"document":' * 5_000,
    b'{"document": {"title": "\\u0000"}}',
    b'{"document": {"title": "\\ud800"}}',
    b'{"a": NaN, "b": 1e999999}',
    b'{"a": ' + b"9" * 50_000 + b"}",
    b"\xff\xfe" * 1_000,
    b'"' + b"a" * 200_000,
    CSV.replace("PLC-900", "PLC\x00900").encode(),
    CSV.replace("PLC-900", "=cmd|' /C calc'!A0" * 50).encode(),
    b"PK\x03\x04" + bytes(range(256)) * 100,
    b"{}",
    b"-2.225073858507203e-309",
]


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_quarantined(world: World, data: bytes) -> None:
    firm = world.firm()
    for kind in ("csv", "csaf"):
        for content_type in ("application/json", "text/csv", "application/octet-stream"):
            response = firm.ask(
                "POST",
                "risk/imports",
                params={"format": kind},
                content=data,
                headers={"content-type": content_type},
            )
            assert response.status_code == 201, response.text
            assert response.json()["state"] == "quarantined"
            assert response.json()["problems"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.binary(min_size=1, max_size=400), kind=st.sampled_from(["csv", "csaf"]))
def test_no_file_breaks_the_door(world: World, data: bytes, kind: str) -> None:
    firm = world.firm()
    response = firm.ask("POST", "risk/imports", params={"format": kind}, content=data)
    assert response.status_code == 201, response.text
    assert response.json()["state"] == "quarantined"


def test_an_empty_and_a_huge_file_are_refused(world: World) -> None:
    firm = world.firm()
    empty = firm.ask("POST", "risk/imports", params={"format": "csv"}, content=b"")
    assert code(empty) == "risk-file-empty"
    huge = firm.ask("POST", "risk/imports", params={"format": "csv"}, content=b"a" * 2**20 + b"a")
    assert huge.status_code == 413
