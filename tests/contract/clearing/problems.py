"""Assignment problems: drawn by hypothesis, from a seed, and solved by trying everything."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from services.matching.clearing.problem import AssignmentProblem

Edges = Mapping[int, int]


def problem(rows: Sequence[tuple[Edges, int]], slots: int) -> AssignmentProblem:
    """Every row its costs by slot and the cost of being left out."""
    return AssignmentProblem(
        first=np.cumsum([0, *(len(edges) for edges, _ in rows)], dtype=np.int64),
        slots=np.array([slot for edges, _ in rows for slot in edges], dtype=np.int32),
        costs=np.array([cost for edges, _ in rows for cost in edges.values()], dtype=np.int64),
        unmatched_costs=np.array([left_out for _, left_out in rows], dtype=np.int64),
        slot_count=slots,
    )


@st.composite
def problems(draw: Any, *, demands_max: int = 7, slots_max: int = 6) -> AssignmentProblem:
    slots = draw(st.integers(0, slots_max))
    cost = st.integers(-3, draw(st.sampled_from([0, 3, 50])))
    edges = st.dictionaries(st.integers(0, slots - 1), cost) if slots else st.just({})
    rows = draw(st.lists(st.tuples(edges, cost), max_size=demands_max))
    return problem(rows, slots)


def drawn(seed: int, *, demands: int, slots: int, degree: int, dearest: int) -> AssignmentProblem:
    """A larger one, contended when there are fewer slots than demands."""
    random = np.random.default_rng(seed)
    first = np.zeros(demands + 1, dtype=np.int64)
    np.cumsum(random.integers(0, degree + 1, demands), out=first[1:])
    edges = int(first[-1])
    return AssignmentProblem(
        first=first,
        slots=random.integers(0, slots, edges).astype(np.int32),
        costs=random.integers(0, dearest + 1, edges),
        unmatched_costs=random.integers(0, 2 * dearest + 1, demands),
        slot_count=slots,
    )


def least_cost(one: AssignmentProblem) -> int:
    """The optimum, by trying every choice of every demand."""

    @cache
    def rest(demand: int, taken: int) -> int:
        if demand == one.demands:
            return 0
        options = [int(one.unmatched_costs[demand]) + rest(demand + 1, taken)]
        for edge in range(one.first[demand], one.first[demand + 1]):
            bit = 1 << int(one.slots[edge])
            if not taken & bit:
                options.append(int(one.costs[edge]) + rest(demand + 1, taken | bit))
        return min(options)

    return rest(0, 0)
