"""Values as words of a language."""

from datetime import timedelta

import pytest

from gateway.portal.languages import locale_for
from gateway.portal.model import FreeSpan
from gateway.portal.words import Words
from services.capacity.domain import Provenance
from services.contracts.intervals import Interval
from tests.browser.park import ZONE, hour, hours

EN = Words(locale_for("en"))
ZH = Words(locale_for("zh"))


def plain(text: str) -> str:
    return text.replace("\u2060", "")


class TestAges:
    @pytest.mark.parametrize(
        ("age", "text"),
        [
            (timedelta(seconds=-3), "0 s ago"),
            (timedelta(seconds=59.9), "59 s ago"),
            (timedelta(seconds=60), "1 min ago"),
            (timedelta(minutes=59, seconds=59), "59 min ago"),
            (timedelta(hours=1), "1 h ago"),
            (timedelta(hours=47, minutes=59), "47 h ago"),
            (timedelta(hours=48), "2 d ago"),
        ],
    )
    def test_are_told_in_the_largest_whole_unit(self, age: timedelta, text: str) -> None:
        assert EN.age(age) == text

    def test_are_translated(self) -> None:
        assert ZH.age(timedelta(minutes=5)) == "5 分钟前"


class TestSpans:
    def test_of_one_day_name_it_once(self) -> None:
        assert plain(EN.span(hours(8, 12), ZONE)) == "Sun, Nov 22 08:00–12:00"
        assert plain(ZH.span(hours(8, 12), ZONE)) == "11月22日周日 08:00–12:00"

    def test_over_midnight_name_both_days(self) -> None:
        assert plain(EN.span(hours(22, 26), ZONE)) == "Sun, Nov 22 22:00–Mon, Nov 23 02:00"

    def test_to_the_end_of_the_day_end_at_24(self) -> None:
        assert plain(EN.clock_span(hours(20, 24), ZONE)) == "20:00–24:00"


class TestFreeTime:
    def test_of_a_pool_tells_its_free_units_and_how_many_spans_are_left_out(self) -> None:
        spans = tuple(
            FreeSpan(Interval(hour(at), hour(at + 1)), 4, Provenance.MEASURED)
            for at in (8, 10, 12, 14, 16)
        )
        told = plain(EN.free(spans, 12, ZONE))
        assert told == "08:00–09:00 (4/12), 10:00–11:00 (4/12), 12:00–13:00 (4/12), 2 more"

    def test_that_does_not_exist_is_empty(self) -> None:
        assert EN.free((), 1, ZONE) == ""


class TestCauses:
    def test_add_what_the_machine_said(self) -> None:
        assert EN.cause("down: E-217") == "the machine is down (E-217)"
        assert ZH.cause("down") == "设备故障"

    def test_of_unknown_codes_are_told_as_they_are(self) -> None:
        assert EN.cause("flooded") == "flooded"

    def test_of_the_platform_itself_are_translated(self) -> None:
        assert ZH.reason("link lost") == "连接中断"
        assert ZH.reason("E-217") == "E-217"
        assert ZH.reason(None) == ""
