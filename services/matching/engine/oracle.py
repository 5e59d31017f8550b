"""The engine everyone can check by reading: every listing against every constraint."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from services.capacity.domain import CapabilityDeclaration
from services.contracts.money import Money
from services.matching.domain import (
    NEAR_MISSES_MAX,
    Candidate,
    Constraint,
    FailureCount,
    Listing,
    MatchResult,
    NearMiss,
    Requirement,
    Verdict,
)
from services.matching.engine.canonical import state_hash
from services.matching.engine.interface import (
    OfferedResource,
    Snapshot,
    Viewer,
    instant_of,
)
from services.matching.engine.slots import SlotSearch, search
from services.matching.engine.verdicts import causes, cost_of, distance_m, verdicts


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one listing answers, with its best capability."""

    listing: Listing
    resource: OfferedResource
    capability: CapabilityDeclaration
    slot: SlotSearch
    price: Money
    cost: Money
    distance_m: int | None
    verdicts: tuple[Verdict, ...]
    causes: tuple[Constraint, ...]

    def rank(self) -> tuple[Any, ...]:
        """Cost, price, distance (unknown last), start, resource, offer."""
        unknown = self.distance_m is None
        identity = (self.listing.resource_id.bytes, self.listing.offer_id.bytes)
        start = self.slot.start if not self.causes else None
        place = (self.price.minor, unknown, self.distance_m or 0, start or 0, *identity)
        return place if self.causes else (self.cost.minor, *place)


class OracleEngine:
    """Exact and slow. Keeps the snapshot and its hash, which is taken once, and nothing else."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def state_hash(self) -> str:
        return self._state_hash

    @cached_property
    def _state_hash(self) -> str:
        return state_hash(self._snapshot)

    def match(
        self,
        requirement: Requirement,
        *,
        limit: int,
        now: datetime,
        viewer: Viewer | None = None,
    ) -> MatchResult:
        answers = [
            answer
            for listing in self._snapshot.listings
            if (viewer is None or viewer.sees(listing))
            and (answer := self._answer(requirement, listing, now)) is not None
        ]
        fitting = sorted((one for one in answers if not one.causes), key=_Answer.rank)
        short = len(fitting) < limit
        missed = [one for one in answers if one.causes] if short else []
        return MatchResult(
            candidates=tuple(_candidate(one, requirement, now) for one in fitting[:limit]),
            considered=len(answers),
            failures=_failures(missed),
            near_misses=tuple(map(_near_miss, sorted(missed, key=_nearness)[:NEAR_MISSES_MAX])),
            state_hash=self.state_hash(),
            as_of=now,
        )

    def _answer(self, requirement: Requirement, listing: Listing, now: datetime) -> _Answer | None:
        resource = self._snapshot.resources[listing.resource_id]
        competing = [one for one in resource.capabilities if one.process in requirement.processes]
        if not competing:
            return None
        slot = search(requirement, resource, now=now)
        answers = [_judged(requirement, listing, resource, one, slot, now) for one in competing]
        return min(answers, key=lambda answer: len(answer.causes))


def _judged(
    requirement: Requirement,
    listing: Listing,
    resource: OfferedResource,
    capability: CapabilityDeclaration,
    slot: SlotSearch,
    now: datetime,
) -> _Answer:
    price = listing.rate.quote(minutes=requirement.minutes, units=requirement.units)
    distance = distance_m(requirement, listing)
    found = verdicts(requirement, resource, capability, slot, price=price, distance_m=distance)
    cost = cost_of(requirement, listing, resource, slot.start, price, distance, now=now)
    return _Answer(listing, resource, capability, slot, price, cost, distance, found, causes(found))


def _nearness(answer: _Answer) -> tuple[Any, ...]:
    return (len(answer.causes), *answer.rank())


def _failures(missed: Sequence[_Answer]) -> tuple[FailureCount, ...]:
    rejected = Counter(constraint for one in missed for constraint in one.causes)
    alone = Counter(one.causes[0] for one in missed if len(one.causes) == 1)
    return tuple(
        FailureCount(constraint, rejected[constraint], alone[constraint])
        for constraint in Constraint
        if rejected[constraint]
    )


def _candidate(answer: _Answer, requirement: Requirement, now: datetime) -> Candidate:
    listing, resource, start = answer.listing, answer.resource, answer.slot.start
    assert start is not None, "a fitting listing has a slot"
    return Candidate(
        offer_id=listing.offer_id,
        resource_id=listing.resource_id,
        organisation_id=listing.organisation_id,
        process=answer.capability.process,
        start=instant_of(start),
        end=instant_of(start + answer.slot.occupied),
        units=requirement.units,
        price=answer.price,
        distance_m=answer.distance_m,
        provenance=resource.provenance,
        age_s=int((now - resource.seen_at).total_seconds()) if resource.seen_at else None,
        verdicts=answer.verdicts,
        cost=answer.cost,
        setup_minutes=resource.setup_minutes,
    )


def _near_miss(answer: _Answer) -> NearMiss:
    return NearMiss(
        offer_id=answer.listing.offer_id,
        resource_id=answer.listing.resource_id,
        organisation_id=answer.listing.organisation_id,
        process=answer.capability.process,
        price=answer.price,
        distance_m=answer.distance_m,
        causes=answer.causes,
        verdicts=answer.verdicts,
    )
