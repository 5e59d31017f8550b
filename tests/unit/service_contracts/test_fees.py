"""What work costs, when a response is late, and that the database knows the same lives."""

import importlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.offers.pricing import Asked, PriceRule
from marketplace.service_contracts.domain import (
    CONTRACT_LIFE,
    ORDER_LIFE,
    SESSION_LIFE,
    Terms,
    WorkOrder,
    WorkOrderState,
    fee_of,
    response_fact,
)
from services.contracts.ids import OrganisationId, ResourceId

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ID = UUID(int=1)


def order(*, late_by: timedelta, minutes: int) -> WorkOrder:
    return WorkOrder(
        id=ID,
        organisation_id=OrganisationId(ID),
        provider_id=OrganisationId(UUID(int=2)),
        contract_id=ID,
        resource_id=ResourceId(ID),
        cause="down",
        reason=None,
        warnings=1,
        warned_at=NOW,
        due_at=NOW,
        state=WorkOrderState.REPORTED,
        version=3,
        created_at=NOW,
        updated_at=NOW,
        accepted_at=NOW + late_by,
        worked_minutes=minutes,
    )


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 100_000),
    st.integers(0, 50_000),
    st.integers(0, 500_000),
    st.integers(0, 10_000),
    st.integers(1, 5_000),
    st.integers(-60, 60),
)
def test_a_fee_is_the_sum_of_its_lines_and_less_only_when_late(
    hourly: int, setup: int, minimum: int, discount: int, minutes: int, late: int
) -> None:
    price = PriceRule(hourly, setup_minor=setup, minimum_minor=minimum)
    terms = Terms("Care", (), (), (), 30, 30, price, discount)
    whole = price.evaluate(Asked(day=NOW.date(), minutes=minutes))

    fee = fee_of(order(late_by=timedelta(minutes=late), minutes=minutes), terms, now=NOW)

    assert fee.total.minor == sum(line.amount_minor for line in fee.lines)
    assert 0 <= fee.total.minor <= whole.total.minor
    if late <= 0:
        assert fee == whole
    elif discount == 10_000:
        assert fee.total.minor == 0


def test_lateness_is_told_in_minutes_begun() -> None:
    late = {0: 0, -5: 0, 60: 1, 61: 2}
    for seconds, told in late.items():
        assert response_fact(order(late_by=timedelta(seconds=seconds), minutes=1)).value == told


def test_the_database_knows_the_same_lives() -> None:
    name = "deploy.migrations.versions.2026-12-01-0105_service_contracts"
    lives = {
        "service_contract": CONTRACT_LIFE,
        "work_order": ORDER_LIFE,
        "remote_session": SESSION_LIFE,
    }
    expected = {
        (thing, source, rule.target, party)
        for thing, life in lives.items()
        for rule in life.values()
        for source in rule.sources
        for party in rule.by
    }
    assert set(importlib.import_module(name).MOVES) == expected
