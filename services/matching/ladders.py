"""What of a requirement may give way, rung by rung, and how each rung is asked and told."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil, pi
from typing import Any, Final

from services.capacity.domain import QUANTITY_MAX, Provenance
from services.contracts.intervals import Interval
from services.matching.domain import (
    Aspect,
    Candidate,
    CertificateNeed,
    Constraint,
    FailureCount,
    MatchResult,
    NearMiss,
    Requirement,
    Step,
)
from services.matching.engine.interface import (
    MINUTE,
    ceil_minute,
    floor_minute,
    instant_of,
)
from services.matching.ranking import EARTH_RADIUS_M, METRES_PER_KM

TOLERANCE_UM_MAX: Final = 1_000_000
RADIUS_KM_MAX: Final = ceil(pi * EARTH_RADIUS_M / METRES_PER_KM)
"""Half the Earth's circumference; beyond it nothing is farther."""
BUDGET_MINOR_MAX: Final = 10**18
MICROSECOND: Final = timedelta(microseconds=1)
WHOLE: Final = Fraction(1)
"""The relative size of giving something up altogether."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """An aspect with its rungs: how a rung is asked, told and weighed.

    ``reading`` is a rung on which a candidate found on a higher one fits as well, if it says so;
    ``guess`` a rung worth asking early.
    """

    aspect: Aspect
    top: int
    eased: Callable[[Requirement, int], Requirement]
    step: Callable[[int], Step]
    relative: Callable[[int], Fraction] = lambda _: WHOLE
    reading: Callable[[Candidate], int | None] = lambda _: None
    guess: int | None = None

    def nearest(self, gained: Iterable[Candidate], rung: int) -> int:
        """The lowest rung the ``gained`` of ``rung`` are known to fit on."""
        readings = (self.reading(one) for one in gained)
        return min((one for one in readings if one is not None and 0 < one < rung), default=rung)


def ladders(asked: Requirement, known: Interval, before: MatchResult) -> tuple[Ladder, ...]:
    """Every ladder of which ``asked`` stands below the top."""
    earliest = max(ceil_minute(known.start), ceil_minute(before.as_of))
    all_of_them = (
        _raised(asked, Aspect.TOLERANCE, "tolerance_um", TOLERANCE_UM_MAX, _tolerance_um),
        _raised(asked, Aspect.RADIUS, "radius_km", RADIUS_KM_MAX, _radius_km, unit=METRES_PER_KM),
        _later_end(asked, floor_minute(known.end)),
        _earlier_start(asked, earliest, before.near_misses),
        _raised(asked, Aspect.BUDGET, "budget_minor", BUDGET_MINOR_MAX, _price_minor),
        *(_without_certificate(need) for need in sorted(asked.certificates, key=str)),
        _without_material(asked),
        _fewer_units(asked),
        _more_pieces(asked, before.failures),
        _declared_too(asked),
    )
    return tuple(ladder for ladder in all_of_them if ladder.top > 0)


def _raised(
    asked: Requirement,
    aspect: Aspect,
    field: str,
    highest: int,
    offered: Callable[[Candidate], int | None],
    *,
    unit: int = 1,
) -> Ladder:
    """A limit raised by ones up to ``highest``; on the top rung it is asked no longer."""
    limit: int | None = getattr(asked, field)
    value = limit or 0
    top = 0 if limit is None else max(highest - value, 0) + 1

    def raised(rung: int) -> int | None:
        return value + rung if rung < top else None

    def eased(requirement: Requirement, rung: int) -> Requirement:
        change: dict[str, Any] = {field: raised(rung)}
        return replace(requirement, **change)

    def step(rung: int) -> Step:
        to = raised(rung)
        return Step(aspect, value * unit, None if to is None else to * unit)

    def relative(rung: int) -> Fraction:
        return Fraction(rung, max(value, 1)) if rung < top else WHOLE

    def reading(candidate: Candidate) -> int | None:
        needed = offered(candidate)
        return None if needed is None else needed - value

    return Ladder(aspect, top, eased, step, relative, reading)


def _tolerance_um(candidate: Candidate) -> int | None:
    return offered_number(candidate, Constraint.TOLERANCE)


def _radius_km(candidate: Candidate) -> int | None:
    distance = candidate.distance_m
    return None if distance is None else -(-distance // METRES_PER_KM)


def _price_minor(candidate: Candidate) -> int:
    return candidate.price.minor


def offered_number(one: Candidate | NearMiss, constraint: Constraint) -> int | None:
    """The number ``one`` offers for ``constraint``, if its engine tells and it has one."""
    offered = (verdict.offered for verdict in one.verdicts if verdict.constraint is constraint)
    value = next(offered, None)
    return value if isinstance(value, int) else None


def _later_end(asked: Requirement, latest: int) -> Ladder:
    end = floor_minute(asked.window.end)

    def eased(requirement: Requirement, rung: int) -> Requirement:
        window = Interval(requirement.window.start, instant_of(end + rung))
        return replace(requirement, window=window)

    return Ladder(
        Aspect.WINDOW_END,
        latest - end,
        eased,
        step=lambda rung: _moved(Aspect.WINDOW_END, asked.window.end, end + rung),
        relative=lambda rung: _share(rung, asked.window),
        reading=lambda candidate: floor_minute(candidate.end) - end,
    )


def _earlier_start(asked: Requirement, earliest: int, near: Sequence[NearMiss]) -> Ladder:
    start = ceil_minute(asked.window.start)

    def eased(requirement: Requirement, rung: int) -> Requirement:
        window = Interval(instant_of(start - rung), requirement.window.end)
        return replace(requirement, window=window)

    return Ladder(
        Aspect.WINDOW_START,
        start - earliest,
        eased,
        step=lambda rung: _moved(Aspect.WINDOW_START, asked.window.start, start - rung),
        relative=lambda rung: _share(rung, asked.window),
        reading=lambda candidate: start - ceil_minute(candidate.start),
        guess=_minutes_short(near),
    )


def _share(minutes: int, window: Interval) -> Fraction:
    return Fraction(minutes * MINUTE // MICROSECOND, window.duration // MICROSECOND)


def _minutes_short(near: Sequence[NearMiss]) -> int | None:
    """What the nearest free time lacks: where it goes on before the window, so much is enough."""
    short = (
        -verdict.margin
        for one in near
        for verdict in one.verdicts
        if one.causes == (Constraint.WINDOW,) == (verdict.constraint,) and verdict.margin
    )
    return min(short, default=None)


def _moved(aspect: Aspect, asked: datetime, minute: int) -> Step:
    return Step(aspect, _utc(asked), _utc(instant_of(minute)))


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _without_certificate(need: CertificateNeed) -> Ladder:
    return _given_up(
        Aspect.CERTIFICATE,
        need.label,
        lambda requirement: replace(requirement, certificates=requirement.certificates - {need}),
    )


def _without_material(asked: Requirement) -> Ladder:
    return _given_up(
        Aspect.MATERIAL,
        ", ".join(sorted(asked.materials)),
        lambda requirement: replace(requirement, materials=frozenset()),
        holds=bool(asked.materials),
    )


def _declared_too(asked: Requirement) -> Ladder:
    return _given_up(
        Aspect.MEASURED_ONLY,
        Provenance.MEASURED.value,
        lambda requirement: replace(requirement, measured_only=False),
        holds=asked.measured_only,
    )


def _given_up(
    aspect: Aspect, asked: str, eased: Callable[[Requirement], Requirement], *, holds: bool = True
) -> Ladder:
    """A ladder of one rung, on which the aspect is asked no longer."""
    return Ladder(
        aspect,
        int(holds),
        lambda requirement, _: eased(requirement),
        step=lambda _: Step(aspect, asked, None),
    )


def _fewer_units(asked: Requirement) -> Ladder:
    return Ladder(
        Aspect.UNITS,
        asked.units - 1,
        lambda requirement, rung: replace(requirement, units=asked.units - rung),
        step=lambda rung: Step(Aspect.UNITS, asked.units, asked.units - rung),
        relative=lambda rung: Fraction(rung, asked.units),
    )


def _more_pieces(asked: Requirement, failures: Sequence[FailureCount]) -> Ladder:
    """A larger lot; pointless where nobody refuses the one asked."""
    refused = any(one.constraint is Constraint.LOT for one in failures)

    def reading(candidate: Candidate) -> int | None:
        needed = offered_number(candidate, Constraint.LOT)
        return None if needed is None else needed - asked.quantity

    return Ladder(
        Aspect.QUANTITY,
        max(QUANTITY_MAX - asked.quantity, 0) if refused else 0,
        lambda requirement, rung: replace(requirement, quantity=asked.quantity + rung),
        step=lambda rung: Step(Aspect.QUANTITY, asked.quantity, asked.quantity + rung),
        relative=lambda rung: Fraction(rung, asked.quantity),
        reading=reading,
    )
