"""Edges by slot: whatever comes and goes, none is lost, and the room set aside is enough."""

from collections import Counter

import numpy as np
import pytest

from services.matching.clearing.arena import Arena, Size, arena_for, size_of
from services.matching.clearing.lines import ENTRIES_PER_LINE, OCTETS_PER_LINE
from services.matching.clearing.linking import Named, Rows, take_in
from services.matching.clearing.network import FIRST, LAST, LIMIT
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.clearing.problem import AssignmentProblem
from services.matching.clearing.takers import GONE
from tests.contract.clearing.problems import drawn

NOBODY = np.empty(0, np.int64)


def add(arena: Arena, rows: AssignmentProblem, removed: list[int]) -> None:
    """Take new demands in and let others go, without clearing."""
    demands = np.arange(arena.demands, arena.demands + rows.demands)
    used = (arena.demands, arena.used.rows, arena.used.edges)
    named = Named(demands, np.array(removed, np.int64), NOBODY, NOBODY)
    written = Rows(rows.first, rows.slots, rows.costs, rows.unmatched_costs)
    take_in(arena.network, arena.takers, arena.matching, arena.row_of, used, named, written)
    arena.grow(Size(rows.demands, 0, size_of(rows).edges), demands=rows.demands)


def by_slot(arena: Arena) -> Counter[tuple[int, int, int]]:
    """Slot, demand and cost of every edge of a demand that is there, as the slots have them."""
    takers = arena.takers
    return Counter(
        (slot, int(edge & INDEX_MASK), int(edge >> INDEX_BITS))
        for slot in range(arena.used.slots)
        for edge in takers.edges[takers.regions[slot, FIRST] : takers.regions[slot, LAST]]
        if arena.matching.potentials[edge & INDEX_MASK] != GONE
    )


def by_demand(arena: Arena) -> Counter[tuple[int, int, int]]:
    """The same, as the demands have them."""
    network = arena.network
    return Counter(
        (int(edge & INDEX_MASK), demand, int(edge >> INDEX_BITS))
        for demand in range(arena.used.rows)
        for edge in network.edges[network.first[demand] : network.last[demand]]
    )


@pytest.mark.parametrize("slots", [1, 2, 40])
@pytest.mark.parametrize("going", [0, 3, 9])
def test_slots_know_the_edges_of_the_demands_until_the_room_is_used_up(
    slots: int, going: int
) -> None:
    market = drawn(slots, demands=20, slots=slots, degree=6, dearest=9)
    arena = arena_for(market, Size(2_020, slots, size_of(market).edges + 12_000))
    for number in range(200):
        rows = drawn(number, demands=10, slots=slots, degree=6, dearest=9)
        if arena.used.edges + size_of(rows).edges > arena.capacity.edges:
            break
        add(arena, rows, list(range(10 * number, 10 * number + going)))
        takers = arena.takers
        assert takers.tail[0] <= takers.edges.size
        assert (takers.regions[:, LAST] <= takers.regions[:, LIMIT]).all()
        if number % 20 == 0:
            assert by_slot(arena) == by_demand(arena)
    assert by_slot(arena) == by_demand(arena)
    assert number > 100


def test_rows_of_both_sides_begin_where_a_line_of_the_cache_does() -> None:
    market = drawn(1, demands=20, slots=9, degree=6, dearest=9)
    arena = arena_for(market, size_of(market).with_spare())
    for number in range(20):
        add(arena, drawn(number, demands=10, slots=9, degree=6, dearest=9), [])
    for edges in (arena.network.edges, arena.takers.edges):
        assert edges.ctypes.data % OCTETS_PER_LINE == 0
    assert not (arena.network.first[: arena.used.rows] % ENTRIES_PER_LINE).any()
    assert not (arena.takers.regions[:, FIRST] % ENTRIES_PER_LINE).any()
