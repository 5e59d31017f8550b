"""A price rule and its trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.offers.domain import PriceRule, QuotedTimeError
from services.matching.domain import PriceInvalidError

AMOUNTS = st.integers(min_value=0, max_value=10**9)


class TestEvaluate:
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

        evaluated = rule.evaluate(minutes=minutes, units=units)

        assert evaluated.total == rule.rate().quote(minutes=minutes, units=units)
        assert sum(line.amount_minor for line in evaluated.lines) == evaluated.total.minor
        assert evaluated.total.minor >= minimum

    def test_leaves_out_what_adds_nothing(self) -> None:
        lines = PriceRule(price_minor=6000).evaluate(minutes=60, units=2).lines

        assert [(line.rule, line.amount_minor) for line in lines] == [("hours", 12000)]

    @pytest.mark.parametrize(("minutes", "units"), [(0, 1), (1, 0), (-5, 1)])
    def test_is_for_some_time(self, minutes: int, units: int) -> None:
        with pytest.raises(QuotedTimeError):
            PriceRule(price_minor=1).evaluate(minutes=minutes, units=units)


@pytest.mark.parametrize("field", ["price_minor", "setup_minor", "minimum_minor"])
def test_no_amount_is_negative(field: str) -> None:
    with pytest.raises(PriceInvalidError, match=field):
        PriceRule(**({"price_minor": 0} | {field: -1}))  # type: ignore[arg-type]
