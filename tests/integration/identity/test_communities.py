"""Parks and chain spaces over HTTP, to the things that are shared within them."""

import pytest
from sqlmodel import select

from services.contracts.access import Role
from services.contracts.ids import OrganisationId
from services.identity.domain import OrganisationKind
from services.runtime.db import transaction
from services.runtime.tables import OutboxEvent
from tests.integration.identity.town import Caller, Document, Town
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

PARK = {"code": "optics-valley", "name": "Optics Valley", "name_zh": "光谷"}
SPACE = {"name": "Laser chain", "name_zh": "激光产业链"}
OPERATOR = OrganisationKind.PARK_OPERATOR


def site(owner: Caller, code: str, park: str | None) -> Document:
    return owner.post(
        "sites",
        {
            "code": code,
            "name": "Hall",
            "name_zh": "厂房",
            "region_code": "420111",
            "park": park,
            "lat": 30.5,
            "lon": 114.4,
        },
    )


def resource(owner: Caller, site_id: str, *, status: int = 201, **facts: object) -> Document:
    body = {
        "site_id": site_id,
        "kind": "machine",
        "name": "Mill",
        "name_zh": "铣床",
        "capabilities": [{"process": "machining.milling.5axis"}],
    }
    return owner.post("resources", body | facts, status=status)


def sees(who: Caller, thing: Document) -> bool:
    answer = who.client.get(
        f"resources/{thing['id']}", headers={"authorization": f"Bearer {who.token}"}
    )
    assert answer.status_code in {200, 404}, answer.text
    return answer.status_code == 200


def becomes(who: Caller, thing: Document, *, seen: bool) -> None:
    """Within a second, for that long an answer about who somebody is may be remembered."""
    eventually(lambda: sees(who, thing) is seen, what=f"seen is {seen}", within=1.0)


def operated(town: Town) -> Caller:
    _, operator = town.owner(OPERATOR)
    operator.post("parks", PARK)
    return operator


class TestPark:
    def test_is_registered_by_a_park_operator_and_read_by_everybody(self, town: Town) -> None:
        runs, _ = town.owner(OPERATOR)
        clerk = town.member(runs, Role.PARK_OPERATOR)
        made = clerk.post("parks", PARK)
        assert made == {**PARK, "organisation_id": str(runs)}
        assert town.client.get("parks/optics-valley").json() == made
        assert town.client.get("parks").json() == {"items": [made], "next": None}
        assert "optics-valley" in town.client.get("parks?format=csv").text
        assert town.client.get("parks/elsewhere").json()["code"] == "park-not-found"
        assert town.client.get("parks/Optics%20Valley").status_code == 422

    def test_lists_follow_by_code(self, town: Town) -> None:
        _, operator = town.owner(OPERATOR)
        for code in ("b", "a", "c"):
            operator.post("parks", PARK | {"code": code})
        first = operator.get("parks?limit=2")
        rest = operator.get(f"parks?after={first['next']}")
        assert [one["code"] for one in first["items"] + rest["items"]] == ["a", "b", "c"]
        assert rest["next"] is None

    def test_is_no_firms_to_register(self, town: Town) -> None:
        _, firm = town.owner()
        assert firm.post("parks", PARK, status=403)["code"] == "not-a-park-operator"
        works = town.organisation(OPERATOR)
        town.member(works, Role.SELLER).post("parks", PARK, status=403)

    def test_its_code_is_its_own(self, town: Town) -> None:
        operated(town)
        _, other = town.owner(OPERATOR)
        assert other.post("parks", PARK, status=409)["code"] == "park-code-taken"
        other.post("parks", PARK | {"code": "Optics"}, status=422)

    def test_a_site_stands_in_a_park_that_is_known(self, town: Town) -> None:
        operated(town)
        _, firm = town.owner()
        assert site(firm, "one", "optics-valley")["park"] == "optics-valley"
        body = {"code": "two", "name": "H", "name_zh": "厂", "region_code": "420111"}
        refused = firm.post(
            "sites", body | {"park": "elsewhere", "lat": 30, "lon": 114}, status=422
        )
        assert refused["code"] == "park-unknown"
        assert "elsewhere" in refused["detail"]


class TestParkMembers:
    def test_are_admitted_listed_and_shown_out_by_the_operator(self, town: Town) -> None:
        operator = operated(town)
        works, firm = town.owner()
        path = f"parks/optics-valley/members/{works}"
        first, again = operator.put(path), operator.put(path)
        assert first == again
        assert first["organisation_id"] == str(works)
        assert firm.get("parks/optics-valley/members")["items"] == [first]
        operator.delete(path)
        operator.delete(path, status=404)
        assert firm.get("parks/optics-valley/members")["items"] == []

    def test_leave_by_themselves(self, town: Town) -> None:
        operator = operated(town)
        works, firm = town.owner()
        operator.put(f"parks/optics-valley/members/{works}")
        firm.delete(f"parks/optics-valley/members/{works}")
        assert operator.get("parks/optics-valley/members")["items"] == []

    def test_are_nobody_elses_business(self, town: Town) -> None:
        operator = operated(town)
        works, firm = town.owner()
        _, rival = town.owner(OPERATOR)
        operator.put(f"parks/optics-valley/members/{works}")
        other, _ = town.owner()
        for who in (firm, rival):
            for code in ("optics-valley", "elsewhere"):
                refused = who.put(f"parks/{code}/members/{other}", status=404)
                assert refused["code"] == "park-not-found"
        rival.delete(f"parks/optics-valley/members/{works}", status=404)
        town.member(works, Role.BUYER).delete(f"parks/optics-valley/members/{works}", status=403)
        operator.put(f"parks/optics-valley/members/{town.clock.new_id()}", status=404)
        assert town.client.get("parks/optics-valley/members").status_code == 401
        assert len(operator.get("parks/optics-valley/members")["items"]) == 1

    def test_share_what_is_visible_in_the_park(self, town: Town) -> None:
        operator = operated(town)
        (seller_id, seller), (buyer_id, buyer) = town.owner(), town.owner()
        _, outside = town.owner()
        place = site(seller, "hall", "optics-valley")["id"]
        refused = resource(seller, place, status=422, visibility="park")
        assert "park" in refused["detail"]
        operator.put(f"parks/optics-valley/members/{seller_id}")
        mill = resource(seller, place, visibility="park")
        assert sees(seller, mill)
        becomes(operator, mill, seen=True)
        assert not sees(buyer, mill)
        operator.put(f"parks/optics-valley/members/{buyer_id}")
        becomes(buyer, mill, seen=True)
        assert not sees(outside, mill)
        operator.delete(f"parks/optics-valley/members/{buyer_id}")
        becomes(buyer, mill, seen=False)


