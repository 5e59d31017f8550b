"""The verified-firm flow (企业认证) over HTTP, and own facts that it vouches for."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import PersonId
from services.identity import handlers
from services.runtime.db import transaction
from tests.integration.identity.test_communities import events
from tests.integration.identity.test_members import at_once
from tests.integration.identity.town import OTHER_USCC, USCC, Caller, Document, Town
from tests.support.files import PDF
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

GOOD = {"decision": "approve", "reason": "Matches the public register."}
BAD = {"decision": "reject", "reason": "The name differs from the register."}
DOCUMENT = text(
    "INSERT INTO document (id, organisation_id, name, media_type, size, sha256, confidentiality,"
    " subject_kind, subject_id, created_at) VALUES (:id, :organisation, 'licence.pdf',"
    " 'application/pdf', 1, sha256('x'), 'secret', :kind, :organisation, :now)"
)


def firm(town: Town, uscc: str | None = USCC) -> tuple[Any, Caller]:
    works = town.organisation(uscc=uscc)
    return works, town.member(works)


def asking(town: Town) -> tuple[Any, Caller]:
    works, owner = firm(town)
    owner.post("organisation/verification", {})
    return works, owner


def standing(town: Town, works: object) -> Document:
    found: Document = town.client.get(f"organisations/{works}").json()
    return found


class TestAsking:
    def test_is_pending_until_somebody_decides(self, town: Town) -> None:
        works, owner = firm(town)
        owner.get("organisation/verification", status=404)
        made = owner.post("organisation/verification", {})
        assert (made["state"], made["uscc"], made["document_ids"]) == ("pending", USCC, [])
        assert standing(town, works)["verification"] == "pending"
        assert town.member(works, Role.BUYER).get("organisation/verification") == made
        refused = owner.post("organisation/verification", {}, status=409)
        assert refused["code"] == "verification-pending"

    def test_needs_a_credit_code_and_an_owner(self, town: Town) -> None:
        works, owner = firm(town, None)
        refused = owner.post("organisation/verification", {}, status=409)
        assert refused["code"] == "uscc-missing"
        town.member(works, Role.SELLER).post("organisation/verification", {}, status=403)

    def test_names_own_evidence_only(self, town: Town) -> None:
        works, owner = firm(town)
        other = town.organisation()
        own, foreign, drawing = (town.clock.new_id() for _ in range(3))
        with transaction(town.sessions) as session:
            for one, of, kind in (
                (own, works, "verification"),
                (foreign, other, "verification"),
                (drawing, works, "demand"),
            ):
                facts = {"id": one, "organisation": of, "kind": kind, "now": town.clock.now()}
                session.connection().execute(DOCUMENT, facts)
        for wrong in (foreign, drawing, town.clock.new_id()):
            asked = {"document_ids": [str(own), str(wrong)]}
            refused = owner.post("organisation/verification", asked, status=422)
            assert refused["code"] == "evidence-not-found"
            assert str(own) not in refused["detail"]
        asked = {"document_ids": [str(own), str(own)]}
        made = owner.post("organisation/verification", asked)
        assert made["document_ids"] == [str(own)]

    def test_the_administrator_reads_the_evidence(self, town: Town) -> None:
        works, owner = firm(town)
        place = f"documents?name=licence.pdf&subject_kind=verification&subject_id={works}"
        sent = {"authorization": f"Bearer {owner.token}", "content-type": "application/pdf"}
        licence = town.client.post(place, content=PDF, headers=sent).json()["id"]
        owner.post("organisation/verification", {"document_ids": [licence]})
        admin = town.administrator(Role.SECURITY_ADMIN)
        (waiting,) = admin.get("verifications")["items"]
        assert waiting["document_ids"] == [licence]
        assert admin.ask("GET", f"documents/{licence}/content").content == PDF
        _, stranger = town.owner()
        stranger.get(f"documents/{licence}", status=404)


class TestDeciding:
    def test_approves_with_a_reason(self, town: Town) -> None:
        works, owner = asking(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        (waiting,) = admin.get("verifications")["items"]
        assert waiting["organisation_id"] == str(works)
        decided = admin.post(f"verifications/{works}/decision", GOOD, status=200)
        assert (decided["state"], decided["reason"]) == ("verified", GOOD["reason"])
        assert standing(town, works)["verification"] == "verified"
        assert owner.get("organisation/verification") == decided
        assert admin.get("verifications")["items"] == []
        assert admin.get("verifications?state=verified")["items"] == [decided]
        refused = owner.post("organisation/verification", {}, status=409)
        assert refused["code"] == "verified-already"
        again = admin.post(f"verifications/{works}/decision", BAD, status=409)
        assert again["code"] == "verification-not-pending"

    def test_rejects_and_the_firm_asks_again(self, town: Town) -> None:
        works, owner = asking(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        admin.post(f"verifications/{works}/decision", BAD, status=200)
        assert standing(town, works)["verification"] == "rejected"
        assert owner.get("organisation/verification")["reason"] == BAD["reason"]
        owner.post("organisation/verification", {})
        admin.post(f"verifications/{works}/decision", GOOD, status=200)
        told = events(town, "events.identity.organisation-changed.v1")
        assert [one["verification"] for one in told] == [
            "pending",
            "rejected",
            "pending",
            "verified",
        ]

    def test_is_in_the_audit_trail_of_the_firm(self, town: Town) -> None:
        works, _ = asking(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        admin.post(f"verifications/{works}/decision", GOOD, status=200)
        told = text(
            "SELECT action, subject_kind, actor_id, after FROM audit_entry"
            " WHERE chain = :chain AND actor_id = :admin ORDER BY seq"
        )
        with transaction(town.sessions) as session:
            facts = {"chain": works, "admin": admin.person_id}
            decided, changed = session.connection().execute(told, facts).all()
        assert (decided.action, decided.subject_kind) == ("verification.decide", "verification")
        assert decided.after["reason"] == GOOD["reason"]
        assert (changed.subject_kind, changed.after) == (
            "organisation",
            {"verification": "verified"},
        )

    def test_needs_a_reason(self, town: Town) -> None:
        works, _ = asking(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        for reason in ("", "  "):
            asked = {"decision": "approve", "reason": reason}
            admin.post(f"verifications/{works}/decision", asked, status=422)

    def test_is_the_security_administrators_with_a_second_factor(self, town: Town) -> None:
        works, owner = asking(town)
        weak = town.administrator(Role.SECURITY_ADMIN, strong=False)
        for path, method, body in (
            ("verifications", "GET", None),
            (f"verifications/{works}/decision", "POST", GOOD),
        ):
            told = weak.ask(method, path, body, status=403).json()
            assert told["code"] == "second-factor-required"
            owner.ask(method, path, body, status=403)
            for role in (Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN):
                town.administrator(role).ask(method, path, body, status=403)
        assert standing(town, works)["verification"] == "pending"

    def test_of_ones_own_firm_is_refused(self, town: Town) -> None:
        works, _ = asking(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        with transaction(town.sessions) as session:
            handlers.add_member(
                session=session,
                clock=town.clock,
                organisation_id=works,
                person_id=PersonId(admin.person_id),
                roles=[Role.EXPERT],
            )
        refused = admin.post(f"verifications/{works}/decision", GOOD, status=403)
        assert refused["code"] == "own-verification"

    def test_of_nobody_and_of_somebody_who_did_not_ask(self, town: Town) -> None:
        works, _ = firm(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        admin.post(f"verifications/{works}/decision", GOOD, status=409)
        admin.post(f"verifications/{town.clock.new_id()}/decision", GOOD, status=404)


class TestChangingFacts:
    @pytest.mark.parametrize(
        "change", [{"name": "Other works"}, {"name_zh": "别的工厂"}, {"uscc": OTHER_USCC}]
    )
    def test_ends_a_verification(self, town: Town, change: dict[str, str]) -> None:
        works, owner = asking(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        admin.post(f"verifications/{works}/decision", GOOD, status=200)
        changed = owner.patch("organisation", change)
        assert changed["verification"] == "unverified"
        assert standing(town, works) == changed
        owner.post("organisation/verification", {})

    def test_to_what_they_are_changes_nothing(self, town: Town) -> None:
        works, owner = asking(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        admin.post(f"verifications/{works}/decision", GOOD, status=200)
        same = standing(town, works)
        told = {name: same[name] for name in ("name", "name_zh", "uscc")}
        assert owner.patch("organisation", told | {"uscc": f" {USCC.lower()} "}) == same
        assert owner.patch("organisation", {}) == same
        assert owner.patch("organisation", {"name": None}) == same

    def test_withdraws_what_waits(self, town: Town) -> None:
        works, owner = asking(town)
        admin = town.administrator(Role.SECURITY_ADMIN)
        owner.patch("organisation", {"name": "Other works"})
        assert owner.get("organisation/verification")["state"] == "withdrawn"
        admin.post(f"verifications/{works}/decision", GOOD, status=409)
        assert owner.patch("organisation", {"uscc": None})["uscc"] is None
        owner.post("organisation/verification", {}, status=409)

    def test_is_refused_when_somebody_else_was_quicker(self, town: Town) -> None:
        works, owner = firm(town)
        read = town.client.get(f"organisations/{works}").headers["etag"]
        answer = owner.ask("PATCH", "organisation", {"name": "A"}, if_match=read)
        assert answer.headers["etag"] != read
        stale = owner.patch("organisation", {"name": "B"}, status=412, if_match=read)
        assert stale["code"] == "organisation-stale"
        owner.patch("organisation", {"name": "C"}, if_match=answer.headers["etag"])
        owner.patch("organisation", {"name": "D"}, if_match="*")
        owner.patch("organisation", {"name": "E"})

    def test_keeps_credit_codes_apart_and_well_formed(self, town: Town) -> None:
        firm(town, OTHER_USCC)
        _, owner = firm(town)
        refused = owner.patch("organisation", {"uscc": OTHER_USCC}, status=409)
        assert refused["code"] == "uscc-taken"
        owner.patch("organisation", {"uscc": "91110000600037341M"}, status=422)
        owner.patch("organisation", {"kind": "platform"}, status=422)
        owner.patch("organisation", {"verification": "verified"}, status=422)

    def test_is_an_owners(self, town: Town) -> None:
        works, _ = firm(town)
        town.member(works, Role.SELLER).patch("organisation", {"name": "Mine"}, status=403)


@pytest.mark.parametrize("rename_first", [True, False])
def test_a_request_says_what_the_firm_is_called(town: Town, rename_first: bool) -> None:  # noqa: FBT001 - a parameter of the test
    works, owner = firm(town)
    acting = Principal(PrincipalKind.PERSON, owner.person_id, works)
    begun = threading.Event()
    with sessions_as(town.sessions) as app:

        def rename() -> None:
            if not rename_first:
                begun.wait(timeout=10)
            with transaction(app, acting) as session:
                handlers.change_organisation(
                    session=session,
                    clock=town.clock,
                    organisation_id=works,
                    changes={"name": "Bank of Somewhere"},
                )
                begun.set()
                threading.Event().wait(0.2)

        def request() -> None:
            if rename_first:
                begun.wait(timeout=10)
            with transaction(app, acting) as session:
                handlers.request_verification(
                    session=session,
                    clock=town.clock,
                    organisation_id=works,
                    person_id=PersonId(owner.person_id),
                )
                begun.set()
                threading.Event().wait(0.2)

        assert at_once(rename, request) == ["done", "done"]
    now, asked = standing(town, works), owner.get("organisation/verification")
    assert now["name"] == "Bank of Somewhere"
    assert (now["verification"], asked["state"], asked["name"] == now["name"]) == (
        ("pending", "pending", True) if rename_first else ("unverified", "withdrawn", False)
    )


def test_a_decision_is_never_about_a_name_that_changed_meanwhile(town: Town) -> None:
    works, owner = asking(town)
    admin = town.administrator(Role.SECURITY_ADMIN)
    with sessions_as(town.sessions) as app:

        def rename() -> None:
            acting = Principal(PrincipalKind.PERSON, owner.person_id, works)
            with transaction(app, acting) as session:
                handlers.change_organisation(
                    session=session,
                    clock=town.clock,
                    organisation_id=works,
                    changes={"name": "Bank of Somewhere"},
                )
                threading.Event().wait(0.2)

        def approve() -> None:
            reviewer = Principal(
                PrincipalKind.PERSON, admin.person_id, roles=frozenset({Role.SECURITY_ADMIN})
            )
            with transaction(app, reviewer) as session:
                handlers.decide_verification(
                    session=session,
                    clock=town.clock,
                    organisation_id=works,
                    person_id=PersonId(admin.person_id),
                    approve=True,
                    reason="fits",
                )
                threading.Event().wait(0.2)

        outcomes = at_once(rename, approve)
    assert "done" in outcomes
    now = standing(town, works)
    assert (now["name"], now["verification"]) == ("Bank of Somewhere", "unverified")
