"""What follows from the one file of a tenth direction: forms, checks, facets and hits.

Its story is played with the others: ``book_a_remanufacturing_line.yaml``.
"""

import httpx
import pytest

from marketplace.directions.loader import load_directions
from marketplace.taxonomy.loader import load_taxonomy
from search.indexing import rebuild
from search.postgres import PostgresIndex
from services.runtime.db import Sessions, transaction
from tests.scenarios.conftest import DIRECTIONS
from tests.support.api import Document, Market

SAID = {"restores": ["pump", "gearbox"], "throughput_kg_h": 400}


def body(market: Market, attributes: Document) -> Document:
    owner = market.organisation("Owner")
    line = market.resource(
        owner,
        market.site(owner),
        kind="remanufacturing_line",
        capabilities=[{"process": "machining.cleaning"}],
    )
    return {
        "organisation_id": owner,
        "direction": 10,
        "title": "Pumps restored",
        "title_zh": "泵再制造",
        "resource_ids": [line],
        "price": {"price_minor": 26000},
        "attributes": attributes,
    }


def titles(answer: Document) -> list[str]:
    return [one["title"] for one in answer["items"]]


def test_stands_beside_the_nine(market: Market) -> None:
    listed = market.get("directions")["items"]

    assert [one["number"] for one in listed] == [*range(1, 11)]
    assert listed[-1]["name_zh"] == "循环再制造"
    assert len(load_directions()) == 9
    assert len(load_directions(DIRECTIONS)) == 10


def test_has_a_form_in_both_languages(market: Market) -> None:
    form = market.get("directions/circular/kinds/remanufacturing_line")

    assert form["rules"]["required"] == ["restores"]
    assert form["rules"]["additionalProperties"] is False
    fields = {field["name"]: field for field in form["fields"]}
    assert fields["restores"]["widget"] == "choices"
    assert (fields["restores"]["label"], fields["restores"]["label_zh"]) == (
        "Parts restored",
        "可再制造零件",
    )
    assert fields["restores"]["values"][2] == {"value": "pump", "name": "Pumps", "name_zh": "泵"}
    assert fields["throughput_kg_h"]["unit"] == "kg/h"
    assert not fields["throughput_kg_h"]["required"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "attribute-missing"),
        ({"restores": ["turbine"]}, "attribute-invalid"),
        ({"restores": []}, "attribute-invalid"),
        ({"restores": ["pump"], "throughput_kg_h": 0}, "attribute-invalid"),
        ({"restores": ["pump"], "axes": 5}, "attribute-unknown"),
    ],
)
def test_refuses_what_its_schema_does_not_let_be_said(
    market: Market, client: httpx.Client, said: Document, code: str
) -> None:
    refused = client.post("offers", json=body(market, said))

    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert market.get("offers")["items"] == []


def test_finds_what_it_published_by_its_facets(market: Market, sessions: Sessions) -> None:
    market.post("offers", body(market, SAID))
    market.listed_mill()
    with transaction(sessions) as session:
        rebuild(session=session, index=PostgresIndex(session), taxonomy=load_taxonomy())

    assert market.get("directions/circular")["facets"][0]["name"] == "throughput_kg_h"
    for route in ("search", "offers"):
        assert titles(market.get(route, direction=10)) == ["Pumps restored"]
        for fitting in ("restores:pump", "throughput_kg_h:400", "throughput_kg_h:..500"):
            found = market.get(route, direction=10, attribute=[fitting, "restores:gearbox"])
            assert titles(found) == ["Pumps restored"], (route, fitting)
        for failing in ("restores:mould", "throughput_kg_h:401..", "throughput_kg_h:1..399.5"):
            assert titles(market.get(route, direction=10, attribute=failing)) == []
