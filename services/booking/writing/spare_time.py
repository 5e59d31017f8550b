"""Free time of single-unit resources while a batch is decided: what it takes is gone for the rest.

Times are whole minutes since 1970-01-01T00:00Z, intervals half-open.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter


class SpareTime:
    """The gaps of one resource, disjoint and in order.

    Args:
        gaps: ``(start, end)`` each, buffers already kept clear.
        apart: minutes to be left between a slot and the next one, either side.
    """

    __slots__ = ("_apart", "_ends", "_starts")

    def __init__(self, gaps: Sequence[Sequence[int]], *, apart: int) -> None:
        ordered = sorted(gaps, key=itemgetter(0))
        self._starts = [gap[0] for gap in ordered]
        self._ends = [gap[1] for gap in ordered]
        self._apart = apart

    @property
    def gaps(self) -> tuple[list[int], list[int]]:
        """Their starts and their ends."""
        return self._starts, self._ends

    def has_room(self, start: int, end: int) -> bool:
        """Whether ``[start, end)`` lies inside one gap."""
        index = bisect_right(self._starts, start) - 1
        return index >= 0 and end <= self._ends[index]

    def earliest(self, minutes: int, *, opens: int, closes: int) -> int | None:
        """The first start of a slot of ``minutes`` inside ``[opens, closes)``."""
        for index in range(bisect_right(self._ends, opens), len(self._starts)):
            start = max(self._starts[index], opens)
            if start + minutes > closes:
                return None
            if start + minutes <= self._ends[index]:
                return start
        return None

    def take(self, start: int, end: int) -> None:
        """Remove the slot and what must be left clear around it."""
        start, end = start - self._apart, end + self._apart
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        if first >= last:
            return
        pieces = [(self._starts[first], start), (end, self._ends[last - 1])]
        kept = [piece for piece in pieces if piece[0] < piece[1]]
        self._starts[first:last] = [piece[0] for piece in kept]
        self._ends[first:last] = [piece[1] for piece in kept]
