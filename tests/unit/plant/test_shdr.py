"""Reading recorded SHDR lines, good and bad."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plant.replay import Controller, events_of, schedule
from gateway.plant.shdr import (
    LINE_CHARS_MAX,
    Recording,
    RecordingUnreadableError,
    parse,
    read_recording,
)
from tests.support.recordings import recording

AT = "2019-07-02T10:36:16.639Z"


def pairs(*lines: str) -> list[tuple[str, str]]:
    parsed = parse(lines)
    assert not parsed.malformed
    return [(row.key, row.value) for row in parsed.rows]


class TestLines:
    def test_a_row_has_a_time_a_key_and_a_value(self) -> None:
        (row,) = parse([f"{AT}|execution|READY"]).rows
        assert row.at == datetime(2019, 7, 2, 10, 36, 16, 639_000, tzinfo=UTC)
        assert (row.line, row.key, row.value) == (1, "execution", "READY")

    def test_a_line_may_carry_several_pairs(self) -> None:
        assert pairs(f"{AT}|avail|AVAILABLE|mode|AUTOMATIC") == [
            ("avail", "AVAILABLE"),
            ("mode", "AUTOMATIC"),
        ]

    @pytest.mark.parametrize("level", ["Normal", "Unavailable", "FAULT", "Warning"])
    def test_a_condition_is_one_row(self, level: str) -> None:
        assert pairs(f"{AT}|motion_cond|{level}|302|1|HIGH|over travel") == [("motion_cond", level)]
        assert pairs(f"{AT}|motion_cond|{level}||||") == [("motion_cond", level)]

    def test_three_pairs_are_no_condition(self) -> None:
        assert pairs(f"{AT}|avail|UNAVAILABLE|execution|READY|mode|MANUAL") == [
            ("avail", "UNAVAILABLE"),
            ("execution", "READY"),
            ("mode", "MANUAL"),
        ]

    def test_a_message_is_its_text(self) -> None:
        assert pairs(f"{AT}|message|302|door open") == [("message", "door open")]

    def test_assets_carry_no_value(self) -> None:
        assert pairs(f"{AT}|@ASSET@|T1|CuttingTool|<xml/>") == []

    def test_a_duration_after_the_time_is_dropped(self) -> None:
        assert parse([f"{AT}@100.0|a|1"]).rows[0].at.year == 2019

    def test_a_time_without_zone_is_utc(self) -> None:
        assert parse(["2019-07-02T10:36:16|a|1"]).rows[0].at.tzinfo is UTC

    def test_a_key_may_repeat_within_one_timestamp(self) -> None:
        assert pairs(f"{AT}|execution|READY", f"{AT}|execution|ACTIVE") == [
            ("execution", "READY"),
            ("execution", "ACTIVE"),
        ]


class TestMalformedLines:
    @pytest.mark.parametrize(
        ("line", "cause"),
        [
            ("<<<<<<< HEAD", "does not begin with a timestamp"),
            ("yesterday|execution|READY", "does not begin with a timestamp"),
            ("0001-01-01T00:00+14:00|a|1", "does not begin with a timestamp"),
            (AT, "has no key"),
            (f"{AT}|execution", "key 'execution' has no value"),
            (f"{AT}||READY", "a key is empty"),
            (f"{AT}|a|{'x' * LINE_CHARS_MAX}", f"characters exceed {LINE_CHARS_MAX}"),
        ],
    )
    def test_is_reported_with_its_number_and_cause(self, line: str, cause: str) -> None:
        parsed = parse(["", f"{AT}|a|1", line, f"{AT}|b|2"])
        assert [row.key for row in parsed.rows] == ["a", "b"]
        (bad,) = parsed.malformed
        assert bad.line == 3
        assert cause in bad.cause
        assert len(bad.text) <= 80

    def test_blank_lines_are_none(self) -> None:
        assert parse(["", "  ", "\r\n"]) == Recording((), ())

    @given(st.lists(st.text(st.characters(codec="utf-8"), max_size=200), max_size=20))
    def test_any_text_is_read_or_reported(self, lines: list[str]) -> None:
        parsed = parse(lines)
        assert len(parsed.malformed) <= len(lines)
        assert {row.line for row in parsed.rows}.isdisjoint(bad.line for bad in parsed.malformed)

    @given(
        st.lists(
            st.tuples(
                st.datetimes(),
                st.sampled_from(["execution", "mode", "avail", "PartCountAct", "S2load", "estop"]),
                st.text(st.characters(exclude_characters="|\r\n", codec="utf-8"), max_size=30)
                | st.integers(min_value=-(10**12), max_value=10**5000 // 10**4980).map(str)
                | st.floats().map(str),
            ),
            max_size=30,
        )
    )
    def test_any_row_can_be_replayed(self, rows: list[tuple[datetime, str, str]]) -> None:
        parsed = parse(f"{at.isoformat()}|{key}|{value}" for at, key, value in rows)
        assert len(parsed.rows) == len(rows)
        controller = Controller()
        if parsed.began_at is not None:
            played = list(
                schedule(events_of(parsed), began_at=parsed.began_at, speed=60, spacing_s=0.02)
            )
            assert len(played) == len(rows)
            for _, event in played:
                controller.take(event)

    def test_thousands_of_digits_are_no_count(self) -> None:
        parsed = parse([f"{AT}|PartCountAct|{'9' * 5_000}"])
        (event,) = events_of(parsed)
        assert Controller().take(event)[0] == {}


class TestFiles:
    def test_names_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(RecordingUnreadableError, match="No such file"):
            read_recording(tmp_path / "absent.txt")

    def test_names_a_file_without_rows(self, tmp_path: Path) -> None:
        path = tmp_path / "prose.txt"
        path.write_text("Dear diary\n")
        with pytest.raises(RecordingUnreadableError, match="no SHDR row"):
            read_recording(path)

    def test_reads_what_is_not_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "latin.txt"
        path.write_bytes(f"{AT}|program|Geh\xe4use\n".encode("latin-1"))
        assert read_recording(path).rows[0].value == "Geh\N{REPLACEMENT CHARACTER}use"

    @pytest.mark.parametrize(
        ("name", "executions", "day"),
        [
            ("Mazak03-20190702-20190703.txt", 84, "2019-07-02"),
            ("Mazak03-20190612-20190613.txt", 36, "2019-06-12"),
            ("GFAgie01-20161006-20161007.txt", 168, "2016-10-06"),
        ],
    )
    def test_reads_the_recordings_whole(self, name: str, executions: int, day: str) -> None:
        path = recording(name)
        parsed = read_recording(path)
        assert parsed.malformed == ()
        assert parsed.rows[-1].line == len(path.read_text().splitlines())
        assert sum(event.is_execution for event in events_of(parsed)) == executions
        assert parsed.began_at is not None
        assert parsed.began_at.date().isoformat() == day
