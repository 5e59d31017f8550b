"""Exponential backoff with full jitter, so that many agents do not return in step."""

from collections.abc import Callable

from edge.clock import draw_jitter

FIRST_DELAY_S = 1.0
MIN_SHARE = 0.1
"""No retry follows sooner than this share of the ceiling: a refused port answers at once."""


class Backoff:
    """Delays of up to 1 s, 2 s, 4 s … ``max_s``; ``reset`` after a success."""

    def __init__(self, *, max_s: float, jitter: Callable[[], float] = draw_jitter) -> None:
        self.max_s = max_s
        self._jitter = jitter
        self._ceiling_s = min(FIRST_DELAY_S, max_s)

    def next_delay_s(self) -> float:
        ceiling_s = self._ceiling_s
        self._ceiling_s = min(ceiling_s * 2, self.max_s)
        return ceiling_s * (MIN_SHARE + (1 - MIN_SHARE) * self._jitter())

    def reset(self) -> None:
        self._ceiling_s = min(FIRST_DELAY_S, self.max_s)
