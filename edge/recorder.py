"""Group commit: observations from the event loop into the journal, and back to those who publish.

The journal lives in one thread of its own; what is in memory and not yet committed, at most one
commit interval, is the only thing a power cut can take.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self, TypeVar

import structlog

from edge.journal import Journal, JournalUnavailableError, Row
from services.contracts.journal import Receipt
from services.contracts.telemetry import Observation

log = structlog.get_logger(__name__)

COMMIT_INTERVAL_S: Final = 0.05
RETRY_INTERVAL_S: Final = 1.0
LIMITS_INTERVAL_COMMITS: Final = 50
PENDING_MAX: Final = 50_000
BATCH_MAX: Final = 5_000

T = TypeVar("T")
Committed = Callable[[list[Row]], None]


class Recorder:
    """Owns the journal and its thread.

    ``on_commit`` hears of rows once they are on disk; ``on_new_epoch`` when a corrupt journal was
    replaced while running.
    """

    def __init__(self, open_journal: Callable[[], Journal]) -> None:
        self._open_journal = open_journal
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._pending: deque[Observation] = deque()
        self._in_flight: list[Observation] = []
        self._flushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._fault: str | None = None
        self._commits = 0
        self._journal: Journal
        self.epoch = 0
        self.made = 0
        self.lost_count = 0
        self.evicted_count = 0
        self.on_commit: Committed = lambda _rows: None
        self.on_new_epoch: Callable[[], None] = lambda: None

    async def open(self) -> Self:
        """Open the journal in its thread.

        Raises:
            JournalInUseError: another agent has it.
            JournalUnavailableError: it cannot be opened or created.
        """
        try:
            self._journal = await self._in_thread(self._open_journal)
        except BaseException:
            self._executor.shutdown()
            raise
        self.epoch, self.made = self._journal.epoch, self._journal.made
        return self

    @property
    def is_healthy(self) -> bool:
        """Whether the last write to the journal succeeded."""
        return self._fault is None

    @property
    def pending_count(self) -> int:
        """Observations taken and not yet known to be on disk."""
        return len(self._in_flight) + len(self._pending)

    def record(self, observations: Sequence[Observation]) -> None:
        """Take observations for the next commit; while the disk is full the oldest are lost.

        What is being written at this moment is kept: whether it is lost is not known yet.
        """
        self._pending.extend(observations)
        while self._pending and self.pending_count > PENDING_MAX:
            self._pending.popleft()
            self.lost_count += 1
        if self._pending:
            self._wake.set()

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(COMMIT_INTERVAL_S if self.is_healthy else RETRY_INTERVAL_S)
            if self._pending:
                self._wake.set()

    async def flush(self) -> None:
        """Commit everything taken so far, unless the journal refuses."""
        async with self._flushing:
            while self._pending:
                size = min(len(self._pending), BATCH_MAX)
                self._in_flight = [self._pending.popleft() for _ in range(size)]
                if not await self._commit_in_flight():
                    return

    async def _commit_in_flight(self) -> bool:
        """Commit the batch in flight; refused, it is the first of what is pending again."""
        committed = True
        try:
            committed = await self._commit(self._in_flight)
        finally:
            # Cancelled while waiting, the journal's thread still commits the batch.
            if not committed:
                self._pending.extendleft(reversed(self._in_flight))
            self._in_flight = []
        return committed

    async def _commit(self, batch: list[Observation]) -> bool:
        try:
            rows = await self.ask(lambda journal: journal.append(batch))
        except JournalUnavailableError as error:
            self._note_fault(str(error))
            return False
        self.on_commit(rows)
        self._commits += 1
        if self._commits % LIMITS_INTERVAL_COMMITS == 1:
            await self._enforce_limits()
        else:
            self._note_fault(None)
        return True

    async def _enforce_limits(self) -> None:
        """Evict what is over the limits; what was committed stays so when that fails."""
        try:
            gaps = await self.ask(lambda journal: journal.enforce_limits())
        except JournalUnavailableError as error:
            self._note_fault(str(error))
            return
        self._note_fault(None)
        for gap in gaps:
            self.evicted_count += gap.count
            log.warning(
                "journal_evicted", first=gap.first, last=gap.last, count=gap.count, cause=gap.cause
            )

    def _note_fault(self, fault: str | None) -> None:
        if fault != self._fault:
            if fault is None:
                log.info("journal_writable_again")
            else:
                log.error("journal_unavailable", cause=fault, retry_s=RETRY_INTERVAL_S)
        self._fault = fault

    async def settle(self, receipt: Receipt) -> int:
        return await self.ask(lambda journal: journal.settle(receipt))

    async def ask(self, question: Callable[[Journal], T]) -> T:
        """Run ``question`` in the journal's thread.

        Raises:
            JournalUnavailableError: the journal cannot be read or written now.
        """
        journal = self._journal
        try:
            return await self._in_thread(lambda: question(journal))
        finally:
            self.made = journal.made
            if journal.epoch != self.epoch:
                self.epoch = journal.epoch
                self.on_new_epoch()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the journal's thread, to its end even if nobody waits any more."""
        return await asyncio.shield(
            asyncio.get_running_loop().run_in_executor(self._executor, work)
        )

    async def close(self) -> None:
        """Commit what is pending and let the file go."""
        await self.flush()
        await self._in_thread(self._journal.close)
        self._executor.shutdown()
