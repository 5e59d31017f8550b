"""Splitting, tax and commission: whole to the last minor unit, and never falling."""

from datetime import date
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.ids import OrganisationId
from services.ledger.domain.commission import (
    CommissionRule,
    NoCommissionRuleError,
    Tier,
    commission,
    included_vat,
    rule_in_force,
)
from services.ledger.domain.shares import ShareMember, ShareRuleInvalidError, check_members, split
from tests.support.clock import FrozenClock

AMOUNTS = st.integers(0, 10**15)
STAKES = st.lists(st.integers(0, 10_000), min_size=1, max_size=50).filter(any)


@st.composite
def rules(draw: st.DrawFn) -> CommissionRule:
    ends = sorted(draw(st.sets(st.integers(1, 10**9), max_size=4)))
    rates = draw(st.lists(st.integers(0, 10_000), min_size=len(ends) + 1, max_size=len(ends) + 1))
    minimum = draw(st.integers(0, 10_000))
    maximum = draw(st.none() | st.integers(minimum, 10**9))
    return CommissionRule(
        key="drawn",
        version=1,
        currency="CNY",
        valid_from=date(2026, 1, 1),
        valid_until=None,
        tiers=tuple(Tier(rate, end) for rate, end in zip(rates, [*ends, None], strict=True)),
        minimum=minimum,
        maximum=maximum,
        vat_rate=600,
        en="drawn",
        zh="随机",
    )


class TestSplitting:
    @given(AMOUNTS, STAKES)
    def test_gives_away_the_whole(self, minor: int, stakes: list[int]) -> None:
        assert sum(split(minor, stakes)) == minor

    @given(AMOUNTS, STAKES)
    def test_is_never_a_unit_away_from_the_exact_share(self, minor: int, stakes: list[int]) -> None:
        for part, stake in zip(split(minor, stakes), stakes, strict=True):
            assert abs(part - Fraction(minor * stake, sum(stakes))) < 1

    @given(AMOUNTS, STAKES)
    def test_gives_a_larger_stake_no_less(self, minor: int, stakes: list[int]) -> None:
        parts = [part for _, part in sorted(zip(stakes, split(minor, stakes), strict=True))]
        assert parts == sorted(parts)

    def test_gives_the_last_unit_to_who_stands_first(self) -> None:
        assert split(100, [1, 1, 1]) == (34, 33, 33)
        assert split(2, [1, 1, 1]) == (1, 1, 0)

    @pytest.mark.parametrize(("minor", "stakes"), [(-1, [1]), (1, []), (1, [0]), (1, [2, -1])])
    def test_refuses_what_is_no_split(self, minor: int, stakes: list[int]) -> None:
        with pytest.raises(ValueError, match="cannot split"):
            split(minor, stakes)


class TestShareRules:
    @pytest.mark.parametrize("stakes", [[9_999], [10_001], [], [10_000, 0]])
    def test_stakes_are_a_whole(self, stakes: list[int]) -> None:
        clock = FrozenClock()
        with pytest.raises(ShareRuleInvalidError):
            check_members([ShareMember(OrganisationId(clock.new_id()), one) for one in stakes])

    def test_nobody_stands_in_one_twice(self) -> None:
        member = ShareMember(OrganisationId(FrozenClock().new_id()), 5_000)
        with pytest.raises(ShareRuleInvalidError, match="twice"):
            check_members([member, member])


class TestTax:
    @given(AMOUNTS, st.integers(0, 10_000))
    def test_within_a_price_is_what_the_rate_adds_to_the_rest(self, gross: int, rate: int) -> None:
        tax = included_vat(gross, rate)
        assert 0 <= tax <= gross
        assert abs(Fraction((gross - tax) * rate, 10_000) - tax) <= 1

    def test_rounds_half_up(self) -> None:
        assert included_vat(113, 1_300) == 13
        assert included_vat(1, 10_000) == 1  # half a unit


class TestCommission:
    @given(rules(), st.lists(AMOUNTS, min_size=2, max_size=8))
    def test_never_falls_nor_takes_more_than_it_rises_by(
        self, rule: CommissionRule, bases: list[int]
    ) -> None:
        fees = [(base, commission(rule, base).minor) for base in sorted(bases)]
        for (base, fee), (more, dearer) in pairwise(fees):
            assert 0 <= fee <= base
            assert 0 <= dearer - fee <= more - base or more == base

    @given(rules(), AMOUNTS)
    def test_says_how_it_was_reckoned(self, rule: CommissionRule, base: int) -> None:
        told = commission(rule, base)
        assert told.trace[0] == f"drawn v1 on {base}"
        assert str(told.minor) in told.trace[-1]

    def test_charges_each_slice_at_its_rate(self) -> None:
        tiers = (Tier(300, 1_000_000), Tier(200, 10_000_000), Tier(100))
        rule = CommissionRule(
            "tiers", 1, "CNY", date(2026, 1, 1), None, tiers, 100, 5_000_000, 600, "", ""
        )
        assert commission(rule, 2_000_000).minor == 30_000 + 20_000
        assert commission(rule, 10).minor == 10
        assert commission(rule, 10**12).minor == 5_000_000

    @pytest.mark.parametrize(
        ("tiers", "minimum", "maximum"),
        [
            ((), 0, None),
            ((Tier(1, 5),), 0, None),
            ((Tier(1), Tier(2)), 0, None),
            ((Tier(1, 9), Tier(1, 5), Tier(1)), 0, None),
            ((Tier(10_001),), 0, None),
            ((Tier(1),), 2, 1),
        ],
    )
    def test_refuses_rules_that_are_none(
        self, tiers: tuple[Tier, ...], minimum: int, maximum: int | None
    ) -> None:
        with pytest.raises(ValueError, match="bad"):
            CommissionRule(
                "bad", 1, "CNY", date(2026, 1, 1), None, tiers, minimum, maximum, 0, "", ""
            )

    def test_the_newest_version_in_force_counts(self) -> None:
        versions = [
            CommissionRule(
                "r", number, "CNY", date(2026, month, 1), until, (Tier(number),), 0, None, 0, "", ""
            )
            for number, month, until in [(1, 1, date(2026, 6, 1)), (2, 3, None)]
        ]
        for day, number in [(date(2026, 1, 1), 1), (date(2026, 5, 31), 2), (date(2027, 1, 1), 2)]:
            assert rule_in_force(versions, "r", currency="CNY", day=day).version == number
        for key, currency, day in [
            ("r", "CNY", date(2025, 12, 31)),
            ("r", "EUR", date(2026, 4, 1)),
            ("s", "CNY", date(2026, 4, 1)),
        ]:
            with pytest.raises(NoCommissionRuleError):
                rule_in_force(versions, key, currency=currency, day=day)
