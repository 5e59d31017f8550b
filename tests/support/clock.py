"""A clock a test sets: time stands still, ids count up."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from services.contracts.ids import RANDOM_BYTES, uuid7

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning."""


class FrozenClock:
    """Implements ``services.runtime.clock.Clock``. Ids are UUIDv7 of the frozen time, in order.

    Threads may share one: drawing a number is one step.
    """

    def __init__(self, at: datetime = START) -> None:
        self._at = at
        self._numbers = count(1)

    def now(self) -> datetime:
        return self._at

    def new_id(self) -> UUID:
        return uuid7(
            unix_ms=int(self._at.timestamp() * 1000),
            random_bytes=next(self._numbers).to_bytes(RANDOM_BYTES, "big"),
        )

    def set(self, at: datetime) -> None:
        self._at = at

    def advance(self, by: timedelta) -> None:
        self._at += by
