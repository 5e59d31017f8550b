"""What a machine shows of a recording, and when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from gateway.plant.replay import Controller, Event, events_of, schedule
from gateway.plant.shdr import parse, read_recording
from services.contracts import machinery
from services.contracts.telemetry import MachineryItemState, MachineryOperationMode
from tests.support.recordings import recording

BEGAN = datetime(2019, 7, 2, 10, 0, tzinfo=UTC)
SPACING_S = 0.02


def event(after_s: float, value: str, key: str = "execution") -> Event:
    return Event(BEGAN + timedelta(seconds=after_s), key, value)


def due(*events: Event, speed: float = 1.0) -> list[float]:
    scheduled = schedule(events, began_at=BEGAN, speed=speed, spacing_s=SPACING_S)
    return [due_s for due_s, _ in scheduled]


class TestSchedule:
    def test_is_the_recorded_time_divided_by_the_speed(self) -> None:
        assert due(event(0, "READY"), event(60, "ACTIVE"), speed=60) == [0.0, 1.0]

    def test_older_snapshot_rows_are_due_at_once(self) -> None:
        assert due(event(-86_400, "UNAVAILABLE"), event(10, "READY")) == [0.0, 10.0]

    def test_two_executions_are_never_closer_than_the_spacing(self) -> None:
        same = due(event(5, "A"), event(5, "B"), event(5.001, "C"))
        assert same == pytest.approx([5.0, 5.02, 5.04])

    def test_never_runs_back(self) -> None:
        assert due(event(20, "ACTIVE"), event(1, "UNAVAILABLE"), event(2, "x", "mode")) == [
            20.0,
            20.02,
            20.02,
        ]

    def test_other_rows_need_no_spacing(self) -> None:
        assert (
            due(event(5, "A"), event(5, "MANUAL", "mode"), event(5, "36", "program")) == [5.0] * 3
        )

    def test_speed_0_is_as_fast_as_the_spacing_allows(self) -> None:
        assert due(event(0, "A"), event(3_600, "B"), event(7_200, "C"), speed=0) == pytest.approx(
            [0.0, 0.02, 0.04]
        )

    def test_the_silent_gap_after_snapshot_rows_is_skipped(self) -> None:
        parsed = parse(
            [
                "2019-06-12T07:00:00Z|power|UNAVAILABLE",
                "2019-07-01T15:00:00Z|execution|UNAVAILABLE",
                "2019-07-02T10:00:00Z|execution|STOPPED",
                "2019-07-02T10:00:30Z|execution|READY",
            ]
        )
        assert parsed.began_at == BEGAN
        assert due(*events_of(parsed)) == pytest.approx([0.0, 0.02, 30.0])

    def test_every_recorded_execution_has_its_own_instant_in_file_order(self) -> None:
        parsed = read_recording(recording("Mazak03-20190702-20190703.txt"))
        assert parsed.began_at is not None
        scheduled = [
            (due_s, event.value)
            for due_s, event in schedule(
                events_of(parsed), began_at=parsed.began_at, speed=3_600, spacing_s=SPACING_S
            )
            if event.is_execution
        ]
        assert len(scheduled) == 84
        assert [value for _, value in scheduled] == [
            row.value for row in parsed.rows if row.key == "execution"
        ]
        assert all(
            later - earlier >= SPACING_S * 0.999 for (earlier, _), (later, _) in pairwise(scheduled)
        )


class TestController:
    @pytest.mark.parametrize(
        ("execution", "mode", "item", "operation_mode"),
        [
            ("ACTIVE", "AUTOMATIC", "EXECUTING", "PROCESSING"),
            ("ACTIVE", "MANUAL_DATA_INPUT", "EXECUTING", "SETUP"),
            ("READY", "AUTOMATIC", "NOT_EXECUTING", "PROCESSING"),
            ("FEED_HOLD", "AUTOMATIC", "NOT_EXECUTING", "PROCESSING"),
            ("STOPPED", "MANUAL", "NOT_EXECUTING", "SETUP"),
            ("STOPPED", "UNAVAILABLE", "NOT_EXECUTING", "NONE"),
            ("UNAVAILABLE", "AUTOMATIC", "NOT_AVAILABLE", "NONE"),
        ],
    )
    def test_maps_execution_and_mode(
        self, execution: str, mode: str, item: str, operation_mode: str
    ) -> None:
        controller = Controller()
        controller.take(event(0, "AVAILABLE", "avail"))
        controller.take(event(0, mode, "mode"))
        _, shown = controller.take(event(0, execution))
        assert shown == (MachineryItemState[item], MachineryOperationMode[operation_mode])

    def test_an_unavailable_machine_is_not_available_whatever_it_last_executed(self) -> None:
        controller = Controller()
        controller.take(event(0, "ACTIVE"))
        _, (item, _) = controller.take(event(1, "UNAVAILABLE", "avail"))
        assert item is MachineryItemState.NOT_AVAILABLE

    def test_an_emergency_stop_is_out_of_service(self) -> None:
        controller = Controller()
        controller.take(event(0, "AVAILABLE", "avail"))
        controller.take(event(0, "READY"))
        _, (item, _) = controller.take(event(1, "TRIGGERED", "estop"))
        assert item is MachineryItemState.OUT_OF_SERVICE

    def test_the_lifetime_counter_survives_the_reset_of_a_job(self) -> None:
        controller = Controller()
        counts = [
            controller.take(event(0, value, "PartCountAct"))[0].get(machinery.PARTS_PRODUCED)
            for value in ("0", "3", "UNAVAILABLE", "0", "2")
        ]
        assert counts == [0, 3, None, 3, 5]

    def test_an_unavailable_program_is_no_program(self) -> None:
        facts, _ = Controller().take(event(0, "UNAVAILABLE", "program"))
        assert facts == {machinery.PROGRAM_NAME: "", machinery.JOB_IDENTIFIER: ""}
