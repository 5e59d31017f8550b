"""Directions: the nine, what may be said in one, its facets, and what a broken file is told."""

from pathlib import Path

import pytest

from marketplace.directions.domain import (
    Area,
    AttributeInvalidError,
    AttributeMissingError,
    AttributeUnknownError,
    Direction,
    Directions,
    FacetFilter,
    FacetInvalidError,
    FacetUnknownError,
    Indicator,
    Primitive,
    UnknownDirectionError,
    facet_path,
)
from marketplace.directions.loader import NINE, load_directions
from services.capacity.domain import Visibility
from services.runtime.lined_yaml import BrokenDataError

GOOD = """\
key: tenth
number: 10
area: region
name: Tenth
zh: 第十
about: A direction of a test.
about_zh: 测试用的方向。
sharing: service
sources: [{document: A plan, clause: "1"}]
engage: [book]
visibility: [public]
attributes:
  colour: {name: Colour, zh: 颜色, schema: {type: string, enum: [red, blue]}, facet: terms}
kinds:
  dye_bath: {name: Dye bath, zh: 染缸, attributes: [colour, area_m2], required: [colour]}
  room:
workflow:
  - {key: booked, primitive: booking, name: Booked, zh: 预订}
indicators:
  - {key: hours, formula: bookings.hours_sold, name: Hours, zh: 工时}
"""


@pytest.fixture(scope="module")
def directions() -> Directions:
    return load_directions()


@pytest.fixture(scope="module")
def machining(directions: Directions) -> Direction:
    return directions.numbered(4)


class TestTheNine:
    def test_stand_in_the_four_areas_of_the_plan(self, directions: Directions) -> None:
        areas = [one.area for one in directions]

        assert [one.number for one in directions] == [*range(1, 10)]
        assert areas == [
            *[Area.AGGREGATION] * 2,
            *[Area.OPENING] * 3,
            *[Area.INNOVATION] * 3,
            Area.REGION,
        ]

    def test_use_every_attribute_they_hold(self, directions: Directions) -> None:
        for one in directions:
            used = {name for kind in one.kinds.values() for name in kind.attributes}
            assert one.attributes.keys() == used, one.key

    def test_name_a_clause_of_both_plans(self, directions: Directions) -> None:
        for one in directions:
            documents = [source.document for source in one.sources]
            assert documents == ["MIIT 2017 pilot plan", "Hubei 2020 notice"]

    def test_name_every_value_of_a_choice_in_both_languages(self, directions: Directions) -> None:
        for one in directions:
            for attribute in one.attributes.values():
                named = [value.value for value in attribute.values]
                assert named == list(attribute.item.get("enum", [])), attribute.name

    def test_are_found_by_number_and_no_other_is(self, directions: Directions) -> None:
        assert directions.numbered(4).key == "manufacturing"
        with pytest.raises(UnknownDirectionError):
            directions.numbered(10)


class TestWhatMayBeSaid:
    def test_is_what_any_of_the_kinds_offered_together_has(self, machining: Direction) -> None:
        machining.check_attributes(["machine", "vehicle"], {"axes": 5, "load_t": 3.5})

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            ({"axes": 21}, AttributeInvalidError),
            ({"axes": 2.5}, AttributeInvalidError),
            ({"axes": True}, AttributeInvalidError),
            ({"axes": None}, AttributeInvalidError),
            ({"controller": "x" * 61}, AttributeInvalidError),
            ({"test_standard": ["GB/T 228.1"]}, AttributeUnknownError),
        ],
    )
    def test_is_nothing_else(
        self, machining: Direction, said: dict[str, object], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            machining.check_attributes(["machine"], said)

    def test_must_be_said_where_it_is_required(self, directions: Directions) -> None:
        incubation = directions.numbered(5)

        with pytest.raises(AttributeMissingError):
            incubation.check_attributes(["fund"], {"ticket_min_cny": 1})
        incubation.check_attributes(["fund"], {"finance_form": ["grant"]})

    def test_is_counted_as_missing_until_it_is_said(self, machining: Direction) -> None:
        missing = machining.missing(["vehicle"], {"load_t": 3})

        assert [one.name for one in missing] == [
            "volume_m3",
            "service_radius_km",
            "temperature_controlled",
            "dangerous_goods",
        ]


class TestFacets:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("axes:5", FacetFilter("axes", low=5, high=5)),
            ("axes:3..5", FacetFilter("axes", low=3, high=5)),
            ("axes:3..", FacetFilter("axes", low=3)),
            ("axes:..5", FacetFilter("axes", high=5)),
            ("automation:manual", FacetFilter("automation", value="manual")),
            ("dangerous_goods:false", FacetFilter("dangerous_goods", value=False)),
            ("controller:a:b", FacetFilter("controller", value="a:b")),
        ],
    )
    def test_are_read(self, machining: Direction, asked: str, expected: FacetFilter) -> None:
        assert machining.filters([asked]) == (expected,)

    @pytest.mark.parametrize(
        "asked",
        [
            *(
                "axes:",
                "axes:..",
                "axes:5..3",
                "axes:a..b",
                "axes:nan",
                "axes:inf..",
                "axes:1..2..3",
            ),
            *("automation:some", "dangerous_goods:maybe"),
        ],
    )
    def test_that_cannot_be_are_refused(self, machining: Direction, asked: str) -> None:
        with pytest.raises(FacetInvalidError):
            machining.filters([asked])

    @pytest.mark.parametrize("asked", ["colour:red", "product_version:1", ""])
    def test_that_are_none_are_refused(self, machining: Direction, asked: str) -> None:
        with pytest.raises(FacetUnknownError):
            machining.filters([asked])

    def test_become_one_path_that_holds_for_all(self) -> None:
        asked = (FacetFilter("axes", low=3, high=5), FacetFilter("remote", value=False))

        path, values = facet_path(asked, within="$.attributes")

        assert path == (
            "exists($.attributes.axes[*] ? (@ >= $low0 && @ <= $high0))"
            " && exists($.attributes.remote[*] ? (@ == $value1))"
        )
        assert values == {"low0": 3, "high0": 5, "value1": False}
        assert facet_path(()) == ("1 == 1", {})


