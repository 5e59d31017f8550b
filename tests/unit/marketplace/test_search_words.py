"""How words are indexed and asked for, and how Meilisearch is asked."""

from uuid import UUID

import pytest

from marketplace.directions.domain import FacetFilter
from search.meilisearch import record, search_options
from search.port import Filters, SearchDocument
from search.words import lexemes, runs, tsquery


def test_text_falls_into_chinese_runs_and_latin_tokens() -> None:
    assert runs("CNC 五轴加工-Mill_6061") == ["cnc", "五轴加工", "mill", "6061"]


def test_chinese_is_indexed_by_characters_and_pairs() -> None:
    assert lexemes(["五轴铣"]) == {"五", "轴", "铣", "五轴", "轴铣"}


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ("", ""),
        ("!' & |", ""),
        ("Mill", "'mill':*"),
        ("铣", "'铣'"),
        ("五轴铣", "'五轴' & '轴铣'"),
        ("mill 铣床", "'mill':* & '铣床'"),
    ],
)
def test_every_word_is_asked_for(asked: str, query: str) -> None:
    assert tsquery(asked) == query


def test_meilisearch_is_asked_for_every_word_and_filter() -> None:
    filters = Filters(direction=4, process="machining.milling")

    assert search_options(filters, limit=7) == {
        "limit": 7,
        "matchingStrategy": "all",
        "filter": ["direction = 4", 'processes = "machining.milling"'],
    }


def test_meilisearch_filters_cannot_be_broken_out_of() -> None:
    asked = search_options(Filters(kind='a" OR kind != "\\'), limit=1)

    assert asked["filter"] == ['kinds = "a\\" OR kind != \\"\\\\"']


def test_meilisearch_records_carry_ids_as_text() -> None:
    kept = record(SearchDocument(UUID(int=1), UUID(int=2), "t", "题", ("w",), 4))

    assert (kept["id"], kept["organisation_id"]) == (str(UUID(int=1)), str(UUID(int=2)))


def test_meilisearch_narrows_by_attributes() -> None:
    facets = (
        FacetFilter("axes", low=3, high=5.5),
        FacetFilter("controller", value='"x"'),
        FacetFilter("remote", value=False),
    )

    assert search_options(Filters(facets=facets), limit=7)["filter"] == [
        "attributes.axes >= 3",
        "attributes.axes <= 5.5",
        'attributes.controller = "\\"x\\""',
        "attributes.remote = false",
    ]
