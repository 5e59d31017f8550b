"""What both searches share: which slot is next, and leaving no trace."""

from services.matching.clearing.heap import heap_pop
from services.matching.clearing.network import INFINITE, Scratch
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled


@compiled
def nearest(heap: Ints, distance: Ints, queued: int, limit: int) -> tuple[int, int]:
    """The nearest slot not yet settled, -1 if none is nearer than ``limit``; the queue's length."""
    while queued > 0:
        key = heap_pop(heap, queued)
        queued -= 1
        slot, reach = key & INDEX_MASK, key >> INDEX_BITS
        if reach >= limit:
            return -1, 0
        if reach == distance[slot]:
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
