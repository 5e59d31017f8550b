"""ISO weeks to their borders, gaps that add up, free minutes of weeks."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.chains.domain.weeks import (
    Bounds,
    BoundsCrossedError,
    Figure,
    FigureKind,
    GapState,
    Line,
    NoSuchWeekError,
    Source,
    WeekTwiceError,
    check_weeks,
    free_minutes,
    gaps,
    monday_of,
    span_of,
    week_of,
)
from services.contracts.ids import OrganisationId
from services.contracts.intervals import Interval

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CUSTOMER, SUPPLIER = OrganisationId(UUID(int=1)), OrganisationId(UUID(int=2))
DAYS = st.dates(date(2000, 1, 3), date(2199, 12, 20))
QUANTITIES = st.integers(0, 10**12)
BOUNDS = st.lists(QUANTITIES, min_size=3, max_size=3).map(lambda three: Bounds(*sorted(three)))
WEEK = "2026-W53"


def figure(kind: FigureKind, bounds: Bounds, *, week: str = WEEK, version: int = 1) -> Figure:
    whose = (CUSTOMER, SUPPLIER) if kind is FigureKind.DEMAND else (SUPPLIER, CUSTOMER)
    return Figure(
        id=UUID(int=version),
        organisation_id=whose[0],
        space_id=UUID(int=9),
        line=Line(kind, whose[1], "housing", "pcs"),
        week=week,
        bounds=bounds,
        source=Source.DECLARED,
        version=version,
        created_at=NOW,
    )


@given(DAYS)
def test_every_day_lies_in_the_week_named_after_it(day: date) -> None:
    monday = monday_of(week_of(day))

    assert monday.weekday() == 0
    assert monday <= day < monday + timedelta(days=7)


@given(DAYS, DAYS)
def test_names_of_weeks_sort_as_their_days_do(one: date, other: date) -> None:
    by_day = monday_of(week_of(one)) <= monday_of(week_of(other))

    assert by_day == (week_of(one) <= week_of(other))


@given(DAYS)
def test_weeks_follow_each_other_without_a_hole(day: date) -> None:
    span = span_of(week_of(day))

    assert span_of(week_of(span.end.date())).start == span.end


def test_a_long_year_has_a_week_53_and_the_next_has_not() -> None:
    assert week_of(date(2027, 1, 3)) == "2026-W53"
    assert week_of(date(2027, 1, 4)) == "2027-W01"
    assert week_of(date(2024, 12, 30)) == "2025-W01"
    with pytest.raises(NoSuchWeekError):
        monday_of("2027-W53")


@pytest.mark.parametrize("text", ["2026-W00", "2026-W54", "2026W01", "1999-W01", "2026-W53 "])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(NoSuchWeekError):
        monday_of(text)


@pytest.mark.parametrize("bounds", [Bounds(2, 1, 3), Bounds(1, 4, 3), Bounds(-1, 0, 0)])
def test_bounds_that_cross_are_refused(bounds: Bounds) -> None:
    with pytest.raises(BoundsCrossedError):
        check_weeks([(WEEK, bounds)])


def test_a_week_is_said_once() -> None:
    with pytest.raises(WeekTwiceError):
        check_weeks([(WEEK, Bounds(0, 0, 0)), (WEEK, Bounds(1, 1, 1))])


@given(BOUNDS, BOUNDS)
def test_a_gap_and_what_is_spare_add_up_to_the_difference(demand: Bounds, capacity: Bounds) -> None:
    (gap,) = gaps([figure(FigureKind.DEMAND, demand), figure(FigureKind.CAPACITY, capacity)])

    assert gap.over_agreed is not None
    assert gap.spare is not None
    assert gap.over_maximum is not None
    assert gap.unavoidable is not None
    assert gap.over_agreed - gap.spare == demand.quantity - capacity.quantity
    assert gap.unavoidable <= gap.over_maximum <= gap.over_agreed
    assert (gap.state is GapState.COVERED) == (demand.quantity <= capacity.quantity)
    assert (gap.state is GapState.OVER_MAXIMUM) == (demand.quantity > capacity.highest)


@given(st.lists(BOUNDS, min_size=1, max_size=6), st.randoms())
def test_the_newest_version_counts_in_whatever_order(
    versions: list[Bounds], shuffled: object
) -> None:
    figures = [
        figure(FigureKind.DEMAND, bounds, version=number)
        for number, bounds in enumerate(versions, start=1)
    ]
    shuffled.shuffle(figures)  # type: ignore[attr-defined]

    (gap,) = gaps(figures)

    assert gap.demand == versions[-1]
    assert gap.state is GapState.UNANSWERED


def minute(number: int) -> datetime:
    return span_of(WEEK).start + timedelta(minutes=number)


SPANS = st.lists(
    st.tuples(st.integers(-200, 10_200), st.integers(1, 300), st.integers(1, 3)), max_size=5
)


@given(SPANS)
def test_free_minutes_are_those_counted_one_by_one(drawn: Sequence[tuple[int, int, int]]) -> None:
    spans = [
        (Interval(minute(start), minute(start + length)), units) for start, length, units in drawn
    ]
    edges = {edge for start, length, _ in drawn for edge in range(start, start + length)}
    counted = sum(
        max(units for start, length, units in drawn if start <= at < start + length)
        for at in edges
        if 0 <= at < 7 * 24 * 60
    )

    assert free_minutes(spans, WEEK) == counted
