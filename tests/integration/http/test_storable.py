"""What PostgreSQL cannot store is refused at the door, by the place where it stands."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.api import Document, Market

NUL = "a\x00b"
HALF_A_PAIR = "a\ud800b"
JSON = {"content-type": "application/json"}

Ask = Callable[[Market], tuple[str, Document]]


def organisation(_market: Market) -> tuple[str, Document]:
    return "organisations", {"name": NUL, "name_zh": "厂", "kind": "firm"}


def resource(market: Market) -> tuple[str, Document]:
    organisation_id = market.organisation()
    certificate = {"kind": "iso-9001", "scope": NUL}
    capability = {"process": "machining.milling.5axis", "certificates": [certificate]}
    return "resources", {
        "organisation_id": organisation_id,
        "site_id": market.site(organisation_id),
        "kind": "machine",
        "name": "Mill",
        "name_zh": "铣床",
        "capabilities": [{"process": "machining.milling.5axis"}, capability],
    }


def offer(market: Market) -> tuple[str, Document]:
    organisation_id, resource_id, _ = market.listed_mill()
    return "offers", {
        "organisation_id": organisation_id,
        "direction": 4,
        "title": "Milling",
        "title_zh": NUL,
        "resource_ids": [resource_id],
        "price": {"price_minor": 30000},
    }


def demand(market: Market) -> tuple[str, Document]:
    return "demands", market.demand_facts(market.organisation(), process=NUL)


def post(client: httpx.Client, path: str, body: object, **headers: str) -> httpx.Response:
    """Send ``body`` as JSON with every odd character escaped, as clients do."""
    return client.post(path, content=json.dumps(body), headers={**JSON, **headers})


def refused(response: httpx.Response) -> list[tuple[str, str, str]]:
    """Place, pointer and code of every refusal of a 422 problem."""
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["code"] == "invalid-request"
    return [(error["in"], error["pointer"], error["code"]) for error in document["errors"]]


@pytest.mark.parametrize(
    ("ask", "pointer"),
    [
        (organisation, "/name"),
        (resource, "/capabilities/1/certificates/0/scope"),
        (offer, "/title_zh"),
        (demand, "/process"),
    ],
)
def test_nul_in_a_body_is_refused_by_its_pointer(market: Market, ask: Ask, pointer: str) -> None:
    path, body = ask(market)

    assert refused(post(market.client, path, body)) == [("body", pointer, "unstorable-text")]


@pytest.mark.parametrize(
    ("attributes", "pointer", "code"),
    [
        ({"a": [1, {"b": NUL}]}, "/a/1/b", "unstorable-text"),
        ({NUL: 1}, r"/a\u0000b", "unstorable-text"),
        ({"a": HALF_A_PAIR}, "/a", "unstorable-text"),
        ({HALF_A_PAIR: 1}, r"/a\ud800b", "unstorable-text"),
        ({"a": float("nan")}, "/a", "finite-number"),
        ({"a": float("inf")}, "/a", "finite-number"),
    ],
)
def test_free_attributes_are_looked_through(
    market: Market, attributes: dict[str, Any], pointer: str, code: str
) -> None:
    path, body = resource(market)
    body["capabilities"] = [{"process": "machining.milling.5axis", "attributes": attributes}]

    answer = post(market.client, path, body)

    assert refused(answer) == [("body", f"/capabilities/0/attributes{pointer}", code)]


@pytest.mark.parametrize("path", ["search?q=a%00b", "search?kind=%00", "resources?kind=a%00"])
def test_nul_in_a_query_is_refused_by_its_name(client: httpx.Client, path: str) -> None:
    name = path.partition("?")[2].partition("=")[0]

    assert refused(client.get(path)) == [("query", f"/{name}", "unstorable-text")]


def test_nul_in_a_path_is_refused_by_its_parameter(client: httpx.Client) -> None:
    answer = client.get("taxonomy/tolerances/IT%007", params={"size_mm": 20})

    assert refused(answer) == [("path", "/grade", "unstorable-text")]


def test_the_reason_is_told_in_both_languages(client: httpx.Client) -> None:
    body = {"name": NUL, "name_zh": "厂", "kind": "firm"}
    english = post(client, "organisations", body, **{"accept-language": "en"}).json()
    chinese = post(client, "organisations", body, **{"accept-language": "zh"}).json()

    assert english["errors"][0]["message"] == (
        "Text must not contain U+0000 or half of a surrogate pair"
    )
    assert chinese["errors"][0]["message"] == "文本不得包含 U+0000 或不成对的代理字符"


def test_every_offending_field_is_named_at_once(client: httpx.Client) -> None:
    answer = post(client, "organisations", {"name": NUL, "name_zh": NUL, "kind": "firm"})

    assert sorted(refused(answer)) == [
        ("body", "/name", "unstorable-text"),
        ("body", "/name_zh", "unstorable-text"),
    ]


def test_escapes_that_mean_something_else_are_stored_as_they_are(market: Market) -> None:
    name = r"back\u0000slash 😀 ￿"
    body = {"name": name, "name_zh": "厂", "kind": "firm"}

    made = post(market.client, "organisations", body)

    assert made.status_code == 201, made.text
    assert market.get(f"organisations/{made.json()['id']}")["name"] == name


def test_deep_nesting_is_refused_and_not_a_fault_of_ours(market: Market) -> None:
    path, body = resource(market)
    for depth in (500, 100_000):
        nested = json.dumps(body)[:-1] + ', "extra": ' + "[" * depth + "]" * depth + "}"
        answer = market.client.post(path, content=nested, headers=JSON)
        assert answer.status_code in {400, 422}, answer.text


def test_instants_no_column_can_hold_are_refused_in_both_languages(market: Market) -> None:
    _, resource_id, _ = market.listed_mill()
    body = {
        "start": "0001-01-01T00:00:00+23:00",
        "end": "9999-12-31T23:59:59-23:00",
        "reason": "oil",
    }
    path = f"resources/{resource_id}/maintenance"
    english = post(market.client, path, body, **{"accept-language": "en"})
    chinese = post(market.client, path, body, **{"accept-language": "zh"})

    assert (english.status_code, english.json()["code"]) == (422, "value-out-of-range")
    assert english.json()["detail"].startswith("A number or an instant is too large")
    assert chinese.json()["detail"].startswith("请求中的数字或时间超出")


def test_instants_at_the_end_of_the_calendar_are_refused(market: Market) -> None:
    _, resource_id, _ = market.listed_mill()
    last = {"start": "9999-12-31T00:00:00Z", "end": "9999-12-31T23:59:59Z"}
    for query in (f"timeline?day={last['start'][:10]}", "timeline?day=0001-01-01"):
        answer = market.client.get(f"resources/{resource_id}/{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "value-out-of-range")
    answer = market.client.get(f"resources/{resource_id}/gaps", params=last)
    assert (answer.status_code, answer.json()["code"]) == (422, "value-out-of-range")
