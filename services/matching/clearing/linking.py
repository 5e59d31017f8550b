"""Change demands and slots in place, and note what has to be repaired for it."""

from typing import Final, NamedTuple

import numpy as np

from services.matching.clearing.lines import row_start
from services.matching.clearing.network import LAST, LIMIT, REGION_FIELDS, Matching, Network, Takers
from services.matching.clearing.packing import INDEX_BITS
from services.matching.clearing.problem import Indices, Ints
from services.matching.clearing.takers import GONE, least_price, make_room
from services.matching.engine.compiled import compiled, prefetch

# A price at which nobody takes a slot: no sum of costs reaches it, as with ``GONE``.
CLOSED: Final = 1 << 60


EDGES_AHEAD: Final = 12


class Named(NamedTuple):
    """What changes, by index: demands with a new row, demands that go, slots that close or open."""

    demands: Ints
    removed: Ints
    closed: Ints
    opened: Ints


class Rows(NamedTuple):
    """Compressed rows of the demands that get a new one."""

    first: Ints
    slots: Indices
    costs: Ints
    unmatched_costs: Ints


@compiled
def take_in(
    network: Network,
    takers: Takers,
    matching: Matching,
    row_of: Ints,
    used: tuple[int, int, int],
    named: Named,
    rows: Rows,
) -> tuple[Ints, Ints]:
    """Make the changes. ``used``: demands, rows and edges so far.

    Returns:
        The rows that wait for a place; the slots that may have become loose.
    """
    demands, used_rows, used_edges = used
    waiting = np.empty(named.demands.size + named.closed.size, np.int64)
    vacated = np.empty(named.demands.size + named.removed.size + named.opened.size, np.int64)
    out = 0
    for demand in named.removed:
        vacated[out] = _retire(network, matching, row_of[demand])
        out += 1
    for place in range(named.demands.size):
        demand = named.demands[place]
        if demand < demands:
            vacated[out] = _retire(network, matching, row_of[demand])
            out += 1
        row_of[demand] = waiting[place] = used_rows + place
    _add_rows(network, takers, matching, used_rows, used_edges, rows)
    placeless = named.demands.size
    for slot in named.closed:
        waiting[placeless] = _close(matching, slot)
        placeless += waiting[placeless] >= 0
    for slot in named.opened:
        _open(takers, matching, slot)
        vacated[out] = slot
        out += 1
    return waiting[:placeless], _still_free(matching, vacated[:out])


@compiled
def _still_free(matching: Matching, vacated: Ints) -> Ints:
    """Those of ``vacated`` that are slots and not closed."""
    free = 0
    for slot in vacated:
        if slot >= 0 and matching.prices[slot] != CLOSED:
            vacated[free] = slot
            free += 1
    return vacated[:free]


@compiled
def _retire(network: Network, matching: Matching, row: int) -> int:
    """Let the demand of ``row`` be gone; the slot it held, or -1."""
    network.last[row] = network.first[row]
    network.unmatched_costs[row] = 0
    matching.potentials[row] = GONE
    slot = matching.slot_of[row]
    matching.slot_of[row] = -1
    if slot >= 0:
        matching.demand_of[slot] = -1
    return int(slot)


@compiled
def _add_rows(
    network: Network, takers: Takers, matching: Matching, row: int, used: int, rows: Rows
) -> None:
    """Write ``rows`` from ``row`` on, their edges from ``used`` on, each on lines of its own."""
    first, slots, costs, unmatched_costs = rows
    for place in range(unmatched_costs.size):
        demand = row + place
        start = row_start(used, first[place], place)
        network.first[demand] = start
        network.last[demand] = start + first[place + 1] - first[place]
        network.unmatched_costs[demand] = unmatched_costs[place]
    edges, regions, noted = network.edges, takers.regions, takers.edges
    for place in range(unmatched_costs.size):
        start = network.first[row + place] - first[place]
        for edge in range(first[place], first[place + 1]):
            # Where each is, then the place it will be written to, before it is.
            if edge + 2 * EDGES_AHEAD < slots.size:
                prefetch(regions, slots[edge + 2 * EDGES_AHEAD] * REGION_FIELDS)
                prefetch(noted, regions[slots[edge + EDGES_AHEAD], LAST])
            slot, cost = slots[edge], costs[edge] << INDEX_BITS
            edges[start + edge] = cost | slot
            if regions[slot, LAST] == regions[slot, LIMIT]:
                make_room(takers, matching, slot)
            noted[regions[slot, LAST]] = cost | (row + place)
            regions[slot, LAST] += 1


@compiled
def _close(matching: Matching, slot: int) -> int:
    """Nobody may take ``slot`` any more; the demand that held it, or -1."""
    demand = matching.demand_of[slot]
    matching.demand_of[slot] = -1
    matching.prices[slot] = CLOSED
    if demand >= 0:
        matching.slot_of[demand] = -1
    return int(demand)


@compiled
def _open(takers: Takers, matching: Matching, slot: int) -> None:
    """Open ``slot``, if it is closed, at the least price that no potential contradicts."""
    if matching.prices[slot] == CLOSED:
        matching.prices[slot] = least_price(takers, matching, slot)
