"""Who reads a notice, from when on, and the clock of the acknowledgement."""

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from services.capacity import handlers as capacity
from services.capacity.domain import CapabilityDeclaration, CapacityRule, Visibility
from services.contracts.access import Role
from services.contracts.ids import OrganisationId, SiteId
from services.risk.domain.csaf import Csaf
from services.risk.domain.csaf_reading import read_csaf
from services.runtime.db import transaction
from tests.integration.booking.park import AnyCode
from tests.integration.risk.world import Caller, World, code, drafted, released, stepped
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration

INSTANT = timedelta(microseconds=1)


def to(*callers: Caller) -> dict[str, Any]:
    return {"organisations": [str(one.organisation_id) for one in callers]}


def can_read(caller: Caller, notice: dict[str, Any]) -> bool:
    """By its id, in the list, as a file and as CSAF: all four or none."""
    path = f"risk/notices/{notice['id']}"
    listed = caller.read("risk/notices")["items"]
    file = caller.get("risk/notices", format="csv").text
    seen = {
        caller.get(path).status_code == 200,
        caller.get(f"{path}/csaf").status_code in {200, 409},
        notice["id"] in {item["id"] for item in listed},
        notice["number"] in file,
    }
    assert len(seen) == 1, "all doors agree"
    if not seen & {True}:
        assert code(caller.get(path)) == "risk-notice-not-found"
    return seen == {True}


