"""A binary min-heap of distances packed with their slots (see ``packing``), one int64 each."""

from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled


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
