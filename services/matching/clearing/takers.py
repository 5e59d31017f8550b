"""Who could take a slot: the edges of a market by slot, with room for those that come later."""

from typing import Final

import numpy as np

from services.matching.clearing.lines import on_lines, unwritten
from services.matching.clearing.network import (
    FIRST,
    LAST,
    LIMIT,
    REGION_FIELDS,
    Matching,
    Network,
    Takers,
)
from services.matching.clearing.packing import INDEX_BITS, INDEX_MASK
from services.matching.engine.compiled import compiled

# A potential that no slot can serve: no sum of costs reaches it, so that searches pass by without a
# test of their own.
GONE: Final = -(1 << 60)
SPARE: Final = 4
# A full region of R entries took in R / 2 + 2 since it was made; the next one has at most 2 R + 8.
MOVED_PER_EDGE: Final = 4


@compiled
def takers_of(network: Network, slots: int, later: int) -> Takers:
    """All edges by slot, with room for ``later`` more in all."""
    regions, tail = np.zeros((slots, REGION_FIELDS), np.int64), np.zeros(1, np.int64)
    for demand in range(network.first.size):
        for edge in network.edges[network.first[demand] : network.last[demand]]:
            regions[edge & INDEX_MASK, LAST] += 1
    for slot in range(slots):
        entries, regions[slot, FIRST] = regions[slot, LAST], tail[0]
        tail[0] += _roomy(entries) if later else entries
        regions[slot, LAST], regions[slot, LIMIT] = regions[slot, FIRST], tail[0]
    edges = unwritten(tail[0] + MOVED_PER_EDGE * later)
    for demand in range(network.first.size):
        for edge in network.edges[network.first[demand] : network.last[demand]]:
            slot = edge & INDEX_MASK
            edges[regions[slot, LAST]] = _seen_from(edge, demand)
            regions[slot, LAST] += 1
    return Takers(regions, edges, tail)


@compiled
def _roomy(entries: int) -> int:
    return int(on_lines(2 * entries + SPARE))


@compiled
def _seen_from(edge: int, other: int) -> int:
    """``edge`` with the index of its other end."""
    return (edge >> INDEX_BITS << INDEX_BITS) | other


@compiled
def make_room(takers: Takers, matching: Matching, slot: int) -> None:
    """Forget demands of a full ``slot`` that are gone; move it where over three quarters stay."""
    region = takers.regions[slot]
    first, room = region[FIRST], region[LIMIT] - region[FIRST]
    kept = first
    for edge in takers.edges[first : region[LAST]]:
        if matching.potentials[edge & INDEX_MASK] != GONE:
            takers.edges[kept] = edge
            kept += 1
    entries = kept - first
    if 4 * entries > 3 * room:
        moved = takers.tail[0]
        takers.edges[moved : moved + entries] = takers.edges[first:kept]
        takers.tail[0] += _roomy(entries)
        region[FIRST], region[LIMIT] = moved, takers.tail[0]
    region[LAST] = region[FIRST] + entries


@compiled
def least_price(takers: Takers, matching: Matching, slot: int) -> int:
    """The least price of ``slot`` that no potential contradicts."""
    price = 0
    for edge in takers.edges[takers.regions[slot, FIRST] : takers.regions[slot, LAST]]:
        price = max(price, matching.potentials[edge & INDEX_MASK] - (edge >> INDEX_BITS))
    return int(price)
