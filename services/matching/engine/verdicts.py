"""The verdict of every constraint on one listing, answered with one capability."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

from services.capacity.domain import CapabilityDeclaration, Certificate, Provenance
from services.contracts.money import Money
from services.matching.domain import (
    CertificateNeed,
    Constraint,
    Listing,
    Reason,
    Requirement,
    Verdict,
    great_circle_m,
)
from services.matching.engine.interface import (
    OfferedResource,
    floor_minute,
    instant_of,
)
from services.matching.engine.slots import SlotSearch
from services.matching.ranking import METRES_PER_KM


def verdicts(
    requirement: Requirement,
    resource: OfferedResource,
    capability: CapabilityDeclaration,
    slot: SlotSearch,
    *,
    price: Money,
    distance_m: int | None,
) -> tuple[Verdict, ...]:
    """One verdict per constraint, in the order of :class:`Constraint`."""
    return (
        _process(requirement, capability),
        _material(requirement, capability),
        _envelope(requirement, capability),
        _tolerance(requirement, capability),
        _certificates(requirement, capability, _day(slot)),
        _units(requirement, resource),
        _lot(requirement, resource),
        _hours(requirement, resource),
        _place(requirement, distance_m),
        _provenance(requirement, resource),
        _budget(requirement, price),
        _window(slot),
        _live(resource, slot),
    )


def causes(found: Sequence[Verdict]) -> tuple[Constraint, ...]:
    """The constraints that keep a listing out; the live state explains a window it emptied."""
    failed = tuple(verdict.constraint for verdict in found if not verdict.passed)
    if Constraint.LIVE in failed:
        return tuple(constraint for constraint in failed if constraint is not Constraint.WINDOW)
    return failed


def distance_m(requirement: Requirement, listing: Listing) -> int | None:
    if requirement.place is None or listing.place is None:
        return None
    return great_circle_m(requirement.place, listing.place)


def cost_of(
    requirement: Requirement,
    listing: Listing,
    resource: OfferedResource,
    start: int | None,
    price: Money,
    distance: int | None,
    *,
    now: datetime,
) -> Money:
    """The generalised cost of a slot from ``start``, of what the price alone is without one."""
    if start is None:
        return price
    seen, this_minute = resource.seen_at, floor_minute(now)
    surcharge = requirement.ranking.surcharge(
        distance_m=distance if requirement.place else 0,
        minutes_until_end=start + resource.setup_minutes + requirement.minutes - this_minute,
        reliability=resource.reliability,
        age_minutes=None if seen is None else this_minute - floor_minute(seen),
        park=listing.park,
    )
    return Money(price.minor + surcharge, price.currency)


def _process(requirement: Requirement, capability: CapabilityDeclaration) -> Verdict:
    passed = capability.process in requirement.processes
    reason = Reason.MET if passed else Reason.NOT_HELD
    asked = _codes(requirement.processes)
    return Verdict(Constraint.PROCESS, passed, reason, asked=asked, offered=capability.process)


def _material(requirement: Requirement, capability: CapabilityDeclaration) -> Verdict:
    if not requirement.materials:
        return Verdict(Constraint.MATERIAL, passed=True, reason=Reason.NOT_ASKED)
    shared = requirement.materials.intersection(capability.materials)
    reason = Reason.MET if shared else Reason.NOT_HELD
    return Verdict(
        Constraint.MATERIAL,
        bool(shared),
        reason,
        asked=_codes(requirement.materials),
        offered=_codes(shared or capability.materials),
    )


def _envelope(requirement: Requirement, capability: CapabilityDeclaration) -> Verdict:
    asked, offered = requirement.envelope_mm, capability.envelope_mm
    if asked is None:
        return Verdict(Constraint.ENVELOPE, passed=True, reason=Reason.NOT_ASKED)
    if offered is None:
        return Verdict(
            Constraint.ENVELOPE, passed=False, reason=Reason.UNDECLARED, asked=_edges(asked)
        )
    # A part may be turned: longest edge against longest edge.
    margin = min(room - edge for room, edge in zip(sorted(offered), sorted(asked), strict=True))
    return _measured(
        Constraint.ENVELOPE, margin, Reason.TOO_SMALL, asked=_edges(asked), offered=_edges(offered)
    )


def _tolerance(requirement: Requirement, capability: CapabilityDeclaration) -> Verdict:
    asked, offered = requirement.tolerance_um, capability.tolerance_um
    if asked is None:
        return Verdict(Constraint.TOLERANCE, passed=True, reason=Reason.NOT_ASKED, offered=offered)
    if offered is None:
        return Verdict(Constraint.TOLERANCE, passed=False, reason=Reason.UNDECLARED, asked=asked)
    return _measured(
        Constraint.TOLERANCE, asked - offered, Reason.TOO_COARSE, asked=asked, offered=offered
    )


def _certificates(
    requirement: Requirement, capability: CapabilityDeclaration, day: date
) -> Verdict:
    needs = sorted(requirement.certificates, key=_need_text)
    if not needs:
        return Verdict(Constraint.CERTIFICATES, passed=True, reason=Reason.NOT_ASKED)
    asked = ", ".join(map(_need_text, needs))
    best = {need: _longest_valid(need, capability.certificates) for need in needs}
    missing = [_need_text(need) for need, held in best.items() if held is None]
    if missing:
        return Verdict(
            Constraint.CERTIFICATES,
            passed=False,
            reason=Reason.NOT_HELD,
            asked=asked,
            offered=", ".join(missing),
        )
    ends = sorted(
        (held.valid_to, _need_text(need))
        for need, held in best.items()
        if held is not None and held.valid_to is not None
    )
    expired = [f"{text} {valid_to.isoformat()}" for valid_to, text in ends if valid_to < day]
    return Verdict(
        Constraint.CERTIFICATES,
        passed=not expired,
        reason=Reason.EXPIRED if expired else Reason.MET,
        margin=(ends[0][0] - day).days if ends else None,
        asked=asked,
        offered=", ".join(expired) or asked,
    )


def _longest_valid(need: CertificateNeed, held: Sequence[Certificate]) -> Certificate | None:
    fitting = (
        certificate
        for certificate in held
        if certificate.kind == need.kind and need.scope in {None, certificate.scope}
    )
    return max(fitting, key=lambda one: one.valid_to or date.max, default=None)


def _units(requirement: Requirement, resource: OfferedResource) -> Verdict:
    return _measured(
        Constraint.UNITS,
        resource.units - requirement.units,
        Reason.TOO_FEW,
        asked=requirement.units,
        offered=resource.units,
    )


def _lot(requirement: Requirement, resource: OfferedResource) -> Verdict:
    return _measured(
        Constraint.LOT,
        requirement.quantity - resource.minimum_quantity,
        Reason.TOO_FEW,
        asked=requirement.quantity,
        offered=resource.minimum_quantity,
    )


def _hours(requirement: Requirement, resource: OfferedResource) -> Verdict:
    return _measured(
        Constraint.HOURS,
        requirement.minutes - resource.minimum_minutes,
        Reason.TOO_SHORT,
        asked=requirement.minutes,
        offered=resource.minimum_minutes,
    )


def _place(requirement: Requirement, distance: int | None) -> Verdict:
    if requirement.radius_km is None:
        return Verdict(Constraint.PLACE, passed=True, reason=Reason.NOT_ASKED, offered=distance)
    asked = requirement.radius_km * METRES_PER_KM
    if distance is None:
        return Verdict(Constraint.PLACE, passed=False, reason=Reason.UNDECLARED, asked=asked)
    return _measured(
        Constraint.PLACE, asked - distance, Reason.TOO_FAR, asked=asked, offered=distance
    )


def _provenance(requirement: Requirement, resource: OfferedResource) -> Verdict:
    offered = resource.provenance.value
    if not requirement.measured_only:
        return Verdict(Constraint.PROVENANCE, passed=True, reason=Reason.NOT_ASKED, offered=offered)
    passed = resource.provenance is Provenance.MEASURED
    return Verdict(
        Constraint.PROVENANCE,
        passed,
        Reason.MET if passed else Reason.NOT_MEASURED,
        asked=Provenance.MEASURED.value,
        offered=offered,
    )


def _budget(requirement: Requirement, price: Money) -> Verdict:
    if price.currency != requirement.currency:
        return Verdict(
            Constraint.BUDGET,
            passed=False,
            reason=Reason.OTHER_CURRENCY,
            asked=requirement.currency,
            offered=price.currency,
        )
    if requirement.budget_minor is None:
        return Verdict(Constraint.BUDGET, passed=True, reason=Reason.NOT_ASKED, offered=price.minor)
    return _measured(
        Constraint.BUDGET,
        requirement.budget_minor - price.minor,
        Reason.TOO_DEAR,
        asked=requirement.budget_minor,
        offered=price.minor,
    )


def _window(slot: SlotSearch) -> Verdict:
    start = slot.start_if_in_service
    if start is None:
        return Verdict(
            Constraint.WINDOW,
            passed=False,
            reason=Reason.NO_FREE_TIME,
            margin=slot.longest_free - slot.occupied,
            asked=slot.occupied,
            offered=slot.longest_free,
        )
    return Verdict(
        Constraint.WINDOW,
        passed=True,
        reason=Reason.MET,
        margin=slot.end_by - (start if slot.start is None else slot.start) - slot.occupied,
        asked=slot.occupied,
        offered=slot.longest_free,
    )


def _live(resource: OfferedResource, slot: SlotSearch) -> Verdict:
    if resource.state is None:
        return Verdict(Constraint.LIVE, passed=True, reason=Reason.UNOBSERVED)
    passed = slot.start is not None or slot.live_from == slot.not_before
    reason = Reason.MET if passed else Reason.OUT_OF_SERVICE
    return Verdict(Constraint.LIVE, passed, reason, offered=resource.state.value)


def _day(slot: SlotSearch) -> date:
    start = slot.start_if_in_service if slot.start is None else slot.start
    last_minute = slot.not_before if start is None else start + slot.occupied - 1
    return instant_of(last_minute).date()


def _measured(
    constraint: Constraint, margin: int, short: Reason, *, asked: int | str, offered: int | str
) -> Verdict:
    reason = Reason.MET if margin >= 0 else short
    return Verdict(constraint, margin >= 0, reason, margin, asked, offered)


def _codes(codes: Collection[str]) -> str:
    return ", ".join(sorted(codes))


def _edges(edges: tuple[int, int, int]) -> str:
    return "×".join(map(str, edges))


def _need_text(need: CertificateNeed) -> str:
    return need.kind if need.scope is None else f"{need.kind} ({need.scope})"
