"""Invitations: made by an owner, taken up once by the person they were made for."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.errors import DomainError
from services.identity import handlers
from services.identity.domain.people import INVITATIONS_OPEN_MAX
from services.runtime.db import transaction
from tests.integration.identity.test_members import at_once
from tests.integration.identity.town import Caller, Document, Town
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

EMAIL = "lin.wei@example.com"


def invited(owner: Caller, email: str = EMAIL, roles: list[str] | None = None) -> Document:
    return owner.post("invitations", {"email": email, "roles": roles or ["seller"]})


class TestMaking:
    def test_the_token_is_shown_once(self, town: Town) -> None:
        _, owner = town.owner()
        answer = owner.ask(
            "POST",
            "invitations",
            {"email": " Lin.Wei@Example.com ", "roles": ["seller"]},
            status=201,
        )
        made = answer.json()
        assert answer.headers["cache-control"] == "no-store"
        assert made["token"].startswith("ni_")
        assert made["email"] == EMAIL
        (listed,) = owner.get("invitations")["items"]
        assert listed == {name: value for name, value in made.items() if name != "token"}
        assert listed["state"] == "open"

    def test_only_owners_make_and_see_them(self, town: Town) -> None:
        works, _ = town.owner()
        seller = town.member(works, Role.SELLER)
        seller.post("invitations", {"email": EMAIL, "roles": ["buyer"]}, status=403)
        seller.get("invitations", status=403)

    def test_roles_that_cannot_be_held_and_addresses_that_are_none_are_refused(
        self, town: Town
    ) -> None:
        _, owner = town.owner()
        for email, roles in ((EMAIL, ["audit_admin"]), (EMAIL, []), ("nobody", ["buyer"])):
            owner.post("invitations", {"email": email, "roles": roles}, status=422)

    def test_a_member_needs_none(self, town: Town) -> None:
        works, owner = town.owner()
        member = town.member(works, Role.BUYER)
        refused = owner.post("invitations", {"email": member.email, "roles": ["buyer"]}, status=409)
        assert refused["code"] == "member-already"

    def test_there_is_an_end_to_them(self, town: Town) -> None:
        works, owner = town.owner()
        with transaction(town.sessions) as session:
            for number in range(INVITATIONS_OPEN_MAX):
                handlers.invite(
                    session=session,
                    clock=town.clock,
                    organisation_id=works,
                    email=f"guest-{number}@example.com",
                    roles=[Role.BUYER],
                )
        asked = {"email": EMAIL, "roles": ["buyer"]}
        assert owner.post("invitations", asked, status=409)["code"] == "too-many-invitations"
        first = owner.get("invitations?limit=1")["items"][0]["id"]
        owner.delete(f"invitations/{first}")
        owner.post("invitations", asked)


class TestAccepting:
    def test_makes_a_member_with_the_roles(self, town: Town) -> None:
        works, owner = town.owner()
        token = invited(owner, roles=["seller", "buyer"])["token"]
        guest = town.person(EMAIL)
        joined = guest.post("invitations/accept", {"token": token}, status=200)
        assert joined == {"organisation_id": str(works), "roles": ["buyer", "seller"]}
        acting = guest.put("session/organisation", {"organisation_id": str(works)})
        assert acting["organisation_id"] == str(works)
        assert owner.get("invitations")["items"][0]["state"] == "accepted"

    def test_is_in_the_audit_trail_without_the_address(self, town: Town) -> None:
        works, owner = town.owner()
        made = invited(owner)
        town.person(EMAIL).post("invitations/accept", {"token": made["token"]}, status=200)
        told = text("SELECT * FROM audit_entry WHERE chain = :chain ORDER BY seq")
        with transaction(town.sessions) as session:
            rows = session.connection().execute(told, {"chain": works}).all()
        assert [(row.action, row.subject_kind) for row in rows][-3:] == [
            ("invitation.create", "invitation"),
            ("invitation.accept", "invitation"),
            ("invitation.accept", "membership"),
        ]
        assert EMAIL not in str(rows)
        assert made["token"] not in str(rows)

    def test_of_somebody_who_acts_for_another_organisation(self, town: Town) -> None:
        works, owner = town.owner()
        other, _ = town.owner()
        guest = town.member(other, Role.BUYER, email=EMAIL)
        guest.post("invitations/accept", {"token": invited(owner)["token"]}, status=200)
        assert guest.get("session")["organisation_id"] == str(other)
        assert {one["organisation_id"] for one in guest.get("session")["memberships"]} == {
            str(works),
            str(other),
        }

    def test_every_token_that_opens_nothing_gets_the_same_answer(self, town: Town) -> None:
        _, owner = town.owner()
        used, revoked = invited(owner), invited(owner, "b@example.com")
        expired = invited(owner, "c@example.com")
        foreign = invited(owner, "d@example.com")
        guest = town.person(EMAIL)
        guest.post("invitations/accept", {"token": used["token"]}, status=200)
        owner.delete(f"invitations/{revoked['id']}")
        tries = [
            (guest, used["token"]),
            (town.person("b@example.com"), revoked["token"]),
            (town.person("e@example.com"), foreign["token"]),
            (town.person("f@example.com"), "ni_" + "0" * 64),
            (town.person("g@example.com"), "garbage"),
        ]
        answers = [
            who.post("invitations/accept", {"token": token}, status=404) for who, token in tries
        ]
        town.clock.advance(timedelta(days=7))
        late = town.person("c@example.com")
        answers.append(late.post("invitations/accept", {"token": expired["token"]}, status=404))
        shapes = {(answer["code"], answer["detail"], tuple(sorted(answer))) for answer in answers}
        assert len(shapes) == 1, shapes

    def test_by_a_member_leaves_it_open(self, town: Town) -> None:
        works, owner = town.owner()
        made = invited(owner)
        guest = town.member(works, Role.BUYER, email=EMAIL)
        refused = guest.post("invitations/accept", {"token": made["token"]}, status=409)
        assert refused["code"] == "member-already"
        assert owner.get("invitations")["items"][0]["state"] == "open"

    def test_is_for_people_who_signed_in(self, town: Town) -> None:
        _, owner = town.owner()
        token = invited(owner)["token"]
        answer = town.client.post("invitations/accept", json={"token": token})
        assert answer.status_code == 401

    def test_twice_at_once_makes_one_member(self, town: Town) -> None:
        works, owner = town.owner()
        token = invited(owner)["token"]
        guest = town.person(EMAIL)
        with sessions_as(town.sessions) as app:

            def accept() -> None:
                principal = Principal(kind=PrincipalKind.PERSON, id=guest.person_id)
                with transaction(app, principal) as session:
                    handlers.accept_invitation(
                        session=session, clock=town.clock, principal=principal, token=token
                    )
                    threading.Event().wait(0.2)

            assert sorted(at_once(accept, accept)) == ["done", "invitation-not-found"]
        assert len(owner.get("members")["items"]) == 2, str(works)


class TestRevoking:
    def test_ends_it_once(self, town: Town) -> None:
        _, owner = town.owner()
        made = invited(owner)
        owner.delete(f"invitations/{made['id']}")
        owner.delete(f"invitations/{made['id']}", status=404)
        assert owner.get("invitations")["items"][0]["state"] == "revoked"

    def test_anothers_is_as_absent_as_none(self, town: Town) -> None:
        _, owner = town.owner()
        _, stranger = town.owner()
        made = invited(owner)
        absent = str(town.clock.new_id())
        answers = [
            stranger.delete(f"invitations/{one}", status=404) for one in (made["id"], absent)
        ]
        told = [answer["detail"].replace(made["id"], absent) for answer in answers]
        assert told[0] == told[1]
        assert owner.get("invitations")["items"][0]["state"] == "open"


def test_a_token_of_one_organisation_says_nothing_of_the_roles_elsewhere(town: Town) -> None:
    """Presenting a token shows its own row and no other."""
    works, owner = town.owner()
    invited(owner, "other@example.com")
    invited(owner)
    guest = town.person(EMAIL)
    principal = Principal(kind=PrincipalKind.PERSON, id=guest.person_id)
    with sessions_as(town.sessions) as app, transaction(app, principal) as session:
        listed = handlers.list_invitations(
            session=session, organisation_id=works, after=None, limit=9
        )
        with pytest.raises(DomainError):
            handlers.accept_invitation(
                session=session, clock=town.clock, principal=principal, token="ni_" + "1" * 64
            )
    assert listed == []
