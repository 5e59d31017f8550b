"""Bounded waiting for what happens in another thread or process."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

POLL_S = 0.02
WITHIN_S = 10.0

Found = TypeVar("Found")


def eventually(
    predicate: Callable[[], Found], *, within: float = WITHIN_S, what: str = ""
) -> Found:
    """The first truthy answer of ``predicate``.

    Raises:
        AssertionError: there was none within ``within`` seconds; names ``what`` and the last one.
    """
    deadline = time.monotonic() + within
    while True:
        found = predicate()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what or predicate}; last {found!r}")
        time.sleep(POLL_S)


async def eventually_async(
    predicate: Callable[[], Found], *, within: float = WITHIN_S, what: str = ""
) -> Found:
    """:func:`eventually` that lets the event loop run between the tries."""
    deadline = time.monotonic() + within
    while True:
        found = predicate()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what or predicate}; last {found!r}")
        await asyncio.sleep(POLL_S)
