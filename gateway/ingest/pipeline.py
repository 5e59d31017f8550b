"""From queued messages to rows and receipts, one batch after the other, in one thread."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from gateway.ingest.batch import Arrival, Batch, NodeKey
from gateway.ingest.commands import Command, RebirthLimit, rebirth, receipts
from gateway.ingest.inbox import Inbox
from gateway.ingest.interpretation import Interpreter, refuse
from gateway.ingest.metrics import IngestMetrics
from gateway.ingest.writer import BatchWriter, Written
from services.capacity.domain import GatewayTwins
from services.runtime.clock import Clock

IDLE_WAIT_S: Final = 0.5
RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 5.0

Done = TypeVar("Done")

log = structlog.get_logger(__name__)


class Outbound(Protocol):
    """Where commands to nodes go. One lost is harmless: edges send again what has no receipt."""

    def send(self, command: Command) -> None: ...


class StoppedError(Exception):
    """The process ends while a batch could not be written; its edges still have it."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    observations_max: int
    wait: timedelta


class Pipeline:
    """Collects, interprets, writes and receipts until told to stop."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        writer: BatchWriter,
        outbound: Outbound,
        clock: Clock,
        limits: BatchLimits,
        metrics: IngestMetrics,
    ) -> None:
        self._inbox = inbox
        self._writer = writer
        self._outbound = outbound
        self._clock = clock
        self._limits = limits
        self._metrics = metrics
        self._interpreter = Interpreter()
        self._rebirths = RebirthLimit()
        self._dropped = 0
        self.stuck_on: str | None = None
        """Why the present batch cannot be written; ``None`` while all is well."""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            batch = self.collect()
            try:
                self.process(batch, stop)
            except StoppedError:
                return

    def collect(self) -> Batch:
        """The next batch: full, or as much as came within the wait after its first message."""
        batch = Batch()
        arrival = self._inbox.take(IDLE_WAIT_S)
        deadline = time.monotonic() + self._limits.wait.total_seconds()
        while arrival is not None:
            self._read(arrival, batch)
            if len(batch) >= self._limits.observations_max:
                break
            arrival = self._inbox.take(max(0.0, deadline - time.monotonic()))
        self._interpreter.note_gaps(self._clock.now(), batch)
        return batch

    def _read(self, arrival: Arrival, batch: Batch) -> None:
        try:
            self._interpreter.read(arrival, batch)
        except Exception as error:
            # One message must not end the door: its edge would send it again after every restart.
            log.exception("message not understood through a fault of ours", topic=arrival.topic)
            refuse(arrival, f"internal fault: {error!r}", batch)

    def process(self, batch: Batch, stop: threading.Event) -> None:
        """Write ``batch``, however long the database takes to come back, then answer its nodes.

        Raises:
            StoppedError: ``stop`` was set before it could be written.
        """
        self._count_collected(batch)
        twins = self._until_done(lambda: self._writer.twins(batch), stop)
        plan = self._writer.plan(batch, twins)
        began = time.monotonic()
        written = self._until_done(lambda: self._writer.commit(plan), stop)
        self._metrics.suppressed.inc(plan.suppressed)
        self._answer(batch, twins, written)
        self._count_written(batch, written, time.monotonic() - began)

    def _until_done(self, work: Callable[[], Done], stop: threading.Event) -> Done:
        wait_s = RETRY_FIRST_S
        while True:
            try:
                done = work()
            except DBAPIError as error:
                self._failed(str(error.orig).strip() or repr(error.orig))
            except Exception as error:
                # A fault of ours must not lose data: nothing is receipted until it is mended.
                log.exception("batch cannot be written")
                self._failed(repr(error))
            else:
                self.stuck_on = None
                return done
            if stop.wait(wait_s):
                raise StoppedError
            wait_s = min(2 * wait_s, RETRY_MAX_S)

    def _failed(self, cause: str) -> None:
        self.stuck_on = cause
        self._metrics.failures.inc()
        log.warning("batch not written, trying again", cause=cause, queued=len(self._inbox))

    def _answer(
        self, batch: Batch, twins: Mapping[NodeKey, GatewayTwins], written: Written
    ) -> None:
        now = self._clock.now()
        for (node, epoch), offsets in written.durable.items():
            for command in receipts(node, epoch, offsets, now=now):
                self._outbound.send(command)
        for node, cause in batch.rebirths.items():
            if node in twins and self._rebirths.allows(node, now):
                log.info("rebirth asked", group=node.group, node=node.node, cause=cause)
                self._outbound.send(rebirth(node, now=now))
                self._metrics.rebirths.inc()

    def _count_collected(self, batch: Batch) -> None:
        self._metrics.messages.inc(batch.messages)
        self._metrics.queue_depth.set(len(self._inbox))
        dropped = self._inbox.dropped
        if dropped > self._dropped:
            log.warning("queue full, messages dropped", dropped=dropped - self._dropped)
            self._metrics.dropped.inc(dropped - self._dropped)
            self._dropped = dropped

    def _count_written(self, batch: Batch, written: Written, took_s: float) -> None:
        observations = self._metrics.observations
        observations.labels("stored").inc(written.stored)
        observations.labels("duplicate").inc(written.duplicates + batch.repeated)
        observations.labels("quarantined").inc(len(batch.poison))
        self._metrics.quarantined.inc(written.quarantined)
        if len(batch):
            self._metrics.batch_size.observe(len(batch))
            self._metrics.commit_seconds.observe(took_s)
        self._observe_delays(batch, self._clock.now())

    def _observe_delays(self, batch: Batch, now: datetime) -> None:
        newest: dict[str, datetime] = {}
        for reported in batch.reported.values():
            source_at = reported.observation.source_at
            known = newest.get(reported.topic)
            if known is None or source_at > known:
                newest[reported.topic] = source_at
        for source_at in newest.values():
            self._metrics.delay_seconds.observe(max(0.0, (now - source_at).total_seconds()))
