"""Pooled purchases add up: more never costs less, shares sum to the whole, limits are kept."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.purchasing.domain.lists import PurchaseInvalidError, check_quantities
from marketplace.purchasing.domain.pricing import (
    LinePrice,
    QuoteState,
    Tier,
    TieredQuote,
    TieredQuoteInvalidError,
    cheapest,
    check_lines,
    compare,
    cost,
)
from marketplace.purchasing.domain.sharing import Pledge, bill, settle
from services.contracts.ids import OrganisationId

NOW = datetime(2026, 3, 2, tzinfo=UTC)
STEEL = LinePrice(1, (Tier(1, 1_000), Tier(100, 900), Tier(500, 700)), setup_minor=5_000)


def member(number: int) -> OrganisationId:
    return OrganisationId(UUID(int=number))


@st.composite
def prices(draw: st.DrawFn, number: int = 1) -> LinePrice:
    breaks = sorted(draw(st.sets(st.integers(1, 1_000), min_size=1, max_size=5)))
    units = draw(
        st.sets(st.integers(1, 10_000), min_size=len(breaks), max_size=len(breaks)).map(
            lambda found: sorted(found, reverse=True)
        )
    )
    tiers = tuple(Tier(*pair) for pair in zip(breaks, units, strict=True))
    return LinePrice(number, tiers, draw(st.integers(0, 10_000)))


PLEDGES = st.lists(
    st.tuples(
        st.dictionaries(st.integers(1, 2), st.integers(1, 500), min_size=1, max_size=2),
        st.one_of(st.none(), st.integers(0, 2_000_000)),
    ),
    max_size=6,
).map(
    lambda found: [
        Pledge(member(place), wanted, limit) for place, (wanted, limit) in enumerate(found, 1)
    ]
)


@pytest.mark.parametrize(
    ("quantity", "charged", "total"),
    [(1, 1, 6_000), (89, 89, 94_000), (95, 100, 95_000), (100, 100, 95_000), (500, 500, 355_000)],
)
def test_who_is_just_below_a_break_is_charged_as_for_the_break(
    quantity: int, charged: int, total: int
) -> None:
    found = cost(STEEL, quantity)
    assert (found.charged, found.total_minor) == (charged, total)
    assert (f"{quantity} charged as" in found.because) == (charged > quantity)


@given(line=prices(), quantity=st.integers(1, 1_500), more=st.integers(1, 500))
def test_more_never_costs_less_in_all_nor_more_by_the_unit(
    line: LinePrice, quantity: int, more: int
) -> None:
    less, greater = cost(line, quantity), cost(line, quantity + more)
    assert less.total_minor <= greater.total_minor
    assert less.total_minor * (quantity + more) >= greater.total_minor * quantity


@settings(max_examples=150)
@given(first=prices(1), second=prices(2), pledges=PLEDGES)
def test_shares_sum_to_what_is_ordered_and_nobody_pays_more_than_agreed(
    first: LinePrice, second: LinePrice, pledges: list[Pledge]
) -> None:
    found = settle([first, second], pledges)
    for one in found.costs:
        shares = [share for share in found.shares if share.number == one.number]
        assert sum(share.amount_minor for share in shares) == one.total_minor
        assert sum(share.quantity for share in shares) == one.quantity
        for share in shares:
            exact = one.total_minor * share.quantity / one.quantity
            assert abs(share.amount_minor - exact) < 1
    for pledge in pledges:
        paid = sum(s.amount_minor for s in found.shares if s.member_id == pledge.member_id)
        assert (paid == 0) == (pledge.member_id in found.left_out)
        assert pledge.at_most_minor is None or paid <= pledge.at_most_minor


@settings(max_examples=60)
@given(first=prices(1), second=prices(2), pledges=PLEDGES.filter(lambda found: len(found) <= 4))
def test_as_many_are_kept_as_can_all_be_kept_in_whatever_order_they_came(
    first: LinePrice, second: LinePrice, pledges: list[Pledge]
) -> None:
    lines = [first, second]
    kept = {one.member_id for one in pledges} - settle(lines, pledges).left_out.keys()
    for other in permutations(pledges):
        assert settle(lines, other).left_out.keys() == settle(lines, pledges).left_out.keys()
    for one in pledges:
        if one.member_id not in kept:
            together = [each for each in pledges if each.member_id in {*kept, one.member_id}]
            pooled = {
                number: sum(each.quantities.get(number, 0) for each in together)
                for number in (1, 2)
            }
            assert one.at_most_minor is not None
            assert bill(lines, one.quantities, pooled) > one.at_most_minor


def quote(number: int, *lines: LinePrice, lead_days: int = 5) -> TieredQuote:
    return TieredQuote(
        id=UUID(int=number),
        organisation_id=member(90),
        supplier_id=member(number),
        list_id=UUID(int=99),
        version=1,
        state=QuoteState.SUBMITTED,
        lines=lines,
        lead_days=lead_days,
        valid_until=NOW + timedelta(days=9),
        note="",
        created_at=NOW,
    )


def test_a_partial_quote_is_compared_with_the_cheapest_for_what_it_misses() -> None:
    whole = quote(1, STEEL, LinePrice(2, (Tier(1, 50),)))
    partial = quote(2, LinePrice(1, (Tier(1, 800),)))
    first, second = compare([whole, partial], {1: 100, 2: 10, 3: 0})
    assert (first.quote, first.missing) == (partial, (2,))
    assert (first.total_minor, first.completed_minor) == (80_000, 80_500)
    assert (second.quote, second.total_minor) == (whole, 95_500)
    assert cheapest([whole, partial], {1: 100, 2: 10}) == {1: partial.id, 2: whole.id}


def test_what_nobody_offers_leaves_a_comparison_open() -> None:
    (only,) = compare([quote(1, STEEL)], {1: 1, 2: 1})
    assert (only.missing, only.completed_minor) == ((2,), None)


@pytest.mark.parametrize(
    "lines",
    [
        [LinePrice(3, (Tier(1, 5),))],
        [LinePrice(1, ())],
        [LinePrice(1, (Tier(10, 5), Tier(1, 4)))],
        [LinePrice(1, (Tier(1, 5), Tier(10, 5)))],
        [LinePrice(1, (Tier(1, 5),)), LinePrice(1, (Tier(1, 4),))],
    ],
)
def test_prices_that_make_no_sense_are_refused(lines: list[LinePrice]) -> None:
    with pytest.raises(TieredQuoteInvalidError):
        check_lines(lines, [1, 2])


@pytest.mark.parametrize("wanted", [[(3, 1)], [(1, 1), (1, 2)], [(1, 0)]])
def test_quantities_are_of_items_of_the_list_once_each(wanted: list[tuple[int, int]]) -> None:
    with pytest.raises(PurchaseInvalidError):
        check_quantities(wanted, [1, 2])
