"""Directions through the API: what is open, what may be said and shown there."""

from typing import Any

import httpx
import pytest

from tests.support.api import Document, Market


def refused(client: httpx.Client, path: str, **query: Any) -> tuple[int, str]:
    response = client.get(path, params=query)
    return response.status_code, response.json()["code"]


def offered(market: Market, *, kind: str = "machine", **facts: Any) -> Document:
    owner = market.organisation()
    resource = market.resource(owner, market.site(owner), kind=kind)
    return {
        "organisation_id": owner,
        "direction": 4,
        "title": "Milling",
        "title_zh": "铣削",
        "resource_ids": [resource],
        "price": {"price_minor": 100},
    } | facts


WRONG_VISIBILITY = "visibility-not-in-direction"


class TestReading:
    def test_lists_the_nine_with_their_kind_of_sharing(self, market: Market) -> None:
        listed = market.get("directions")["items"]

        assert [one["number"] for one in listed] == [*range(1, 10)]
        assert {one["sharing"] for one in listed} == {"manufacturing", "innovation", "service"}

    def test_tells_one_with_all_it_is_made_of(self, market: Market) -> None:
        told = market.get("directions/manufacturing")

        assert told["engage"][0] == "book"
        assert told["visibility"][0] == "public"
        assert "machine" in [one["key"] for one in told["kinds"]]
        assert [step["primitive"] for step in told["workflow"]][:3] == ["offer", "match", "booking"]
        assert told["sources"][0]["document"] == "MIIT 2017 pilot plan"

    def test_knows_no_other(self, client: httpx.Client) -> None:
        assert refused(client, "directions/eleventh") == (404, "direction-not-found")
        path = "directions/manufacturing/kinds/mentor"
        assert refused(client, path) == (404, "kind-not-found")


class TestPublishing:
    def test_keeps_what_is_said(self, market: Market) -> None:
        said = {"axes": 5, "automation": "unattended"}

        made = market.post("offers", offered(market, attributes=said))

        assert made["attributes"] == said
        assert market.get(f"offers/{made['id']}")["attributes"] == said

    def test_takes_the_usual_visibility_of_the_direction(self, market: Market) -> None:
        assert market.post("offers", offered(market))["visibility"] == "public"
        assert market.post("offers", offered(market, direction=1))["visibility"] == "organisation"

    @pytest.mark.parametrize(
        ("facts", "code"),
        [
            ({"direction": 10}, "unknown-direction"),
            ({"kind": "mentor"}, "kind-not-in-direction"),
            (
                {"direction": 5, "kind": "mentor", "visibility": "nda"},
                "visibility-not-in-direction",
            ),
            ({"attributes": {"axes": 0}}, "attribute-invalid"),
            ({"attributes": {"axes": "five"}}, "attribute-invalid"),
            ({"attributes": {"test_standard": ["GB/T 228.1"]}}, "attribute-unknown"),
            ({"direction": 5, "kind": "fund"}, "attribute-missing"),
        ],
    )
    def test_refuses_what_the_direction_does_not_open(
        self, market: Market, client: httpx.Client, facts: Document, code: str
    ) -> None:
        response = client.post("offers", json=offered(market, **facts))

        assert (response.status_code, response.json()["code"]) == (422, code)

    def test_names_the_rule_that_was_broken_in_both_languages(
        self, market: Market, client: httpx.Client
    ) -> None:
        body = offered(market, attributes={"axes": 0})

        english = client.post("offers", json=body, headers={"accept-language": "en"})
        chinese = client.post("offers", json=body, headers={"accept-language": "zh-CN"})

        assert english.json()["detail"] == (
            "Attribute 'axes' (Axes) is 0; its JSON Schema asks for minimum 1."
        )
        assert "轴数" in chinese.json()["detail"]


class TestFacets:
    @pytest.mark.parametrize("route", ["offers", "search"])
    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"attribute": "axes:5"}, "facets-need-direction"),
            ({"attribute": "axes:5", "direction": 10}, "unknown-direction"),
            ({"attribute": "colour:red", "direction": 4}, "facet-unknown"),
            ({"attribute": "axes:many", "direction": 4}, "facet-invalid"),
            ({"attribute": "automation:some", "direction": 4}, "facet-invalid"),
        ],
    )
    def test_that_are_none_are_refused(
        self, client: httpx.Client, route: str, query: Document, code: str
    ) -> None:
        assert refused(client, route, **query) == (422, code)

    def test_narrow_the_list_of_offers(self, market: Market) -> None:
        said = {"axes": 5, "automation": "manual", "spindle_power_kw": 22.5}
        made = market.post("offers", offered(market, attributes=said))
        market.post("offers", offered(market, attributes={"axes": 3}))
        market.post("offers", offered(market, direction=8, attributes={"axes": 5}))

        def found(*attribute: str) -> list[str]:
            asked = market.get("offers", direction=4, attribute=[*attribute])
            return [one["id"] for one in asked["items"]]

        assert len(found()) == 2
        assert found("axes:4..") == [made["id"]]
        assert found("axes:5", "automation:manual", "spindle_power_kw:20..25") == [made["id"]]
        assert found("axes:5", "automation:unattended") == []
        assert found("spindle_power_kw:..22") == []
