"""The best way of a process chain through several firms, exact over the top candidates per step.

Whoever is ready earlier finishes no later, so of two ways to the same stop one that ends no later
and costs no more replaces the other. What is left at a stop is its *front*; the best way is on the
front of the last step. Fronts are whole unless one outgrows ``FRONT_MAX``: then the least promising
ways are dropped, and the smallest value any of them could have reached is the bound reported.

Minutes are whole, since the epoch, as in ``services.matching.engine.interface``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.money import Money
from services.matching.domain import (
    Candidate,
    Constraint,
    MatchResult,
    Place,
    Requirement,
)
from services.matching.engine.interface import (
    EPOCH,
    MINUTE,
    FreeGap,
    OfferedResource,
    ceil_minute,
    floor_minute,
    instant_of,
)
from services.matching.engine.slots import search
from services.matching.transport import DEFAULT_TRANSPORT, Transport

STEPS_MAX: Final = 6
STOPS_MAX: Final = 50
"""Candidates of one step that are weighed."""
FRONT_MAX: Final = 500
"""Ways kept at one stop."""


class ChainInvalidError(DomainError):
    code: ClassVar[str] = "chain-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The process chain cannot be routed: {en}."
    zh: ClassVar[str] = "该工艺链无法规划路线：{zh}。"


class Objective(StrEnum):
    """What a route is best by; the other decides between equals."""

    EARLIEST = "earliest"
    CHEAPEST = "cheapest"


@dataclass(frozen=True, slots=True)
class Stop:
    """A candidate for one step; ``free`` is where its slot may lie, in any order.

    It is occupied for ``setup`` minutes before the work, and free again ``turnaround`` minutes
    after it for the next step of the same chain: its buffers, which ``free`` is clear of already.
    """

    offer_id: OfferId
    resource_id: ResourceId
    organisation_id: OrganisationId
    place: Place | None
    price: Money
    free: tuple[FreeGap, ...]
    setup: int = 0
    turnaround: int = 0


@dataclass(frozen=True, slots=True)
class ChainStep:
    """What one step asks and its top candidates; ``truncated`` when more listings fit than these.

    Only the minutes, units, window and currency of the requirement matter here: the stops fit the
    rest of it.
    """

    requirement: Requirement
    stops: tuple[Stop, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps in order, from ``origin`` and to ``destination`` where these are given.

    Raises:
        ChainInvalidError: no step, more than ``STEPS_MAX``, more stops than ``STOPS_MAX`` at one,
            or several currencies.
    """

    steps: tuple[ChainStep, ...]
    origin: Place | None = None
    destination: Place | None = None

    def __post_init__(self) -> None:
        for holds, en, zh in self._rules():
            if not holds:
                raise ChainInvalidError(en=en, zh=zh)

    def _rules(self) -> tuple[tuple[bool, str, str], ...]:
        steps = self.steps
        currencies = {one.requirement.currency for one in steps}
        priced = {stop.price.currency for one in steps for stop in one.stops}
        most = max((len(one.stops) for one in steps), default=0)
        return (
            (
                1 <= len(steps) <= STEPS_MAX,
                f"it has {len(steps)} steps; give 1 to {STEPS_MAX}",
                f"共 {len(steps)} 个工序；应为 1 至 {STEPS_MAX} 个",
            ),
            (
                most <= STOPS_MAX,
                f"a step has {most} candidates; give at most {STOPS_MAX}",
                f"某工序有 {most} 个候选；最多 {STOPS_MAX} 个",
            ),
            (
                len(currencies | priced) <= 1,
                "its prices are in several currencies; ask for one",
                "价格涉及多种货币；请统一货币",
            ),
        )


