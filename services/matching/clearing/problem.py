"""What is cleared and what comes out: a sparse assignment problem and its certified solution.

Demands are rows, slots are columns. Every demand may stay unmatched at a cost of its own, so every
problem is feasible. As a linear program with ``v = -prices``::

    minimise   sum of costs of matched edges + sum of unmatched costs of the other demands
    maximise   sum(potentials) - sum(prices)
    subject to potentials[i] - prices[j] <= cost of edge (i, j)
               potentials[i] <= unmatched cost of demand i,  prices[j] >= 0

All arithmetic is on int64, so that optimality is exact.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]

COST_MAX: Final = 1 << 36
INDEX_MAX: Final = 1 << 24
UNMATCHED: Final = -1


@dataclass(frozen=True, slots=True)
class AssignmentProblem:
    """Demands by edges to slots, in compressed sparse rows.

    Demand ``i`` may take ``slots[k]`` at ``costs[k]`` for ``first[i] <= k < first[i + 1]``. Of
    several edges between the same two the cheapest counts. Costs are in minor units of one
    currency, |cost| <= ``COST_MAX``.

    Args:
        first: shape (demands + 1,), ascending from 0.
        slots: shape (edges,), each in [0, slot_count).
        costs: shape (edges,).
        unmatched_costs: shape (demands,), what it costs to leave the demand out.
        slot_count: at most ``INDEX_MAX``.

    Raises:
        ValueError: shapes that disagree, a slot out of range, a cost beyond ``COST_MAX``.
    """

    first: Ints
    slots: Indices
    costs: Ints
    unmatched_costs: Ints
    slot_count: int

    def __post_init__(self) -> None:
        check_rows(self.first, self.slots, self.costs, self.unmatched_costs)
        if not 0 <= self.slot_count <= INDEX_MAX or self.demands > INDEX_MAX:
            raise ValueError(f"slot_count or the number of demands is not in [0, {INDEX_MAX}]")
        if self.slots.size and not 0 <= self.slots.min() <= self.slots.max() < self.slot_count:
            raise ValueError("an edge leads to a slot that does not exist")

    @property
    def demands(self) -> int:
        return self.unmatched_costs.size


@dataclass(frozen=True, slots=True)
class SolverStatistics:
    """How much work a solution took.

    Args:
        bids: bids of the auction start.
        searches: shortest augmenting paths looked for.
        scanned: slots those searches settled, all together.
        deepest: slots settled by the largest one.
    """

    bids: int = 0
    searches: int = 0
    scanned: int = 0
    deepest: int = 0


@dataclass(frozen=True, slots=True)
class AssignmentSolution:
    """An assignment with the dual solution that proves it optimal.

    Args:
        slot_of: shape (demands,), the slot of each demand or ``UNMATCHED``.
        potentials: shape (demands,), dual u in minor units.
        prices: shape (slots,), dual -v in minor units, never negative, 0 for a free slot.
        statistics: the work it took.
    """

    slot_of: Indices
    potentials: Ints
    prices: Ints
    statistics: SolverStatistics

    @property
    def bound(self) -> int:
        """The dual objective: no assignment costs less."""
        return int(self.potentials.sum() - self.prices.sum())


def check_rows(first: Ints, slots: Indices, costs: Ints, unmatched_costs: Ints) -> None:
    """Raise ValueError unless the four arrays describe rows of edges."""
    types = [array.dtype.name for array in (first, slots, costs, unmatched_costs)]
    if types != ["int64", "int32", "int64", "int64"]:
        raise ValueError(f"arrays are int64, int32, int64, int64, not {types}")
    if first.size != unmatched_costs.size + 1 or slots.size != costs.size:
        raise ValueError("the arrays disagree about how many demands or edges there are")
    if first[0] != 0 or first[-1] != slots.size or (np.diff(first) < 0).any():
        raise ValueError("first does not ascend from 0 to the number of edges")
    for values in (costs, unmatched_costs):
        if values.size and not -COST_MAX <= values.min() <= values.max() <= COST_MAX:
            raise ValueError(f"a cost is beyond {COST_MAX}")
