"""Reports into PostgreSQL: once, in any order; what they do to state, gaps and events."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from sqlmodel import Session, col, select, text

from services.capacity import handlers
from services.capacity.domain import LINK_LOST, Provenance, RecordResult, ReportedObservation
from services.capacity.tables import ObservationRow
from services.contracts.ids import ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import Observation, Quality, ResourceState, Signal
from tests.integration.capacity.park import (
    STALE_AFTER,
    Park,
    register_machine,
    reported,
    told,
)
from tests.support.clock import START, FrozenClock

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

pytestmark = pytest.mark.integration


def record(session: Session, clock: FrozenClock, *rows: ReportedObservation) -> RecordResult:
    return handlers.record_observations(session=session, clock=clock, rows=rows)


def state_of(session: Session, resource_id: ResourceId) -> ResourceState:
    return handlers.live_states(session=session)[resource_id].state


def rows_stored(session: Session) -> int:
    counted: int = (
        session.connection().execute(text("SELECT count(*) FROM observation")).scalar_one()
    )
    return counted


def free_hours(session: Session, clock: FrozenClock, resource_id: ResourceId) -> list[Provenance]:
    found = handlers.gaps(
        session=session,
        clock=clock,
        resource_ids=[resource_id],
        window=Interval.starting(clock.now(), timedelta(hours=10)),
        stale_after=STALE_AFTER,
    )
    return [gap.provenance for gap in found[resource_id]]


class TestOnce:
    def test_the_same_batch_again_stores_and_moves_nothing(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        batch = [
            reported(park, mill, 1, "idle", at=START - 9 * SECOND),
            reported(park, mill, 2, "down", at=START - 5 * SECOND),
        ]
        assert record(session, clock, *batch) == RecordResult(2, 0, 2)
        before = (told(session), handlers.live_states(session=session))
        assert record(session, clock, *batch) == RecordResult(0, 2, 0)
        assert (told(session), handlers.live_states(session=session)) == before
        assert rows_stored(session) == 2

    def test_a_row_twice_in_one_batch_counts_once(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        row = reported(park, mill, 1, "idle", at=START)
        assert record(session, clock, row, row) == RecordResult(1, 1, 1)

    def test_only_the_new_rows_of_a_repeated_batch_count(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        first = reported(park, mill, 1, "idle", at=START - 2 * SECOND)
        second = reported(park, mill, 2, "executing", at=START - SECOND)
        record(session, clock, first)
        assert record(session, clock, first, second) == RecordResult(1, 1, 1)

    def test_an_empty_batch_is_nothing(self, session: Session, clock: FrozenClock) -> None:
        assert record(session, clock) == RecordResult(0, 0, 0)

    def test_a_report_of_a_resource_without_a_twin_is_refused(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        stranger = ResourceId(clock.new_id())
        with pytest.raises(handlers.ResourceNotFoundError, match=str(stranger)):
            record(session, clock, reported(park, stranger, 1, "idle", at=START))


class TestOrder:
    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_batches_in_any_order_end_in_the_same_state(
        self,
        session: Session,
        clock: FrozenClock,
        park: Park,
        mill: ResourceId,
        order: Sequence[int],
    ) -> None:
        batches = [
            [
                reported(park, mill, 1, "idle", at=START - 60 * SECOND),
                reported(park, mill, 2, 4, signal=Signal.PARTS, at=START - 59 * SECOND),
            ],
            [reported(park, mill, 3, "executing", at=START - 40 * SECOND)],
            [
                reported(park, mill, 4, "down", at=START - 20 * SECOND),
                reported(park, mill, 5, 60.5, signal=Signal.SPINDLE_LOAD, at=START),
            ],
        ]
        for position in order:
            record(session, clock, *batches[position])
        live = handlers.live_states(session=session)[mill]
        assert (live.state, live.part_count, live.seen_at) == (ResourceState.DOWN, 4, START)
        assert live.since == START - 20 * SECOND
        day = handlers.timeline(session=session, clock=clock, resource_id=mill, day=START.date())
        assert [span.state for span in day.states] == [
            ResourceState.IDLE,
            ResourceState.EXECUTING,
            ResourceState.DOWN,
        ]

    def test_events_tell_real_changes_only(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        states = ["idle", "idle", "executing", "executing", "idle"]
        record(
            session,
            clock,
            *(
                reported(park, mill, offset, state, at=START - (10 - offset) * SECOND)
                for offset, state in enumerate(states, start=1)
            ),
        )
        events = told(session)
        assert [
            (payload["previous"], payload["state"])
            for name, payload in events
            if name == "resource-state-changed"
        ] == [("unknown", "idle"), ("idle", "executing"), ("executing", "idle")]
        assert Counter(name for name, _ in events)["resource-seen"] == 1


class TestLiveSigns:
    def signs(self, session: Session) -> list[dict[str, object]]:
        return [payload for name, payload in told(session) if name == "resource-seen"]

    def test_those_of_two_seconds_are_told_once(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        for offset in range(1, 17):
            row = reported(park, mill, offset, offset, signal=Signal.PARTS, at=clock.now())
            record(session, clock, row)
            handlers.record_seen(session=session, clock=clock, seen={mill: clock.now()})
            clock.advance(SECOND / 4)
        assert [sign["part_count"] for sign in self.signs(session)] == [1, 9]

    def test_a_new_job_is_told_at_once(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 1, "idle", at=START))
        record(session, clock, reported(park, mill, 2, "J-2", signal=Signal.JOB_ID, at=START))
        end = reported(park, mill, 3, START + DAY, signal=Signal.JOB_PREDICTED_END, at=START)
        record(session, clock, end)
        assert [sign["job_id"] for sign in self.signs(session)] == [None, "J-2", "J-2"]

    def test_what_an_old_journal_repeats_is_no_sign(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 2, "idle", at=START))
        record(session, clock, reported(park, mill, 1, "idle", at=START - DAY))
        assert len(self.signs(session)) == 1


class TestWhatIsKept:
    def test_each_kind_of_value_has_its_column(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        end = START + DAY
        record(
            session,
            clock,
            reported(park, mill, 1, "idle", at=START),
            reported(park, mill, 2, 17, signal=Signal.PARTS, at=START),
            reported(park, mill, 3, end, signal=Signal.JOB_PREDICTED_END, at=START),
            reported(park, mill, 4, None, signal=Signal.JOB_ID, at=START),
        )
        rows = session.exec(select(ObservationRow).order_by(col(ObservationRow.journal_offset)))
        assert [(row.value_text, row.value_number, row.value_at) for row in rows] == [
            ("idle", None, None),
            (None, 17, None),
            (None, None, end),
            (None, None, None),
        ]

    def test_an_absurd_source_time_is_kept_and_flagged(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        absurd = datetime(2091, 1, 1, tzinfo=UTC)
        observation = Observation(
            "mill-1", Signal.STATE, "down", Quality.GOOD, absurd, START - SECOND
        )
        record(session, clock, ReportedObservation(park.gateway_id, mill, 7, 1, observation))
        record(session, clock, reported(park, mill, 2, "idle", at=START))
        first, second = session.exec(
            select(ObservationRow).order_by(col(ObservationRow.journal_offset))
        )
        assert (first.source_at, first.suspect, second.suspect) == (absurd, True, False)
        live = handlers.live_states(session=session)[mill]
        assert (live.state, live.since) == (ResourceState.IDLE, START)

    def test_text_no_database_can_hold_does_not_stop_the_batch(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        odd = reported(park, mill, 1, "job\x00" + "x" * 9_000, signal=Signal.JOB_ID, at=START)
        assert record(session, clock, odd).stored == 1
        job_id = handlers.live_states(session=session)[mill].job_id
        assert job_id is not None
        assert job_id.startswith("job\ufffdx")

    def test_a_message_nobody_understood_is_kept_with_its_cause(
        self, session: Session, clock: FrozenClock
    ) -> None:
        handlers.quarantine(
            session=session, clock=clock, topic="spBv1.0/x", payload=b"\xff" * 70_000, cause="tag"
        )
        (message,) = handlers.list_quarantine(
            session=session, organisation_id=None, after=None, limit=5
        )
        assert (message.topic, message.cause, message.payload_bytes) == ("spBv1.0/x", "tag", 70_000)
        assert len(message.payload) == 64 * 1024


class TestWithdrawals:
    def open_and_closed(self, session: Session) -> list[tuple[str, bool]]:
        found = handlers.list_withdrawals(session=session, since=START - DAY, after=None, limit=50)
        return [(withdrawal.cause.value, withdrawal.restored_at is None) for withdrawal in found]

    def gap_events(self, session: Session) -> list[tuple[str, object]]:
        return [
            (name, payload.get("cause"))
            for name, payload in told(session)
            if name.startswith("gaps")
        ]

    def step(self, session: Session, clock: FrozenClock, row: ReportedObservation) -> None:
        record(session, clock, row)
        clock.advance(SECOND)

    @pytest.mark.parametrize("cause", ["down", "off", "maintenance"])
    def test_a_machine_out_of_order_loses_its_near_time_and_gets_it_back(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId, cause: str
    ) -> None:
        self.step(session, clock, reported(park, mill, 1, "idle", at=clock.now()))
        assert free_hours(session, clock, mill) == [Provenance.MEASURED]
        self.step(session, clock, reported(park, mill, 2, cause, at=clock.now()))
        assert free_hours(session, clock, mill) == []
        (withdrawal,) = handlers.list_withdrawals(session=session, since=START, after=None, limit=9)
        assert withdrawal.during == Interval.starting(START + SECOND, DAY)
        self.step(session, clock, reported(park, mill, 3, "executing", at=clock.now()))
        assert free_hours(session, clock, mill) == [Provenance.MEASURED]
        assert self.open_and_closed(session) == [(cause, False)]
        assert self.gap_events(session) == [("gaps-withdrawn", cause), ("gaps-restored", None)]

    def test_another_cause_is_another_withdrawal_and_restores_nothing(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        self.step(session, clock, reported(park, mill, 1, "down", at=clock.now()))
        self.step(session, clock, reported(park, mill, 2, "maintenance", at=clock.now()))
        assert self.open_and_closed(session) == [("down", False), ("maintenance", True)]
        assert self.gap_events(session) == [
            ("gaps-withdrawn", "down"),
            ("gaps-withdrawn", "maintenance"),
        ]

    def test_silence_while_down_restores_nothing_until_the_machine_says_so(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        self.step(session, clock, reported(park, mill, 1, "down", at=clock.now()))
        clock.advance(STALE_AFTER)
        handlers.mark_unseen(session=session, clock=clock, stale_after=STALE_AFTER)
        assert free_hours(session, clock, mill) == []
        self.step(session, clock, reported(park, mill, 2, "idle", at=clock.now()))
        assert self.open_and_closed(session) == [("down", False)]
        assert free_hours(session, clock, mill) == [Provenance.MEASURED]

    def test_unknown_withdraws_nothing_but_is_no_measurement(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        self.step(session, clock, reported(park, mill, 1, "idle", at=clock.now()))
        self.step(session, clock, reported(park, mill, 2, "unknown", at=clock.now()))
        assert self.open_and_closed(session) == []
        assert free_hours(session, clock, mill) == [Provenance.DECLARED]

    def test_a_fault_over_before_we_heard_of_it_withdraws_nothing(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(
            session,
            clock,
            reported(park, mill, 1, "down", at=START - 9 * SECOND),
            reported(park, mill, 2, "idle", at=START - 8 * SECOND),
        )
        assert self.open_and_closed(session) == []

    def test_a_fault_that_arrives_late_withdraws_nothing(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 2, "idle", at=START - SECOND))
        record(session, clock, reported(park, mill, 1, "down", at=START - 9 * SECOND))
        assert state_of(session, mill) is ResourceState.IDLE
        assert self.open_and_closed(session) == []


class TestUnseen:
    def test_a_silent_twin_becomes_unknown_once(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 1, "executing", at=START))
        clock.advance(STALE_AFTER)
        mark = {"session": session, "clock": clock, "stale_after": STALE_AFTER}
        assert handlers.mark_unseen(**mark) == []  # type: ignore[arg-type]  # values of several types
        clock.advance(SECOND)
        assert handlers.mark_unseen(**mark) == [mill]  # type: ignore[arg-type]  # same
        assert handlers.mark_unseen(**mark) == []  # type: ignore[arg-type]  # same
        live = handlers.live_states(session=session)[mill]
        assert (live.state, live.reason, live.since) == (ResourceState.UNKNOWN, LINK_LOST, START)
        name, last = told(session)[-1]
        assert (name, last["previous"], last["state"], last["reason"]) == (
            "resource-state-changed",
            "executing",
            "unknown",
            LINK_LOST,
        )

    def test_a_live_sign_keeps_it_and_brings_it_back(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 1, "idle", at=START))
        clock.advance(STALE_AFTER)
        handlers.record_seen(session=session, clock=clock, seen={mill: clock.now()})
        clock.advance(SECOND)
        assert handlers.mark_unseen(session=session, clock=clock, stale_after=STALE_AFTER) == []
        clock.advance(DAY)
        assert handlers.mark_unseen(session=session, clock=clock, stale_after=STALE_AFTER) == [mill]
        handlers.record_seen(session=session, clock=clock, seen={mill: clock.now()})
        assert state_of(session, mill) is ResourceState.IDLE

    def test_a_twin_that_never_reported_stays_unknown_silently(
        self, session: Session, clock: FrozenClock, mill: ResourceId
    ) -> None:
        clock.advance(DAY)
        assert handlers.mark_unseen(session=session, clock=clock, stale_after=STALE_AFTER) == []
        assert state_of(session, mill) is ResourceState.UNKNOWN

    def test_a_sign_of_a_resource_without_a_twin_is_ignored(
        self, session: Session, clock: FrozenClock
    ) -> None:
        stranger = ResourceId(clock.new_id())
        handlers.record_seen(session=session, clock=clock, seen={stranger: START})
        assert handlers.live_states(session=session) == {}


class TestLost:
    def test_becomes_unknown_at_once_and_once_and_says_so(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 1, "executing", at=START))
        clock.advance(SECOND)  # far from stale

        first = handlers.mark_lost(session=session, clock=clock, resource_ids=[mill])
        again = handlers.mark_lost(session=session, clock=clock, resource_ids=[mill])

        assert (first, again) == ([mill], [])
        live = handlers.live_states(session=session)[mill]
        assert (live.state, live.reason) == (ResourceState.UNKNOWN, LINK_LOST)
        changes = [payload for name, payload in told(session) if name == "resource-state-changed"]
        assert [(each["previous"], each["state"]) for each in changes] == [
            ("unknown", "executing"),
            ("executing", "unknown"),
        ]

    def test_takes_only_those_that_were_named(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        other = register_machine(session, clock, park, device="mill-2")
        record(
            session,
            clock,
            reported(park, mill, 1, "idle", at=START),
            reported(park, other, 2, "idle", at=START),
        )
        handlers.mark_lost(session=session, clock=clock, resource_ids=[mill])
        assert state_of(session, mill) is ResourceState.UNKNOWN
        assert state_of(session, other) is ResourceState.IDLE

    def test_is_healed_by_the_next_sign_or_report(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 1, "executing", at=START))
        handlers.mark_lost(session=session, clock=clock, resource_ids=[mill])
        clock.advance(SECOND)
        handlers.record_seen(session=session, clock=clock, seen={mill: clock.now()})
        assert state_of(session, mill) is ResourceState.EXECUTING
        handlers.mark_lost(session=session, clock=clock, resource_ids=[mill])
        clock.advance(SECOND)
        record(session, clock, reported(park, mill, 2, "idle", at=clock.now()))
        assert state_of(session, mill) is ResourceState.IDLE

    def test_while_down_keeps_its_near_time_withdrawn(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 1, "down", at=START))
        handlers.mark_lost(session=session, clock=clock, resource_ids=[mill])
        assert free_hours(session, clock, mill) == []

    def test_of_nobody_or_of_a_stranger_changes_nothing(
        self, session: Session, clock: FrozenClock, mill: ResourceId
    ) -> None:
        stranger, before = ResourceId(clock.new_id()), told(session)
        assert handlers.mark_lost(session=session, clock=clock, resource_ids=[]) == []
        assert handlers.mark_lost(session=session, clock=clock, resource_ids=[stranger]) == []
        assert handlers.mark_lost(session=session, clock=clock, resource_ids=[mill]) == []
        assert told(session) == before


class TestTwins:
    def test_are_found_by_the_words_of_the_topic(
        self, session: Session, park: Park, mill: ResourceId
    ) -> None:
        twins = handlers.twins_of(session=session, group="wuhan-1", edge_node="edge-1")
        assert twins is not None
        assert (twins.gateway_id, twins.resources) == (park.gateway_id, {"mill-1": mill})
        assert handlers.twins_of(session=session, group="wuhan-1", edge_node="edge-2") is None

    def test_a_device_has_one_resource(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        with pytest.raises(handlers.TwinTakenError):
            register_machine(session, clock, park, device="mill-1")
        assert state_of(session, mill) is ResourceState.UNKNOWN

    def test_binding_the_same_device_again_keeps_what_is_known(
        self, session: Session, clock: FrozenClock, park: Park, mill: ResourceId
    ) -> None:
        record(session, clock, reported(park, mill, 1, "idle", at=START))
        for device, state in (("mill-1", ResourceState.IDLE), ("mill-2", ResourceState.UNKNOWN)):
            handlers.bind_twin(
                session=session,
                clock=clock,
                organisation_id=park.organisation_id,
                resource_id=mill,
                gateway_id=park.gateway_id,
                device=device,
            )
            assert state_of(session, mill) is state
