"""Splits sum to the escrow, the accepted part is owed, and scores are made of facts alone."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.deals.domain.disputes import Split, SumsWrongError, check_split, fair_split
from marketplace.deals.domain.lifecycle import State
from marketplace.deals.domain.orders import Order, OrderLine
from marketplace.deals.domain.scoring import MEASURES, FactKind, scores
from services.contracts.ids import OrganisationId

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
BUYER, SUPPLIER, THING = (UUID(int=number) for number in (1, 2, 3))


def order(*lines: OrderLine, released: int = 0) -> Order:
    return Order(
        id=THING,
        organisation_id=OrganisationId(BUYER),
        supplier_id=OrganisationId(SUPPLIER),
        deal_id=THING,
        bid_id=THING,
        quote_id=THING,
        state=State.INSPECTED,
        currency="CNY",
        total_minor=sum(line.amount_minor for line in lines),
        lines=lines,
        milestones=(),
        version=1,
        created_at=AT,
        updated_at=AT,
        funded_at=AT,
        released_minor=released,
    )


@st.composite
def orders(draw: st.DrawFn) -> Order:
    lines = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        quantity = draw(st.integers(1, 1_000))
        delivered = draw(st.integers(0, quantity))
        accepted = draw(st.integers(0, delivered))
        amount = draw(st.integers(1, 10**9))
        lines.append(
            OrderLine(THING, number, "part", quantity, "piece", amount, delivered, accepted)
        )
    whole = order(*lines)
    return replace(whole, released_minor=draw(st.integers(0, whole.total_minor)))


@given(orders())
def test_a_fair_split_is_all_of_the_escrow_and_pays_no_more_than_is_owed(made: Order) -> None:
    fair = fair_split(made)
    assert check_split(made, fair) is fair
    paid = made.released_minor + fair.release_minor
    assert paid <= max(made.released_minor, made.earned_minor)
    assert made.earned_minor <= made.total_minor


def test_half_of_an_order_is_worth_half_of_it() -> None:
    line = OrderLine(THING, 1, "part", 100, "piece", 10_001, 60, 50)
    assert fair_split(order(line)) == Split(5_000, 5_001)
    assert fair_split(order(line, released=6_000)) == Split(0, 4_001)


@pytest.mark.parametrize("split", [Split(5_000, 5_000), Split(10_002, -1), Split(0, 0)])
def test_a_split_that_is_not_the_whole_is_refused(split: Split) -> None:
    line = OrderLine(THING, 1, "part", 100, "piece", 10_001)
    with pytest.raises(SumsWrongError, match="10001"):
        check_split(order(line), split)


def test_a_figure_is_shown_from_three_facts_on() -> None:
    facts = [
        (FactKind.RESPONDED, 10), (FactKind.RESPONDED, 90), (FactKind.RESPONDED, 30),
        (FactKind.DECIDED, 1), (FactKind.DECIDED, 0), (FactKind.DECIDED, 1),
        (FactKind.STARTED, 0), (FactKind.STARTED, 5), (FactKind.STARTED, 0),
        (FactKind.PAID, 3),
    ]  # fmt: skip
    found = {score.measure.name: (score.sample, score.value) for score in scores(facts)}
    assert found["response_time"] == (3, 30)
    assert found["award_rate"] == (3, 666)
    assert found["punctual_start"] == (3, 666)
    assert found["payment_time"] == (1, None)
    assert found["lots_passed"] == (0, None)


def test_every_kind_of_fact_has_one_measure_defined_in_both_languages() -> None:
    assert sorted(measure.kind for measure in MEASURES) == sorted(FactKind)
    assert all(measure.en and measure.zh for measure in MEASURES)
