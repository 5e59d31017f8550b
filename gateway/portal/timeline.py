"""Today's timeline of a resource as SVG path data: one unit is one minute of the local day.

A path per layer, so that a change is one attribute of one element.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from gateway.portal.model import Today
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState

HEIGHT: Final = 32
BASE: Final = 24
HEIGHTS: Final = {ResourceState.DOWN: 20, ResourceState.IDLE: 7, ResourceState.OFF: 3}
"""States differ in height as well as in colour; those not named take the default."""
HEIGHT_DEFAULT: Final = 14
RAIL_HEIGHT: Final = 5
"""Booked time runs along the top edge, free time along the bottom edge."""
_MINUTE: Final = timedelta(minutes=1)


def width(today: Today) -> int:
    """Minutes of the day; not 1,440 where clocks change."""
    return round(today.day.duration / _MINUTE)


def layers(today: Today, now: datetime) -> dict[str, str]:
    """Path data by layer name; an empty layer is an empty path."""
    day = today.day
    return {
        "working": _path(day, today.working, 0, HEIGHT),
        **{str(state): _state_path(today, state) for state in ResourceState},
        "booked": _path(day, today.booked, 0, RAIL_HEIGHT),
        "free": _path(day, (span.during for span in today.free), HEIGHT - RAIL_HEIGHT, RAIL_HEIGHT),
        "now": f"M{_minute(day, now)} 0V{HEIGHT}",
    }


def _state_path(today: Today, state: ResourceState) -> str:
    spans = (span.during for span in today.states if span.state is state)
    height = HEIGHTS.get(state, HEIGHT_DEFAULT)
    return _path(today.day, spans, BASE - height, height)


def _path(day: Interval, spans: Iterable[Interval], top: int, height: int) -> str:
    parts = []
    for span in spans:
        start, end = _minute(day, span.start), _minute(day, span.end)
        wide = max(1, end - start)
        parts.append(f"M{start} {top}h{wide}v{height}h-{wide}z")
    return "".join(parts)


def _minute(day: Interval, instant: datetime) -> int:
    inside = min(max(instant, day.start), day.end)
    return round((inside - day.start) / _MINUTE)
