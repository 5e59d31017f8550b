"""Use case of routing: each step of a chain matched as any demand, and the best way over them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlmodel import Session

from services.capacity import handlers as capacity
from services.capacity.domain import HORIZON_DAYS_MAX, Resource
from services.contracts.ids import OrganisationId, ResourceId
from services.identity import handlers as identity
from services.matching.domain import Candidate, MatchResult, Place, Requirement
from services.matching.engine.interface import MINUTE, FreeGap, floor_minute
from services.matching.handlers import WINDOW_MOVED_MAX, match_requirement
from services.matching.routing import (
    STOPS_MAX,
    Chain,
    ChainAnswer,
    ChainAsked,
    ChainStep,
    Objective,
    Stop,
    bookable,
    route,
)
from services.matching.snapshot import offered_resources
from services.matching.transport import Transport
from services.runtime.clock import Clock


def route_chain(
    *,
    session: Session,
    clock: Clock,
    asked: ChainAsked,
    limit: int,
    stale_after: timedelta,
    viewer: OrganisationId | None = None,
) -> ChainAnswer:
    """The best route of a chain over the best ``limit`` listings per step, now.

    Args:
        session: the transaction to read in.
        clock: the moment the answer holds for.
        asked: the steps, the places, and what to be best by.
        limit: candidates weighed per step, at most ``STOPS_MAX``.
        stale_after: how old a twin's last sign may be for its free time to count as measured.
        viewer: the asking organisation; it sees what it sees when it matches each step.
    """
    asking = _Asking(session, clock, stale_after, viewer, min(limit, STOPS_MAX))
    answer = asking.route(asked)
    if answer.routing.best is not None:
        return answer
    if all(match.candidates for match in answer.matches):
        later = asking.route(_longer(asked))
        best = later.routing.best
        return replace(answer, possible_by=None if best is None else best.delivered)
    return replace(
        answer,
        matches=tuple(
            match if match.candidates else asking.match(requirement, relaxed=True)
            for requirement, match in zip(asked.steps, answer.matches, strict=True)
        ),
    )


def _longer(asked: ChainAsked) -> ChainAsked:
    """``asked`` as early as may be, with windows that end as much later as a relaxation moves."""
    steps = []
    for one in asked.steps:
        spare = max(timedelta(0), timedelta(days=HORIZON_DAYS_MAX) - one.window.duration)
        window = one.window.widened(before=timedelta(0), after=min(WINDOW_MOVED_MAX, spare))
        steps.append(replace(one, window=window))
    return replace(asked, steps=tuple(steps), objective=Objective.EARLIEST)


@dataclass(frozen=True, slots=True)
class _Asking:
    session: Session
    clock: Clock
    stale_after: timedelta
    viewer: OrganisationId | None
    most: int

    def route(self, asked: ChainAsked) -> ChainAnswer:
        """What is found over the best ``most`` listings per step."""
        found = [self.match(one) for one in asked.steps]
        matches = tuple(replace(one, candidates=one.candidates[: self.most]) for one in found)
        places = [None] * (len(found) - 1) + [asked.destination]
        steps = tuple(
            ChainStep(
                requirement,
                self.stops(requirement, match.candidates, place, asked.transport),
                truncated=len(whole.candidates) > self.most,
            )
            for requirement, match, whole, place in zip(
                asked.steps, matches, found, places, strict=True
            )
        )
        chain, now = Chain(steps, asked.origin, asked.destination), self.clock.now()
        routing = route(chain, objective=asked.objective, now=now, transport=asked.transport)
        return ChainAnswer(asked, matches, routing, as_of=now)

    def match(self, requirement: Requirement, *, relaxed: bool = False) -> MatchResult:
        """One listing more than are weighed, to know whether there are more."""
        return match_requirement(
            session=self.session,
            clock=self.clock,
            requirement=requirement,
            limit=self.most + 1,
            stale_after=self.stale_after,
            viewer=self.viewer,
            relaxed=relaxed,
        )

    def stops(
        self,
        requirement: Requirement,
        candidates: Sequence[Candidate],
        destination: Place | None,
        transport: Transport,
    ) -> tuple[Stop, ...]:
        """Where the candidates stand, and when they are free early enough for the destination."""
        ids = {one.resource_id for one in candidates}
        resources = capacity.resources_by_id(session=self.session, resource_ids=ids)
        offered = offered_resources(
            session=self.session,
            clock=self.clock,
            resource_ids=ids,
            window=requirement.window,
            stale_after=self.stale_after,
        )
        places = self._places(list(resources.values()))
        stops = []
        for one in candidates:
            if one.resource_id not in offered:  # gone since it was matched
                continue
            place = places.get(one.resource_id)
            away = 0 if destination is None else transport.minutes(place, destination)
            end_by = floor_minute(requirement.window.end) - away
            free = bookable(requirement, one, offered[one.resource_id], now=self.clock.now())
            early = tuple(replace(gap, end=min(gap.end, end_by)) for gap in free)
            stops.append(_stop(one, requirement, resources[one.resource_id], place, early))
        return tuple(stops)

    def _places(self, resources: Sequence[Resource]) -> dict[ResourceId, Place]:
        """Where each resource stands, as far as the viewer may know."""
        sites = identity.sites_by_id(
            session=self.session, site_ids={one.site_id for one in resources}
        )
        return {
            one.id: Place(sites[one.site_id].lat, sites[one.site_id].lon)
            for one in resources
            if one.site_id in sites
        }


def _stop(
    one: Candidate,
    requirement: Requirement,
    resource: Resource,
    place: Place | None,
    free: tuple[FreeGap, ...],
) -> Stop:
    rule = resource.rule
    return Stop(
        offer_id=one.offer_id,
        resource_id=one.resource_id,
        organisation_id=one.organisation_id,
        place=place,
        price=one.price,
        free=free,
        setup=(one.end - one.start) // MINUTE - requirement.minutes,
        turnaround=-(-(rule.buffer_before + rule.buffer_after) // MINUTE),
    )
