"""Requirements, rates and distances."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.matching.domain import (
    Place,
    PriceInvalidError,
    Rate,
    Requirement,
    RequirementInvalidError,
    great_circle_m,
)
from services.matching.engine.interface import ceil_minute, floor_minute, instant_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ASKED = Requirement(
    processes=frozenset({"machining.milling"}),
    minutes=60,
    window=Interval(NOW, NOW + timedelta(hours=1)),
)

places = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))


class TestRate:
    def test_price_is_hours_times_units_times_rate_and_setup_once(self) -> None:
        rate = Rate(per_hour_minor=12_000, setup_minor=500)
        assert rate.quote(minutes=90, units=2) == Money(36_500)

    def test_half_a_minor_unit_rounds_up(self) -> None:
        assert Rate(per_hour_minor=1).quote(minutes=30, units=1) == Money(1)
        assert Rate(per_hour_minor=1).quote(minutes=29, units=1) == Money(0)

    def test_minimum_holds_for_the_whole_price(self) -> None:
        rate = Rate(per_hour_minor=100, setup_minor=50, minimum_minor=400, currency="EUR")
        assert rate.quote(minutes=60, units=1) == Money(400, "EUR")
        assert rate.quote(minutes=240, units=1) == Money(450, "EUR")

    @pytest.mark.parametrize("field", ["per_hour_minor", "setup_minor", "minimum_minor"])
    def test_a_negative_amount_is_refused_by_name(self, field: str) -> None:
        amounts: dict[str, Any] = {"per_hour_minor": 0, field: -1}
        with pytest.raises(PriceInvalidError, match=f"{field} is -1") as refusal:
            Rate(**amounts)
        assert "不能为负" in refusal.value.text("zh-CN")


class TestRequirement:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"processes": frozenset()}, "process"),
            ({"minutes": 0}, "hours"),
            ({"minutes": 61}, "window"),
            ({"units": 0}, "units"),
            ({"envelope_mm": (1, 0, 1)}, "envelope"),
            ({"tolerance_um": -1}, "tolerance"),
            ({"budget_minor": -1}, "budget"),
            ({"place": Place(0, 0), "radius_km": -1}, "radius"),
            ({"radius_km": 5}, "place"),
        ],
    )
    def test_what_nothing_could_meet_is_refused_with_its_field(
        self, change: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(RequirementInvalidError) as refusal:
            replace(ASKED, **change)
        assert refusal.value.facts["field"] == field
        assert refusal.value.text("zh") != refusal.value.text("en")

    def test_a_window_as_long_as_the_work_is_enough(self) -> None:
        assert replace(ASKED, minutes=60).minutes == 60


class TestDistance:
    @pytest.mark.parametrize(
        ("one", "other", "metres"),
        [
            (Place(0, 0), Place(0, 180), 20_015_114),
            (Place(90, 0), Place(-90, 77), 20_015_114),
            (Place(0, 179.5), Place(0, -179.5), 111_195),
            (Place(30.5928, 114.3055), Place(31.2304, 121.4737), 687_395),
            (Place(10, 10), Place(10, 10), 0),
        ],
    )
    def test_known_distances(self, one: Place, other: Place, metres: int) -> None:
        assert great_circle_m(one, other) == metres

    @given(places, places)
    def test_distance_is_symmetric_and_never_beyond_half_the_globe(
        self, one: Place, other: Place
    ) -> None:
        assert great_circle_m(one, other) == great_circle_m(other, one)
        assert 0 <= great_circle_m(one, other) <= 20_015_115

    @pytest.mark.parametrize(
        ("latitude", "longitude"), [(91, 0), (-91, 0), (0, 181), (0, -181), (float("nan"), 0)]
    )
    def test_no_place_off_the_globe(self, latitude: float, longitude: float) -> None:
        with pytest.raises(ValueError, match="no such place"):
            Place(latitude, longitude)


class TestMinutes:
    @pytest.mark.parametrize(("seconds", "floor", "ceil"), [(0, 0, 0), (1, 0, 1), (59.999, 0, 1)])
    def test_starts_round_up_and_ends_round_down(
        self, seconds: float, floor: int, ceil: int
    ) -> None:
        minute = floor_minute(NOW)
        instant = NOW + timedelta(seconds=seconds)
        assert floor_minute(instant) - minute == floor
        assert ceil_minute(instant) - minute == ceil
        assert instant_of(minute) == NOW
