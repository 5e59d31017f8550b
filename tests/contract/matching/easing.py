"""Every requirement a market could make it worth asking instead, by aspect, smallest step first.

Thresholds are taken from the listings themselves and share no rule with the search for relaxations.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.capacity.domain import WITHDRAW_HORIZON
from services.contracts.intervals import Interval
from services.matching.domain import (
    Aspect,
    CertificateNeed,
    Requirement,
    Step,
    great_circle_m,
)
from services.matching.engine.interface import (
    OfferedResource,
    Snapshot,
    ceil_minute,
    floor_minute,
    instant_of,
)
from tests.contract.matching.market import FAR, SPAN
from tests.support.clock import START as NOW

MINUTE = timedelta(minutes=1)
KNOWN = Interval(NOW + (FAR - SPAN) * MINUTE, NOW + (FAR + 4 * SPAN) * MINUTE)
"""Where drawn gaps lie, and some time on either side."""
FIELDS = {
    Aspect.TOLERANCE: "tolerance_um",
    Aspect.RADIUS: "radius_km",
    Aspect.BUDGET: "budget_minor",
    Aspect.UNITS: "units",
    Aspect.QUANTITY: "quantity",
    Aspect.HOURS: "minutes",
}
Kind = tuple[Aspect, str]
"""An aspect, and which certificate of several."""


def kind_of(step: Step) -> Kind:
    return (step.aspect, str(step.asked) if step.aspect is Aspect.CERTIFICATE else "")


def named(need: CertificateNeed) -> str:
    return need.kind if need.scope is None else f"{need.kind} ({need.scope})"


def ease(asked: Requirement, kind: Kind, to: Any) -> Requirement:
    """``asked`` with one aspect eased ``to`` a value in the requirement's own unit."""
    aspect, certificate = kind
    window = asked.window
    match aspect:
        case Aspect.WINDOW_END:
            return replace(asked, window=Interval(window.start, to))
        case Aspect.WINDOW_START:
            return replace(asked, window=Interval(to, window.end))
        case Aspect.MATERIAL:
            return replace(asked, materials=frozenset())
        case Aspect.MEASURED_ONLY:
            return replace(asked, measured_only=False)
        case Aspect.CERTIFICATE:
            kept = (need for need in asked.certificates if named(need) != certificate)
            return replace(asked, certificates=frozenset(kept))
        case _:
            change: dict[str, Any] = {FIELDS[aspect]: to}
            return replace(asked, **change)


def eased_to(step: Step) -> Any:
    """The value of a step in the requirement's own unit."""
    if step.aspect in {Aspect.WINDOW_END, Aspect.WINDOW_START}:
        return datetime.fromisoformat(str(step.eased))
    if step.aspect is Aspect.RADIUS and isinstance(step.eased, int):
        assert step.eased % 1_000 == 0
        return step.eased // 1_000
    return step.eased


def take(asked: Requirement, *steps: Step) -> Requirement:
    """What is asked after ``steps``; a longer booking last, for it may need the longer window."""
    for step in sorted(steps, key=lambda one: one.aspect is Aspect.HOURS):
        asked = ease(asked, kind_of(step), eased_to(step))
    return asked


def is_smaller(kind: Kind, one: Any, other: Any) -> bool:
    """Whether ``one`` asks for less of a concession than ``other``; giving up is the largest."""
    if one is None or other is None:
        return one is not None
    down = kind[0] in {Aspect.UNITS, Aspect.WINDOW_START}
    return bool(one > other if down else one < other)


def values(snapshot: Snapshot, asked: Requirement) -> dict[Kind, list[Any]]:
    """By kind, every value at which some listing could begin to fit, and the farthest one."""
    found: dict[Kind, list[Any]] = {
        (Aspect.WINDOW_END, ""): [*_ends(snapshot, asked), KNOWN.end],
        (Aspect.WINDOW_START, ""): [*_starts(snapshot, asked), KNOWN.start],
        (Aspect.UNITS, ""): list(range(1, asked.units)),
        (Aspect.QUANTITY, ""): [
            one.minimum_quantity
            for one in snapshot.resources.values()
            if one.minimum_quantity > asked.quantity
        ],
        (Aspect.HOURS, ""): [
            one.minimum_minutes
            for one in snapshot.resources.values()
            if one.minimum_minutes > asked.minutes
        ],
    }
    if asked.tolerance_um is not None:
        found[Aspect.TOLERANCE, ""] = [*_tolerances(snapshot, asked.tolerance_um), None]
    if asked.radius_km is not None:
        found[Aspect.RADIUS, ""] = [*_radii(snapshot, asked), None]
    if asked.budget_minor is not None:
        found[Aspect.BUDGET, ""] = [*_prices(snapshot, asked), None]
    if asked.materials:
        found[Aspect.MATERIAL, ""] = [None]
    if asked.measured_only:
        found[Aspect.MEASURED_ONLY, ""] = [None]
    for need in asked.certificates:
        found[Aspect.CERTIFICATE, named(need)] = [None]
    return found


def _tolerances(snapshot: Snapshot, asked: int) -> Iterator[int]:
    for resource in snapshot.resources.values():
        for capability in resource.capabilities:
            if capability.tolerance_um is not None and capability.tolerance_um > asked:
                yield capability.tolerance_um


def _radii(snapshot: Snapshot, asked: Requirement) -> Iterator[int]:
    assert asked.place is not None
    assert asked.radius_km is not None
    for listing in snapshot.listings:
        if listing.place is not None:
            km = -(-great_circle_m(asked.place, listing.place) // 1_000)
            if km > asked.radius_km:
                yield km


def _prices(snapshot: Snapshot, asked: Requirement) -> Iterator[int]:
    assert asked.budget_minor is not None
    lengths = {asked.minutes, *(one.minimum_minutes for one in snapshot.resources.values())}
    for listing in snapshot.listings:
        for minutes in lengths:
            for units in range(1, asked.units + 1):
                price = listing.rate.quote(minutes=minutes, units=units).minor
                if price > asked.budget_minor:
                    yield price


def _lengths(resource: OfferedResource, asked: Requirement) -> set[int]:
    """How long a slot is, as asked or as long as the resource wants it."""
    work = {asked.minutes, max(asked.minutes, resource.minimum_minutes)}
    return {resource.setup_minutes + minutes for minutes in work}


def _ends(snapshot: Snapshot, asked: Requirement) -> Iterator[datetime]:
    for resource in snapshot.resources.values():
        lengths = _lengths(resource, asked)
        begins = {
            ceil_minute(asked.window.start),
            ceil_minute(KNOWN.start),
            ceil_minute(NOW) + resource.notice_minutes,
            ceil_minute(NOW + WITHDRAW_HORIZON),
            *(gap.start for gap in resource.gaps),
        }
        for end in {begin + length for begin in begins for length in lengths}:
            if floor_minute(asked.window.end) < end <= floor_minute(KNOWN.end):
                yield instant_of(end)


def _starts(snapshot: Snapshot, asked: Requirement) -> Iterator[datetime]:
    for resource in snapshot.resources.values():
        lengths = _lengths(resource, asked)
        ends = {
            floor_minute(asked.window.end),
            floor_minute(NOW) + resource.horizon_minutes,
            *(gap.end for gap in resource.gaps),
        }
        for start in {end - length for end in ends for length in lengths}:
            if ceil_minute(KNOWN.start) <= start < ceil_minute(asked.window.start):
                yield instant_of(start)
