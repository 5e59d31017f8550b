"""The worker's scheduled jobs on a real database: what time alone brings about."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from gateway.worker.metrics import WorkerMetrics
from gateway.worker.schedule import scheduled_jobs
from services.booking import handlers as booking
from services.booking.domain import Booking, BookingState
from services.capacity import handlers as capacity
from services.capacity.domain import Resource
from services.contracts.telemetry import ResourceState
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from services.runtime.settings import Settings
from tests.integration.booking.park import HOUR, STALE, TTL, Park, committed, events
from tests.support.clock import START, FrozenClock
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

RunJob = Callable[[str], None]


@pytest.fixture
def run_job(sessions: Sessions, clock: FrozenClock) -> Iterator[RunJob]:
    """Runs one job of the worker's list, once, as the worker's role of the database."""
    with sessions_as(sessions, WORKER) as working:
        jobs = scheduled_jobs(
            settings=Settings(),
            sessions=working,
            clock=clock,
            metrics=WorkerMetrics(CollectorRegistry()),
        )
        by_name = {job.name: job for job in jobs}

        def run(name: str) -> None:
            by_name[name].run()

        yield run


def booked(
    sessions: Sessions, clock: FrozenClock, state: ResourceState
) -> tuple[Resource, Booking]:
    """A machine that is in ``state``, and a confirmed booking of it in 30 hours."""
    with committed(sessions, clock) as park:
        machine = park.resource()
        held = park.hold(machine, park.offer(machine), start=START + 30 * HOUR)
        confirmed = park.confirm(held.id)
        park.set_state(machine, state, "spindle")
    return machine, confirmed


def risk(sessions: Sessions, made: Booking) -> str | None:
    with transaction(sessions) as session:
        found = booking.get_booking(
            session=session, organisation_id=made.organisation_id, booking_id=made.id
        )
        assert found.at_risk == (found.at_risk_reason is not None)
        return found.at_risk_reason


def risks_told(sessions: Sessions) -> list[bool]:
    with transaction(sessions) as session:
        return [payload["at_risk"] for payload in events(session)]


class TestFlagAtRisk:
    def test_time_moves_a_booking_into_the_reach_of_a_machine_that_is_down(
        self, sessions: Sessions, clock: FrozenClock, run_job: RunJob
    ) -> None:
        _, made = booked(sessions, clock, ResourceState.DOWN)

        run_job("flag-at-risk")
        assert risk(sessions, made) is None
        clock.set(START + 6 * HOUR)  # the near day is half open: it ends where the booking begins
        run_job("flag-at-risk")
        assert risk(sessions, made) is None
        clock.advance(timedelta(seconds=1))
        run_job("flag-at-risk")
        assert risk(sessions, made) == "down: spindle"
        run_job("flag-at-risk")

        assert risks_told(sessions) == [False, False, True]

    def test_a_machine_that_works_endangers_nothing(
        self, sessions: Sessions, clock: FrozenClock, run_job: RunJob
    ) -> None:
        _, made = booked(sessions, clock, ResourceState.EXECUTING)
        clock.advance(29 * HOUR)

        run_job("flag-at-risk")

        assert risk(sessions, made) is None

    def test_a_flag_whose_clearing_was_missed_is_cleared(
        self, sessions: Sessions, clock: FrozenClock, run_job: RunJob
    ) -> None:
        machine, made = booked(sessions, clock, ResourceState.DOWN)
        clock.advance(10 * HOUR)
        run_job("flag-at-risk")
        with transaction(sessions) as session:  # as ingest says it; the event is still on its way
            Park(session, clock, made.organisation_id, made.organisation_id, None).set_state(
                machine, ResourceState.IDLE
            )

        run_job("flag-at-risk")

        assert risk(sessions, made) is None
        assert risks_told(sessions)[-2:] == [True, False]


class TestTellReliability:
    def test_days_of_many_machines_are_added_up(
        self,
        sessions: Sessions,
        clock: FrozenClock,
        run_job: RunJob,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for module in (capacity, capacity.telemetry):
            monkeypatch.setattr(module, "RELIABILITY_AT_ONCE", 2)
        with committed(sessions, clock) as park:
            machines = [park.resource() for _ in range(5)]
            for machine in machines:
                park.set_state(machine, ResourceState.IDLE)
            park.session.connection().exec_driver_sql(
                "INSERT INTO state_change (organisation_id, resource_id, at, state, recorded_at)"
                " SELECT organisation_id, resource_id, since, state, since FROM resource_state"
            )
        clock.advance(72 * HOUR)

        run_job("tell-reliability")

        with transaction(sessions) as session:
            states = capacity.live_states(session=session)
        assert [states[machine.id].reliability for machine in machines] == [1_000] * 5


class TestExpireHolds:
    def test_a_hold_nobody_confirmed_gives_its_slot_back(
        self, sessions: Sessions, clock: FrozenClock, run_job: RunJob
    ) -> None:
        with committed(sessions, clock) as park:
            machine = park.resource()
            held = park.hold(machine, park.offer(machine))
        clock.advance(TTL)
        run_job("expire-holds")

        with transaction(sessions) as session:
            found = booking.get_booking(
                session=session, organisation_id=held.organisation_id, booking_id=held.id
            )
        assert found.state is BookingState.EXPIRED


class TestMarkUnseen:
    def test_a_silent_machine_becomes_unknown(
        self, sessions: Sessions, clock: FrozenClock, run_job: RunJob
    ) -> None:
        with committed(sessions, clock) as park:
            machine = park.resource()
            park.set_state(machine, ResourceState.IDLE)
        clock.advance(STALE + timedelta(seconds=1))

        run_job("mark-unseen")

        with transaction(sessions) as session:
            (live,) = capacity.live_states(session=session).values()
        assert live.state is ResourceState.UNKNOWN
