"""Scheduled jobs: what they are, and running each at its interval, one run at a time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from gateway.worker.metrics import WorkerMetrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Work done again and again. It must be safe to run twice at once: there may be two workers."""

    name: str
    every: timedelta
    run: Callable[[], object]


async def run_job(job: Job, metrics: WorkerMetrics, stop: asyncio.Event) -> None:
    """Run ``job`` at its interval until ``stop``; a failed run is logged and the next one comes."""
    while not stop.is_set():
        try:
            await asyncio.to_thread(job.run)
        except Exception:
            log.exception("job failed", job=job.name)
            metrics.jobs.labels(job.name, "failed").inc()
        else:
            metrics.jobs.labels(job.name, "done").inc()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), job.every.total_seconds())
