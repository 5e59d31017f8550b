"""A clock a test sets, for the edge's clock protocol."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class SetClock:
    """Implements ``edge.clock.Clock``; both hands move together."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return (self._at - START).total_seconds()

    def advance(self, by: timedelta) -> None:
        self._at += by
