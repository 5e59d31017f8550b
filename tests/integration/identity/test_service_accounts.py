"""Service accounts over HTTP, and the keys that go with them."""

import pytest

from services.contracts.access import Role
from tests.integration.identity.town import Town
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def test_are_made_listed_read_and_deleted_by_owners(town: Town) -> None:
    works, owner = town.owner()
    made = owner.post("service-accounts", {"name": "erp", "roles": ["seller"]})
    assert made["organisation_id"] == str(works)
    assert owner.get(f"service-accounts/{made['id']}") == made
    assert owner.get("service-accounts")["items"] == [made]
    owner.delete(f"service-accounts/{made['id']}")
    assert owner.get("service-accounts")["items"] == []
    owner.get(f"service-accounts/{made['id']}", status=404)


def test_their_keys_end_with_them(town: Town) -> None:
    _, owner = town.owner()
    made = owner.post("service-accounts", {"name": "erp", "roles": ["seller"]})
    key = owner.post(f"service-accounts/{made['id']}/keys", {"name": "k"})["token"]
    signed = {"authorization": f"Bearer {key}"}
    assert town.client.get("session", headers=signed).json()["roles"] == ["seller"]
    owner.delete(f"service-accounts/{made['id']}")
    eventually(
        lambda: town.client.get("session", headers=signed).status_code == 401,
        what="the key is refused",
        within=1.0,
    )


def test_the_same_request_twice_makes_one(town: Town) -> None:
    _, owner = town.owner()
    asked = {"name": "erp", "roles": ["seller", "buyer"]}
    first, second = (
        owner.ask("POST", "service-accounts", asked, status=201, idempotency_key="k").json()
        for _ in range(2)
    )
    assert first == second
    refused = owner.post("service-accounts", asked, status=409)
    assert refused["code"] == "service-account-taken"


def test_a_foreign_one_is_as_absent_as_none(town: Town) -> None:
    _, owner = town.owner()
    _, stranger = town.owner()
    made = owner.post("service-accounts", {"name": "erp", "roles": ["seller"]})
    for method in ("GET", "DELETE"):
        told = [
            stranger.ask(method, f"service-accounts/{one}", status=404).json()["code"]
            for one in (made["id"], town.clock.new_id())
        ]
        assert told == ["service-account-not-found"] * 2
    assert owner.get(f"service-accounts/{made['id']}") == made


def test_only_owners_have_to_do_with_them(town: Town) -> None:
    works, _ = town.owner()
    seller = town.member(works, Role.SELLER)
    seller.post("service-accounts", {"name": "erp", "roles": ["seller"]}, status=403)
    seller.get("service-accounts", status=403)
