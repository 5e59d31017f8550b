"""What every engine promises: the snapshot it is built from and the exact meaning of an answer.

Semantics, binding for every implementation (``tests/contract/matching`` runs them all):

* **Time** is whole minutes since 1970-01-01T00:00Z. Windows and gaps are half-open and shrink to
  whole minutes: starts round up, ends round down (:func:`ceil_minute`, :func:`floor_minute`).
* **Row.** A listing answers with one of its resource's capabilities: process, material, envelope,
  tolerance and certificates must be met by the *same* capability. Only capabilities whose process
  is acceptable compete; the listing takes the one with the fewest causes of failure, the earlier
  in the resource's order among equals. Listings without such a capability are not considered.
* **Slot.** The earliest ``[start, start + setup + minutes)`` with ``start`` ≥ the window's start
  and ≥ ``now`` + the resource's notice; its end ≤ the window's end and ≤ ``now`` + its horizon; and
  inside *one* gap with enough units. Gaps of a pool may overlap (two units until ten, one of them
  until noon); touching gaps do not join, for they are different units. Buffers are already clear
  of the gaps. The whole slot is occupied, its first ``setup_minutes`` by set-up; hours, price and
  the resource's minimum are of the minutes asked alone.
* **Lot.** The pieces asked are at least the resource's minimum lot.
* **Live state.** A resource that is down, off or in maintenance gives no slot that starts before
  ``now`` + the withdraw horizon, whatever its gaps say; so a state flip needs no new gaps.
* **Companions.** Engines do not know them. A resource that needs others is offered with its joint
  free time (``services.capacity.domain.joint_gaps``), as many units as all of them allow, measured
  only if all are, and as out of service when one is (``services.matching.snapshot``). So whatever
  changes of a companion changes every resource that needs it, and a booking takes time from all of
  them: whoever keeps an engine up to date puts all of
  ``services.capacity.handlers.affected_resources`` anew, not just the resource an event names.
* **Certificates** hold through the whole UTC day on which the slot ends (without a slot: through
  the day the search begins).
* **Viewer.** Only listings the viewer may see are considered (:meth:`Viewer.sees`); without a
  viewer, all there are.
* **Order** of candidates: cost, price, distance (unknown last), start, resource id, offer id; ids
  by their bytes. The cost is the price and what the requirement's ranking adds, from the end of
  the slot found and the age of the twin at ``now`` in whole minutes; a ranking without weights
  leaves the price. All are in the requirement's currency. ``limit`` cuts after ordering.
* **Near misses** and failure counts are given when fewer than ``limit`` candidates exist. They
  count *causes*: a failed window is not a cause where the live state fails too, since it is what
  took the time away. Order of near misses: number of causes, price, distance, resource, offer.
* **State hash** covers everything that can change an answer, in canonical order; not the age of
  live signs, which no state holds still. Equal states have equal hashes on every engine, however
  they came about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from services.capacity.domain import CapabilityDeclaration, Provenance, Visibility
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.telemetry import ResourceState
from services.matching.domain import Listing, MatchResult, Requirement

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)


def floor_minute(instant: datetime) -> int:
    """Whole minutes since the epoch, rounded down."""
    return (instant - EPOCH) // MINUTE


def ceil_minute(instant: datetime) -> int:
    """Whole minutes since the epoch, rounded up."""
    return -((EPOCH - instant) // MINUTE)


def instant_of(minute: int) -> datetime:
    return EPOCH + minute * MINUTE


@dataclass(frozen=True, slots=True, order=True)
class FreeGap:
    """``units`` units that are each free throughout the minutes ``[start, end)``."""

    start: int
    end: int
    units: int


@dataclass(frozen=True, slots=True)
class OfferedResource:
    """A resource as engines see it; ``gaps`` in any order.

    ``reliability`` is the share of the time it was meant to work that it could, in thousandths, of
    several machines that of the least reliable; ``None`` where that is not known.
    ``setup_minutes`` precede the work in every slot; ``minimum_quantity`` counts pieces.
    """

    id: ResourceId
    units: int
    notice_minutes: int
    minimum_minutes: int
    horizon_minutes: int
    capabilities: tuple[CapabilityDeclaration, ...]
    gaps: tuple[FreeGap, ...]
    state: ResourceState | None = None
    provenance: Provenance = Provenance.DECLARED
    seen_at: datetime | None = None
    reliability: int | None = None
    setup_minutes: int = 0
    minimum_quantity: int = 1


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and what is shared with them.

    ``confided`` holds the listings, by offer and resource, that only a part of an organisation or
    the parties of an NDA in force may see, and this viewer may.
    """

    organisation_id: OrganisationId | None = None
    parks: frozenset[str] = frozenset()
    spaces: frozenset[UUID] = frozenset()
    confided: frozenset[tuple[OfferId, ResourceId]] = frozenset()

    def sees(self, listing: Listing) -> bool:
        """Public, own, or shared with the viewer; as row security says it."""
        match listing.visibility:
            case Visibility.PUBLIC:
                return True
            case Visibility.PRIVATE | Visibility.NDA:
                return (listing.offer_id, listing.resource_id) in self.confided
        if listing.organisation_id == self.organisation_id:
            return True
        match listing.visibility:
            case Visibility.PARK:
                return listing.park in self.parks
            case Visibility.SPACE:
                return listing.space_id in self.spaces
            case _:
                return False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is on offer at one moment.

    Raises:
        ValueError: a listing without its resource.
    """

    listings: tuple[Listing, ...]
    resources: Mapping[ResourceId, OfferedResource]

    def __post_init__(self) -> None:
        for listing in self.listings:
            if listing.resource_id not in self.resources:
                raise ValueError(f"listing of offer {listing.offer_id} lacks its resource")


class MatchingEngine(Protocol):
    """Answers requirements over one state. See the module's text for what an answer means."""

    def match(
        self,
        requirement: Requirement,
        *,
        limit: int,
        now: datetime,
        viewer: Viewer | None = None,
    ) -> MatchResult: ...

    def state_hash(self) -> str: ...


EngineFactory = Callable[[Snapshot], MatchingEngine]
