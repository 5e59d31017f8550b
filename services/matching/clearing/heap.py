"""A binary min-heap of (distance, slot) packed into one int64 each.

The slot stands in the low 24 bits (``SLOTS_MAX``), the distance above; distances of a search stay
below twice ``COST_MAX``, so both fit. One array of integers halves the memory touched per step.
"""

from services.matching.clearing.compiled import compiled
from services.matching.clearing.problem import Ints

SLOT_BITS = 24
SLOT_MASK = (1 << SLOT_BITS) - 1


@compiled
def heap_push(heap: Ints, size: int, key: int) -> int:
    """Put ``key`` among the first ``size`` entries; the new size."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if heap[parent] <= key:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = key
    return size + 1


@compiled
def heap_pop(heap: Ints, size: int) -> int:
    """Take the least of ``size`` entries, at least one; ``size - 1`` are left."""
    least = heap[0]
    size -= 1
    key = heap[size]
    place = 0
    child = 1
    while child < size:
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = key
    return int(least)
