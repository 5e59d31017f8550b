"""How words are indexed and asked for, and how Meilisearch is asked."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.directions.domain import FacetFilter
from search.meilisearch import record, search_options
from search.port import Filters, SearchDocument
from search.words import (
    entries,
    lexemes,
    query_of,
    runs,
    segmented,
    slips,
    slips_forgiven,
    tsquery,
)


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
    assert tsquery(query_of(asked)) == query


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("铝合金铣削", ["铝合金", "铣削"]),
        ("五轴削铣", ["五轴削铣"]),
        ("五轴铣削铝合金", ["五轴", "铣削", "铝合金"]),
        ("铣", ["铣"]),
    ],
)
def test_characters_that_are_no_words_stay_together(run: str, words: list[str]) -> None:
    assert segmented(run) == words


def test_what_stands_in_a_title_is_an_entry_of_its_own() -> None:
    assert entries(["Mill 铣"], ["mill x"]) == ["=mill", "=铣", "mill", "x", "铣"]
    assert tsquery(query_of("mill 铣"), titled=True) == "'=mill':* & '=铣'"


def test_a_word_is_replaced_by_what_it_was_meant_to_be() -> None:
    asked = query_of("fatige mill")

    assert tsquery(asked, {"fatige": ["fatigue"]}) == "'fatigue' & 'mill':*"
    assert tsquery(asked, {"fatige": ["fatigue", "fatigued"]}, titled=True) == (
        "('=fatigue' | '=fatigued') & '=mill':*"
    )


@pytest.mark.parametrize(
    ("word", "other", "expected"),
    [
        ("fatigue", "fatigue", 0), ("fatige", "fatigue", 1), ("fatigeu", "fatigue", 1),
        ("weldd", "welded", 1), ("", "mill", 4), ("mill", "", 4), ("kitten", "sitting", 3),
    ],
)  # fmt: skip
def test_slips_are_letters_added_left_out_changed_or_swapped(
    word: str, other: str, expected: int
) -> None:
    assert slips(word, other) == expected


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
@settings(max_examples=100)
def test_slips_are_symmetric_and_none_only_between_equals(word: str, other: str) -> None:
    assert slips(word, other) == slips(other, word)
    assert (slips(word, other) == 0) is (word == other)
    assert slips(word, other) >= abs(len(word) - len(other))


@pytest.mark.parametrize(
    ("word", "expected"), [("mill", 0), ("mills", 1), ("aluminium", 2), ("6061t", 0)]
)
def test_numbers_and_short_words_are_what_they_are(word: str, expected: int) -> None:
    assert slips_forgiven(word) == expected


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
