"""The only reader of the clock and of randomness at the edge."""

import random
import secrets
import time
from datetime import UTC, datetime
from typing import Protocol

from services.contracts.journal import EPOCH_BITS


class Clock(Protocol):
    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """Wall time in UTC, and a clock that never steps back for durations."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - this is the clock

    def monotonic(self) -> float:
        return time.monotonic()


def draw_epoch() -> int:
    """A journal epoch: random, positive, fits PostgreSQL's bigint."""
    return secrets.randbits(EPOCH_BITS - 1) + 1


def draw_jitter() -> float:
    """A number in [0, 1) that spreads reconnects of many agents."""
    return random.random()  # noqa: S311 - spreads load, protects nothing
