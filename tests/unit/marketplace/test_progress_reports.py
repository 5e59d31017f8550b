"""When progress reports are due, and which is next."""

from datetime import date
from uuid import UUID

import pytest

from marketplace.programmes.domain import (
    NoReportDueError,
    Report,
    ReportState,
    due_dates,
    next_report,
)
from marketplace.programmes.loader import load_programmes
from services.contracts.ids import OrganisationId
from tests.support.clock import START

APPLICANT, OWNER = OrganisationId(UUID(int=1)), OrganisationId(UUID(int=2))
DUE = (date(2027, 3, 2), date(2028, 3, 2))


def report(number: int, state: ReportState) -> Report:
    return Report(
        UUID(int=number), APPLICANT, OWNER, UUID(int=9), number, DUE[number - 1], "said", (), state,
        START,
    )  # fmt: skip


def test_a_term_of_two_years_has_two_reports() -> None:
    assert due_dates(load_programmes()["miit-2017"], date(2026, 3, 2)) == DUE


def test_an_award_of_a_leap_day_reports_at_the_end_of_february() -> None:
    due = due_dates(load_programmes()["miit-2017"], date(2028, 2, 29))

    assert due == (date(2029, 2, 28), date(2030, 2, 28))


def test_a_programme_without_a_term_asks_for_none() -> None:
    assert due_dates(load_programmes()["hubei-2020"], date(2026, 3, 2)) == ()


@pytest.mark.parametrize(
    ("reports", "number"),
    [
        ([], 1),
        ([report(1, ReportState.RETURNED)], 1),
        ([report(1, ReportState.ACCEPTED)], 2),
    ],
)
def test_the_next_report_is_a_returned_one_or_the_one_after(
    reports: list[Report], number: int
) -> None:
    assert next_report(UUID(int=9), DUE, reports) == (number, DUE[number - 1])


@pytest.mark.parametrize(
    "reports",
    [
        [report(1, ReportState.SUBMITTED)],
        [report(1, ReportState.ACCEPTED), report(2, ReportState.ACCEPTED)],
    ],
)
def test_no_report_is_handed_in_while_one_waits_or_after_the_last(reports: list[Report]) -> None:
    with pytest.raises(NoReportDueError):
        next_report(UUID(int=9), DUE, reports)
