"""What every search backend promises, on PostgreSQL and, where one is configured, Meilisearch."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlmodel import Session

from marketplace.directions.domain import FacetFilter
from search.meilisearch import MeilisearchIndex
from search.port import Filters, SearchDocument, SearchIndex, Source
from search.postgres import PostgresIndex
from services.runtime.settings import Settings

ANYTHING = Filters()


@pytest.fixture(params=["postgres", "meilisearch"])
def index(request: pytest.FixtureRequest) -> Iterator[SearchIndex]:
    if request.param == "postgres":
        session: Session = request.getfixturevalue("session")
        yield PostgresIndex(session)
        return
    settings = Settings()
    if settings.meili_url is None:
        pytest.skip("no Meilisearch server: NONAGON_MEILI_URL is not set")
    meilisearch = MeilisearchIndex(settings.meili_url, key=settings.meili_key, name="contract")
    meilisearch.clear()
    yield meilisearch
    meilisearch.clear()


MILLING = SearchDocument(
    id=UUID(int=1),
    organisation_id=UUID(int=100),
    title="Five-axis milling of aluminium",
    title_zh="五轴铣削铝合金",
    words=("5-axis mill", "五轴加工中心", "CNC milling", "6061-T6", "100%"),
    direction=4,
    kinds=("machine",),
    processes=("machining", "machining.milling", "machining.milling.5axis"),
    materials=("metal", "metal.aluminium"),
    certificates=("iso-9001",),
    attributes={"axes": 5, "automation": "manual", "marks": ["cma", "cnas"], "remote": False},
)
GRINDING = SearchDocument(
    id=UUID(int=2),
    organisation_id=UUID(int=101),
    title="Surface grinding",
    title_zh="平面磨削",
    words=("grinder", "磨床", "also some milling"),
    direction=4,
    kinds=("machine",),
    processes=("machining", "machining.grinding"),
    materials=("metal", "metal.steel"),
    attributes={"axes": 3, "automation": "unattended", "marks": ["cma"], "remote": True},
)
SEATS = SearchDocument(
    id=UUID(int=3),
    organisation_id=UUID(int=102),
    title="Finite-element seats",
    title_zh="有限元仿真软件席位",
    words=("CAE", "结构仿真"),
    direction=3,
    kinds=("software_seats",),
    processes=("design", "design.simulation"),
)
FATIGUE = SearchDocument(
    id=UUID(int=4),
    organisation_id=UUID(int=102),
    title="Fatigue of welded joints",
    title_zh="焊接接头疲劳模型",
    words=("A macro that applies S-N curves, beside grinding", "一个宏"),
    direction=3,
    kinds=("model",),
    attributes={"discipline": ["mechanical", "materials"]},
    source=Source.LIBRARY,
)


@pytest.fixture
def filled(index: SearchIndex) -> SearchIndex:
    index.upsert([MILLING, GRINDING, SEATS, FATIGUE])
    return index


def found(index: SearchIndex, query: str, filters: Filters = ANYTHING) -> list[int]:
    return [hit.id.int for hit in index.search(query, filters, limit=10)]


class TestWords:
    @pytest.mark.parametrize(
        "query", ["aluminium", "ALUMINIUM", "alumin", "6061", "五轴", "轴铣", "铝", "cnc mill"]
    )
    def test_find_a_document(self, filled: SearchIndex, query: str) -> None:
        assert found(filled, query) == [1]

    def test_must_all_occur(self, filled: SearchIndex) -> None:
        assert found(filled, "grinding seats") == []
        assert found(filled, "仿真 席位") == [3]

    def test_of_chinese_must_stand_together(self, filled: SearchIndex) -> None:
        assert found(filled, "五轴削铣") == []

    def test_in_a_title_come_first(self, filled: SearchIndex) -> None:
        assert found(filled, "milling") == [1, 2]
        assert found(filled, "grinding") == [2, 4]

    @pytest.mark.parametrize("query", ["铝合金铣削", "铣削铝合金五轴", "五轴 铝合金铣削"])
    def test_of_chinese_are_those_a_segmenter_finds(self, filled: SearchIndex, query: str) -> None:
        assert found(filled, query) == [1]

    def test_of_chinese_and_latin_may_be_mixed(self, filled: SearchIndex) -> None:
        assert found(filled, "疲劳welded模型") == [4]
        assert found(filled, "疲劳milling") == []

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("fatige", [4]),
            ("fatigeu weldd", [4]),
            ("alumnium", [1]),
            ("alluminnium", [1]),
            ("grindnig", [2, 4]),
        ],
    )
    def test_in_latin_forgive_a_slip(
        self, filled: SearchIndex, query: str, expected: list[int]
    ) -> None:
        assert found(filled, query) == expected

    @pytest.mark.parametrize("query", ["seat5", "mils", "6062", "faxigx"])
    def test_that_are_short_or_too_far_off_forgive_none(
        self, filled: SearchIndex, query: str
    ) -> None:
        assert found(filled, query) == []

    def test_that_are_punctuation_only_do_not_filter(self, filled: SearchIndex) -> None:
        assert found(filled, "!'\\&|:*%_") == [1, 2, 3, 4]

    def test_that_nobody_uses_find_nothing(self, filled: SearchIndex) -> None:
        assert found(filled, "xylophone") == []
        assert found(filled, "木琴") == []


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (Filters(direction=3), [3, 4]),
            (Filters(source=Source.LIBRARY), [4]),
            (Filters(source=Source.OFFER, direction=3), [3]),
            (Filters(kind="machine"), [1, 2]),
            (Filters(process="machining.milling"), [1]),
            (Filters(process="machining"), [1, 2]),
            (Filters(material="metal.steel"), [2]),
            (Filters(certificate="iso-9001"), [1]),
            (Filters(kind="machine", direction=3), []),
            (Filters(process='machining" OR direction = 3'), []),
        ],
    )
    def test_are_exact_and_all_hold(
        self, filled: SearchIndex, filters: Filters, expected: list[int]
    ) -> None:
        assert found(filled, "", filters) == expected

    @pytest.mark.parametrize(
        ("facets", "expected"),
        [
            ((FacetFilter("axes", low=4),), [1]),
            ((FacetFilter("axes", low=3, high=5),), [1, 2]),
            ((FacetFilter("axes", high=2.5),), []),
            ((FacetFilter("automation", value="manual"),), [1]),
            ((FacetFilter("marks", value="cma"),), [1, 2]),
            ((FacetFilter("marks", value="cma"), FacetFilter("marks", value="cnas")), [1]),
            ((FacetFilter("remote", value=False),), [1]),
            ((FacetFilter("automation", value='manual" || "1'),), []),
        ],
    )
    def test_of_attributes_hold_for_one_of_their_values(
        self, filled: SearchIndex, facets: tuple[FacetFilter, ...], expected: list[int]
    ) -> None:
        assert found(filled, "", Filters(direction=4, facets=facets)) == expected

    def test_narrow_the_words(self, filled: SearchIndex) -> None:
        assert found(filled, "milling", Filters(material="metal.steel")) == [2]


class TestChanges:
    def test_replace_the_document_of_the_same_id(self, filled: SearchIndex) -> None:
        filled.upsert(
            [SearchDocument(MILLING.id, MILLING.organisation_id, "Turning", "车削", (), 4)]
        )

        assert found(filled, "aluminium") == []
        assert found(filled, "车削") == [1]

    def test_delete_what_is_named_and_nothing_else(self, filled: SearchIndex) -> None:
        filled.delete([MILLING.id, UUID(int=999)])

        assert found(filled, "") == [2, 3, 4]

    def test_leave_no_word_of_what_is_deleted_to_correct_to(self, filled: SearchIndex) -> None:
        assert found(filled, "grinder") == [2]
        filled.delete([GRINDING.id])
        filled.upsert([SEATS])

        assert found(filled, "grinder") == []
        assert found(filled, "grindnig") == [4]

    def test_clear_everything(self, filled: SearchIndex) -> None:
        filled.clear()

        assert found(filled, "") == []


class TestFacets:
    def test_are_counted_over_all_hits(self, filled: SearchIndex) -> None:
        counted = filled.facets("", ANYTHING)

        assert (counted.counted, counted.is_complete) == (4, True)
        assert counted.counts["source"] == {"offer": 3, "library": 1}
        assert counted.counts["direction"] == {"3": 2, "4": 2}
        assert counted.counts["kind"] == {"machine": 2, "software_seats": 1, "model": 1}
        assert counted.counts["process"]["machining"] == 2

    def test_are_counted_over_what_words_and_filters_leave(self, filled: SearchIndex) -> None:
        counted = filled.facets("milling", Filters(direction=4))

        assert counted.counts["material"] == {"metal": 2, "metal.aluminium": 1, "metal.steel": 1}
        assert counted.counts["attributes.marks"] == {"cma": 2, "cnas": 1}
        assert counted.counts["attributes.automation"] == {"manual": 1, "unattended": 1}
        assert "source" in counted.counts

    def test_of_nothing_are_none(self, filled: SearchIndex) -> None:
        counted = filled.facets("xylophone", ANYTHING)

        assert (counted.counts, counted.counted, counted.is_complete) == ({}, 0, True)


class TestHits:
    def test_say_where_they_come_from(self, filled: SearchIndex) -> None:
        assert [hit.source for hit in filled.search("grinding", ANYTHING, limit=2)] == [
            Source.OFFER,
            Source.LIBRARY,
        ]

    def test_say_what_they_are(self, filled: SearchIndex) -> None:
        hit = filled.search("席位", ANYTHING, limit=1)[0]

        assert (hit.id, hit.organisation_id) == (SEATS.id, SEATS.organisation_id)
        assert (hit.title, hit.title_zh) == (SEATS.title, SEATS.title_zh)

    def test_are_cut_at_the_limit(self, filled: SearchIndex) -> None:
        assert len(filled.search("", ANYTHING, limit=2)) == 2
