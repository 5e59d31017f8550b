"""Use cases of matching: list and withdraw resources, rank a requirement, keep the answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

import structlog
from sqlmodel import Session

from services.capacity import handlers as capacity
from services.capacity.domain import HORIZON_DAYS_MAX, Resource, Visibility
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.matching import ListingsNarrowed
from services.contracts.ids import DemandId, MatchId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.identity import handlers as identity
from services.identity.domain import Reach, Site
from services.matching import store
from services.matching.domain import (
    CANDIDATES_MAX,
    Listing,
    MatchResult,
    Place,
    Rate,
    Requirement,
    StoredMatch,
)
from services.matching.engine.interface import EngineFactory, Viewer
from services.matching.engine.oracle import OracleEngine
from services.matching.relaxation import JUDGED_MAX, relaxations
from services.matching.service.port import Matcher, MatcherUnavailableError, MatchQuestion
from services.matching.service.record import RecordMatcher
from services.runtime.clock import Clock
from services.runtime.outbox import emit

WINDOW_MOVED_MAX: Final = timedelta(days=14)
"""How far a relaxation moves a bound of the window."""

log = structlog.get_logger(__name__)


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
    listing = _listing(offer_id, resource, site, rate, visibility)
    store.upsert_listing(session, listing, processes=_processes(resource), now=clock.now())
    return listing


def list_resources(
    *,
    session: Session,
    clock: Clock,
    offered: Sequence[tuple[OfferId, Resource, Rate, Visibility]],
) -> None:
    """Offer many resources for matching at once, which no offer of theirs listed before."""
    sites = {
        site_id: identity.get_site(session=session, site_id=site_id)
        for site_id in {resource.site_id for _, resource, _, _ in offered}
    }
    listings = [
        (_listing(offer_id, one, sites[one.site_id], rate, visibility), _processes(one))
        for offer_id, one, rate, visibility in offered
    ]
    if listings:
        store.insert_listings(session, listings, now=clock.now())


def _listing(
    offer_id: OfferId, resource: Resource, site: Site, rate: Rate, visibility: Visibility
) -> Listing:
    return Listing(
        offer_id=offer_id,
        resource_id=resource.id,
        organisation_id=resource.organisation_id,
        rate=rate,
        visibility=visibility,
        place=Place(site.lat, site.lon),
        park=resource.park,
        space_id=resource.space_id,
    )


def _processes(resource: Resource) -> list[str]:
    return sorted({capability.process for capability in resource.capabilities})


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
    now = clock.now()
    offer_ids = store.narrow_listings(
        session, organisation_id, park=park, space_id=space_id, now=now
    )
    if offer_ids:
        narrowed = ListingsNarrowed(
            id=clock.new_id(),
            occurred_at=now,
            organisation_id=organisation_id,
            offer_ids=tuple(offer_ids),
            audience=Audience(organisation_ids=(organisation_id,)),
        )
        emit(session, narrowed, now=now)


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
    matcher: Matcher | None = None,
    engine_for: EngineFactory = OracleEngine,
    relaxed: bool = True,
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
        relaxed: whether to look for what would gain suppliers.
        matcher: who is asked first; the record answers when it cannot, and tells the relaxations.

    Raises:
        WindowTooLongError: the requirement's window is longer than any horizon.
    """
    capacity.check_window(requirement.window)
    wanted, now = min(limit, CANDIDATES_MAX), clock.now()
    asking = viewer_of(session=session, organisation_id=viewer)
    record = RecordMatcher(
        session=session, clock=clock, stale_after=stale_after, engine_for=engine_for
    )
    question = MatchQuestion(requirement, wanted, now, asking)
    result = _answered(matcher, question) or record.match(question)
    hopeless = len(result.candidates) in {wanted, result.considered}
    if hopeless or not relaxed:
        return result
    if result.considered > JUDGED_MAX:
        return replace(result, relaxations_complete=False)
    known = _movable(requirement.window, now)
    engine = record.engine(requirement, asking, known)
    found = relaxations(engine, requirement, limit=wanted, now=now, known=known)
    return replace(result, relaxations=found.found, relaxations_complete=found.complete)


def _answered(matcher: Matcher | None, question: MatchQuestion) -> MatchResult | None:
    """The matcher's answer; ``None`` if it gives none."""
    if matcher is None:
        return None
    try:
        return matcher.match(question)
    except MatcherUnavailableError as error:
        log.warning("matcher unavailable, the record answers", cause=str(error))
        return None


def viewer_of(*, session: Session, organisation_id: OrganisationId | None) -> Viewer:
    """What decides what ``organisation_id`` sees, as the session's own reading has it."""
    if organisation_id is None:
        return Viewer()
    reach = identity.reach(session=session, organisation_id=organisation_id)
    confided = store.confided_listings(session, organisation_id)
    resources = capacity.resources_by_id(
        session=session, resource_ids={resource_id for _, resource_id in confided}
    )
    return Viewer(
        organisation_id=organisation_id,
        parks=reach.parks,
        spaces=reach.spaces,
        confided=frozenset(key for key in confided if key[1] in resources),
    )


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
