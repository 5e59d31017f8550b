"""A price rule and its trace."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.offers.pricing import (
    Asked,
    MaterialPrice,
    PriceNotBookableError,
    PriceNotValidError,
    PricePartUnknownError,
    PriceRule,
    PriceRuleInvalidError,
    QuotedPiecesError,
    QuotedTimeError,
    Surcharge,
    Tier,
)
from services.matching.domain import PriceInvalidError

AMOUNTS = st.integers(min_value=0, max_value=10**9)
DAY = date(2026, 3, 2)
RICH = PriceRule(
    price_minor=1000,
    setup_minor=5000,
    minimum_minor=20_000,
    unit="piece",
    tiers=(Tier(10, 900), Tier(100, 700)),
    materials=(MaterialPrice("metal", 50), MaterialPrice("metal.titanium", 400)),
    surcharges=(Surcharge("haste", 2500), Surcharge("night", 1000)),
    valid_from=DAY,
    valid_to=DAY,
)


def lines(rule: PriceRule, **asked: Any) -> list[tuple[str, int]]:
    price = rule.evaluate(Asked(day=DAY, **asked))
    return [(line.rule, line.amount_minor) for line in price.lines]


class TestBookable:
    @given(
        price=AMOUNTS,
        setup=AMOUNTS,
        minimum=AMOUNTS,
        minutes=st.integers(min_value=1, max_value=100_000),
        units=st.integers(min_value=1, max_value=1_000),
    )
    def test_lines_add_up_to_what_matching_quotes(
        self, price: int, setup: int, minimum: int, minutes: int, units: int
    ) -> None:
        rule = PriceRule(price_minor=price, setup_minor=setup, minimum_minor=minimum)

        evaluated = rule.evaluate(Asked(day=DAY, minutes=minutes, units=units))

        assert evaluated.total == rule.rate().quote(minutes=minutes, units=units)
        assert sum(line.amount_minor for line in evaluated.lines) == evaluated.total.minor
        assert evaluated.total.minor >= minimum

    def test_leaves_out_what_adds_nothing(self) -> None:
        assert lines(PriceRule(price_minor=6000), minutes=60, units=2) == [("hours", 12000)]

    @pytest.mark.parametrize(("minutes", "units"), [(0, 1), (1, 0), (-5, 1)])
    def test_is_for_some_time(self, minutes: int, units: int) -> None:
        with pytest.raises(QuotedTimeError):
            lines(PriceRule(price_minor=1), minutes=minutes, units=units)

    @pytest.mark.parametrize(
        "more",
        [
            {"unit": "piece"},
            {"tiers": (Tier(1, 1),)},
            {"materials": (MaterialPrice("metal", 1),)},
            {"surcharges": (Surcharge("haste", 1),)},
            {"valid_from": DAY},
            {"valid_to": DAY},
        ],
    )
    def test_is_nothing_that_a_rate_cannot_say(self, more: dict[str, Any]) -> None:
        with pytest.raises(PriceNotBookableError, match=next(iter(more))):
            PriceRule(price_minor=1, **more).rate()


class TestParts:
    @pytest.mark.parametrize(
        ("quantity", "amount"), [(9, 9000), (10, 9000), (99, 89_100), (100, 70_000)]
    )
    def test_the_highest_tier_reached_prices_all(self, quantity: int, amount: int) -> None:
        assert lines(RICH, quantity=quantity)[0] == ("pieces", amount)

    def test_hours_have_tiers_too(self) -> None:
        rule = PriceRule(price_minor=100, tiers=(Tier(8, 80),))

        assert lines(rule, minutes=479) == [("hours", 798)]
        assert lines(rule, minutes=240, units=2) == [("hours", 640)]

    @pytest.mark.parametrize(
        ("material", "line"),
        [
            ("metal.titanium.tc4", ("material metal.titanium", 8000)),
            ("metal.steel", ("material metal", 1000)),
        ],
    )
    def test_a_material_costs_what_its_nearest_family_does(
        self, material: str, line: tuple[str, int]
    ) -> None:
        assert line in lines(RICH, quantity=20, material=material)

    def test_surcharges_are_shares_of_all_but_the_minimum(self) -> None:
        found = lines(RICH, quantity=20, material="metal", surcharges=("haste", "night", "haste"))

        assert found == [
            ("pieces", 18_000),
            ("setup", 5000),
            ("material metal", 1000),
            ("surcharge haste", 6000),
            ("surcharge night", 2400),
        ]

    def test_the_minimum_raises_the_rest(self) -> None:
        assert lines(RICH, quantity=1) == [("pieces", 1000), ("setup", 5000), ("minimum", 14_000)]

    @given(
        quantity=st.integers(min_value=1, max_value=10**6),
        material=st.sampled_from([None, "metal", "metal.titanium"]),
        surcharges=st.sets(st.sampled_from(["haste", "night"])),
    )
    def test_lines_always_add_up(
        self, quantity: int, material: str | None, surcharges: set[str]
    ) -> None:
        asked = Asked(DAY, quantity=quantity, material=material, surcharges=tuple(surcharges))

        price = RICH.evaluate(asked)

        assert sum(line.amount_minor for line in price.lines) == price.total.minor >= 20_000

    @pytest.mark.parametrize("day", [date(2026, 3, 1), date(2026, 3, 3)])
    def test_it_holds_on_its_days_only(self, day: date) -> None:
        with pytest.raises(PriceNotValidError):
            RICH.evaluate(Asked(day))

    @pytest.mark.parametrize("asked", [{"material": "polymer.pp"}, {"surcharges": ("sunday",)}])
    def test_what_it_does_not_name_has_no_price(self, asked: dict[str, Any]) -> None:
        with pytest.raises(PricePartUnknownError):
            lines(RICH, **asked)

    def test_it_is_for_some_pieces(self) -> None:
        with pytest.raises(QuotedPiecesError):
            lines(RICH, quantity=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tiers": (Tier(2, 1), Tier(2, 1))},
        {"tiers": (Tier(3, 1), Tier(2, 1))},
        {"tiers": (Tier(0, 1),)},
        {"materials": (MaterialPrice("a", 1), MaterialPrice("a", 2))},
        {"surcharges": (Surcharge("a", 1), Surcharge("a", 2))},
        {"valid_from": DAY, "valid_to": date(2026, 3, 1)},
    ],
)
def test_parts_that_contradict_each_other_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PriceRuleInvalidError):
        PriceRule(price_minor=1, **wrong)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price_minor", -1),
        ("setup_minor", -1),
        ("minimum_minor", -1),
        ("tiers", (Tier(1, -1),)),
        ("materials", (MaterialPrice("a", -1),)),
        ("surcharges", (Surcharge("a", -1),)),
    ],
)
def test_no_amount_is_negative(field: str, value: object) -> None:
    with pytest.raises(PriceInvalidError, match=field):
        PriceRule(**({"price_minor": 0} | {field: value}))  # type: ignore[arg-type]
