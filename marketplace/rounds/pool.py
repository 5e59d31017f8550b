"""The pure core of a round: pooled demands and free time in, who gets what out, with its proof.

A *stretch* is uninterrupted free time of a resource, cut where no window of a demand that could use
it goes on: a night between two days' windows holds nobody. An edge leads from a demand to a stretch
that lies long enough within its window, at the price of the cheapest offer there. Leaving a demand
out costs the same for all, so that a larger budget buys no precedence: more than twice the dearest
edge, so that one more demand is served where the others pay at most that much more for it.

Where no two demands fit into one stretch this is an assignment, solved and certified exactly.
Otherwise it is generalised assignment of hours: a plan with a Lagrangian bound.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from marketplace.rounds.domain import FairnessTerms, Method
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.matching.clearing.certificate import certify
from services.matching.clearing.fairness import (
    FairnessRule,
    WindowStanding,
    clear_fairly,
    fair_problem,
    true_cost,
)
from services.matching.clearing.generalised import (
    EFFORT,
    GeneralisedProblem,
    GeneralisedSolution,
    plan_capacity,
)
from services.matching.clearing.plan_certificate import plan_faults
from services.matching.clearing.problem import COST_MAX, AssignmentProblem, Indices, Ints

GRIDS: Final = (1, 5, 15, 30, 60)
"""Minutes to which loads are rounded up, the first at which a step of the bound is quick."""
CELLS_PER_STEP: Final = 1 << 24
"""Cells of the exact knapsacks that one step of the bound fills; more of them, fewer steps."""
STEPS_MIN: Final = 10


@dataclass(frozen=True, slots=True)
class Option:
    """What one offer asks for a demand on one resource; ``minutes`` it takes of each unit."""

    offer_id: OfferId
    resource_id: ResourceId
    provider_id: OrganisationId
    minutes: int
    price_minor: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A pooled demand: its window in minutes since the epoch, and what fits it."""

    organisation_id: OrganisationId
    start: int
    end: int
    units: int
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """``units`` units of a resource free from ``start`` to ``end``, in minutes since the epoch.

    Two bookings of the same unit lie ``between`` minutes apart.
    """

    resource_id: ResourceId
    start: int
    end: int
    units: int
    between: int

    @property
    def capacity(self) -> int:
        return (self.end - self.start + self.between) * self.units


@dataclass(frozen=True, slots=True)
class Standing:
    """How many windows each firm has waited, as asker and as supplier, and who runs the round."""

    asked: Mapping[OrganisationId, int]
    offered: Mapping[OrganisationId, int]
    owners: frozenset[OrganisationId]


@dataclass(frozen=True, slots=True)
class Won:
    option: Option
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class Decision:
    """``won`` and ``scarcity_minor`` are by ask; money in minor units. See ``RoundResult``."""

    won: tuple[Won | None, ...]
    scarcity_minor: tuple[int, ...]
    method: Method
    cost_minor: int
    bound_minor: int
    gap_minor: int
    cost_of_fairness_minor: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Market:
    """The edges in rows; ``options[k]`` and ``loads[k]``, in unit-minutes, are those of edge k."""

    problem: AssignmentProblem
    options: tuple[Option, ...]
    loads: Ints
    stretches: tuple[Stretch, ...]
    unit: int
    """Minor units of one unit of cost: 1 unless prices are enormous."""


@dataclass(frozen=True, slots=True)
class _Solved:
    stretch_of: Indices
    scarcity: Ints
    method: Method
    cost: int
    cost_unruled: int
    bound: int
    gap: int
    faults: tuple[str, ...]


def decide(
    asks: Sequence[Ask], stretches: Sequence[Stretch], standing: Standing, terms: FairnessTerms
) -> Decision:
    """Who gets which stretch; the same for the same arguments."""
    market = _market(asks, _cut(asks, stretches), terms)
    rule = FairnessRule(
        terms.patience_windows,
        terms.credit_per_window_minor // market.unit,
        terms.credit_max_minor // market.unit,
    )
    window = _window_standing(asks, market, standing)
    is_exclusive = _at_most_one_each(market)
    solved = (_by_slots if is_exclusive else _by_hours)(market, window, rule)
    return Decision(
        won=tuple(_won(market, solved, demand) for demand in range(len(asks))),
        scarcity_minor=tuple((solved.scarcity * market.unit).tolist()),
        method=solved.method,
        cost_minor=solved.cost * market.unit,
        bound_minor=solved.bound * market.unit,
        gap_minor=solved.gap * market.unit,
        cost_of_fairness_minor=(solved.cost - solved.cost_unruled) * market.unit,
        faults=solved.faults,
    )


