"""The bounded queue between the broker's thread and the pipeline."""

import queue
from typing import Final

from gateway.ingest.batch import Arrival

MESSAGES_MAX: Final = 20_000
BYTES_MAX: Final = 64 * 1024 * 1024


class Inbox:
    """Takes what fits and counts what does not.

    Dropping is safe only because edges keep every observation until its receipt and send it again,
    and because a lost birth or death shows as a gap in ``seq``. Blocking instead would stall the
    broker connection until the broker cuts it.
    """

    def __init__(self, *, messages_max: int = MESSAGES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._queue: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._bytes_in = 0
        self._bytes_out = 0
        self.dropped = 0

    def put(self, arrival: Arrival) -> None:
        """Only the broker's thread calls this."""
        size = len(arrival.payload)
        held = self._bytes_in - self._bytes_out
        if self._queue.qsize() >= self._messages_max or held + size > self._bytes_max:
            self.dropped += 1
            return
        self._bytes_in += size
        self._queue.put(arrival)

    def take(self, timeout_s: float) -> Arrival | None:
        """The oldest message, waiting for one if need be. Only the pipeline calls this."""
        try:
            arrival = (
                self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
            )
        except queue.Empty:
            return None
        self._bytes_out += len(arrival.payload)
        return arrival

    def __len__(self) -> int:
        return self._queue.qsize()
