"""Which journal rows to publish next: newest first, with a share for the backlog. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from edge.journal import Row

ROWS_IN_FLIGHT_MAX: Final = 2_000
LIVE_SHARE: Final = 0.8
RESEND_AFTER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class BacklogRead:
    """Rows wanted from the journal: the next ``limit`` after offset ``after``."""

    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A row to publish; ``is_historical`` when something newer is already known to the host."""

    row: Row
    is_historical: bool


@dataclass(slots=True)
class _Sent:
    at_s: float
    is_live: bool


class SendWindow:
    """Rows published and not yet receipted, in two lanes.

    The live lane takes rows as they are committed. The backlog lane walks the journal from its
    oldest row and sends what is not in flight: rows of earlier sessions, rows that fell out of
    the live lane, rows whose receipt did not come in time. A row in flight leaves by its receipt
    or when it expires; it then belongs to the backlog.
    """

    def __init__(
        self, *, rows_max: int = ROWS_IN_FLIGHT_MAX, resend_after_s: float = RESEND_AFTER_S
    ) -> None:
        self._live_max = max(int(rows_max * LIVE_SHARE), 1)
        self._backlog_max = max(rows_max - self._live_max, 1)
        self._resend_after_s = resend_after_s
        self._live: deque[Row] = deque()
        self._in_flight: dict[int, _Sent] = {}
        self._live_in_flight = 0
        self._cursor = 0
        self._is_walking = False
        self._is_missed = False
        self._birth_head = 0
        self._newest_of: dict[str, int] = {}

    @property
    def live_max(self) -> int:
        return self._live_max

    @property
    def in_flight_count(self) -> int:
        return len(self._in_flight)

    def begin(self, *, head: int, newest: Sequence[Row]) -> None:
        """A birth was published: everything without a receipt is due again, ``newest`` first."""
        self._in_flight.clear()
        self._live_in_flight = 0
        self._live = deque(newest[-self._live_max :])
        self._cursor = 0
        self._is_walking = True
        self._is_missed = False
        self._birth_head = head
        self._newest_of.clear()

    def committed(self, rows: Iterable[Row]) -> None:
        """New rows are in the journal."""
        for row in rows:
            if self._live and row.offset <= self._live[-1].offset:
                continue  # already loaded by ``begin``
            self._live.append(row)
        while len(self._live) > self._live_max:
            self._live.popleft()
            self._miss()

    def expire(self, now_s: float) -> None:
        """Give up waiting for receipts that are overdue."""
        horizon_s = now_s - self._resend_after_s
        while self._in_flight:
            offset, sent = next(iter(self._in_flight.items()))
            if sent.at_s > horizon_s:
                return
            self._forget(offset)
            self._miss()

    def take_live(self, now_s: float) -> list[Parcel]:
        free = self._live_max - self._live_in_flight
        rows = [self._live.popleft() for _ in range(min(free, len(self._live)))]
        return [self._send(row, now_s, is_live=True) for row in rows]

    def backlog_read(self) -> BacklogRead | None:
        """What to read next for :meth:`take_backlog`; nothing when the lane is full or done."""
        free = self._backlog_max - (len(self._in_flight) - self._live_in_flight)
        if free <= 0 or not self._is_walking:
            return None
        return BacklogRead(self._cursor, free)

    def take_backlog(self, read: BacklogRead, rows: Sequence[Row], now_s: float) -> list[Parcel]:
        """Send those of ``rows`` that are not under way; fewer rows than asked end the walk."""
        parcels = [
            self._send(row, now_s, is_live=False) for row in rows if not self._is_under_way(row)
        ]
        self._cursor = rows[-1].offset if rows else read.after
        if len(rows) < read.limit:
            self._cursor = 0
            self._is_walking = self._is_missed
            self._is_missed = False
        return parcels

    def receipted(self, ranges: Iterable[tuple[int, int]]) -> None:
        """The platform has these; they need no second sending."""
        for first, last in ranges:
            if last - first < len(self._in_flight):
                covered = [offset for offset in range(first, last + 1) if offset in self._in_flight]
            else:
                covered = [offset for offset in self._in_flight if first <= offset <= last]
            for offset in covered:
                self._forget(offset)

    def _is_under_way(self, row: Row) -> bool:
        return row.offset in self._in_flight or (
            bool(self._live) and row.offset >= self._live[0].offset
        )

    def _send(self, row: Row, now_s: float, *, is_live: bool) -> Parcel:
        if row.offset in self._in_flight:
            self._forget(row.offset)
        self._in_flight[row.offset] = _Sent(now_s, is_live)
        self._live_in_flight += is_live
        device = row.observation.device
        newest = self._newest_of.get(device, 0)
        self._newest_of[device] = max(newest, row.offset)
        return Parcel(row, row.offset <= self._birth_head or row.offset < newest)

    def _forget(self, offset: int) -> None:
        self._live_in_flight -= self._in_flight.pop(offset).is_live

    def _miss(self) -> None:
        if self._is_walking:
            self._is_missed = True
        else:
            self._is_walking = True
            self._cursor = 0
