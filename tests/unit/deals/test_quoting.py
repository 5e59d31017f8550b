"""Price documents add up, shares make a whole, and quotes are compared by what counts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from marketplace.deals.domain.quoting import SHARE_WHOLE, PriceDocument, Tier, split

amounts = st.integers(0, 10**9)


@given(
    document=st.builds(
        PriceDocument,
        unit_minor=amounts,
        tiers=st.lists(st.builds(Tier, st.integers(1, 1_000), amounts), max_size=3).map(tuple),
        material_minor=amounts,
        setup_minor=amounts,
        surcharge_permille=st.integers(0, 1_000),
        minimum_minor=amounts,
    ),
    quantity=st.integers(1, 10_000),
)
def test_the_trace_sums_to_the_total_which_is_at_least_the_minimum(
    document: PriceDocument, quantity: int
) -> None:
    price = document.evaluate(quantity=quantity, currency="CNY")
    assert sum(line.amount_minor for line in price.lines) == price.total.minor
    assert price.total.minor >= document.minimum_minor


def test_the_highest_tier_reached_prices_every_piece() -> None:
    document = PriceDocument(100, tiers=(Tier(50, 80), Tier(10, 90)))
    totals = [document.evaluate(quantity=n, currency="CNY").total.minor for n in (9, 10, 49, 50)]
    assert totals == [900, 900, 49 * 90, 50 * 80]


def test_a_surcharge_is_of_everything_and_the_minimum_raises_what_is_left() -> None:
    document = PriceDocument(
        10, material_minor=5, setup_minor=50, surcharge_permille=100, minimum_minor=1_000
    )
    price = document.evaluate(quantity=10, currency="CNY")
    lines = [(line.rule, line.amount_minor) for line in price.lines]
    assert lines == [
        ("pieces", 100), ("material", 50), ("setup", 50), ("surcharge", 20), ("minimum", 780),
    ]  # fmt: skip


@given(total=st.integers(1, 10**12), cuts=st.lists(st.integers(1, SHARE_WHOLE - 1), max_size=10))
def test_shares_of_a_total_sum_to_it_to_the_last_minor_unit(total: int, cuts: list[int]) -> None:
    bounds = [0, *sorted(set(cuts)), SHARE_WHOLE]
    shares = [later - earlier for earlier, later in pairwise(bounds)]
    parts = split(total, shares)
    assert sum(parts) == total
    assert all(
        abs(part - total * share / SHARE_WHOLE) < 1 + 1e-3
        for part, share in zip(parts, shares, strict=True)
    )
