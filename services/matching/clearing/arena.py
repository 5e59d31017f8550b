"""A market in arrays with room to grow, so that changes are written in place."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from services.matching.clearing.lines import room_for, row_start, unwritten
from services.matching.clearing.linking import CLOSED
from services.matching.clearing.network import (
    Matching,
    Network,
    Scratch,
    Takers,
    empty_matching,
    scratch_for,
)
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.problem import UNMATCHED, AssignmentProblem, Ints
from services.matching.clearing.takers import takers_of
from services.matching.engine.compiled import compiled

ROWS_SPARE: Final = 1_024
EDGES_SPARE: Final = 16_384


@dataclass(frozen=True, slots=True)
class Size:
    """Numbers of rows and slots, and the room of edges."""

    rows: int
    slots: int
    edges: int

    def fits(self, capacity: Self) -> bool:
        return (
            self.rows <= capacity.rows
            and self.slots <= capacity.slots
            and self.edges <= capacity.edges
        )

    def with_spare(self) -> "Size":
        """Twice the size, for what moves costs as much as what was there."""
        return Size(2 * self.rows + ROWS_SPARE, 2 * self.slots, 2 * self.edges + EDGES_SPARE)


def size_of(market: AssignmentProblem) -> Size:
    """Of all of ``market``."""
    return Size(market.demands, market.slot_count, int(room_for(market.demands, market.slots.size)))


@dataclass(slots=True)
class Arena:
    """A market and its matching. A demand that changes gets a new row; the old one is spent.

    Args:
        row_of: where in ``network`` and ``matching`` each demand stands, ``demands`` of them.
        used: how much of the arrays is in use, spent rows and edges included.
    """

    network: Network
    takers: Takers
    matching: Matching
    scratch: Scratch
    row_of: Ints
    demands: int
    used: Size

    @property
    def rows(self) -> Ints:
        return self.row_of[: self.demands]

    @property
    def capacity(self) -> Size:
        return Size(self.network.first.size, self.matching.prices.size, self.network.edges.size)

    def market(self) -> AssignmentProblem:
        """The market in compressed rows, with edges to closed slots too."""
        first, last = self.network.first[self.rows], self.network.last[self.rows]
        starts = np.zeros(self.demands + 1, np.int64)
        np.cumsum(last - first, out=starts[1:])
        places = np.arange(starts[-1]) + np.repeat(first - starts[:-1], last - first)
        edges = self.network.edges[places]
        return AssignmentProblem(
            first=starts,
            slots=(edges & INDEX_MASK).astype(np.int32),
            costs=edges >> INDEX_BITS,
            unmatched_costs=self.network.unmatched_costs[self.rows],
            slot_count=self.used.slots,
        )

    def grow(self, more: Size, *, demands: int) -> None:
        """Count ``more`` as used, by ``demands`` new ones among others."""
        used = self.used
        self.used = Size(used.rows + more.rows, used.slots + more.slots, used.edges + more.edges)
        self.demands += demands


def arena_for(market: AssignmentProblem, capacity: Size) -> Arena:
    """``market`` without a matching, in arrays of ``capacity``."""
    network = Network(
        first=np.zeros(capacity.rows, np.int64),
        last=np.zeros(capacity.rows, np.int64),
        edges=unwritten(capacity.edges),
        unmatched_costs=_padded(market.unmatched_costs, capacity.rows),
    )
    _lay_out(network, market.first, (market.costs << INDEX_BITS) | market.slots)
    used = size_of(market)
    return Arena(
        network=network,
        takers=takers_of(network, capacity.slots, capacity.edges - used.edges),
        matching=empty_matching(capacity.rows, capacity.slots),
        scratch=scratch_for(capacity.slots, capacity.edges),
        row_of=_padded(np.arange(market.demands), capacity.rows),
        demands=market.demands,
        used=used,
    )


def with_room(arena: Arena, more: Size) -> Arena:
    """``arena`` itself where ``more`` still fits, else a fresh one in the same state."""
    used = arena.used
    needed = Size(used.rows + more.rows, used.slots + more.slots, used.edges + more.edges)
    if needed.fits(arena.capacity):
        return arena
    market, rows = arena.market(), arena.rows
    held = size_of(market)
    size = Size(held.rows + more.rows, needed.slots, held.edges + more.edges)
    fresh = arena_for(market, size.with_spare())
    slot_of, demand_of, potentials, prices = fresh.matching
    slot_of[: rows.size] = arena.matching.slot_of[rows]
    potentials[: rows.size] = arena.matching.potentials[rows]
    prices[: used.slots] = arena.matching.prices[: used.slots]
    matched = np.flatnonzero(slot_of != UNMATCHED)
    demand_of[slot_of[matched]] = matched
    return fresh


def without_closed(market: AssignmentProblem, prices: Ints) -> AssignmentProblem:
    """``market`` without the edges to slots whose price says that they are closed."""
    usable = prices[market.slots] != CLOSED
    kept = np.zeros(usable.size + 1, np.int64)
    np.cumsum(usable, out=kept[1:])
    return AssignmentProblem(
        first=kept[market.first],
        slots=market.slots[usable],
        costs=market.costs[usable],
        unmatched_costs=market.unmatched_costs,
        slot_count=market.slot_count,
    )


@compiled
def _lay_out(network: Network, first: Ints, edges: Ints) -> None:
    """Write rows that lie close together to lines of their own."""
    for row in range(first.size - 1):
        start = row_start(0, first[row], row)
        network.first[row] = network.last[row] = start
        for edge in edges[first[row] : first[row + 1]]:
            network.edges[network.last[row]] = edge
            network.last[row] += 1


def _padded(values: Ints, size: int) -> Ints:
    larger = np.zeros(size, np.int64)
    larger[: values.size] = values
    return larger
