"""A sandbox for payments (支付沙箱). It moves no money and is no licensed payment institution.

演示沙箱：非持牌支付机构，不发生真实资金划转。

The method of an order says how it goes. Orders are kept in a file of their own, beside the
platform's database and not in it, as the memory of another party would be.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

from services.ledger.domain import Answer, Verdict
from services.ledger.provider.port import Notice, Order, ProviderSilentError
from services.runtime.clock import Clock

DISCLAIMER: Final = (
    "Demonstration sandbox, no licensed payment institution: no real money moves."
    " 演示沙箱，非持牌支付机构，不发生真实资金划转。"
)
SLOW: Final = timedelta(seconds=30)
LATE: Final = timedelta(hours=3)
"""After every attempt of the ledger is spent."""
BUSY_TIMEOUT_S: Final = 10.0


class Method(StrEnum):
    TRANSFER = "transfer"
    """Confirmed at once."""
    DECLINED = "declined"
    SLOW = "slow"
    """Pending at first, confirmed half a minute later."""
    TWICE = "twice"
    """Confirmed at once, and told again by the same notice twice and by another."""
    SILENT = "silent"
    """Never answers anything."""
    LATE = "late"
    """Silent for three hours, then tells that the money came."""
    LOST = "lost"
    """The first request never arrives."""
    DROPPED = "dropped"
    """The request arrives, its answer is lost."""


@dataclass(frozen=True, slots=True)
class _Known:
    key: UUID
    method: str
    asked_at: datetime
    times: int


class Sandbox:
    """Keeps its orders in ``file``; safe for several processes of one machine."""

    disclaimer = DISCLAIMER

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock

    def ask(self, order: Order) -> Answer:
        known = self._written(order)
        silent = known.method in {Method.SILENT, Method.LATE}
        if silent or (known.method in {Method.LOST, Method.DROPPED} and known.times == 1):
            raise ProviderSilentError
        return self._state(known)

    def look_up(self, key: UUID) -> Answer | None:
        known = self._find(key)
        if known is None or (known.method == Method.LOST and known.times == 1):
            return None
        if known.method in {Method.SILENT, Method.LATE}:
            raise ProviderSilentError
        return self._state(known)

    def notices(self) -> Sequence[Notice]:
        with self._open() as db:
            rows = db.execute(
                "SELECT key, method, asked_at, times FROM asked WHERE told = 0 ORDER BY key"
            ).fetchall()
        return [notice for row in rows for notice in self._told(_known(row))]

    def acknowledge(self, notice: Notice) -> None:
        with self._open() as db:
            db.execute("UPDATE asked SET told = 1 WHERE key = ?", [str(notice.key)])

    def _told(self, known: _Known) -> Iterator[Notice]:
        """What it tells of an order by itself, if it is due."""
        if known.method in {Method.TRANSFER, Method.DECLINED, Method.DROPPED, Method.SILENT}:
            return
        state = self._state(known)
        if state.verdict is Verdict.PENDING:
            return
        yield Notice(known.key, state)
        if known.method == Method.TWICE:
            yield Notice(known.key, state)
            yield Notice(known.key, Answer(f"{state.id}-again", state.verdict, state.because))

    def _state(self, known: _Known) -> Answer:
        name = f"sandbox-{known.key}"
        age = self._clock.now() - known.asked_at
        if known.method == Method.DECLINED:
            return Answer(name, Verdict.FAILED, "sandbox: the bank declined it")
        if known.method not in set(Method):
            return Answer(name, Verdict.FAILED, f"sandbox: there is no method {known.method}")
        waits: dict[str, timedelta] = {Method.SLOW: SLOW, Method.LATE: LATE}
        if age < waits.get(known.method, timedelta()):
            return Answer(f"{name}-pending", Verdict.PENDING)
        if known.method == Method.LOST and known.times == 1:
            return Answer(f"{name}-pending", Verdict.PENDING)
        return Answer(name, Verdict.SUCCEEDED, "sandbox: confirmed, no real money moved")

    def _written(self, order: Order) -> _Known:
        """The order as it was first asked; a repeat is only counted."""
        with self._open() as db:
            db.execute(
                "INSERT INTO asked (key, kind, minor, currency, method, asked_at, times, told)"
                " VALUES (?, ?, ?, ?, ?, ?, 1, 0)"
                " ON CONFLICT (key) DO UPDATE SET times = times + 1",
                [
                    str(order.key),
                    order.kind,
                    order.amount.minor,
                    order.amount.currency,
                    order.method,
                    self._clock.now().isoformat(),
                ],
            )
        known = self._find(order.key)
        assert known is not None, "it was just written"
        return known

    def _find(self, key: UUID) -> _Known | None:
        with self._open() as db:
            row = db.execute(
                "SELECT key, method, asked_at, times FROM asked WHERE key = ?", [str(key)]
            ).fetchone()
        return None if row is None else _known(row)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._file, timeout=BUSY_TIMEOUT_S)) as db, db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS asked (key TEXT PRIMARY KEY, kind TEXT NOT NULL,"
                " minor INTEGER NOT NULL, currency TEXT NOT NULL, method TEXT NOT NULL,"
                " asked_at TEXT NOT NULL, times INTEGER NOT NULL, told INTEGER NOT NULL)"
            )
            yield db


def _known(row: tuple[str, str, str, int]) -> _Known:
    key, method, asked_at, times = row
    return _Known(UUID(key), method, datetime.fromisoformat(asked_at), times)
