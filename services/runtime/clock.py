"""The only reader of the clock and of randomness on the server side."""

import secrets
import time
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from services.contracts.ids import RANDOM_BYTES, uuid7


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
