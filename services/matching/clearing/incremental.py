"""Clear again after a few changes, from the duals and the matching as they stand.

Only what changed is taken out of the matching; what is left stays optimal for what is left. Changed
and new demands are placed by one shortest path each, slots that lost their demand are settled by
one each (I. Toroslu, G. Ucoluk, "Incremental assignment problem", Information Sciences 177, 2007).
Work follows the number of changes, not the size of the market.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from services.matching.clearing.arena import (
    Size,
    arena_for,
    size_of,
    with_room,
    without_closed,
)
from services.matching.clearing.auction import bid_exactly
from services.matching.clearing.demand_search import place_demands
from services.matching.clearing.lines import room_for
from services.matching.clearing.linking import CLOSED, Named, Rows, take_in
from services.matching.clearing.network import Matching, Network, Scratch, Takers
from services.matching.clearing.problem import (
    AssignmentProblem,
    AssignmentSolution,
    Ints,
    SolverStatistics,
)
from services.matching.clearing.slot_search import settle_slots
from services.matching.clearing.solver import clear, statistics_of
from services.matching.clearing.takers import GONE
from services.matching.engine.compiled import compiled

COMPLAINTS: Final = (
    "",
    "a demand does not exist",
    "a demand is named twice",
    "a slot does not exist",
    "a slot is named twice",
    "new demands do not take the next indices",
)
NO_DEMAND, TWICE_DEMAND, NO_SLOT, TWICE_SLOT, NOT_NEXT = range(1, len(COMPLAINTS))
NOBODY: Final = np.empty(0, np.int64)
NO_ROWS: Final = AssignmentProblem(
    np.zeros(1, np.int64), np.empty(0, np.int32), NOBODY, NOBODY, slot_count=0
)


@dataclass(frozen=True, slots=True)
class MarketChanges:
    """What happened since the last clearing. Demands and slots are named by their index.

    Args:
        demands: shape (rows.demands,), whose row is replaced. An index one past the last adds a
            demand, the next another one, and so on.
        rows: their new rows. A ``slot_count`` beyond the market's adds slots.
        removed: demands that go. They keep their index, without edges and without cost.
        closed: slots nobody may take any more.
        opened: closed slots that may be taken again, with the edges they had.
    """

    demands: Ints = field(default_factory=lambda: NOBODY)
    rows: AssignmentProblem = NO_ROWS
    removed: Ints = field(default_factory=lambda: NOBODY)
    closed: Ints = field(default_factory=lambda: NOBODY)
    opened: Ints = field(default_factory=lambda: NOBODY)


class LiveClearing:
    """A market that stays cleared while it changes. Not to be shared between threads."""

    def __init__(self, problem: AssignmentProblem) -> None:
        arena = self._arena = arena_for(problem, size_of(problem).with_spare())
        clear(arena.network, arena.matching, arena.scratch, arena.takers)

    @property
    def problem(self) -> AssignmentProblem:
        """The market as it now is, without edges to closed slots."""
        return without_closed(self._arena.market(), self._arena.matching.prices)

    @property
    def solution(self) -> AssignmentSolution:
        """The optimum of :attr:`problem`, with the statistics of the last change."""
        arena = self._arena
        potentials = arena.matching.potentials[arena.rows]
        prices = arena.matching.prices[: arena.used.slots]
        return AssignmentSolution(
            slot_of=arena.matching.slot_of[arena.rows],
            potentials=np.where(potentials == GONE, 0, potentials),
            prices=np.where(prices == CLOSED, 0, prices),
            statistics=statistics_of(arena.scratch),
        )

    def apply(self, changes: MarketChanges) -> SolverStatistics:
        """Bring the market up to date and the matching back to its optimum.

        Returns:
            The work it took.

        Raises:
            ValueError: an index that does not exist or is named twice. Nothing has changed then.
        """
        rows = changes.rows
        named = Named(changes.demands, changes.removed, changes.closed, changes.opened)
        used = self._arena.used
        room = room_for(rows.demands, rows.slots.size)
        more = Size(rows.demands, max(0, rows.slot_count - used.slots), room)
        added = _demands_added(named, self._arena.demands, used.slots + more.slots, rows.demands)
        arena = self._arena = with_room(self._arena, more)
        _clear_again(
            arena.network,
            arena.takers,
            arena.matching,
            arena.scratch,
            arena.row_of,
            (arena.demands, arena.used.rows, arena.used.edges),
            named,
            Rows(rows.first, rows.slots, rows.costs, rows.unmatched_costs),
        )
        arena.grow(more, demands=added)
        return statistics_of(arena.scratch)


@compiled
def _clear_again(
    network: Network,
    takers: Takers,
    matching: Matching,
    scratch: Scratch,
    row_of: Ints,
    used: tuple[int, int, int],
    named: Named,
    rows: Rows,
) -> None:
    """Make the changes, place what waits and settle what is loose: one call, one unpacking."""
    scratch.tally[:] = 0
    waiting, loose = take_in(network, takers, matching, row_of, used, named, rows)
    left = bid_exactly(network, matching, scratch, waiting)
    place_demands(network, matching, scratch, waiting[:left])
    settle_slots(takers, matching, scratch, loose)


def _demands_added(named: Named, known: int, slots: int, rows: int) -> int:
    """How many of the demands named are new ones.

    Raises:
        ValueError: see :meth:`LiveClearing.apply`.
    """
    if named.demands.size != rows:
        raise ValueError("there are not as many demands as rows")
    added, complaint = _look_through(named, known, slots)
    if complaint:
        raise ValueError(COMPLAINTS[complaint])
    return added


@compiled
def _look_through(named: Named, known: int, slots: int) -> tuple[int, int]:
    """How many demands are new; what is wrong, a place in ``COMPLAINTS`` or 0."""
    added = 0
    for demand in named.demands:
        added += demand >= known
    for demand in named.removed:
        if demand >= known:
            return added, NO_DEMAND
    demands = np.concatenate((named.demands, named.removed))
    if demands.size and demands.max() >= known + added:
        return added, NOT_NEXT
    missing, repeated = _strays(demands, known + added)
    if missing or repeated:
        return added, NO_DEMAND if missing else TWICE_DEMAND
    missing, repeated = _strays(np.concatenate((named.closed, named.opened)), slots)
    if missing or repeated:
        return added, NO_SLOT if missing else TWICE_SLOT
    return added, 0


@compiled
def _strays(named: Ints, count: int) -> tuple[bool, bool]:
    """Whether one of ``named`` is not below ``count``, and whether two are the same."""
    if named.size == 0:
        return False, False
    seen, repeated = np.zeros(count, np.bool_), False
    for index in named:
        if not 0 <= index < count:
            return True, False
        repeated |= seen[index]
        seen[index] = True
    return False, repeated