@dataclass(frozen=True, slots=True)
class Leg:
    """One step at one stop; ``transport_minutes`` is the trip there, before ``start``.

    Of the time from ``start`` to ``end`` the first ``setup_minutes`` are set-up.
    """

    offer_id: OfferId
    resource_id: ResourceId
    organisation_id: OrganisationId
    start: datetime
    end: datetime
    price: Money
    transport_minutes: int
    setup_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A way through the whole chain.

    ``delivered`` is the last leg's end and the trip to the destination; ``lead`` runs until then
    from when the chain could begin.
    """

    legs: tuple[Leg, ...]
    price: Money
    delivered: datetime
    lead: timedelta


@dataclass(frozen=True, slots=True)
class Routing:
    """The best route, ``None`` when the stops given allow none, and what proves it.

    ``value`` is the objective's (minor units, or minutes of lead), ``bound`` what no route over
    the stops given can be below; both ``None`` without one. ``proven``: they are equal, or no
    route exists. ``truncated`` are the numbers of the steps, from 0, that more listings fit than
    were given: a route over those others may be better.
    """

    best: Route | None
    value: int | None
    bound: int | None
    proven: bool
    truncated: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChainAsked:
    """A requirement per step in order, and between which places the parts travel.

    With a destination they are there when the window of the last step ends.

    Raises:
        ChainInvalidError: no step, more than ``STEPS_MAX``, or several currencies.
    """

    steps: tuple[Requirement, ...]
    objective: Objective = Objective.EARLIEST
    origin: Place | None = None
    destination: Place | None = None
    transport: Transport = DEFAULT_TRANSPORT

    def __post_init__(self) -> None:
        Chain(tuple(ChainStep(one, ()) for one in self.steps))


@dataclass(frozen=True, slots=True)
class ChainAnswer:
    """What was found for each step alone, and the routing over it.

    The match of a step without a candidate explains why, and what would gain some. Where every step
    has candidates and yet there is no route, ``possible_by`` is when one could have delivered, had
    the windows been longer.
    """

    asked: ChainAsked
    matches: tuple[MatchResult, ...]
    routing: Routing
    as_of: datetime
    possible_by: datetime | None = None


def bookable(
    requirement: Requirement, candidate: Candidate, resource: OfferedResource, *, now: datetime
) -> tuple[FreeGap, ...]:
    """The free time of ``resource`` in which any slot is as good an answer as ``candidate`` is.

    Notice, horizon, live state and units are off, and the days after the certificates end.
    """
    bounds = search(requirement, resource, now=now)
    occupied = (candidate.end - candidate.start) // MINUTE
    end_by = min(bounds.end_by, _certified_until(candidate))
    clipped = (
        FreeGap(max(gap.start, bounds.live_from), min(gap.end, end_by), gap.units)
        for gap in resource.gaps
        if gap.units >= requirement.units
    )
    return tuple(gap for gap in clipped if gap.start + occupied <= gap.end)


def _certified_until(candidate: Candidate) -> int:
    """The minute after the last day on which all certificates asked for hold."""
    margins = (
        verdict.margin
        for verdict in candidate.verdicts
        if verdict.constraint is Constraint.CERTIFICATES and verdict.margin is not None
    )
    margin = next(margins, None)
    last = (candidate.end - MINUTE).date()
    if margin is None or margin >= (date.max - last).days:
        return floor_minute(datetime.combine(date.max, time(), EPOCH.tzinfo))
    after = last + timedelta(days=margin + 1)
    return floor_minute(datetime.combine(after, time(), EPOCH.tzinfo))


def route(
    chain: Chain,
    *,
    objective: Objective,
    now: datetime,
    transport: Transport,
    front_max: int = FRONT_MAX,
) -> Routing:
    """The best route of ``chain``, of all that its stops allow.

    Equals fall to the other objective. The chain begins at ``now``, or when the window of its first
    step opens.

    Args:
        chain: the steps with their candidates.
        objective: what to be best by.
        now: before this nothing starts.
        transport: how long trips take.
        front_max: ways kept at one stop; fewer bound the work and may cost the proof.
    """
    begins = ceil_minute(max(now, chain.steps[0].requirement.window.start))
    search_for = _Search(_Trips(chain, transport), objective, begins, front_max)
    best = search_for.best()
    dropped = search_for.dropped
    truncated = tuple(number for number, one in enumerate(chain.steps) if one.truncated)
    if best is None:
        return Routing(None, None, dropped, dropped is None, truncated)
    value = search_for.value(best)
    bound = value if dropped is None else min(value, dropped)
    return Routing(search_for.told(best), value, bound, bound == value, truncated)


class _Trips:
    """Minutes between the stops of a chain, and the least that is left to do after each."""

    def __init__(self, chain: Chain, transport: Transport) -> None:
        self.steps = chain.steps
        self._origin = chain.origin
        self._destination = chain.destination
        self._transport = transport
        self._known: dict[tuple[Place | None, Place | None], int] = {}
        self.minutes_left = self._minutes_left()
        """By step and stop: trips and work after it, were everybody free at once."""
        cheapest = [min((it.price.minor for it in one.stops), default=0) for one in self.steps]
        self.minor_left = [sum(cheapest[number + 1 :]) for number in range(len(cheapest))]
        """By step: the price of the steps after it at their cheapest."""

    def there(self, stop: Stop) -> int:
        return 0 if self._origin is None else self._minutes(self._origin, stop.place)

    def between(self, one: Stop, other: Stop) -> int:
        return self._minutes(one.place, other.place)

    def until_free(self, one: Stop, other: Stop) -> int:
        """Minutes after the work at ``one`` until ``other`` can begin, as far as it depends."""
        waits = other.turnaround if one.resource_id == other.resource_id else 0
        return max(self.between(one, other), waits)

    def home(self, stop: Stop) -> int:
        return 0 if self._destination is None else self._minutes(stop.place, self._destination)

    def _minutes(self, one: Place | None, other: Place | None) -> int:
        if (one, other) not in self._known:
            self._known[one, other] = self._transport.minutes(one, other)
        return self._known[one, other]

    def _minutes_left(self) -> list[list[int]]:
        left = [[self.home(stop) for stop in self.steps[-1].stops]]
        for one, after in zip(self.steps[-2::-1], self.steps[:0:-1], strict=True):
            work = after.requirement.minutes
            ahead = [
                (it, it.setup + work + rest) for it, rest in zip(after.stops, left[0], strict=True)
            ]
            shortest = [
                min((self.until_free(stop, it) + rest for it, rest in ahead), default=0)
                for stop in one.stops
            ]
            left.insert(0, shortest)
        return left


@dataclass(frozen=True, slots=True)
class _Way:
    """A way as far as one stop: its last slot, what it cost so far, and how it came there."""

    stop: Stop
    start: int
    end: int
    minor: int
    trip: int
    before: "_Way | None"
    ids: tuple[bytes, ...]

    def rank(self) -> tuple[int, int, tuple[bytes, ...]]:
        return (self.end, self.minor, self.ids)


class _Search:
    """Fronts from stop to stop; ``dropped`` is the least value a way given up could have had."""

    def __init__(self, trips: _Trips, objective: Objective, begins: int, front_max: int) -> None:
        self._trips = trips
        self._earliest = objective is Objective.EARLIEST
        self._begins = begins
        self._front_max = front_max
        self.dropped: int | None = None

    def best(self) -> _Way | None:
        if not all(step.stops for step in self._trips.steps):
            return None
        ways: list[_Way] = []
        for number, step in enumerate(self._trips.steps):
            free_from = ceil_minute(step.requirement.window.start)
            fronts = []
            for place, stop in enumerate(step.stops):
                arriving = self._arriving(ways, stop) if number else [self._first(stop)]
                reached = (_taken(step, stop, free_from, *one) for one in arriving)
                front = _front(one for one in reached if one is not None)
                fronts.append(self._kept(front, number, place))
            ways = [one for front in fronts for one in front]
        return min(ways, key=self._key, default=None)

    def _first(self, stop: Stop) -> "_Arrival":
        trip = self._trips.there(stop)
        return (self._begins + trip, trip, None)

    def _arriving(self, ways: Iterable[_Way], stop: Stop) -> Iterator["_Arrival"]:
        for way in ways:
            ready = way.end + self._trips.until_free(way.stop, stop)
            yield (ready, self._trips.between(way.stop, stop), way)

    def _kept(self, front: list[_Way], number: int, place: int) -> list[_Way]:
        """The most promising of a front that is too long."""
        if len(front) <= self._front_max:
            return front
        ranked = sorted(front, key=lambda way: (self._least(way, number, place), way.rank()))
        least = self._least(ranked[self._front_max], number, place)
        self.dropped = least if self.dropped is None else min(self.dropped, least)
        return ranked[: self._front_max]

    def _least(self, way: _Way, number: int, place: int) -> int:
        """What no route that begins with ``way`` can be below."""
        if self._earliest:
            return way.end + self._trips.minutes_left[number][place] - self._begins
        return way.minor + self._trips.minor_left[number]

    def _delivered(self, way: _Way) -> int:
        return way.end + self._trips.home(way.stop)

    def _key(self, way: _Way) -> tuple[int, int, tuple[bytes, ...]]:
        late, dear = self._delivered(way), way.minor
        return (late, dear, way.ids) if self._earliest else (dear, late, way.ids)

    def value(self, way: _Way) -> int:
        return self._delivered(way) - self._begins if self._earliest else way.minor

    def told(self, way: _Way) -> Route:
        delivered = self._delivered(way)
        return Route(
            legs=tuple(_leg(one) for one in _from_the_first(way)),
            price=Money(way.minor, way.stop.price.currency),
            delivered=instant_of(delivered),
            lead=(delivered - self._begins) * MINUTE,
        )


_Arrival = tuple[int, int, _Way | None]
"""When the step can begin, the minutes the part travelled there, and the way it came."""


def _taken(
    step: ChainStep, stop: Stop, free_from: int, arrives: int, trip: int, before: _Way | None
) -> _Way | None:
    """The earliest slot at ``stop`` from when the part arrives, ``None`` if it has none left."""
    asked = step.requirement
    end_by = floor_minute(asked.window.end)
    ready = max(arrives, free_from)
    occupied = stop.setup + asked.minutes
    slots = (
        max(gap.start, ready)
        for gap in stop.free
        if gap.units >= asked.units and max(gap.start, ready) + occupied <= min(gap.end, end_by)
    )
    start = min(slots, default=None)
    if start is None:
        return None
    ids = (*(before.ids if before else ()), stop.resource_id.bytes, stop.offer_id.bytes)
    minor = stop.price.minor + (before.minor if before else 0)
    return _Way(stop, start, start + occupied, minor, trip, before, ids)


def _front(ways: Iterable[_Way]) -> list[_Way]:
    """Those of ``ways`` to one stop that no other equals or beats in both end and price."""
    kept: list[_Way] = []
    for way in sorted(ways, key=_Way.rank):
        if not kept or way.minor < kept[-1].minor:
            kept.append(way)
    return kept


def _from_the_first(way: _Way) -> list[_Way]:
    earlier = [] if way.before is None else _from_the_first(way.before)
    return [*earlier, way]


def _leg(way: _Way) -> Leg:
    stop = way.stop
    return Leg(
        offer_id=stop.offer_id,
        resource_id=stop.resource_id,
        organisation_id=stop.organisation_id,
        start=instant_of(way.start),
        end=instant_of(way.end),
        price=stop.price,
        transport_minutes=way.trip,
        setup_minutes=stop.setup,
    )
