"""Telling the story: one line per promise with its measured time, kept or broken."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from rich.console import Console

POLL_S: Final = 0.05
Found = TypeVar("Found")


class BrokenPromiseError(Exception):
    """The platform did not do what it promises; says what and where."""


@dataclass(slots=True)
class Line:
    """One kept promise as the summary shows it."""

    title: str
    seconds: float
    detail: str = ""


@dataclass(slots=True)
class Teller:
    """Prints each promise as it is kept, and remembers it for the summary."""

    console: Console
    lines: list[Line] = field(default_factory=list)

    @contextmanager
    def promise(self, title: str) -> Iterator[Line]:
        """Time the block; it may fill in the line's ``detail``.

        Raises:
            BrokenPromiseError: the block raised it; the line is printed as broken first.
        """
        line = Line(title, 0.0)
        began = time.monotonic()
        try:
            with self.console.status(title):
                yield line
        except Exception:
            self.console.print(f"[bold red]✗[/] {title}")
            raise
        line.seconds = time.monotonic() - began
        self.lines.append(line)
        detail = f"  [dim]{line.detail}[/]" if line.detail else ""
        self.console.print(f"[green]✓[/] {title} [cyan]{line.seconds:.2f} s[/]{detail}")


def await_truth(
    ask: Callable[[], Found | None], *, within_s: float, what: str, where: str
) -> Found:
    """The first answer that is neither ``None`` nor false.

    Raises:
        BrokenPromiseError: none came in time.
    """
    deadline = time.monotonic() + within_s
    while True:
        found = ask()
        if found:
            return found
        if time.monotonic() > deadline:
            raise BrokenPromiseError(f"{what} did not happen within {within_s:g} s ({where})")
        time.sleep(POLL_S)


def insist(*, holds: bool, what: str, where: str) -> None:
    """Check a promise at once.

    Raises:
        BrokenPromiseError: ``holds`` is false.
    """
    if not holds:
        raise BrokenPromiseError(f"{what} ({where})")