class TestSpace:
    def test_is_opened_by_an_owner_and_seen_by_its_members_alone(self, town: Town) -> None:
        lead_id, lead = town.owner()
        works, firm = town.owner()
        _, outside = town.owner()
        made = lead.post("spaces", SPACE)
        assert made["organisation_id"] == str(lead_id)
        assert lead.get("spaces")["items"] == [made]
        path = f"spaces/{made['id']}"
        assert lead.get(path) == made
        firm.get(path, status=404)
        first, again = (lead.put(f"{path}/members/{works}") for _ in range(2))
        assert first == again
        eventually(
            lambda: firm.get("spaces")["items"] == [made], what="a member sees it", within=1.0
        )
        assert firm.get(f"{path}/members")["items"] == [first]
        outside.get(path, status=404)
        outside.get(f"{path}/members", status=404)
        assert outside.get("spaces")["items"] == []

    def test_only_its_lead_adds_and_shows_out_and_everybody_leaves(self, town: Town) -> None:
        _, lead = town.owner()
        (first_id, first), (second_id, second) = town.owner(), town.owner()
        space = f"spaces/{lead.post('spaces', SPACE)['id']}"
        first.put(f"{space}/members/{first_id}", status=404)
        lead.put(f"{space}/members/{first_id}")
        lead.put(f"{space}/members/{second_id}")
        eventually(lambda: first.get("spaces")["items"], what="membership is known", within=1.0)
        first.put(f"{space}/members/{second_id}", status=404)
        first.delete(f"{space}/members/{second_id}", status=404)
        first.delete(f"{space}/members/{first_id}")
        lead.delete(f"{space}/members/{second_id}")
        lead.delete(f"{space}/members/{second_id}", status=404)
        lead.put(f"{space}/members/{town.clock.new_id()}", status=404)
        assert lead.get(f"{space}/members")["items"] == []
        assert second.get("spaces")["items"] == []

    def test_is_no_sellers_to_open(self, town: Town) -> None:
        works, _ = town.owner()
        town.member(works, Role.SELLER).post("spaces", SPACE, status=403)

    def test_shares_what_is_visible_in_it(self, town: Town) -> None:
        _, lead = town.owner()
        (seller_id, seller), (_, outside) = town.owner(), town.owner()
        space_id = lead.post("spaces", SPACE)["id"]
        place = site(seller, "hall", None)["id"]
        shared = {"visibility": "space", "space_id": space_id}
        resource(seller, place, status=422, **shared)
        lead.put(f"spaces/{space_id}/members/{seller_id}")
        mill = resource(seller, place, **shared)
        becomes(lead, mill, seen=True)
        assert not sees(outside, mill)
        offer = seller.post(
            "offers",
            {
                "direction": 4,
                "title": "Milling",
                "title_zh": "铣削",
                "resource_ids": [mill["id"]],
                "price": {"price_minor": 30000},
                "visibility": "space",
            },
        )
        assert lead.get(f"offers/{offer['id']}")["visibility"] == "space"
        outside.get(f"offers/{offer['id']}", status=404)


def test_changes_are_told_to_those_concerned(town: Town) -> None:
    operator = operated(town)
    works, _ = town.owner()
    path = f"parks/optics-valley/members/{works}"
    operator.put(path)
    operator.put(path)
    operator.delete(path)
    told = events(town, "events.identity.park-membership-changed.v1")
    assert [one["is_member"] for one in told] == [True, False]
    assert told[0]["audience"]["park"] == "optics-valley"
    assert str(works) in told[0]["audience"]["organisation_ids"]


def events(town: Town, subject: str) -> list[Document]:
    with transaction(town.sessions) as session:
        query = select(OutboxEvent).where(OutboxEvent.subject == subject)
        return [row.payload or {} for row in session.exec(query)]


def test_reach_is_bounded_by_the_oldest(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.identity.store.communities.REACH_MAX", 1)
    _, lead = town.owner()
    works, firm = town.owner()
    first, second = (lead.post("spaces", SPACE)["id"] for _ in range(2))
    for space_id in (first, second):
        lead.put(f"spaces/{space_id}/members/{OrganisationId(works)}")
    eventually(lambda: firm.get("spaces")["items"], what="membership is known", within=1.0)
    assert [one["id"] for one in firm.get("spaces")["items"]] == [first]
