"""The only reader of the clock and of randomness on the server side."""

import secrets
import time
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

from services.contracts.ids import RANDOM_BYTES, UNIX_MS_SHIFT, uuid7, uuid7_tail

IDS_DRAWN: Final = 1_024


class Clock(Protocol):
    def now(self) -> datetime: ...

    def new_id(self) -> UUID: ...


class SystemClock:
    """Wall time in UTC, and UUIDv7 ids drawn from it."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the clock

    def new_id(self) -> UUID:
        return uuid7(
            unix_ms=time.time_ns() // 1_000_000, random_bytes=secrets.token_bytes(RANDOM_BYTES)
        )


class PooledClock(SystemClock):
    """Draws the randomness of many ids at once, for processes that make thousands a second.

    A process that forks must make its own after that: copies would draw the same ids.
    """

    def __init__(self) -> None:
        self._drawn: list[int] = []

    def new_id(self) -> UUID:
        while True:
            try:
                drawn = self._drawn.pop()
            except IndexError:
                self._drawn += _drawn(IDS_DRAWN)
            else:
                return UUID(int=time.time_ns() // 1_000_000 << UNIX_MS_SHIFT | drawn)


def _drawn(count: int) -> list[int]:
    """All but the time of so many ids."""
    octets = secrets.token_bytes(RANDOM_BYTES * count)
    return [
        uuid7_tail(octets[first : first + RANDOM_BYTES])
        for first in range(0, len(octets), RANDOM_BYTES)
    ]
