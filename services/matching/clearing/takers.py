"""Who could take a slot: the edges of a market by slot, with room for those that come later."""

from typing import Final

import numpy as np

from services.matching.clearing.lines import on_lines, unwritten
from services.matching.clearing.network import Matching, Network, Takers
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
    last = np.zeros(slots, np.int64)
    for demand in range(network.first.size):
        for edge in network.edges[network.first[demand] : network.last[demand]]:
            last[edge & INDEX_MASK] += 1
    first, limit, tail = np.empty(slots, np.int64), np.empty(slots, np.int64), np.zeros(1, np.int64)
    for slot in range(slots):
        first[slot] = tail[0]
        tail[0] += _roomy(last[slot]) if later else last[slot]
        last[slot], limit[slot] = first[slot], tail[0]
    edges = unwritten(tail[0] + MOVED_PER_EDGE * later)
    for demand in range(network.first.size):
        for edge in network.edges[network.first[demand] : network.last[demand]]:
            slot = edge & INDEX_MASK
            edges[last[slot]] = _seen_from(edge, demand)
            last[slot] += 1
    return Takers(first, last, limit, edges, tail)


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
    first, room = takers.first[slot], takers.limit[slot] - takers.first[slot]
    kept = first
    for edge in takers.edges[first : takers.last[slot]]:
        if matching.potentials[edge & INDEX_MASK] != GONE:
            takers.edges[kept] = edge
            kept += 1
    entries = kept - first
    if 4 * entries > 3 * room:
        moved = takers.tail[0]
        takers.edges[moved : moved + entries] = takers.edges[first:kept]
        takers.tail[0] += _roomy(entries)
        takers.first[slot], takers.limit[slot] = moved, takers.tail[0]
    takers.last[slot] = takers.first[slot] + entries


@compiled
def least_price(takers: Takers, matching: Matching, slot: int) -> int:
    """The least price of ``slot`` that no potential contradicts."""
    price = 0
    for edge in takers.edges[takers.first[slot] : takers.last[slot]]:
        price = max(price, matching.potentials[edge & INDEX_MASK] - (edge >> INDEX_BITS))
    return int(price)
