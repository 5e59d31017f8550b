"""The scheduler of the worker: each job again and again, one run at a time, whatever it raises."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.worker.jobs import Job, run_job
from gateway.worker.metrics import WorkerMetrics
from tests.support.waiting import eventually_async

OFTEN = timedelta(milliseconds=1)
NEVER_AGAIN = timedelta(hours=1)


@asynccontextmanager
async def scheduled(
    run: Callable[[], object], *, every: timedelta
) -> AsyncIterator[CollectorRegistry]:
    """``run`` as the job ``sweep`` while the block lasts; gives what was counted."""
    registry, stop = CollectorRegistry(), asyncio.Event()
    task = asyncio.create_task(run_job(Job("sweep", every, run), WorkerMetrics(registry), stop))
    try:
        yield registry
    finally:
        stop.set()
        await asyncio.wait_for(task, timeout=5)


def counted(registry: CollectorRegistry, outcome: str) -> float:
    labels = {"job": "sweep", "outcome": outcome}
    return registry.get_sample_value("nonagon_worker_jobs_total", labels) or 0


async def test_a_job_that_raises_is_logged_by_name_and_runs_again() -> None:
    runs: list[int] = []

    def fails_twice() -> None:
        runs.append(len(runs))
        if len(runs) <= 2:
            raise RuntimeError("failing on purpose")

    with capture_logs() as logged:
        async with scheduled(fails_twice, every=OFTEN) as registry:
            await eventually_async(lambda: counted(registry, "done") >= 2)

    assert counted(registry, "failed") == 2
    assert [(each["event"], each["job"]) for each in logged] == [("job failed", "sweep")] * 2


async def test_a_slow_job_never_runs_beside_itself() -> None:
    inside, overlaps, runs = threading.Lock(), [], []

    def slow() -> None:
        if not inside.acquire(blocking=False):
            overlaps.append(True)
            return
        threading.Event().wait(0.02)
        runs.append(True)
        inside.release()

    async with scheduled(slow, every=OFTEN):
        await eventually_async(lambda: len(runs) >= 5)

    assert overlaps == []


async def test_the_interval_is_waited_for_and_its_end_is_not_when_told_to_stop() -> None:
    runs: list[bool] = []

    async with scheduled(lambda: runs.append(True), every=NEVER_AGAIN):
        await eventually_async(lambda: bool(runs))
        await asyncio.sleep(0.05)

    assert runs == [True]
