"""Rows that begin where a line of the cache does, so that reading one takes as few as can be."""

from typing import Final

import numpy as np

from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled

ENTRIES_PER_LINE: Final = 8
OCTETS_PER_LINE: Final = 64


@compiled
def on_lines(entries: int) -> int:
    """``entries`` rounded up to whole lines."""
    return (entries + ENTRIES_PER_LINE - 1) // ENTRIES_PER_LINE * ENTRIES_PER_LINE


@compiled
def row_start(used: int, first: int, place: int) -> int:
    """Where row ``place`` of those written from ``used`` on begins, its entries from ``first``."""
    return int(on_lines(used + first + place * (ENTRIES_PER_LINE - 1)))


@compiled
def room_for(rows: int, entries: int) -> int:
    """What ``rows`` with ``entries`` in all take at most, each from the beginning of a line."""
    return entries + rows * (ENTRIES_PER_LINE - 1)


@compiled
def unwritten(size: int) -> Ints:
    """An array of ``size`` whose first entry begins a line."""
    wide = np.empty(size + ENTRIES_PER_LINE, np.int64)
    skipped = (-wide.ctypes.data % OCTETS_PER_LINE) // wide.itemsize
    return wide[skipped : skipped + size]
