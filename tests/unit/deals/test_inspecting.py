"""Sampling as ISO 2859-1 tabulates it, and verdicts computed from what was found."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.deals.domain.inspecting import (
    Characteristic,
    InspectionInvalidError,
    Sampled,
    judge,
)
from marketplace.deals.domain.sampling import Aql, Plan, Severity, plan_for, plan_of

TABULATED = {
    (8, Aql.A250): (5, 0),
    (20, Aql.A400): (3, 0),
    (50, Aql.A400): (13, 1),
    (100, Aql.A250): (20, 1),
    (150, Aql.A065): (20, 0),
    (280, Aql.A065): (20, 0),
    (281, Aql.A065): (80, 1),
    (500, Aql.A100): (50, 1),
    (1_200, Aql.A250): (80, 5),
    (1_200, Aql.A400): (80, 7),
    (3_200, Aql.A100): (125, 3),
    (3_200, Aql.A150): (125, 5),
    (10_000, Aql.A065): (200, 3),
    (35_000, Aql.A400): (315, 21),
    (150_000, Aql.A400): (315, 21),
    (500_000, Aql.A150): (800, 21),
    (1_000_000, Aql.A065): (1_250, 14),
}
"""Lot and AQL: sample and acceptance number, from table 2-A."""


def test_plans_are_those_of_the_table() -> None:
    found = {key: (plan_for(*key).sample, plan_for(*key).accept) for key in TABULATED}
    assert found == TABULATED


@given(lot=st.integers(1, 10**7), aql=st.sampled_from(Aql))
def test_a_sample_is_never_larger_than_its_lot_and_grows_with_it(lot: int, aql: Aql) -> None:
    plan = plan_for(lot, aql)
    assert 1 <= plan.sample <= lot
    assert plan.accept < plan.sample or plan.accept == 0
    assert plan_for(lot + 1, aql).sample >= plan.sample or lot < plan.sample
    assert plan_of(Severity.CRITICAL, lot, aql).accept == 0


def characteristic(*measured: str, severity: Severity = Severity.MAJOR) -> Characteristic:
    return Characteristic(
        "bore", Decimal(20), Decimal(0), Decimal("0.021"), "mm", severity,
        tuple(map(Decimal, measured)),
    )  # fmt: skip


def test_bounds_belong_to_the_tolerance() -> None:
    assert characteristic("20", "20.021").outside == 0
    assert characteristic("19.999", "20.0211").outside == 2


def test_measured_and_counted_defects_of_a_severity_count_together() -> None:
    sampled = [Sampled(Severity.MAJOR, Aql.A250, 20, 1)]
    (finding,) = judge(100, sampled, [characteristic("20.01")])
    assert (finding.plan, finding.found, finding.passed) == (Plan("F", 20, 1), 1, True)
    (finding,) = judge(100, sampled, [characteristic("20.01", "21")])
    assert (finding.found, finding.passed) == (2, False)


def test_one_critical_defect_rejects_and_a_small_sample_proves_nothing() -> None:
    critical = Sampled(Severity.CRITICAL, Aql.A400, 100, 1)
    assert [one.passed for one in judge(100, [critical], [])] == [False]
    small = Sampled(Severity.MINOR, Aql.A400, 19, 0)
    assert [one.passed for one in judge(100, [small], [])] == [False]


@pytest.mark.parametrize(
    "sampled",
    [
        [],
        [Sampled(Severity.MAJOR, Aql.A250, 5, 6)],
        [Sampled(Severity.MAJOR, Aql.A250, 101, 0)],
        [Sampled(Severity.MAJOR, Aql.A250, 5, 0)] * 2,
    ],
)
def test_a_report_of_what_cannot_be_is_refused(sampled: list[Sampled]) -> None:
    with pytest.raises(InspectionInvalidError):
        judge(100, sampled, [])


def test_a_characteristic_belongs_to_a_severity_that_was_sampled() -> None:
    with pytest.raises(InspectionInvalidError, match="bore"):
        judge(
            100,
            [Sampled(Severity.MAJOR, Aql.A250, 20, 0)],
            [characteristic("20", severity=Severity.CRITICAL)],
        )