def test_the_embargo_ends_at_its_instant(world: World, clock: FrozenClock) -> None:
    firm, admins, reader, stranger = (
        world.firm(),
        world.administrators(),
        world.firm(),
        world.firm(),
    )
    ends = clock.now() + timedelta(days=3)
    notice = released(firm, admins, addressing=to(reader), embargo_until=ends.isoformat())
    clock.set(ends - INSTANT)
    assert world.deliver() == 0
    assert not can_read(reader, notice)
    assert reader.read("risk/deliveries")["items"] == []
    assert all(can_read(one, notice) for one in (firm, *admins)), "authors and administrators do"
    clock.set(ends)
    assert not can_read(reader, notice), "it has not gone out yet"
    assert world.deliver() == 1
    assert can_read(reader, notice)
    assert not can_read(stranger, notice)
    (delivery,) = reader.read("risk/deliveries")["items"]
    assert delivery["due_at"] == (ends + timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    assert world.deliver() == 0, "it goes out once"


def test_an_open_notice_under_embargo_is_closed(world: World, clock: FrozenClock) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm(verified=True)
    ends = clock.now() + timedelta(hours=1)
    for tlp in ("clear", "green"):
        notice = released(firm, admins, tlp=tlp, embargo_until=ends.isoformat())
        world.deliver()
        assert not can_read(reader, notice)
    clock.set(ends)
    assert world.deliver() == 2
    assert can_read(reader, notice)


def test_each_label_has_its_circle(world: World) -> None:
    firm, admins = world.firm(), world.administrators()
    addressed, verified, plain = world.firm(), world.firm(verified=True), world.firm()
    circles = {
        "clear": {addressed, verified, plain},
        "green": {addressed, verified},
        "amber": {addressed},
        "amber+strict": {addressed},
    }
    for tlp, circle in circles.items():
        notice = released(firm, admins, tlp=tlp, addressing=to(addressed))
        assert not any(can_read(one, notice) for one in (addressed, verified, plain))
        world.deliver()
        assert {one for one in (addressed, verified, plain) if can_read(one, notice)} == circle


def test_red_is_read_by_named_persons_alone(world: World) -> None:
    firm, admins = world.firm(), world.administrators()
    company = world.organisation()
    named, colleague = world.person(company), world.person(company)
    outsider = world.firm()
    persons = [
        {"organisation_id": str(company), "person_id": str(named.id)},
        {"organisation_id": str(company), "person_id": str(outsider.id)},
    ]
    notice = released(firm, admins, tlp="red", addressing={"persons": persons})
    world.deliver()
    assert can_read(named, notice)
    assert not can_read(colleague, notice)
    assert not can_read(outsider, notice), "who is no member was not delivered to"
    refused = colleague.post(f"risk/notices/{notice['id']}/acknowledge")
    assert code(refused) == "risk-notice-not-delivered-to-you"
    (told,) = world.events("risk.notice-delivered.v1")
    assert told["audience"]["organisation_ids"] == [str(firm.organisation_id)]
    nobody = released(firm, admins, tlp="red", addressing={"persons": persons[1:]})
    world.deliver()
    assert firm.read(f"risk/notices/{nobody['id']}/deliveries")["items"] == []
    assert named.make(f"risk/notices/{notice['id']}/acknowledge", None, status=200)


def test_unreleased_notices_are_nobody_elses(world: World) -> None:
    firm, reader = world.firm(), world.firm(verified=True)
    world.administrators()
    notice = drafted(firm, tlp="clear", addressing=to(reader))
    assert not can_read(reader, notice)
    assert stepped(firm, notice, "submit").status_code == 200
    assert world.deliver() == 0
    assert not can_read(reader, notice)
    anonymous = world.http.get(f"risk/notices/{notice['id']}")
    assert anonymous.status_code == 401


def test_rules_find_those_concerned(world: World) -> None:
    admins = world.administrators()
    firm, affected, verified = world.firm(), world.firm(), world.firm(verified=True)
    inside, northern, nobody = world.firm(), world.firm(), world.firm()
    operator = world.park("optics-valley", inside.organisation_id)
    world.site(northern.organisation_id, region="110105")
    mill(world, affected.organisation_id, world.site(affected.organisation_id), "Example plc-900")
    rules: dict[str, tuple[dict[str, Any], set[Caller]]] = {
        "parks": ({"parks": ["optics-valley"]}, {operator, inside}),
        "regions": ({"regions": ["1101"]}, {northern}),
        "products": ({"affected_products": True}, {affected}),
        "verified": ({"all_verified": True}, {verified}),
        "both": ({"regions": ["11"], **to(nobody)}, {northern, nobody}),
    }
    everybody = {affected, verified, inside, northern, nobody, operator}
    for name, (addressing, concerned) in rules.items():
        notice = released(firm, admins, addressing=addressing)
        world.deliver()
        assert {one for one in everybody if can_read(one, notice)} == concerned, name


def test_only_authors_are_told_who_else_received_it(world: World) -> None:
    firm, admins, reader, other = world.firm(), world.administrators(), world.firm(), world.firm()
    notice = released(firm, admins, addressing=to(reader, other))
    world.deliver()
    path = f"risk/notices/{notice['id']}"
    seen = reader.read(path)
    assert (seen["addressing"], seen["approved_by"], seen["released_by"]) == (None, None, None)
    assert firm.read(path)["addressing"] is not None
    refused = reader.get(f"{path}/deliveries")
    assert code(refused) == "risk-notice-not-found"
    for insider in (firm, admins[0]):
        assert len(insider.read(f"{path}/deliveries")["items"]) == 2


def test_the_clock_runs_from_delivery_to_acknowledgement(world: World, clock: FrozenClock) -> None:
    firm, admins, prompt, silent = world.firm(), world.administrators(), world.firm(), world.firm()
    notice = released(firm, admins, addressing=to(prompt, silent))
    world.deliver()
    path = f"risk/notices/{notice['id']}"
    done = prompt.make(f"{path}/acknowledge", None, status=200)
    assert done["acknowledged_by"] == str(prompt.id)
    assert code(prompt.post(f"{path}/acknowledge")) == "risk-notice-already-acknowledged"
    clock.advance(timedelta(hours=24) - INSTANT)
    assert world.escalate() == 0
    clock.advance(INSTANT)
    assert world.escalate() == 1
    assert world.escalate() == 0, "each is told once"
    by_firm = {one["organisation_id"]: one for one in firm.read(f"{path}/deliveries")["items"]}
    assert by_firm[str(silent.organisation_id)]["escalated"]
    assert by_firm[str(silent.organisation_id)]["overdue"]
    assert not by_firm[str(prompt.organisation_id)]["escalated"]
    (told,) = world.events("risk.notice-overdue.v1")
    assert set(told["audience"]["organisation_ids"]) == {
        str(silent.organisation_id),
        str(firm.organisation_id),
    }
    late = silent.make(f"{path}/acknowledge", None, status=200)
    assert (late["escalated"], late["overdue"]) == (True, False)
    assert silent.read("risk/deliveries", unacknowledged=True)["items"] == []


@pytest.mark.parametrize(
    ("severity", "within"),
    [
        ("high", timedelta(hours=72)),
        ("medium", timedelta(days=7)),
        ("low", timedelta(days=30)),
    ],
)
def test_severity_sets_the_time(
    world: World, clock: FrozenClock, severity: str, within: timedelta
) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm()
    released(firm, admins, addressing=to(reader), cvss_vector=None, severity=severity)
    world.deliver()
    clock.advance(within - INSTANT)
    assert world.escalate() == 0
    clock.advance(INSTANT)
    assert world.escalate() == 1


def test_a_withdrawn_notice_is_still_read_and_no_longer_chased(
    world: World, clock: FrozenClock
) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm()
    notice = released(firm, admins, addressing=to(reader))
    world.deliver()
    path = f"risk/notices/{notice['id']}"
    body = {"version": notice["version"], "reason": "It was wrong"}
    admins[0].make(f"{path}/withdraw", body, status=200)
    seen = reader.read(path)
    assert (seen["state"], seen["withdrawn_reason"]) == ("withdrawn", "It was wrong")
    clock.advance(timedelta(days=2))
    assert world.escalate() == 0


def test_what_was_withdrawn_under_embargo_never_goes_out(world: World, clock: FrozenClock) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm()
    ends = clock.now() + timedelta(hours=1)
    notice = released(firm, admins, tlp="clear", embargo_until=ends.isoformat())
    body = {"version": notice["version"], "reason": "It was wrong"}
    admins[0].make(f"risk/notices/{notice['id']}/withdraw", body, status=200)
    clock.set(ends)
    assert world.deliver() == 0
    assert not can_read(reader, notice)


def test_reading_is_on_record(world: World, clock: FrozenClock) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm()
    notice = released(firm, admins, addressing=to(reader))
    world.deliver()
    path = f"risk/notices/{notice['id']}"
    assert firm.read(f"{path}/deliveries")["items"][0]["read_at"] is None
    reader.read("risk/notices")
    assert firm.read(f"{path}/deliveries")["items"][0]["read_at"] is None, "a list is no reading"
    read_at = clock.now().isoformat().replace("+00:00", "Z")
    reader.read(path)
    clock.advance(timedelta(minutes=5))
    reader.get(f"{path}/csaf")
    reader.get("risk/notices", format="xlsx")
    assert firm.read(f"{path}/deliveries")["items"][0]["read_at"] == read_at, "the first counts"
    entries = [one for one in world.told("risk_notice.read") if one.actor_id == reader.id]
    assert [one.after["how"] for one in entries] == ["page", "csaf", "xlsx"]
    assert {one.chain for one in entries} == {reader.organisation_id}


def test_files_carry_the_name_of_who_takes_them(world: World, clock: FrozenClock) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm()
    notice = released(firm, admins, addressing=to(reader), title="=HYPERLINK(1)")
    world.deliver()
    csv = reader.get("risk/notices", format="csv").text
    book = openpyxl.load_workbook(BytesIO(reader.get("risk/notices", format="xlsx").content))
    rows = list(book.active.iter_rows(values_only=True))
    mark = str(dict(zip(rows[0], rows[1], strict=True))["watermark"])
    document = reader.read(f"risk/notices/{notice['id']}/csaf")
    note = next(one for one in document["document"]["notes"] if one.get("title") == "Watermark")
    for text in (csv, mark, note["text"]):
        assert str(reader.organisation_id) in text
        assert str(reader.id) in text
        assert clock.now().isoformat(timespec="seconds") in text
    assert mark.startswith("TLP:AMBER · ")
    assert "'=HYPERLINK(1)" in csv, "a spreadsheet runs nothing"


def test_a_program_takes_a_file_under_its_own_name(world: World) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm()
    notice = released(firm, admins, tlp="clear")
    world.deliver()
    account = reader.make("service-accounts", {"name": "siem", "roles": ["buyer"]})
    key = reader.make(f"service-accounts/{account['id']}/keys", {"name": "siem"})
    answer = world.http.get(
        f"risk/notices/{notice['id']}/csaf", headers={"authorization": f"Bearer {key['token']}"}
    )
    assert answer.status_code == 200, answer.text
    assert "siem" in answer.text


@pytest.mark.parametrize(
    ("tlp", "label"),
    [("clear", "WHITE"), ("green", "GREEN"), ("amber+strict", "AMBER")],
)
def test_csaf_says_what_the_notice_says(world: World, tlp: str, label: str) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm(verified=True)
    notice = released(firm, admins, tlp=tlp, addressing=to(reader))
    world.deliver()
    answer = reader.get(f"risk/notices/{notice['id']}/csaf")
    assert "rn-2026-00001.json" in answer.headers["content-disposition"]
    document = Csaf.model_validate(answer.json())
    assert document.document.distribution is not None
    assert document.document.distribution.tlp is not None
    assert document.document.distribution.tlp.label == label
    (vulnerability,) = document.vulnerabilities
    assert vulnerability.cve == "CVE-2026-12345"
    assert vulnerability.scores[0].cvss_v3 is not None
    assert vulnerability.scores[0].cvss_v3.baseScore == 9.8
    (content,) = read_csaf(answer.content)
    assert content.tlp == tlp
    assert content.remediation == "Update to 4.2."
    assert [(one.vendor, one.name, one.versions) for one in content.products] == [
        ("Example", "PLC-900", "< 4.2")
    ]


def test_a_draft_is_not_exported(world: World) -> None:
    firm = world.firm()
    notice = drafted(firm)
    assert code(firm.get(f"risk/notices/{notice['id']}/csaf")) == "risk-notice-not-released"


def test_a_buyer_reads_and_does_not_write(world: World) -> None:
    buyer = world.person(world.organisation(), Role.BUYER)
    assert buyer.read("risk/notices")["items"] == []
    assert buyer.post("risk/notices", {}).status_code == 403


def mill(world: World, organisation_id: UUID, site_id: UUID, controller: str) -> None:
    with transaction(world.sessions) as session:
        capacity.register_resource(
            session=session,
            clock=world.clock,
            catalogue=AnyCode(),
            organisation_id=OrganisationId(organisation_id),
            site_id=SiteId(site_id),
            kind="machine",
            name="Mill",
            name_zh="铣床",
            timezone="Asia/Shanghai",
            units=1,
            rule=CapacityRule(),
            capabilities=(
                CapabilityDeclaration("machining.milling", attributes={"controller": controller}),
            ),
            calendar_ics=None,
            visibility=Visibility.PRIVATE,
        )