class TestAnotherFile:
    def test_adds_a_direction(self, tmp_path: Path) -> None:
        (tmp_path / "10-tenth.yaml").write_text(GOOD, encoding="utf-8")

        tenth = load_directions(tmp_path).numbered(10)

        assert tenth.kinds["room"].name_zh == "场地房间"
        assert tenth.visibility == (Visibility.PUBLIC,)
        assert {"area_m2", "colour", "seats"} <= tenth.facets.keys()
        assert "axes" not in tenth.attributes
        assert tenth.workflow[0].primitive is Primitive.BOOKING
        assert tenth.indicators == (Indicator("hours", "bookings.hours_sold", "Hours", "工时"),)

    def test_may_be_told_in_any_of_the_nine_too(self) -> None:
        assert len(list(NINE.glob("*.yaml"))) == 9


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("good", "broken", "told"),
        [
            ("number: 10", "number: 4", "line 2: number: direction 4 manufacturing has it"),
            ("key: tenth", "key: region", "line 1: key: direction 9 region has it"),
            ("number: 10", "number: ten", "line 2: number:"),
            ("number: 10", "number: 0", "line 2: number:"),
            ("area: region", "area: west", "line 3: area:"),
            ("zh: 第十", "zh: ''", "line 5: zh:"),
            ("sharing: service", "sharing: all", "line 8: sharing:"),
            ("about: A direction of a test.\n", "", "line 1: about: Field required"),
            ('clause: "1"', 'claus: "1"', "line 9: sources.0.clause"),
            ("engage: [book]", "engage: [book, buy]", "line 10: engage.1:"),
            ("engage: [book]", "engage: [book, book]", "line 10: engage.1: book stands twice"),
            ("visibility: [public]", "visibility: []", "line 11: visibility:"),
            ("type: string", "type: strin", "line 13: attributes.colour.schema: is no JSON"),
            ("type: string, enum: [red, blue]", "type: object", "line 13: attributes.colour"),
            ("enum: [red, blue]", "pattern: '('", "line 13: attributes.colour.schema: is no JSON"),
            ("enum: [red, blue]", "minLength: 1", "line 13: attributes.colour.schema: a text"),
            ("facet: terms", "facet: range", "line 13: attributes.colour.facet: numbers are"),
            ("facet: terms", "values: {green: {name: G, zh: 绿}}", "line 13: attributes.colour.v"),
            ("[colour, area_m2]", "[colour, taste]", "line 15: kinds.dye_bath.attributes.1: there"),
            ("required: [colour]", "required: [axes]", "line 15: kinds.dye_bath.required.0: axes"),
            ("  room:", "  hall:", "line 16: kinds.hall: is no kind of the vocabulary"),
            ("  room:", "  dye_bath:", "line 16: dye_bath stands twice"),
            ("primitive: booking", "primitive: magic", "line 18: workflow.0.primitive:"),
            ("formula: bookings.hours_sold", "formula: sum", "line 20: indicators.0.formula:"),
            ("number: 10", "number: [10", "line"),
            ("indicators:", "colour: red\nindicators:", "line 19: colour: Extra inputs"),
        ],
    )
    def test_name_the_line(self, tmp_path: Path, good: str, broken: str, told: str) -> None:
        assert good in GOOD
        path = tmp_path / "10-tenth.yaml"
        path.write_text(GOOD.replace(good, broken, 1), encoding="utf-8")

        with pytest.raises(BrokenDataError) as refused:
            load_directions(tmp_path)

        assert str(refused.value).startswith(f"10-tenth.yaml {told}")

    def test_that_are_empty_say_so(self, tmp_path: Path) -> None:
        (tmp_path / "10-tenth.yaml").write_text("", encoding="utf-8")

        with pytest.raises(BrokenDataError, match=r"10-tenth.yaml line 1: is empty"):
            load_directions(tmp_path)
