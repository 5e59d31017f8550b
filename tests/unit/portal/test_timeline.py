"""The day as path data."""

from gateway.portal import timeline
from gateway.portal.model import StateSpan, Today
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from tests.browser.park import DAY, NOW, hour, hours


def test_a_minute_is_a_unit_and_a_span_a_rectangle() -> None:
    today = Today(DAY, (hours(8, 20),), booked=(hours(15, 17),))
    layers = timeline.layers(today, NOW)
    assert layers["working"] == "M480 0h720v32h-720z"
    assert layers["booked"] == "M900 0h120v5h-120z"
    assert layers["now"] == "M822 0V32"


def test_states_differ_in_height() -> None:
    spans = (
        StateSpan(ResourceState.DOWN, hours(8, 9)),
        StateSpan(ResourceState.IDLE, hours(9, 10)),
        StateSpan(ResourceState.DOWN, hours(10, 11)),
    )
    layers = timeline.layers(Today(DAY, states=spans), NOW)
    assert layers["down"] == "M480 4h60v20h-60zM600 4h60v20h-60z"
    assert layers["idle"] == "M540 17h60v7h-60z"
    assert layers["executing"] == ""


def test_spans_are_cut_at_the_day_and_never_vanish() -> None:
    today = Today(DAY, (hours(-2, 3),), booked=(Interval(hour(5), hour(5.001)),))
    layers = timeline.layers(today, NOW)
    assert layers["working"] == "M0 0h180v32h-180z"
    assert layers["booked"] == "M300 0h1v5h-1z"


def test_a_day_on_which_clocks_change_has_its_own_length() -> None:
    assert timeline.width(Today(hours(0, 25))) == 1_500