def _market(asks: Sequence[Ask], stretches: tuple[Stretch, ...], terms: FairnessTerms) -> _Market:
    places: dict[ResourceId, list[int]] = {}
    for place, stretch in enumerate(stretches):
        places.setdefault(stretch.resource_id, []).append(place)
    first, slots, options, loads = [0], [], [], []
    for ask in asks:
        for option in _cheapest_each(ask.options):
            for place in places.get(option.resource_id, ()):
                stretch = stretches[place]
                common = min(ask.end, stretch.end) - max(ask.start, stretch.start)
                if common >= option.minutes and stretch.units >= ask.units:
                    slots.append(place)
                    options.append(option)
                    loads.append((option.minutes + stretch.between) * ask.units)
        first.append(len(slots))
    prices = np.array([option.price_minor for option in options], dtype=np.int64)
    unit = _unit_of_cost(int(prices.max(initial=0)), terms, len(asks))
    costs = -(-prices // unit)
    problem = AssignmentProblem(
        first=np.array(first, dtype=np.int64),
        slots=np.array(slots, dtype=np.int32),
        costs=costs,
        unmatched_costs=np.full(len(asks), 2 * int(costs.max(initial=0)) + 1),
        slot_count=len(stretches),
    )
    return _Market(problem, tuple(options), np.array(loads, dtype=np.int64), stretches, unit)


def _cut(asks: Sequence[Ask], stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """The parts of ``stretches`` inside windows that hang together."""
    windows: dict[ResourceId, set[tuple[int, int]]] = {}
    for ask in asks:
        for option in ask.options:
            windows.setdefault(option.resource_id, set()).add((ask.start, ask.end))
    parts: list[Stretch] = []
    for stretch in stretches:
        for start, end in _together(sorted(windows.get(stretch.resource_id, ()))):
            first, last = max(start, stretch.start), min(end, stretch.end)
            if first < last:
                parts.append(replace(stretch, start=first, end=last))
    return tuple(parts)


def _together(windows: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Overlapping ones of ``windows``, which come in order, as one; touching ones stay apart."""
    joined: tuple[int, int] | None = None
    for start, end in windows:
        if joined is not None and start < joined[1]:
            joined = joined[0], max(joined[1], end)
            continue
        if joined is not None:
            yield joined
        joined = start, end
    if joined is not None:
        yield joined


def _cheapest_each(options: Sequence[Option]) -> list[Option]:
    """The cheapest option of every resource, in the order of first mention."""
    best: dict[ResourceId, Option] = {}
    for option in options:
        known = best.get(option.resource_id)
        if known is None or option.price_minor < known.price_minor:
            best[option.resource_id] = option
    return list(best.values())


def _unit_of_cost(dearest: int, terms: FairnessTerms, asks: int) -> int:
    """The least power of ten in which costs with credits can be solved exactly."""
    unit = 1
    largest = 2 * (dearest + terms.credit_max_minor)
    while (largest // unit + 4) * (asks + 1) + 1 > COST_MAX:
        unit *= 10
    return unit


def _window_standing(asks: Sequence[Ask], market: _Market, standing: Standing) -> WindowStanding:
    providers: dict[int, OrganisationId] = {}
    for place, option in zip(market.problem.slots.tolist(), market.options, strict=True):
        providers[place] = option.provider_id
    of_stretch = [providers.get(place) for place in range(market.problem.slot_count)]
    waited = [standing.offered.get(one, 0) if one else 0 for one in of_stretch]
    return WindowStanding(
        demand_waited=np.array(
            [standing.asked.get(ask.organisation_id, 0) for ask in asks], dtype=np.int64
        ),
        slot_waited=np.array(waited, dtype=np.int64),
        owned=np.array([one in standing.owners for one in of_stretch], dtype=np.bool_),
    )


def _at_most_one_each(market: _Market) -> bool:
    """Whether no stretch has room for two of the demands that could take it."""
    lightest: dict[int, list[int]] = {}
    for place, load in zip(market.problem.slots.tolist(), market.loads.tolist(), strict=True):
        lightest[place] = sorted([*lightest.get(place, ()), load])[:2]
    return all(
        len(loads) == 1 or sum(loads) > market.stretches[place].capacity
        for place, loads in lightest.items()
    )


def _by_slots(market: _Market, window: WindowStanding, rule: FairnessRule) -> _Solved:
    cleared = clear_fairly(market.problem, window, rule)
    ruled = certify(cleared.problem, cleared.solution)
    unruled = certify(market.problem, cleared.unruled)
    scale = market.problem.demands + 1
    worth = cleared.solution.prices[market.problem.slots] // scale
    return _Solved(
        stretch_of=cleared.solution.slot_of,
        scarcity=_of_best_edge(market, market.problem.costs + worth, worth),
        method=Method.SLOTS,
        cost=cleared.cost,
        cost_unruled=cleared.cost_unruled,
        bound=cleared.unruled.bound,
        gap=-(-ruled.gap // scale),
        faults=(*ruled.faults, *unruled.faults),
    )


def _by_hours(market: _Market, window: WindowStanding, rule: FairnessRule) -> _Solved:
    problem = market.problem
    ruled = _of_hours(market, fair_problem(problem, window, rule))
    unruled = _of_hours(market, problem)
    plan, free = _planned(ruled), _planned(unruled)
    scale = problem.demands + 1
    demand_of_edge = np.repeat(np.arange(problem.demands), np.diff(problem.first))
    paid = np.minimum(plan.values // scale, problem.unmatched_costs)[demand_of_edge]
    return _Solved(
        stretch_of=plan.machine_of,
        scarcity=_of_best_edge(market, problem.costs, np.maximum(paid - problem.costs, 0)),
        method=Method.HOURS,
        cost=true_cost(problem, plan.machine_of),
        cost_unruled=free.cost,
        bound=free.bound,
        gap=-(-(plan.cost - plan.bound) // scale),
        faults=(*plan_faults(ruled, plan), *plan_faults(unruled, free)),
    )


def _of_hours(market: _Market, priced: AssignmentProblem) -> GeneralisedProblem:
    capacities = np.array([one.capacity for one in market.stretches], dtype=np.int64)
    cells = _cells(market, capacities)
    grid = next((one for one in GRIDS if cells // one <= CELLS_PER_STEP), GRIDS[-1])
    return GeneralisedProblem(
        first=priced.first,
        machines=priced.slots,
        costs=priced.costs,
        minutes=-(-market.loads // grid) * grid,
        unmatched_costs=priced.unmatched_costs,
        capacities=capacities // grid * grid,
    )


def _cells(market: _Market, capacities: Ints) -> int:
    degrees = np.bincount(market.problem.slots, minlength=capacities.size)
    return int((degrees * capacities).sum())


def _planned(problem: GeneralisedProblem) -> GeneralisedSolution:
    """A plan, with as many steps of the bound as there is time for."""
    degrees = np.bincount(problem.machines, minlength=problem.capacities.size)
    cells = int((degrees * (problem.capacities // problem.grid)).sum())
    steps = EFFORT * CELLS_PER_STEP // max(cells, 1)
    return plan_capacity(problem, effort=min(EFFORT, max(STEPS_MIN, steps)))


def _of_best_edge(market: _Market, totals: Ints, worth: Ints) -> Ints:
    """``worth`` at the edge of the least total of each demand; 0 for a demand without edges."""
    best = np.zeros(market.problem.demands, np.int64)
    for demand, (start, end) in enumerate(
        zip(market.problem.first[:-1], market.problem.first[1:], strict=True)
    ):
        if start < end:
            best[demand] = worth[start + int(np.argmin(totals[start:end]))]
    return best


def _won(market: _Market, solved: _Solved, demand: int) -> Won | None:
    place = int(solved.stretch_of[demand])
    if place < 0:
        return None
    edges = range(market.problem.first[demand], market.problem.first[demand + 1])
    edge = next(edge for edge in edges if market.problem.slots[edge] == place)
    return Won(market.options[edge], market.stretches[place])
