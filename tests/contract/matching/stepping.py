"""A second formulation that shares no rule with the oracle: it tries every minute and every turn.

It states which listings fit, when, in what order and why not; verdict margins are left out.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from functools import cmp_to_key
from itertools import permutations

from services.capacity.domain import (
    WITHDRAW_HORIZON,
    CapabilityDeclaration,
    Provenance,
    Visibility,
)
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.matching.domain import (
    Candidate,
    CertificateNeed,
    Constraint,
    FailureCount,
    Listing,
    MatchResult,
    NearMiss,
    Requirement,
    great_circle_m,
)
from services.matching.engine.canonical import state_hash
from services.matching.engine.interface import OfferedResource, Snapshot, Viewer, instant_of

MINUTE = timedelta(minutes=1)
BROKEN = {ResourceState.DOWN, ResourceState.OFF, ResourceState.MAINTENANCE}
NEAREST = 5
HALF_ROUND_THE_EARTH_M = 20_015_114


@dataclass
class Judgement:
    listing: Listing
    capability: CapabilityDeclaration
    failed: set[Constraint]
    start: datetime | None
    distance: int | None
    minor: int
    cost: int


class SteppingEngine:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def state_hash(self) -> str:
        return state_hash(self._snapshot)

    def match(
        self,
        requirement: Requirement,
        *,
        limit: int,
        now: datetime,
        viewer: Viewer | None = None,
    ) -> MatchResult:
        judgements = []
        for listing in self._snapshot.listings:
            if viewer is not None and not _is_open_to(viewer, listing):
                continue
            best = self._best(requirement, listing, now)
            if best is not None:
                judgements.append(best)
        fitting = sorted((one for one in judgements if not one.failed), key=cmp_to_key(_before))
        missed = [one for one in judgements if one.failed]
        if len(fitting) >= limit:
            missed = []
        missed.sort(key=cmp_to_key(_nearer))
        return MatchResult(
            candidates=tuple(self._candidate(one, requirement, now) for one in fitting[:limit]),
            considered=len(judgements),
            failures=_counts(missed),
            near_misses=tuple(map(self._near_miss, missed[:NEAREST])),
            state_hash=self.state_hash(),
            as_of=now,
        )

    def _best(self, requirement: Requirement, listing: Listing, now: datetime) -> Judgement | None:
        best: Judgement | None = None
        resource = self._snapshot.resources[listing.resource_id]
        for capability in resource.capabilities:
            if capability.process not in requirement.processes:
                continue
            judged = _judge(requirement, listing, resource, capability, now)
            if best is None or len(judged.failed) < len(best.failed):
                best = judged
        return best

    def _candidate(self, one: Judgement, requirement: Requirement, now: datetime) -> Candidate:
        resource = self._snapshot.resources[one.listing.resource_id]
        seen = resource.seen_at
        assert one.start is not None
        return Candidate(
            offer_id=one.listing.offer_id,
            resource_id=one.listing.resource_id,
            organisation_id=one.listing.organisation_id,
            process=one.capability.process,
            start=one.start,
            end=one.start + (resource.setup_minutes + requirement.minutes) * MINUTE,
            units=requirement.units,
            price=one.listing.rate.quote(minutes=requirement.minutes, units=requirement.units),
            distance_m=one.distance,
            provenance=resource.provenance,
            age_s=None if seen is None else (now - seen) // timedelta(seconds=1),
            verdicts=(),
            cost=Money(one.cost, requirement.currency),
            setup_minutes=resource.setup_minutes,
        )

    def _near_miss(self, one: Judgement) -> NearMiss:
        return NearMiss(
            offer_id=one.listing.offer_id,
            resource_id=one.listing.resource_id,
            organisation_id=one.listing.organisation_id,
            process=one.capability.process,
            price=one.listing.rate.quote(minutes=1, units=1),
            distance_m=one.distance,
            causes=tuple(sorted(one.failed, key=list(Constraint).index)),
            verdicts=(),
        )


def _judge(
    requirement: Requirement,
    listing: Listing,
    resource: OfferedResource,
    capability: CapabilityDeclaration,
    now: datetime,
) -> Judgement:
    lengths = (resource.setup_minutes + requirement.minutes) * MINUTE
    possible = [
        start
        for start in _every_minute(requirement.window.start, requirement.window.end)
        if start >= now + resource.notice_minutes * MINUTE
        and start + lengths <= now.replace(second=0) + resource.horizon_minutes * MINUTE
        and start + lengths <= requirement.window.end
    ]
    free = [start for start in possible if _is_free(resource, start, start + lengths, requirement)]
    reach = now + WITHDRAW_HORIZON
    running = [start for start in free if resource.state not in BROKEN or start >= reach]
    start = min(running or free, default=None)
    first = max(requirement.window.start, now + resource.notice_minutes * MINUTE)
    ends = (start + lengths - MINUTE) if start else _ceil(first)
    distance = None
    if requirement.place is not None and listing.place is not None:
        distance = great_circle_m(requirement.place, listing.place)
    price = listing.rate.quote(minutes=requirement.minutes, units=requirement.units)
    failed = {
        constraint
        for constraint, holds in {
            Constraint.MATERIAL: _any(requirement.materials, capability.materials),
            Constraint.ENVELOPE: _fits(requirement.envelope_mm, capability.envelope_mm),
            Constraint.TOLERANCE: _holds(requirement.tolerance_um, capability.tolerance_um),
            Constraint.CERTIFICATES: all(
                _certified(need, capability, ends) for need in requirement.certificates
            ),
            Constraint.UNITS: resource.units >= requirement.units,
            Constraint.LOT: requirement.quantity >= resource.minimum_quantity,
            Constraint.HOURS: requirement.minutes >= resource.minimum_minutes,
            Constraint.PLACE: requirement.radius_km is None
            or (distance is not None and distance <= requirement.radius_km * 1_000),
            Constraint.PROVENANCE: not requirement.measured_only
            or resource.provenance is Provenance.MEASURED,
            Constraint.BUDGET: price.currency == requirement.currency
            and (requirement.budget_minor is None or price.minor <= requirement.budget_minor),
            Constraint.WINDOW: bool(free),
        }.items()
        if not holds
    }
    if not running and resource.state in BROKEN and _ceil(first) < _ceil(reach):
        failed = (failed - {Constraint.WINDOW}) | {Constraint.LIVE}
    found = min(running, default=None)
    cost = price.minor
    if found is not None:
        done = found + lengths
        cost += _beyond_price(requirement, listing, resource, done, distance, now)
    return Judgement(listing, capability, failed, found, distance, price.minor, cost)


def _beyond_price(
    requirement: Requirement,
    listing: Listing,
    resource: OfferedResource,
    done: datetime,
    distance: int | None,
    now: datetime,
) -> int:
    """Each part as it is spoken of, rounded down by itself."""
    ranking = requirement.ranking
    this_minute = now.replace(second=0, microsecond=0)
    parts = [Fraction((done - this_minute) // MINUTE, 60) * ranking.per_hour_minor]
    if requirement.place is not None:
        metres = HALF_ROUND_THE_EARTH_M if distance is None else distance
        parts.append(Fraction(metres, 1_000) * ranking.per_km_minor)
    in_service = Fraction(500 if resource.reliability is None else resource.reliability, 1_000)
    parts.append((1 - in_service) * ranking.unreliability_minor)
    age = timedelta(days=1)
    if resource.seen_at is not None:
        age = min(age, this_minute - resource.seen_at.replace(second=0, microsecond=0))
    parts.append(Fraction(max(age, timedelta(0)) // MINUTE, 60) * ranking.per_hour_of_age_minor)
    if listing.park is None or listing.park != ranking.park:
        parts.append(Fraction(ranking.outside_park_minor))
    return sum(math.floor(part) for part in parts)


def _is_open_to(viewer: Viewer, listing: Listing) -> bool:
    own = listing.organisation_id == viewer.organisation_id
    confided = (listing.offer_id, listing.resource_id) in viewer.confided
    return {
        Visibility.PUBLIC: True,
        Visibility.PARK: own or listing.park in viewer.parks,
        Visibility.SPACE: own or listing.space_id in viewer.spaces,
        Visibility.ORGANISATION: own,
        Visibility.NDA: confided,
        Visibility.PRIVATE: confided,
    }[listing.visibility]


def _every_minute(start: datetime, end: datetime) -> list[datetime]:
    moment, minutes = start.replace(second=0), []
    while moment < end:
        if moment >= start:
            minutes.append(moment)
        moment += MINUTE
    return minutes


def _ceil(instant: datetime) -> datetime:
    whole = instant.replace(second=0)
    return whole if whole == instant else whole + MINUTE


def _is_free(
    resource: OfferedResource, start: datetime, end: datetime, requirement: Requirement
) -> bool:
    return any(
        instant_of(gap.start) <= start and end <= instant_of(gap.end)
        for gap in resource.gaps
        if gap.units >= requirement.units
    )


def _any(asked: frozenset[str], offered: tuple[str, ...]) -> bool:
    return not asked or any(material in asked for material in offered)


def _fits(part: tuple[int, int, int] | None, room: tuple[int, int, int] | None) -> bool:
    if part is None:
        return True
    if room is None:
        return False
    return any(all(map(int.__le__, turned, room)) for turned in permutations(part))


def _holds(asked: int | None, offered: int | None) -> bool:
    return asked is None or (offered is not None and offered <= asked)


def _certified(need: CertificateNeed, capability: CapabilityDeclaration, ends: datetime) -> bool:
    for certificate in capability.certificates:
        if certificate.kind != need.kind:
            continue
        if need.scope is not None and certificate.scope != need.scope:
            continue
        if certificate.valid_to is None:
            return True
        midnight = datetime.combine(certificate.valid_to, time(), UTC) + timedelta(days=1)
        if ends < midnight:
            return True
    return False


def _before(one: Judgement, other: Judgement) -> int:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return _first_difference(
        (one.cost, other.cost),
        (one.minor, other.minor),
        (one.distance is None, other.distance is None),
        (one.distance or 0, other.distance or 0),
        ((one.start or start) - start, (other.start or start) - start),
        (one.listing.resource_id.int, other.listing.resource_id.int),
        (one.listing.offer_id.int, other.listing.offer_id.int),
    )


def _nearer(one: Judgement, other: Judgement) -> int:
    return _first_difference(
        (len(one.failed), len(other.failed)),
        (one.minor, other.minor),
        (one.distance is None, other.distance is None),
        (one.distance or 0, other.distance or 0),
        (one.listing.resource_id.int, other.listing.resource_id.int),
        (one.listing.offer_id.int, other.listing.offer_id.int),
    )


def _first_difference(*pairs: tuple[object, object]) -> int:
    smaller: Callable[[object, object], bool] = lambda one, other: one < other  # type: ignore[operator]  # noqa: E731 - pairs of one type each
    for one, other in pairs:
        if one != other:
            return -1 if smaller(one, other) else 1
    return 0


def _counts(missed: list[Judgement]) -> tuple[FailureCount, ...]:
    found = []
    for constraint in Constraint:
        hit = [one for one in missed if constraint in one.failed]
        if hit:
            alone = [one for one in hit if one.failed == {constraint}]
            found.append(FailureCount(constraint, len(hit), len(alone)))
    return tuple(found)
