"""Free gaps against a model that walks every booking hour by hour."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.capacity.domain import (
    WITHDRAW_HORIZON,
    WITHDRAWING,
    CapacityRule,
    Gap,
    LiveState,
    Provenance,
    Reservation,
    Resource,
    Visibility,
    free_gaps,
)
from services.contracts.ids import BookingId, OrganisationId, ResourceId, SiteId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 40
STALE_AFTER = timedelta(seconds=30)
RESOURCE = ResourceId(UUID(int=1))


def at(hour: float) -> datetime:
    return NOW + hour * HOUR


def between(start: float, end: float) -> Interval:
    return Interval(at(start), at(end))


def resource(*, units: int = 1, rule: CapacityRule | None = None) -> Resource:
    return Resource(
        id=RESOURCE,
        organisation_id=OrganisationId(UUID(int=2)),
        site_id=SiteId(UUID(int=3)),
        kind="machine",
        name="Mill",
        name_zh="铣床",
        timezone="UTC",
        units=units,
        rule=rule or CapacityRule(),
        capabilities=(),
        visibility=Visibility.PUBLIC,
        created_at=NOW,
    )


def live(
    state: ResourceState, *, seen_s_ago: float | None = 1, job_until: float | None = None
) -> LiveState:
    return LiveState(
        RESOURCE,
        state,
        reason=None,
        since=NOW,
        seen_at=None if seen_s_ago is None else NOW - timedelta(seconds=seen_s_ago),
        job_predicted_end=None if job_until is None else at(job_until),
    )


def gaps_of(
    subject: Resource,
    *,
    working: list[Interval] | None = None,
    reservations: list[Reservation] | None = None,
    maintenance: list[Interval] | None = None,
    withdrawn: list[Interval] | None = None,
    state: LiveState | None = None,
    window: Interval | None = None,
) -> list[Gap]:
    return free_gaps(
        resource=subject,
        working=[between(0, HOURS)] if working is None else working,
        reservations=reservations or [],
        maintenance=maintenance or [],
        withdrawn=withdrawn or [],
        live=state,
        window=window or between(0, HOURS),
        now=NOW,
        stale_after=STALE_AFTER,
    )


def reserved(start: float, end: float, *, unit: int = 0) -> Reservation:
    return Reservation(BookingId(UUID(int=9)), unit, between(start, end))


def shown(gaps: list[Gap]) -> list[tuple[float, float, int]]:
    return [
        ((gap.interval.start - NOW) / HOUR, (gap.interval.end - NOW) / HOUR, gap.free_units)
        for gap in gaps
    ]


TRIED_HOURS = range(-10, HOURS + 30)


def covered(spans: list[Interval], hour: int) -> bool:
    return any(span.start <= at(hour) < span.end for span in spans)


def blocked_hours(
    units: int, taken: list[Reservation], maintenance: list[Interval], job: list[Interval]
) -> list[set[int]]:
    """Of each unit, the hours something else has; a job runs on the first."""
    return [
        {
            hour
            for hour in TRIED_HOURS
            if covered(maintenance, hour)
            or covered([held.during for held in taken if held.unit == unit], hour)
            or (unit == 0 and covered(job, hour))
        }
        for unit in range(units)
    ]


class TestAModelThatTriesEveryBooking:
    spans = st.lists(
        st.tuples(st.integers(-4, HOURS + 3), st.integers(1, 12)).map(
            lambda span: between(span[0], span[0] + span[1])
        ),
        max_size=4,
    )

    @settings(max_examples=300, deadline=None)
    @given(
        units=st.integers(1, 3),
        rule=st.builds(
            CapacityRule,
            buffer_before_minutes=st.sampled_from([0, 60, 120]),
            buffer_after_minutes=st.sampled_from([0, 60, 180]),
            notice_minutes=st.sampled_from([0, 60, 300]),
            horizon_days=st.integers(1, 2),
            minimum_hours=st.sampled_from([0.5, 1.0, 3.0]),
        ),
        working=spans,
        reservations=st.lists(
            st.tuples(st.integers(0, 2), st.integers(-4, HOURS), st.integers(1, 8)), max_size=6
        ),
        maintenance=spans.map(lambda spans: spans[:2]),
        withdrawn=spans.map(lambda spans: spans[:1]),
        state=st.none() | st.sampled_from(ResourceState),
        job_hours=st.none() | st.integers(-2, 20),
        window=st.tuples(st.integers(0, 20), st.integers(5, HOURS)),
    )
    def test_says_the_same_of_every_booking(
        self,
        units: int,
        rule: CapacityRule,
        working: list[Interval],
        reservations: list[tuple[int, int, int]],
        maintenance: list[Interval],
        withdrawn: list[Interval],
        state: ResourceState | None,
        job_hours: int | None,
        window: tuple[int, int],
    ) -> None:
        taken = [
            reserved(start, start + length, unit=unit)
            for unit, start, length in reservations
            if unit < units
        ]
        reported = None if state is None else live(state, job_until=job_hours)
        asked = between(window[0], window[0] + window[1])
        gaps = gaps_of(
            resource(units=units, rule=rule),
            working=working,
            reservations=taken,
            maintenance=maintenance,
            withdrawn=withdrawn,
            state=reported,
            window=asked,
        )

        down = [Interval.starting(NOW, WITHDRAW_HORIZON)] if state in WITHDRAWING else []
        job = [] if reported is None or not job_hours or job_hours < 0 else [between(0, job_hours)]
        workable = {
            hour
            for hour in TRIED_HOURS
            if covered(working, hour)
            and asked.start <= at(hour) < asked.end
            and NOW + rule.notice <= at(hour) < NOW + rule.horizon
            and not covered([*withdrawn, *down], hour)
        }
        blocked = blocked_hours(units, taken, maintenance, job)
        before, after = rule.buffer_before_minutes // 60, rule.buffer_after_minutes // 60
        for start, end in combinations(range(HOURS + 20), 2):
            if (end - start) * HOUR < rule.minimum:
                continue
            inside = workable.issuperset(range(start, end))
            fitting = sum(
                inside and not unit & set(range(start - before, end + after)) for unit in blocked
            )
            offered = max(
                (gap.free_units for gap in gaps if gap.interval.contains(between(start, end))),
                default=0,
            )
            assert offered == fitting, (start, end, shown(gaps))
        for gap, other in combinations(gaps, 2):
            for one, two in ((gap, other), (other, gap)):
                assert not (
                    one.interval.contains(two.interval) and one.free_units >= two.free_units
                )


class TestUnits:
    def test_two_free_units_and_one_longer_are_two_gaps(self) -> None:
        found = gaps_of(resource(units=2), reservations=[reserved(10, HOURS, unit=0)])
        assert shown(found) == [(0, HOURS, 1), (0, 10, 2)]

    def test_units_that_take_turns_make_no_long_gap(self) -> None:
        taken = [reserved(0, 20, unit=0), reserved(20, HOURS, unit=1)]
        assert shown(gaps_of(resource(units=2), reservations=taken)) == [(0, 20, 1), (20, HOURS, 1)]

    def test_no_gap_lies_inside_one_with_as_many_units(self) -> None:
        taken = [reserved(10, 12, unit=1), reserved(20, HOURS, unit=1)]
        found = shown(gaps_of(resource(units=2), reservations=taken))
        assert found == [(0, HOURS, 1), (0, 10, 2), (12, 20, 2)]

    def test_eighty_seats_are_one_gap_until_one_is_taken(self) -> None:
        seats = resource(units=80)
        assert shown(gaps_of(seats)) == [(0, HOURS, 80)]
        assert shown(gaps_of(seats, reservations=[reserved(5, 6)])) == [
            (0, HOURS, 79),
            (0, 5, 80),
            (6, HOURS, 80),
        ]


class TestRule:
    def test_a_booking_keeps_both_its_buffers_clear(self) -> None:
        rule = CapacityRule(buffer_before_minutes=60, buffer_after_minutes=120)
        found = gaps_of(resource(rule=rule), reservations=[reserved(10, 20)])
        assert shown(found) == [(0, 8, 1), (21, HOURS, 1)]

    def test_time_inside_the_notice_or_beyond_the_horizon_is_not_offered(self) -> None:
        rule = CapacityRule(notice_minutes=90, horizon_days=1)
        assert shown(gaps_of(resource(rule=rule))) == [(1.5, 24, 1)]

    def test_a_gap_shorter_than_the_minimum_is_not_offered(self) -> None:
        rule = CapacityRule(minimum_hours=3)
        found = gaps_of(resource(rule=rule), working=[between(0, 2.9), between(5, 8)])
        assert shown(found) == [(5, 8, 1)]

    def test_nothing_is_offered_of_a_window_that_is_over(self) -> None:
        assert gaps_of(resource(), window=between(-10, -2)) == []


class TestProvenance:
    @pytest.mark.parametrize(
        "state", sorted(set(ResourceState) - {ResourceState.UNKNOWN} - WITHDRAWING)
    )
    def test_a_known_state_seen_lately_is_measured(self, state: ResourceState) -> None:
        (gap,) = gaps_of(resource(), state=live(state, seen_s_ago=30))
        assert (gap.provenance, gap.age_s) == (Provenance.MEASURED, 30)

    def test_a_stale_state_is_declared_with_its_age(self) -> None:
        (gap,) = gaps_of(resource(), state=live(ResourceState.IDLE, seen_s_ago=31))
        assert (gap.provenance, gap.age_s) == (Provenance.DECLARED, 31)

    def test_an_unknown_state_keeps_the_gap_but_as_declared(self) -> None:
        (gap,) = gaps_of(resource(), state=live(ResourceState.UNKNOWN, seen_s_ago=1))
        assert (gap.provenance, gap.age_s) == (Provenance.DECLARED, 1)
        assert shown([gap]) == [(0, HOURS, 1)]

    def test_without_a_twin_there_is_no_age(self) -> None:
        (gap,) = gaps_of(resource())
        assert (gap.provenance, gap.age_s) == (Provenance.DECLARED, None)

    def test_a_twin_that_never_reported_has_no_age_either(self) -> None:
        (gap,) = gaps_of(resource(), state=live(ResourceState.UNKNOWN, seen_s_ago=None))
        assert (gap.provenance, gap.age_s) == (Provenance.DECLARED, None)


class TestLiveState:
    @pytest.mark.parametrize("state", sorted(WITHDRAWING))
    def test_the_next_day_of_a_resource_out_of_order_is_withdrawn(
        self, state: ResourceState
    ) -> None:
        assert shown(gaps_of(resource(), state=live(state))) == [(24, HOURS, 1)]

    def test_what_was_withdrawn_stays_so_while_the_resource_is_silent(self) -> None:
        found = gaps_of(resource(), state=live(ResourceState.UNKNOWN), withdrawn=[between(-2, 22)])
        assert shown(found) == [(22, HOURS, 1)]

    def test_the_current_job_is_finished_first(self) -> None:
        found = gaps_of(resource(), state=live(ResourceState.EXECUTING, job_until=3.25))
        assert shown(found) == [(3.25, HOURS, 1)]

    def test_a_job_that_never_ends_is_cut_at_thirty_days(self) -> None:
        endless = live(ResourceState.EXECUTING, job_until=24 * 365)
        found = gaps_of(
            resource(),
            working=[between(0, 24 * 50)],
            state=endless,
            window=between(0, 24 * 50),
        )
        assert shown(found) == [(24 * 30, 24 * 50, 1)]
