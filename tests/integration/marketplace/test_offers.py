"""Offers through the API on a real PostgreSQL."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.runtime.db import Sessions, transaction
from tests.support.api import Document, Market
from tests.support.working import sessions_as


class TestPublish:
    def test_makes_the_resource_match(self, market: Market) -> None:
        _, resource_id, offer = market.listed_mill()
        buyer = market.organisation("Buyer")

        found = market.match(market.demand(buyer)["id"])

        assert [one["resource_id"] for one in found["candidates"]] == [resource_id]
        assert found["candidates"][0]["offer_id"] == offer["id"]
        assert found["candidates"][0]["price"] == {"minor": 120000, "currency": "CNY"}

    def test_names_each_resource_once(self, market: Market) -> None:
        owner = market.organisation()
        resource_id = market.resource(owner, market.site(owner))

        offer = market.offer(owner, [resource_id, resource_id])

        assert offer["resource_ids"] == [resource_id]

    def test_refuses_the_resource_of_somebody_else(
        self, market: Market, client: httpx.Client
    ) -> None:
        owner, rival = market.organisation("Owner"), market.organisation("Rival")
        resource_id = market.resource(owner, market.site(owner))

        response = client.post("offers", json=_offer(rival, resource_id))

        assert response.status_code == 403
        assert response.json()["code"] == "resource-not-owned"

    @pytest.mark.parametrize("visibility", ["park", "space"])
    def test_refuses_to_show_in_a_place_the_resource_is_not_in(
        self, market: Market, client: httpx.Client, visibility: str
    ) -> None:
        owner = market.organisation()
        resource_id = market.resource(owner, market.site(owner))

        response = client.post(
            "offers", json=_offer(owner, resource_id) | {"visibility": visibility}
        )

        assert (response.status_code, response.json()["code"]) == (422, "offer-placeless")

    def test_refuses_a_negative_price_in_both_languages(
        self, market: Market, client: httpx.Client
    ) -> None:
        owner = market.organisation()
        resource_id = market.resource(owner, market.site(owner))
        body = _offer(owner, resource_id) | {"price": {"price_minor": -1}}

        english = client.post("offers", json=body, headers={"accept-language": "en"})
        chinese = client.post("offers", json=body, headers={"accept-language": "zh-CN"})

        assert english.status_code == chinese.status_code == 422
        assert english.json()["code"] == "price-invalid"
        assert english.json()["detail"] == (
            "price_minor is -1; a price must not be negative. Give zero or more."
        )
        assert chinese.json()["detail"] == "price_minor 为 -1；价格不能为负，请填写零或正数。"

    def test_leaves_nothing_behind_when_refused(self, market: Market, client: httpx.Client) -> None:
        owner = market.organisation()
        resource_id = market.resource(owner, market.site(owner))
        missing = str(UUID(int=7))

        body = _offer(owner, resource_id) | {"resource_ids": [resource_id, missing]}
        response = client.post("offers", json=body)

        assert response.status_code == 404
        assert market.get("offers")["items"] == []

    def test_says_whether_the_firm_is_verified(self, market: Market, sessions: Sessions) -> None:
        _, _, made = market.listed_mill()
        _, _, other = market.listed_mill("Other works")
        assert made["verification"] == "unverified"
        with transaction(sessions) as session:
            verified = text("UPDATE organisation SET verification = 'verified' WHERE id = :id")
            session.connection().execute(verified, {"id": made["organisation_id"]})
        assert market.get(f"offers/{made['id']}")["verification"] == "verified"
        listed = {one["id"]: one["verification"] for one in market.get("offers")["items"]}
        assert listed == {made["id"]: "verified", other["id"]: "unverified"}

    def test_repeats_the_saved_answer_for_the_same_key(
        self, market: Market, client: httpx.Client
    ) -> None:
        owner = market.organisation()
        body = _offer(owner, market.resource(owner, market.site(owner)))

        first = client.post("offers", json=body, headers={"idempotency-key": "one"})
        again = client.post("offers", json=body, headers={"idempotency-key": "one"})

        assert first.json() == again.json()
        assert len(market.get("offers")["items"]) == 1

    def test_refuses_the_key_of_another_request(self, market: Market, client: httpx.Client) -> None:
        owner = market.organisation()
        body = _offer(owner, market.resource(owner, market.site(owner)))
        client.post("offers", json=body, headers={"idempotency-key": "one"})

        changed = body | {"title": "Something else"}
        response = client.post("offers", json=changed, headers={"idempotency-key": "one"})

        assert (response.status_code, response.json()["code"]) == (422, "idempotency-key-reused")


class TestWithdraw:
    def test_takes_the_resource_out_of_matching(self, market: Market) -> None:
        _, _, offer = market.listed_mill()
        buyer = market.organisation("Buyer")

        withdrawn = market.post(f"offers/{offer['id']}/withdraw", status=200)

        assert (withdrawn["state"], withdrawn["version"]) == ("withdrawn", 2)
        assert market.match(market.demand(buyer)["id"])["candidates"] == []

    def test_refuses_a_second_time(self, market: Market, client: httpx.Client) -> None:
        _, _, offer = market.listed_mill()
        market.post(f"offers/{offer['id']}/withdraw", status=200)

        response = client.post(f"offers/{offer['id']}/withdraw")

        assert (response.status_code, response.json()["code"]) == (409, "offer-withdrawn")

    def test_knows_no_offer_of_that_id(self, client: httpx.Client, market: Market) -> None:
        path = f"offers/{UUID(int=1)}/withdraw"
        signed = market.keyring.header(market.organisation())

        response, anonymous = client.post(path, headers=signed), client.post(path)

        assert (response.status_code, response.json()["code"]) == (404, "offer-not-found")
        assert (anonymous.status_code, anonymous.json()["code"]) == (401, "unauthenticated")

    def test_answers_about_the_offer_of_another_as_about_none(
        self, client: httpx.Client, market: Market
    ) -> None:
        _, _, offer = market.listed_mill()
        other = market.keyring.header(market.organisation("Other"))

        response = client.post(f"offers/{offer['id']}/withdraw", headers=other)

        assert (response.status_code, response.json()["code"]) == (404, "offer-not-found")
        assert market.get(f"offers/{offer['id']}")["state"] == "published"

    def test_is_refused_to_who_speaks_for_another(
        self, client: httpx.Client, market: Market
    ) -> None:
        owner = market.organisation("Owner")
        resource_id = market.resource(owner, market.site(owner))
        other = market.keyring.header(market.organisation("Other"))

        response = client.post("offers", json=_offer(owner, resource_id), headers=other)

        assert (response.status_code, response.json()["code"]) == (403, "other-organisation")


class TestPrice:
    def test_explains_the_sum_line_by_line(self, market: Market) -> None:
        owner = market.organisation()
        resource_id = market.resource(owner, market.site(owner))
        price = {"price_minor": 10000, "setup_minor": 5000, "minimum_minor": 40000}
        offer = market.offer(owner, [resource_id], price=price)

        quoted = market.get(f"offers/{offer['id']}/price", minutes=90)

        assert quoted == {
            "total_minor": 40000,
            "currency": "CNY",
            "lines": [
                {"rule": "hours", "amount_minor": 15000},
                {"rule": "setup", "amount_minor": 5000},
                {"rule": "minimum", "amount_minor": 20000},
            ],
        }

    def test_is_for_at_least_a_minute(self, market: Market, client: httpx.Client) -> None:
        _, _, offer = market.listed_mill()

        response = client.get(f"offers/{offer['id']}/price", params={"minutes": 0})

        assert (response.status_code, response.json()["code"]) == (422, "quoted-time-not-positive")


class TestList:
    def test_pages_through_everything_once(self, market: Market) -> None:
        owner = market.organisation()
        resource_id = market.resource(owner, market.site(owner))
        made = [market.offer(owner, [resource_id])["id"] for _ in range(5)]

        seen: list[str] = []
        page = market.get("offers", limit=2)
        while True:
            seen += [offer["id"] for offer in page["items"]]
            if page["next"] is None:
                break
            page = market.get("offers", limit=2, after=page["next"])

        assert seen == made

    def test_filters_by_owner_and_state(self, market: Market) -> None:
        owner, _, offer = market.listed_mill("One")
        market.listed_mill("Another")
        market.post(f"offers/{offer['id']}/withdraw", status=200)

        assert len(market.get("offers", organisation_id=owner)["items"]) == 1
        assert market.get("offers", organisation_id=owner, state="published")["items"] == []

    def test_leaves_as_a_spreadsheet(self, market: Market, client: httpx.Client) -> None:
        market.listed_mill()

        response = client.get("offers", params={"format": "csv"})

        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        assert response.text.lstrip("\ufeff").startswith("id,organisation_id,direction,title")


def _offer(organisation_id: str, resource_id: str) -> dict[str, object]:
    return {
        "organisation_id": organisation_id,
        "direction": 4,
        "title": "Milling",
        "title_zh": "铣削",
        "resource_ids": [resource_id],
        "price": {"price_minor": 30000},
    }


EDIT: Document = {
    "title": "Milling, now at night",
    "title_zh": "夜间铣削",
    "price": {"price_minor": 20000},
    "attributes": {"axes": 5},
}
"""The next version of an offer."""


class TestVersions:
    def test_follow_each_other_and_keep_what_was_said(
        self, market: Market, client: httpx.Client
    ) -> None:
        _, _, offer = market.listed_mill()
        path = f"offers/{offer['id']}"
        read = client.get(path)

        changed = client.put(path, json=EDIT, headers={"if-match": read.headers["etag"]})

        assert changed.status_code == 200, changed.text
        assert changed.headers["etag"] == '"2"'
        assert (changed.json()["version"], changed.json()["title"]) == (2, EDIT["title"])
        assert changed.json()["attributes"] == {"axes": 5}
        versions = market.get(f"{path}/versions")["items"]
        assert [(one["version"], one["title"]) for one in versions] == [
            (2, "Milling, now at night"),
            (1, "Milling"),
        ]
        assert [one["price"]["price_minor"] for one in versions] == [20000, 30000]

    def test_are_what_is_matched_from_then_on(self, market: Market, client: httpx.Client) -> None:
        _, _, offer = market.listed_mill()
        demand = market.demand(market.organisation("Buyer"))

        client.put(f"offers/{offer['id']}", json=EDIT)

        found = market.match(demand["id"])["candidates"]
        assert found[0]["price"] == {"minor": 80000, "currency": "CNY"}

    def test_based_on_an_older_reading_are_refused(
        self, market: Market, client: httpx.Client
    ) -> None:
        _, _, offer = market.listed_mill()
        path = f"offers/{offer['id']}"
        client.put(path, json=EDIT, headers={"if-match": '"1"'})

        late = client.put(path, json=EDIT, headers={"if-match": '"1"'})

        assert (late.status_code, late.json()["code"]) == (409, "offer-version-mismatch")
        assert market.get(path)["version"] == 2

    def test_of_a_withdrawn_offer_there_are_no_more(
        self, market: Market, client: httpx.Client
    ) -> None:
        _, _, offer = market.listed_mill()
        market.post(f"offers/{offer['id']}/withdraw", status=200)

        refused = client.put(f"offers/{offer['id']}", json=EDIT)

        assert (refused.status_code, refused.json()["code"]) == (409, "offer-withdrawn")

    def test_say_only_what_the_direction_lets_be_said(
        self, market: Market, client: httpx.Client
    ) -> None:
        _, _, offer = market.listed_mill()

        refused = client.put(f"offers/{offer['id']}", json=EDIT | {"attributes": {"load_t": 3}})

        assert (refused.status_code, refused.json()["code"]) == (422, "attribute-unknown")

    def test_cannot_be_rewritten(self, market: Market, sessions: Sessions) -> None:
        market.listed_mill()
        with sessions_as(sessions) as own, transaction(own) as session:
            rewriting = text("UPDATE offer_version SET title = 'x'")
            with pytest.raises(ProgrammingError, match="permission denied"):
                session.connection().execute(rewriting)


class TestCompleteness:
    def test_grows_with_what_is_said(self, market: Market, client: httpx.Client) -> None:
        _, _, offer = market.listed_mill()
        path = f"offers/{offer['id']}"
        bare = market.get(f"{path}/completeness")

        client.put(
            path, json=EDIT | {"attributes": {"axes": 5, "controller": "A", "payload_kg": 1}}
        )

        told = market.get(f"{path}/completeness")
        assert (bare["percent"], told["percent"]) == (11, 44)  # 1 and 4 of 9
        lacking = {one["name"] for one in bare["missing"]} - {
            one["name"] for one in told["missing"]
        }
        assert lacking == {"axes", "controller", "payload_kg"}

    def test_misses_what_a_resource_can_do(self, market: Market) -> None:
        owner = market.organisation()
        idle = market.resource(owner, market.site(owner), capabilities=[])
        offer = market.offer(owner, [idle])

        told = market.get(f"offers/{offer['id']}/completeness")

        assert told["percent"] == 0
        assert told["missing"][-1] == {
            "name": "capabilities",
            "label": "Capabilities of every resource",
            "label_zh": "各资源的能力",
        }


RICH: Document = {
    "unit": "piece",
    "price_minor": 1000,
    "tiers": [{"least": 100, "price_minor": 700}],
    "materials": [{"material": "metal", "per_piece_minor": 50}],
    "surcharges": [{"key": "haste", "basis_points": 2500}],
    "valid_to": "2030-01-01",
}


class TestEngagement:
    def test_by_request_is_priced_by_more_than_a_rate_and_not_matched(self, market: Market) -> None:
        owner = market.organisation()
        mill = market.resource(owner, market.site(owner))

        offer = market.offer(owner, [mill], price=RICH, engage="request")

        path = f"offers/{offer['id']}"
        assert offer["engage"] == "request"
        assert market.get(path)["price"]["tiers"] == RICH["tiers"]
        priced = market.get(
            f"{path}/price", quantity=100, material="metal.steel", surcharge="haste"
        )
        assert priced["lines"] == [
            {"rule": "pieces", "amount_minor": 70_000},
            {"rule": "material metal", "amount_minor": 5000},
            {"rule": "surcharge haste", "amount_minor": 18_750},
        ]
        demand = market.demand(market.organisation("Buyer"))
        assert market.match(demand["id"])["candidates"] == []

    def test_by_a_slot_has_a_rate_for_a_price(self, market: Market, client: httpx.Client) -> None:
        owner = market.organisation()
        body = _offer(owner, market.resource(owner, market.site(owner)))

        refused = client.post("offers", json=body | {"price": RICH})

        assert (refused.status_code, refused.json()["code"]) == (422, "price-not-bookable")
        assert market.get("offers")["items"] == []

    def test_is_what_the_direction_knows(self, market: Market, client: httpx.Client) -> None:
        owner = market.organisation()
        body = _offer(owner, market.resource(owner, market.site(owner)))

        pooled = market.post("offers", body | {"direction": 6})
        refused = client.post("offers", json=body | {"direction": 6, "engage": "book"})

        assert pooled["engage"] == "request"
        assert refused.json()["code"] == "engagement-not-in-direction"
