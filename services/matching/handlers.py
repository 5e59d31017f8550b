"""Use cases of matching: list and withdraw resources, rank a requirement, keep the answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.capacity import handlers as capacity
from services.capacity.domain import HORIZON_DAYS_MAX, Visibility
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import DemandId, MatchId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.identity import handlers as identity
from services.identity.domain import Reach
from services.matching import snapshot, store
from services.matching.domain import (
    CANDIDATES_MAX,
    Listing,
    MatchResult,
    Place,
    Rate,
    Requirement,
    StoredMatch,
)
from services.matching.engine.interface import EngineFactory, MatchingEngine
from services.matching.engine.oracle import OracleEngine
from services.matching.relaxation import JUDGED_MAX, relaxations
from services.runtime.clock import Clock

WINDOW_MOVED_MAX: Final = timedelta(days=14)
"""How far a relaxation moves a bound of the window."""


class ListingNotFoundError(DomainError):
    code: ClassVar[str] = "listing-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "Offer {offer_id} does not list resource {resource_id}, or was withdrawn; match again."
    )
    zh: ClassVar[str] = "要约 {offer_id} 未包含资源 {resource_id} 或已撤回；请重新匹配。"


class MatchNotFoundError(DomainError):
    code: ClassVar[str] = "match-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no match {match_id}; match the demand again."
    zh: ClassVar[str] = "没有匹配结果 {match_id}；请对需求重新匹配。"


def list_resource(
    *,
    session: Session,
    clock: Clock,
    offer_id: OfferId,
    resource_id: ResourceId,
    rate: Rate,
    visibility: Visibility,
) -> Listing:
    """Offer a resource for matching, or change what an offer says of it.

    Raises:
        ResourceNotFoundError: no such resource.
    """
    resource = capacity.get_resource(session=session, resource_id=resource_id)
    site = identity.get_site(session=session, site_id=resource.site_id)
    listing = Listing(
        offer_id=offer_id,
        resource_id=resource_id,
        organisation_id=resource.organisation_id,
        rate=rate,
        visibility=visibility,
        place=Place(site.lat, site.lon),
        park=resource.park,
        space_id=resource.space_id,
    )
    processes = {capability.process for capability in resource.capabilities}
    store.upsert_listing(session, listing, processes=sorted(processes), now=clock.now())
    return listing


def withdraw_listing(*, session: Session, clock: Clock, offer_id: OfferId) -> None:
    """Take every resource of an offer out of matching."""
    store.deactivate_listings(session, offer_id, now=clock.now())


def stop_sharing(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    park: str | None = None,
    space_id: UUID | None = None,
) -> None:
    """Show listings to their own organisation only once it left the park or space."""
    store.narrow_listings(session, organisation_id, park=park, space_id=space_id, now=clock.now())


def get_listing(
    *, session: Session, offer_id: OfferId, resource_id: ResourceId, viewer: OrganisationId
) -> Listing:
    """The active listing of ``resource_id`` under ``offer_id``.

    Raises:
        ListingNotFoundError: there is none that ``viewer`` may see.
    """
    listing = store.find_listing(
        session,
        offer_id=offer_id,
        resource_id=resource_id,
        viewer=viewer,
        reach=_reach(session, viewer),
    )
    if listing is None:
        raise ListingNotFoundError(offer_id=offer_id, resource_id=resource_id)
    return listing


def match_requirement(
    *,
    session: Session,
    clock: Clock,
    requirement: Requirement,
    limit: int,
    stale_after: timedelta,
    viewer: OrganisationId | None = None,
    engine_for: EngineFactory = OracleEngine,
    with_relaxations: bool = True,
) -> MatchResult:
    """The best ``limit`` listings for ``requirement`` that ``viewer`` may see, now.

    When fewer fit, the answer tells what would gain suppliers.

    Args:
        session: the transaction to read in.
        clock: the moment the answer holds for.
        requirement: what is asked.
        limit: candidates wanted, at most ``CANDIDATES_MAX``.
        stale_after: how old a twin's last sign may be for its free time to count as measured.
        viewer: the asking organisation, which also sees what it offers to itself only.
        engine_for: which engine ranks.
        with_relaxations: whether a short answer tells what would gain suppliers.
    """
    listings = store.visible_listings(
        session,
        viewer=viewer,
        reach=_reach(session, viewer),
        processes=requirement.processes,
    )

    def engine_of(window: Interval) -> MatchingEngine:
        loaded = snapshot.load(
            session=session,
            clock=clock,
            listings=listings,
            window=window,
            stale_after=stale_after,
        )
        return engine_for(loaded)

    wanted, now = min(limit, CANDIDATES_MAX), clock.now()
    result = engine_of(requirement.window).match(requirement, limit=wanted, now=now)
    hopeless = len(result.candidates) in {wanted, result.considered}
    if hopeless or not with_relaxations or result.considered > JUDGED_MAX:
        return result
    known = _movable(requirement.window, now)
    found = relaxations(engine_of(known), requirement, limit=wanted, now=now, known=known)
    return replace(result, relaxations=found)


def _movable(window: Interval, now: datetime) -> Interval:
    """``window`` and the time around it that a relaxation may move it into, not before ``now``."""
    spare = max(timedelta(0), timedelta(days=HORIZON_DAYS_MAX) - window.duration)
    later = min(WINDOW_MOVED_MAX, spare)
    earlier = min(WINDOW_MOVED_MAX, spare - later, max(window.start - now, timedelta(0)))
    return window.widened(before=earlier, after=later)


def _reach(session: Session, viewer: OrganisationId | None) -> Reach:
    return Reach() if viewer is None else identity.reach(session=session, organisation_id=viewer)


def save_match(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    demand_id: DemandId,
    requirement: Requirement,
    result: MatchResult,
    took_ms: float,
) -> StoredMatch:
    """Keep an answer, so that it can be explained later."""
    match = StoredMatch(
        id=MatchId(clock.new_id()),
        organisation_id=organisation_id,
        demand_id=demand_id,
        requirement=requirement,
        result=result,
        took_ms=took_ms,
        created_at=clock.now(),
    )
    store.add_match(session, match)
    return match


def get_match(
    *, session: Session, organisation_id: OrganisationId, match_id: MatchId
) -> StoredMatch:
    """The match ``match_id`` of a demand of the organisation.

    Raises:
        MatchNotFoundError: it has none with that id.
    """
    match = store.find_match(session, match_id)
    if match is None or match.organisation_id != organisation_id:
        raise MatchNotFoundError(match_id=match_id)
    return match


def list_matches(*, session: Session, demand_id: DemandId, limit: int) -> list[StoredMatch]:
    """The latest matches of a demand, newest first."""
    return store.latest_matches(session, demand_id=demand_id, limit=limit)


def latest_match_of_each(
    *, session: Session, demand_ids: Sequence[DemandId]
) -> dict[DemandId, StoredMatch]:
    """The newest match of each demand that has one."""
    return store.latest_match_of_each(session, demand_ids)
