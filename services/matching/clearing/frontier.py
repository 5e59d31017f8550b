"""What both searches share: how far a tree has grown, which slot is next, and its end."""

from typing import NamedTuple

from services.matching.clearing.heap import heap_pop
from services.matching.clearing.network import INFINITE, Scratch
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.engine.compiled import compiled


class Front(NamedTuple):
    """A tree's edge: its best end so far and that end's distance, lengths of queue and list."""

    limit: int
    end: int
    queued: int
    reached: int


@compiled
def nearest(scratch: Scratch, queued: int, limit: int) -> tuple[int, int]:
    """The nearest slot not yet settled, -1 if none is nearer than ``limit``; the queue's length."""
    while queued > 0:
        key = heap_pop(scratch.heap, queued)
        queued -= 1
        slot, distance = key & INDEX_MASK, key >> INDEX_BITS
        if distance >= limit:
            return -1, 0
        if distance == scratch.distance[slot]:
            # An older entry of the same slot is farther than this and is passed over.
            return slot, queued
    return -1, 0


@compiled
def fell_tree(scratch: Scratch, reached: int, settled: int) -> None:
    """Leave no distance behind for the next tree, and count this one."""
    for place in range(reached):
        scratch.distance[scratch.reached[place]] = INFINITE
    scratch.tally[1] += 1
    scratch.tally[2] += settled
    scratch.tally[3] = max(scratch.tally[3], settled)
