"""Open-loop arrivals, each when it is due.

An event loop's own timers are too coarse for it: libuv's count whole milliseconds, so that with a
question due each millisecond half the latency shown would be the asker's. The kernel's timer tells
to the microsecond.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Awaitable, Callable
from typing import Final

NS_PER_S: Final = 1_000_000_000
TICKS_BYTES: Final = 8
ABSOLUTE: Final = 1

_libc: Final = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Timer(ctypes.Structure):
    """``struct itimerspec`` of ``timerfd_settime(2)``."""

    _fields_ = (("interval", _Timespec), ("first", _Timespec))


async def on_timetable(
    ask: Callable[[int, float], Awaitable[None]], per_s: int, count: int
) -> None:
    """Start ``ask`` of every index when it is due, whether or not earlier ones have ended.

    Args:
        ask: told its index and when it was due, in seconds of ``time.perf_counter``.
        per_s: how many a second.
        count: how many in all.
    """
    loop = asyncio.get_running_loop()
    asking: set[asyncio.Future[None]] = set()
    started: asyncio.Future[None] = loop.create_future()
    began = time.perf_counter() + 1 / per_s
    index = 0

    def start_due() -> None:
        nonlocal index
        os.read(timer, TICKS_BYTES)
        while index < count and (due := began + index / per_s) <= time.perf_counter():
            task = asyncio.ensure_future(ask(index, due))
            asking.add(task)
            task.add_done_callback(asking.discard)
            index += 1
        if index == count and not started.done():
            started.set_result(None)

    timer = _every(NS_PER_S // per_s, round(began * NS_PER_S))
    loop.add_reader(timer, start_due)
    try:
        await started
    finally:
        loop.remove_reader(timer)
        os.close(timer)
    await asyncio.gather(*asking)


def _every(between_ns: int, first_ns: int) -> int:
    """A file that can be read at ``first_ns`` of ``time.perf_counter`` and so often after."""
    plan = _Timer(*(_Timespec(*divmod(one, NS_PER_S)) for one in (between_ns, first_ns)))
    timer: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    if timer < 0 or _libc.timerfd_settime(timer, ABSOLUTE, ctypes.byref(plan), None) != 0:
        raise OSError(ctypes.get_errno(), "no timer")
    return timer
