"""Ids, intervals, money and receipts, each against the plainest model of itself."""

import itertools
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.ids import RANDOM_BYTES, is_sparkplug_id, uuid7
from services.contracts.intervals import (
    Interval,
    clip,
    merge,
    ms_from_utc,
    subtract,
    utc_from_ms,
)
from services.contracts.journal import (
    RANGES_PER_RECEIPT_MAX,
    Receipt,
    offset_ranges,
    read_receipt,
    receipt_metric,
)
from services.contracts.money import CurrencyMismatchError, Money
from services.contracts.sparkplug import (
    DataType,
    MalformedPayloadError,
    Metric,
    pack_uint64_array,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = 40


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def hours_of(intervals: list[Interval]) -> set[int]:
    """The model: the whole hours an interval list covers."""
    return {h for h in range(HOURS) if any(i.start <= at(h) < i.end for i in intervals)}


SPANS = st.lists(
    st.tuples(st.integers(0, HOURS - 2), st.integers(1, 8)).map(
        lambda span: Interval(at(span[0]), at(min(span[0] + span[1], HOURS)))
    ),
    max_size=8,
)


def assert_sorted_and_apart(intervals: list[Interval]) -> None:
    assert all(one.end < other.start for one, other in itertools.pairwise(intervals))


class TestIntervals:
    @given(SPANS)
    def test_merged_cover_the_same_hours_apart(self, spans: list[Interval]) -> None:
        merged = merge(spans)
        assert hours_of(merged) == hours_of(spans)
        assert_sorted_and_apart(merged)

    @given(SPANS, SPANS)
    def test_subtracting_leaves_the_hours_of_the_difference(
        self, wanted: list[Interval], taken: list[Interval]
    ) -> None:
        left = subtract(wanted, taken)
        assert hours_of(left) == hours_of(wanted) - hours_of(taken)
        assert all(not part.overlaps(hole) for part in left for hole in taken)

    @given(SPANS, st.integers(0, 20), st.integers(1, 19))
    def test_clipping_keeps_the_hours_of_the_window(
        self, spans: list[Interval], first: int, length: int
    ) -> None:
        window = Interval(at(first), at(first + length))
        assert hours_of(clip(spans, window)) == hours_of(spans) & hours_of([window])

    def test_touching_ones_do_not_overlap(self) -> None:
        assert not Interval(at(0), at(1)).overlaps(Interval(at(1), at(2)))

    def test_that_are_empty_or_naive_are_refused(self) -> None:
        with pytest.raises(ValueError, match="after it starts"):
            Interval(at(1), at(1))
        with pytest.raises(ValueError, match="time zone"):
            Interval(at(0).replace(tzinfo=None), at(1))

    @given(st.integers(0, 4_102_444_800_000))
    def test_milliseconds_survive_the_way_to_instants_and_back(self, unix_ms: int) -> None:
        assert ms_from_utc(utc_from_ms(unix_ms)) == unix_ms


class TestIds:
    @given(st.integers(0, 2**48 - 1), st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
    def test_are_version_7_of_their_millisecond(self, unix_ms: int, random: bytes) -> None:
        made = uuid7(unix_ms=unix_ms, random_bytes=random)
        assert (made.version, made.variant) == (7, "specified in RFC 4122")
        assert made.int >> 80 == unix_ms

    def test_keep_all_random_bits(self) -> None:
        made = {
            uuid7(unix_ms=1, random_bytes=(1 << bit).to_bytes(RANDOM_BYTES, "big"))
            for bit in range(74)
        }
        assert len(made) == 74

    def test_refuse_times_and_randomness_of_the_wrong_size(self) -> None:
        with pytest.raises(ValueError, match="48 bits"):
            uuid7(unix_ms=2**48, random_bytes=bytes(10))
        with pytest.raises(ValueError, match="10 random bytes"):
            uuid7(unix_ms=1, random_bytes=bytes(9))

    def test_for_topics_are_a_safe_subset(self) -> None:
        assert is_sparkplug_id("mill_07-a")
        assert not any(map(is_sparkplug_id, ["", "A", "a.b", "a b", "a\n", "a" * 65, "中"]))


class TestMoney:
    @given(st.integers(-(10**9), 10**9), st.fractions(0, 1000))
    def test_products_round_half_up(self, minor: int, factor: Fraction) -> None:
        exact = Fraction(minor) * factor
        product = Money(minor).times(factor).minor
        assert abs(product - exact) <= Fraction(1, 2)

    @pytest.mark.parametrize(("minor", "rounded"), [(1, 1), (3, 2), (-1, 0), (-3, -1)])
    def test_a_half_goes_up(self, minor: int, rounded: int) -> None:
        assert Money(minor).times(Fraction(1, 2)).minor == rounded

    def test_currencies_never_mix(self) -> None:
        with pytest.raises(CurrencyMismatchError):
            Money(1, "CNY") + Money(1, "EUR")
        with pytest.raises(CurrencyMismatchError):
            assert Money(1, "CNY") <= Money(1, "EUR")

    def test_currencies_are_codes(self) -> None:
        with pytest.raises(ValueError, match="ISO 4217"):
            Money(1, "yuan")


class TestReceipts:
    @given(st.sets(st.integers(1, 300)))
    def test_ranges_cover_exactly_the_offsets(self, offsets: set[int]) -> None:
        ranges = offset_ranges(offsets)
        assert {n for first, last in ranges for n in range(first, last + 1)} == offsets
        assert all(one[1] + 1 < other[0] for one, other in itertools.pairwise(ranges))
        receipt = Receipt(7, ranges)
        assert {n for n in range(301) if receipt.covers(n)} == offsets

    @given(st.integers(0, 2**63 - 1), st.sets(st.integers(1, 2**63 - 1), max_size=20))
    def test_are_read_as_written(self, epoch: int, offsets: set[int]) -> None:
        receipt = Receipt(epoch, offset_ranges(offsets))
        assert read_receipt(receipt_metric(receipt)) == receipt

    @pytest.mark.parametrize("words", [[], [1, 2], [1] * (2 * RANGES_PER_RECEIPT_MAX + 3)], ids=len)
    def test_of_an_impossible_length_are_refused(self, words: list[int]) -> None:
        with pytest.raises(MalformedPayloadError, match="words"):
            read_receipt(Metric(pack_uint64_array(words), DataType.UINT64_ARRAY))

    def test_that_are_no_bytes_are_refused(self) -> None:
        with pytest.raises(MalformedPayloadError, match="holds int"):
            read_receipt(Metric(5, DataType.UINT64))
