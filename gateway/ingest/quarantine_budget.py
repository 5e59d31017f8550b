"""How much of what we refuse is kept: enough to find the cause, too little to fill a disk. Pure."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

REPEAT_INTERVAL: Final = timedelta(minutes=10)
"""One message is kept per topic and cause within this time; the rest are only counted."""
REMEMBERED_MAX: Final = 10_000
BYTES_PER_HOUR_MAX: Final = 16 * 1024 * 1024
ROW_OVERHEAD_BYTES: Final = 256
_HOUR: Final = timedelta(hours=1)


class QuarantineBudget:
    """Decides which refused message becomes a row."""

    def __init__(self) -> None:
        self._kept_at: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._hour_began: datetime | None = None
        self._bytes_left = BYTES_PER_HOUR_MAX

    def admits_message(self, *, topic: str, cause: str, size: int, now: datetime) -> bool:
        """Whether a refused message is kept: its like was not kept lately, and there is room."""
        kept_at = self._kept_at.get((topic, cause))
        if kept_at is not None and now - kept_at < REPEAT_INTERVAL:
            return False
        if not self.admits_bytes(size, now=now):
            return False
        self._remember((topic, cause), now)
        return True

    def admits_bytes(self, size: int, *, now: datetime) -> bool:
        """Take room for a row with ``size`` bytes of payload out of the hour's allowance."""
        if self._hour_began is None or now - self._hour_began >= _HOUR:
            self._hour_began, self._bytes_left = now, BYTES_PER_HOUR_MAX
        wanted = size + ROW_OVERHEAD_BYTES
        if wanted > self._bytes_left:
            return False
        self._bytes_left -= wanted
        return True

    def _remember(self, like: tuple[str, str], now: datetime) -> None:
        self._kept_at[like] = now
        self._kept_at.move_to_end(like)
        if len(self._kept_at) > REMEMBERED_MAX:
            self._kept_at.popitem(last=False)
