"""Members over HTTP, and the owner who cannot be lost."""

import threading
from collections.abc import Callable

import pytest

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.errors import DomainError
from services.contracts.ids import OrganisationId, PersonId
from services.identity import handlers
from services.runtime.db import Sessions, transaction
from tests.integration.identity.town import Town
from tests.support.waiting import eventually
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration


class TestList:
    def test_owners_see_members_page_by_page_and_as_a_file(self, town: Town) -> None:
        works, owner = town.owner()
        buyer = town.member(works, Role.BUYER)
        first = owner.get("members?limit=1")
        rest = owner.get(f"members?after={first['next']}")
        assert [one["person_id"] for one in first["items"] + rest["items"]] == [
            str(owner.person_id),
            str(buyer.person_id),
        ]
        assert rest["items"][0]["roles"] == ["buyer"]
        assert rest["items"][0]["email"] == buyer.email
        shown = owner.ask("GET", "members?format=csv")
        assert buyer.email in shown.text
        assert "members.csv" in shown.headers["content-disposition"]
        assert owner.ask("GET", "members?format=xlsx").content.startswith(b"PK")

    def test_others_do_not(self, town: Town) -> None:
        works, _ = town.owner()
        _, stranger = town.owner()
        town.member(works, Role.BUYER).get("members", status=403)
        town.person().get("members", status=403)
        assert len(stranger.get("members")["items"]) == 1


class TestRoles:
    def test_an_owner_changes_them(self, town: Town) -> None:
        works, owner = town.owner()
        buyer = town.member(works, Role.BUYER)
        changed = owner.put(f"members/{buyer.person_id}", {"roles": ["seller", "buyer"]})
        assert changed["roles"] == ["buyer", "seller"]

    def test_nobody_makes_himself_an_owner(self, town: Town) -> None:
        works, _ = town.owner()
        seller = town.member(works, Role.SELLER)
        seller.put(f"members/{seller.person_id}", {"roles": ["owner"]}, status=403)

    def test_a_firm_has_no_administrators_of_the_platform(self, town: Town) -> None:
        works, owner = town.owner()
        buyer = town.member(works, Role.BUYER)
        for role in ("security_admin", "park_operator", "programme_officer"):
            refused = owner.put(f"members/{buyer.person_id}", {"roles": [role]}, status=422)
            assert refused["code"] == "roles-invalid"
        owner.put(f"members/{buyer.person_id}", {"roles": []}, status=422)

    def test_a_foreign_member_is_as_absent_as_nobody(self, town: Town) -> None:
        _, owner = town.owner()
        works, _ = town.owner()
        theirs = town.member(works, Role.BUYER)
        answers = [
            owner.ask(method, f"members/{who}", body, status=404).json()
            for who in (theirs.person_id, town.clock.new_id())
            for method, body in (("PUT", {"roles": ["owner"]}), ("DELETE", None))
        ]
        assert {answer["code"] for answer in answers} == {"member-not-found"}
        assert theirs.get("session")["roles"] == ["buyer"]


class TestLeaving:
    def test_who_is_removed_acts_for_nobody_within_a_second(self, town: Town) -> None:
        works, owner = town.owner()
        seller = town.member(works, Role.SELLER)
        assert seller.get("session")["organisation_id"] == str(works)
        owner.delete(f"members/{seller.person_id}")
        eventually(
            lambda: seller.get("session")["organisation_id"] is None,
            what="the session acts for nobody",
            within=1.0,
        )
        owner.delete(f"members/{seller.person_id}", status=404)

    def test_anybody_leaves_by_himself(self, town: Town) -> None:
        works, owner = town.owner()
        buyer = town.member(works, Role.BUYER)
        buyer.delete("members/me")
        assert [one["person_id"] for one in owner.get("members")["items"]] == [str(owner.person_id)]

    def test_the_last_owner_stays(self, town: Town) -> None:
        works, owner = town.owner()
        town.member(works, Role.SELLER)
        for method, path, body in (
            ("DELETE", "members/me", None),
            ("DELETE", f"members/{owner.person_id}", None),
            ("PUT", f"members/{owner.person_id}", {"roles": ["seller"]}),
        ):
            refused = owner.ask(method, path, body, status=409)
            assert refused.json()["code"] == "last-owner"
        second = town.member(works)
        owner.delete("members/me")
        second.delete("members/me", status=409)

    def test_a_program_changes_no_members(self, town: Town) -> None:
        works, owner = town.owner()
        made = owner.post("service-accounts", {"name": "erp", "roles": ["owner"]})
        key = owner.post(f"service-accounts/{made['id']}/keys", {"name": "k"})["token"]
        answer = town.client.delete(
            f"members/{owner.person_id}", headers={"authorization": f"Bearer {key}"}
        )
        assert answer.status_code == 403
        assert works


class TestAtOnce:
    """The last two owners do away with each other at the same moment."""

    @pytest.mark.parametrize("round_number", range(5))
    def test_one_of_them_stays(self, town: Town, round_number: int) -> None:
        del round_number
        works, first = town.owner()
        second = town.member(works)
        with sessions_as(town.sessions) as app:
            outcomes = at_once(
                lambda: step_down(app, works, PersonId(first.person_id)),
                lambda: resign(app, works, PersonId(second.person_id)),
            )
        assert sorted(outcomes) == ["done", "last-owner"]
        with transaction(town.sessions) as session:
            members = handlers.list_members(
                session=session, organisation_id=works, after=None, limit=9
            )
        assert sum(Role.OWNER in one.membership.roles for one in members) == 1


def step_down(sessions: Sessions, works: OrganisationId, person_id: PersonId) -> None:
    with transaction(sessions, acting(works, person_id)) as session:
        handlers.change_roles(
            session=session, organisation_id=works, person_id=person_id, roles={Role.SELLER}
        )
        threading.Event().wait(0.2)  # the other reads what is not committed yet


def resign(sessions: Sessions, works: OrganisationId, person_id: PersonId) -> None:
    with transaction(sessions, acting(works, person_id)) as session:
        handlers.remove_member(session=session, organisation_id=works, person_id=person_id)
        threading.Event().wait(0.2)


def acting(works: OrganisationId, person_id: PersonId) -> Principal:
    return Principal(
        kind=PrincipalKind.PERSON,
        id=person_id,
        organisation_id=works,
        roles=frozenset({Role.OWNER}),
    )


def at_once(*works: Callable[[], None]) -> list[str]:
    """What became of each, all started at the same moment."""
    outcomes: list[str] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        start.wait(timeout=10)
        try:
            work()
        except DomainError as error:
            outcomes.append(error.code)
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes
