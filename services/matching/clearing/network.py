"""The arrays that the compiled kernels work on."""

from typing import Final, NamedTuple

import numpy as np

from services.matching.clearing.packing import INDEX_BITS
from services.matching.clearing.problem import UNMATCHED, AssignmentProblem, Indices, Ints
from services.matching.engine.compiled import compiled

INFINITE: Final = 1 << 61
FIRST, LAST, LIMIT, REGION_FIELDS = 0, 1, 2, 4


class Network(NamedTuple):
    """Edges by demand: ``edges[first[i]:last[i]]`` are those of demand ``i``, cost and slot."""

    first: Ints
    last: Ints
    edges: Ints
    unmatched_costs: Ints


class Takers(NamedTuple):
    """Edges by slot, cost and demand: those of slot ``j`` from ``regions[j, FIRST]`` to ``LAST``.

    Its region has room up to ``LIMIT``; a full one moves to ``tail[0]``, where unused room begins.
    Edges of demands that are gone stay until then. Bounds of a region share a line of the cache.
    """

    regions: Ints
    edges: Ints
    tail: Ints


class Matching(NamedTuple):
    """A partial assignment and its duals, changed in place.

    Kernels keep: no reduced cost ``cost + price - potential`` is negative for a placed demand;
    matched edges have reduced cost 0; a placed demand without a slot has its unmatched cost as its
    potential. What is still missing to an optimum is demands not yet placed and *loose* slots: free
    ones with a price.
    """

    slot_of: Indices
    demand_of: Indices
    potentials: Ints
    prices: Ints


class Scratch(NamedTuple):
    """Working space of the searches. ``distance`` is INFINITE throughout between searches."""

    heap: Ints
    distance: Ints
    before: Indices
    reached: Indices
    settled: Indices
    passed: Ints
    tally: Ints


def network_of(problem: AssignmentProblem) -> Network:
    return Network(
        first=problem.first[:-1],
        last=problem.first[1:],
        edges=(problem.costs << INDEX_BITS) | problem.slots,
        unmatched_costs=problem.unmatched_costs,
    )


def empty_matching(demands: int, slots: int) -> Matching:
    return Matching(
        slot_of=np.full(demands, UNMATCHED, np.int32),
        demand_of=np.full(slots, UNMATCHED, np.int32),
        potentials=np.zeros(demands, np.int64),
        prices=np.zeros(slots, np.int64),
    )


def scratch_for(slots: int, edges: int) -> Scratch:
    return Scratch(
        heap=np.empty(edges + 1, np.int64),
        distance=np.full(slots, INFINITE, np.int64),
        before=np.empty(slots, np.int32),
        reached=np.empty(slots, np.int32),
        settled=np.empty(slots, np.int32),
        passed=np.empty(edges + 1, np.int64),
        tally=np.zeros(4, np.int64),
    )


@compiled
def mean_spread(network: Network) -> int:
    """By how much the costs of one demand's edges differ, on average, rounded down."""
    total, counted = 0, 0
    for demand in range(network.first.size):
        first, last = network.first[demand], network.last[demand]
        if first < last:
            least = most = network.edges[first]
            for edge in network.edges[first:last]:
                least, most = min(least, edge), max(most, edge)
            total += (most - least) >> INDEX_BITS
            counted += 1
    return int(total // max(counted, 1))
