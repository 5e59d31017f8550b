"""Three persons stand behind a released notice: who submits, who approves, who releases."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from services.contracts.access import Role
from services.runtime.db import Sessions
from tests.integration.risk.world import (
    World,
    code,
    drafted,
    notice_facts,
    released,
    step,
    stepped,
)

pytestmark = pytest.mark.integration


def test_a_notice_goes_from_draft_to_released_by_three_persons(world: World) -> None:
    firm, admins = world.firm(), world.administrators()
    reader = world.firm()
    addressing = {"organisations": [str(reader.organisation_id)]}
    notice = drafted(firm, addressing=addressing)
    assert notice["state"] == "draft"
    assert notice["number"] == "RN-2026-00001"
    assert (notice["severity"], notice["cvss_score"]) == ("critical", "9.8")
    notice = step(firm, notice, "submit")
    notice = step(admins[0], notice, "approve")
    assert notice["state"] == "submitted"
    notice = step(admins[1], notice, "release")
    assert notice["state"] == "released"
    assert notice["approved_by"] == str(admins[0].id)
    assert notice["released_by"] == str(admins[1].id)
    told = world.events("risk.notice-released.v1")
    assert [one["audience"]["organisation_ids"] for one in told] == [[str(firm.organisation_id)]]
    actions = ["risk_notice.write", "risk_notice.submit", "risk_notice.approve"]
    for action in [*actions, "risk_notice.release"]:
        (entry,) = world.told(action)
        assert entry.subject_id == notice["id"]
        assert "firmware" not in str(entry.after), "the trail tells the step, not the content"


def test_numbers_count_up_within_a_year(world: World) -> None:
    firm, other = world.firm(), world.firm()
    numbers = [drafted(one)["number"] for one in (firm, other, firm)]
    assert numbers == ["RN-2026-00001", "RN-2026-00002", "RN-2026-00003"]


def test_the_same_person_never_does_both_steps(world: World) -> None:
    firm, (first, second) = world.firm(), world.administrators()
    notice = step(firm, drafted(firm, tlp="clear"), "submit")
    assert code(stepped(second, notice, "release")) == "risk-notice-not-approved"
    notice = step(first, notice, "approve")
    refused = stepped(first, notice, "release")
    assert (refused.status_code, code(refused)) == (403, "second-person-required")
    assert code(stepped(second, notice, "approve")) == "risk-notice-already-approved"
    assert step(second, notice, "release")["state"] == "released"


def test_an_author_takes_no_part_in_the_release(world: World) -> None:
    platform = world.organisation("platform")
    author, changer, submitter, first, second = (
        world.person(platform, Role.SECURITY_ADMIN) for _ in range(5)
    )
    notice = drafted(author, tlp="clear")
    changed = changer.ask(
        "PUT",
        f"risk/notices/{notice['id']}",
        json=notice_facts(tlp="clear", version=notice["version"]),
    )
    notice = step(submitter, changed.json(), "submit")
    for involved in (author, changer, submitter):
        assert code(stepped(involved, notice, "approve")) == "second-person-required"
    notice = step(first, notice, "approve")
    for involved in (author, changer, submitter):
        assert code(stepped(involved, notice, "release")) == "second-person-required"
    assert step(second, notice, "release")["state"] == "released"


def test_one_of_two_steps_at_once_is_done(world: World) -> None:
    firm, (first, second) = world.firm(), world.administrators()
    notice = step(firm, drafted(firm, tlp="clear"), "submit")
    with ThreadPoolExecutor(8) as pool:
        tries = [
            pool.submit(stepped, caller, notice, name)
            for caller in (first, second)
            for name in ("approve", "approve", "release", "release")
        ]
        answers = [one.result().status_code for one in tries]
    assert sorted(answers) == [200, *[409] * 7]
    notice = firm.read(f"risk/notices/{notice['id']}")
    assert notice["state"] == "submitted"
    approver = {str(first.id): first, str(second.id): second}[notice["approved_by"]]
    with ThreadPoolExecutor(4) as pool:
        again = [pool.submit(stepped, approver, notice, "release") for _ in range(4)]
        assert {one.result().status_code for one in again} == {403}


def test_an_authority_releases_its_own_and_no_others(world: World) -> None:
    authority = world.organisation("authority")
    author = world.person(authority)
    first, second = (world.person(authority, Role.PROGRAMME_OFFICER) for _ in range(2))
    notice = step(author, drafted(author, tlp="clear"), "submit")
    notice = step(second, step(first, notice, "approve"), "release")
    assert notice["state"] == "released"
    firm = world.firm()
    foreign = step(firm, drafted(firm, tlp="clear"), "submit")
    assert code(stepped(first, foreign, "approve")) == "risk-notice-not-found"


@pytest.mark.parametrize("name", ["approve", "release", "withdraw"])
def test_a_second_factor_is_asked_for(world: World, name: str) -> None:
    platform = world.organisation("platform")
    admin = world.person(platform, Role.SECURITY_ADMIN, strong=False)
    notice = drafted(admin, tlp="clear")
    body = {"version": 1} | ({"reason": "x"} if name == "withdraw" else {})
    refused = admin.post(f"risk/notices/{notice['id']}/{name}", body)
    assert (refused.status_code, code(refused)) == (403, "second-factor-required")


def test_a_step_needs_the_version_that_was_read(world: World) -> None:
    firm, (first, _) = world.firm(), world.administrators()
    notice = step(firm, drafted(firm, tlp="clear"), "submit")
    old = notice | {"version": notice["version"] - 1}
    assert code(stepped(first, old, "approve")) == "risk-notice-version-mismatch"


def test_what_was_submitted_is_not_changed_but_sent_back(world: World) -> None:
    firm, (first, second) = world.firm(), world.administrators()
    notice = step(first, step(firm, drafted(firm, tlp="clear"), "submit"), "approve")
    path = f"risk/notices/{notice['id']}"
    refused = firm.ask("PUT", path, json=notice_facts(version=notice["version"]))
    assert code(refused) == "risk-notice-transition-refused"
    notice = step(second, notice, "return")
    assert (notice["state"], notice["approved_by"]) == ("draft", None)
    changed = firm.ask("PUT", path, json=notice_facts(tlp="green", version=notice["version"]))
    assert changed.json()["tlp"] == "green"


def test_a_released_notice_is_withdrawn_by_who_may_release(world: World) -> None:
    firm, admins = world.firm(), world.administrators()
    notice = released(firm, admins, tlp="clear")
    path = f"risk/notices/{notice['id']}/withdraw"
    body = {"version": notice["version"], "reason": "It was wrong"}
    assert code(firm.post(path, body)) == "risk-notice-released"
    assert admins[0].make(path, body, status=200)["state"] == "withdrawn"


def test_a_newer_notice_supersedes_an_older_one(world: World) -> None:
    firm, admins = world.firm(), world.administrators()
    older = released(firm, admins, tlp="clear")
    newer = released(firm, admins, tlp="clear", supersedes_id=older["id"])
    assert newer["supersedes_id"] == older["id"]
    assert firm.read(f"risk/notices/{older['id']}")["state"] == "superseded"
    other = world.firm()
    refused = other.post("risk/notices", notice_facts(supersedes_id=newer["id"]))
    assert code(refused) == "invalid-risk-notice", "nobody supersedes what is not theirs"


def test_a_closed_label_needs_addressees(world: World) -> None:
    firm = world.firm()
    refused = stepped(firm, drafted(firm, tlp="amber"), "submit")
    assert (refused.status_code, code(refused)) == (422, "risk-notice-addressees-missing")


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        ({"cvss_vector": "CVSS:3.1/AV:N"}, "invalid-cvss-vector"),
        ({"cvss_vector": None}, "risk-unrated"),
        ({"tlp": "red", "addressing": {"all_verified": True}}, "invalid-risk-notice"),
        ({"addressing": {"parks": ["nowhere"]}}, "invalid-risk-notice"),
        (
            {"addressing": {"organisations": ["00000000-0000-7000-8000-000000000000"]}},
            "invalid-risk-notice",
        ),
        ({"references": [{"url": "https://[", "summary": ""}]}, "invalid-risk-notice"),
    ],
)
def test_a_malformed_notice_is_refused_in_both_languages(
    world: World, facts: dict[str, object], where: str
) -> None:
    firm = world.firm()
    texts = []
    for language in ("en", "zh"):
        refused = firm.ask(
            "POST",
            "risk/notices",
            json=notice_facts(**facts),
            headers={"accept-language": language},
        )
        assert (refused.status_code, code(refused)) == (422, where), refused.text
        texts.append(refused.json()["detail"])
    assert texts[0] != texts[1]


def test_the_database_itself_refuses_a_release_by_one(world: World, sessions: Sessions) -> None:
    firm, (first, _) = world.firm(), world.administrators()
    notice = step(first, step(firm, drafted(firm, tlp="clear"), "submit"), "approve")
    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        for released_by in (first.id, firm.id):
            connection.execute("SELECT set_config('app.actor', %s, true)", [str(released_by)])
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(
                    "UPDATE risk_notice SET released_by = %s, released_at = now() WHERE id = %s",
                    [released_by, notice["id"]],
                )
            connection.rollback()
