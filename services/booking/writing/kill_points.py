"""Where dying puts most at stake, by name, so that tests let a process die exactly there."""

from collections.abc import Callable
from enum import StrEnum


class KillPoint(StrEnum):
    """A place in the writing of one batch."""

    BEFORE_COMMIT = "before-commit"
    """Every row is written, none is committed."""
    BEFORE_MEMORY = "before-memory"
    """The batch is committed; the market in memory still shows its slots as free."""
    BEFORE_REPLY = "before-reply"
    """The batch is committed and counted in; nobody was told."""


Reached = Callable[[KillPoint], None]
"""Told of each point the writer comes to."""


def carry_on(_point: KillPoint) -> None:
    """What production does at every point: nothing."""
