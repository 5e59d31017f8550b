"""Clear again after a few changes, from the duals and the matching as they stand.

Only what changed is taken out of the matching; what is left stays optimal for what is left. Changed
and new demands are placed by one shortest path each, slots that lost their demand are settled by
one each (I. Toroslu, G. Ucoluk, "Incremental assignment problem", Information Sciences 177, 2007).
Work follows the number of changes, not the size of the market.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from services.matching.clearing.arena import Arena, Size, arena_for, with_room, without_closed
from services.matching.clearing.demand_search import place_demands
from services.matching.clearing.linking import (
    CLOSED,
    GONE,
    add_demands,
    close_slots,
    open_slots,
    retire,
)
from services.matching.clearing.problem import (
    AssignmentProblem,
    AssignmentSolution,
    Ints,
    SolverStatistics,
)
from services.matching.clearing.slot_search import settle_slots
from services.matching.clearing.solver import bid_exactly, clear, statistics_of
from services.matching.engine.compiled import compiled

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
        size = Size(problem.demands, problem.slot_count, problem.slots.size)
        arena = self._arena = arena_for(problem, size.with_spare())
        clear(arena.network, arena.matching, arena.scratch, arena.takers)

    @property
    def problem(self) -> AssignmentProblem:
        """The market as it now is, without edges to closed slots."""
        return without_closed(self._arena.market(), self._arena.matching.prices)

    @property
    def solution(self) -> AssignmentSolution:
        """The optimum of :attr:`problem`, with the statistics of the last change."""
        arena = self._arena
        potentials = arena.matching.potentials[arena.row_of]
        prices = arena.matching.prices[: arena.used.slots]
        return AssignmentSolution(
            slot_of=arena.matching.slot_of[arena.row_of],
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
        _check(self._arena, changes)
        new_slots = max(0, changes.rows.slot_count - self._arena.used.slots)
        more = Size(changes.rows.demands, new_slots, changes.rows.slots.size)
        arena = self._arena = with_room(self._arena, more)
        waiting, loose = _take_in(arena, changes, more)
        arena.scratch.tally[:] = 0
        waiting = bid_exactly(arena.network, arena.matching, arena.scratch, waiting)
        place_demands(arena.network, arena.matching, arena.scratch, waiting)
        settle_slots(arena.takers, arena.matching, arena.scratch, loose)
        return statistics_of(arena.scratch)


def _take_in(arena: Arena, changes: MarketChanges, more: Size) -> tuple[Ints, Ints]:
    """Make the changes; the rows that wait for a place, and slots that may have become loose."""
    network, takers, matching, used = arena.network, arena.takers, arena.matching, arena.used
    known = changes.demands[changes.demands < arena.row_of.size]
    spent = arena.row_of[np.concatenate([known, changes.removed])]
    vacated = retire(network, matching, spent)
    rows = changes.rows
    add_demands(
        network,
        takers,
        used.rows,
        used.edges,
        rows.first,
        rows.slots,
        rows.costs,
        rows.unmatched_costs,
    )
    arena.used = Size(used.rows + more.rows, used.slots + more.slots, used.edges + more.edges)
    added = np.arange(used.rows, arena.used.rows)
    if known.size < added.size:
        arena.row_of = np.append(arena.row_of, added[known.size :])
    arena.row_of[changes.demands] = added
    evicted = close_slots(matching, changes.closed)
    open_slots(takers, matching, changes.opened)
    waiting = np.concatenate([added, evicted[evicted >= 0]])
    loose = np.concatenate([vacated[vacated >= 0], changes.opened])
    return waiting, loose[matching.prices[loose] != CLOSED]


def _check(arena: Arena, changes: MarketChanges) -> None:
    if changes.demands.size != changes.rows.demands:
        raise ValueError("there are not as many demands as rows")
    known = arena.row_of.size
    demands = max(known, int(changes.demands.max(initial=-1)) + 1)
    if demands - known != np.count_nonzero(changes.demands >= known):
        raise ValueError("new demands do not take the next indices")
    slots = max(arena.used.slots, changes.rows.slot_count)
    named = np.concatenate([changes.demands, changes.removed])
    _check_distinct("demand", named, demands)
    _check_distinct("slot", np.concatenate([changes.closed, changes.opened]), slots)
    if changes.removed.max(initial=-1) >= known:
        raise ValueError("a removed demand does not exist")


def _check_distinct(what: str, indices: Ints, count: int) -> None:
    missing, repeated = _strays(indices, count)
    if missing:
        raise ValueError(f"a {what} does not exist")
    if repeated:
        raise ValueError(f"a {what} is named twice")


@compiled
def _strays(indices: Ints, count: int) -> tuple[int, int]:
    """How many indices are not below ``count``, and how many are repeated."""
    seen = np.zeros(count, np.bool_)
    missing = repeated = 0
    for index in indices:
        if not 0 <= index < count:
            missing += 1
        elif seen[index]:
            repeated += 1
        else:
            seen[index] = True
    return missing, repeated
