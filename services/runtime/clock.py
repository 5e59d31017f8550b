"""The only reader of the clock and of randomness on the server side."""

import secrets
import time
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

from services.contracts.ids import RANDOM_BYTES, uuid7

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
        self._drawn: list[bytes] = []

    def new_id(self) -> UUID:
        try:
            drawn = self._drawn.pop()
        except IndexError:
            octets = secrets.token_bytes(RANDOM_BYTES * IDS_DRAWN)
            self._drawn += [
                octets[first : first + RANDOM_BYTES]
                for first in range(RANDOM_BYTES, len(octets), RANDOM_BYTES)
            ]
            drawn = octets[:RANDOM_BYTES]
        return uuid7(unix_ms=time.time_ns() // 1_000_000, random_bytes=drawn)
