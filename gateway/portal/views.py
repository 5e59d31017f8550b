"""Gathers the live page from the contexts' use cases: one transaction, one reading."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.portal.model import (
    BookingLine,
    Demand,
    ExplainedMiss,
    Firm,
    FreeSpan,
    Live,
    Match,
    Name,
    Offered,
    Park,
    RankedCandidate,
    Resource,
    StateSpan,
    Today,
    Withdrawal,
)
from marketplace.demands import handlers as demands
from marketplace.demands.domain import Demand as StatedDemand
from services.booking import handlers as booking
from services.capacity import handlers as capacity
from services.capacity.domain import Gap, LiveState
from services.capacity.domain import Resource as RegisteredResource
from services.contracts.access import ANONYMOUS, Principal
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.identity import handlers as identity
from services.identity.domain import Organisation, Site, Verification
from services.identity.domain import Park as RegisteredPark
from services.matching import handlers as matching
from services.matching.domain import Candidate, NearMiss, StoredMatch
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.settings import Settings

PARK_TIMEZONE: Final = "Asia/Shanghai"
PARK_NAME: Final = Name("Nonagon resource park", "九向资源园区")
NOT_SHOWN: Final = Name("no longer shown to you", "已不再对您可见")
"""A resource of an own booking or match whose visibility has since narrowed."""
RESOURCES_MAX: Final = 200
DEMANDS_SHOWN: Final = 5
BOOKINGS_SHOWN: Final = 12
WITHDRAWALS_SHOWN: Final = 8
PAGE: Final = 200
LOOKAHEAD: Final = timedelta(hours=24)
BOOKINGS_SINCE: Final = timedelta(days=1)
BOOKINGS_UNTIL: Final = timedelta(days=60)
WITHDRAWN_SINCE: Final = timedelta(hours=24)


def read_park(
    sessions: Sessions, clock: Clock, settings: Settings, viewer: Principal = ANONYMOUS
) -> Park:
    """The park as it is now, as far as ``viewer`` may see it."""
    with transaction(sessions, viewer) as session:
        return _Reading(session, clock, settings, viewer.organisation_id).park()


class _Reading:
    """What one reading looks up once and uses in every panel."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        settings: Settings,
        organisation_id: OrganisationId | None,
    ) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._clock = clock
        self._stale_after = timedelta(seconds=settings.seen_stale_after_s)
        self._now = clock.now()
        found = capacity.list_resources(session=session, after=None, limit=RESOURCES_MAX + 1)
        self._more = len(found) > RESOURCES_MAX
        self._resources = {resource.id: resource for resource in found[:RESOURCES_MAX]}
        self._organisations: dict[OrganisationId, Organisation] = {}
        self._sites = identity.sites_by_id(
            session=session, site_ids={one.site_id for one in self._resources.values()}
        )
        self._know(resource.organisation_id for resource in self._resources.values())

    def park(self) -> Park:
        return Park(
            name=self._park_name(),
            at=self._now,
            timezone=PARK_TIMEZONE,
            firms=self._firms(),
            demands=self._demands(),
            bookings=self._bookings(),
            withdrawals=self._withdrawals(),
            more_resources=self._more,
            viewer=self._viewer(),
        )

    def _park_name(self) -> Name:
        """The park all sites stand in, if it is one."""
        parks = {site.park for site in self._sites.values() if site.park}
        if len(parks) != 1:
            return PARK_NAME
        return _name(identity.get_park(session=self._session, code=parks.pop()))

    def _viewer(self) -> Name | None:
        if self._organisation_id is None:
            return None
        self._know([self._organisation_id])
        return self._organisation(self._organisation_id)

    def _firms(self) -> tuple[Firm, ...]:
        resources = list(self._resources.values())
        available = capacity.availability(
            session=self._session,
            clock=self._clock,
            resources=resources,
            window=Interval.starting(self._now, LOOKAHEAD),
            stale_after=self._stale_after,
        )
        timelines = capacity.timelines(
            session=self._session,
            clock=self._clock,
            days=[(one, self._now.astimezone(ZoneInfo(one.timezone)).date()) for one in resources],
        )
        by_firm: dict[OrganisationId, list[RegisteredResource]] = {}
        for resource in resources:
            by_firm.setdefault(resource.organisation_id, []).append(resource)
        return tuple(
            Firm(
                id=str(organisation_id),
                name=self._organisation(organisation_id),
                place=_name(self._sites[own[0].site_id]),
                resources=tuple(
                    _resource(one, available[one.id], timelines[one.id]) for one in own
                ),
                is_verified=self._is_verified(organisation_id),
            )
            for organisation_id, own in by_firm.items()
        )

    def _demands(self) -> tuple[Demand, ...]:
        if self._organisation_id is None:
            return ()
        stated = demands.latest_demands(
            session=self._session, organisation_id=self._organisation_id, limit=DEMANDS_SHOWN
        )
        self._know(demand.facts.organisation_id for demand in stated)
        matches = matching.latest_match_of_each(
            session=self._session, demand_ids=[demand.id for demand in stated]
        )
        return tuple(self._demand(demand, matches.get(demand.id)) for demand in stated)

    def _demand(self, demand: StatedDemand, match: StoredMatch | None) -> Demand:
        facts = demand.facts
        return Demand(
            id=str(demand.id),
            title=facts.title,
            organisation=self._organisation(facts.organisation_id),
            process=facts.process,
            minutes=facts.minutes,
            window=Interval(facts.start, facts.end),
            timezone=PARK_TIMEZONE,
            match=self._match(match) if match else None,
        )

    def _match(self, match: StoredMatch) -> Match:
        result = match.result
        offered: list[Candidate | NearMiss] = [*result.candidates, *result.near_misses]
        self._learn(one.resource_id for one in offered)
        self._know(one.organisation_id for one in offered)
        return Match(
            at=match.created_at,
            took_ms=match.took_ms,
            considered=result.considered,
            candidates=tuple(
                RankedCandidate(self._offered(one.resource_id, one.organisation_id), one)
                for one in result.candidates
            ),
            failures=result.failures,
            misses=tuple(
                ExplainedMiss(self._offered(one.resource_id, one.organisation_id), one)
                for one in result.near_misses
            ),
            id=str(match.id),
            relaxations=result.relaxations,
            relaxations_complete=result.relaxations_complete,
            nominal_mm=match.requirement.nominal_mm,
        )

    def _bookings(self) -> tuple[BookingLine, ...]:
        if self._organisation_id is None:
            return ()
        near = Interval(self._now - BOOKINGS_SINCE, self._now + BOOKINGS_UNTIL)
        found = booking.list_bookings(
            session=self._session, limit=PAGE, party=self._organisation_id, overlapping=near
        )
        found.sort(key=lambda one: (not one.at_risk, not one.is_active, one.interval.start))
        shown = found[:BOOKINGS_SHOWN]
        self._learn(one.resource_id for one in shown)
        self._know(one.organisation_id for one in shown)
        return tuple(
            BookingLine(
                one,
                self._resource_name(one.resource_id),
                self._organisation(one.organisation_id),
                self._timezone(one.resource_id),
            )
            for one in shown
        )

    def _withdrawals(self) -> tuple[Withdrawal, ...]:
        found = capacity.list_withdrawals(
            session=self._session, since=self._now - WITHDRAWN_SINCE, after=None, limit=PAGE
        )
        found.sort(key=lambda one: one.withdrawn_at, reverse=True)
        found.sort(key=lambda one: one.restored_at is not None)
        shown = found[:WITHDRAWALS_SHOWN]
        self._learn(one.resource_id for one in shown)
        return tuple(
            Withdrawal(
                id=str(one.id),
                resource=self._resource_name(one.resource_id),
                during=one.during,
                timezone=self._timezone(one.resource_id),
                cause=str(one.cause),
                withdrawn_at=one.withdrawn_at,
                restored_at=one.restored_at,
            )
            for one in shown
        )

    def _is_verified(self, organisation_id: OrganisationId) -> bool:
        self._know([organisation_id])
        return self._organisations[organisation_id].verification is Verification.VERIFIED

    def _know(self, organisation_ids: Iterable[OrganisationId]) -> None:
        missing = set(organisation_ids) - self._organisations.keys()
        if missing:
            self._organisations |= identity.organisations_by_id(
                session=self._session, organisation_ids=missing
            )

    def _learn(self, resource_ids: Iterable[ResourceId]) -> None:
        missing = set(resource_ids) - self._resources.keys()
        if missing:
            self._resources |= capacity.resources_by_id(session=self._session, resource_ids=missing)

    def _organisation(self, organisation_id: OrganisationId) -> Name:
        return _name(self._organisations[organisation_id])

    def _resource_name(self, resource_id: ResourceId) -> Name:
        known = self._resources.get(resource_id)
        return _name(known) if known else NOT_SHOWN

    def _timezone(self, resource_id: ResourceId) -> str:
        known = self._resources.get(resource_id)
        return known.timezone if known else PARK_TIMEZONE

    def _offered(self, resource_id: ResourceId, organisation_id: OrganisationId) -> Offered:
        return Offered(
            self._resource_name(resource_id),
            self._organisation(organisation_id),
            self._timezone(resource_id),
        )


def unit_hours(gaps: Sequence[Gap]) -> float:
    """Hours times free units; gaps of a pool overlap, so at each instant the largest counts."""
    bounds = sorted({bound for gap in gaps for bound in (gap.interval.start, gap.interval.end)})
    hours = 0.0
    for start, end in pairwise(bounds):
        part = Interval(start, end)
        hours += part.hours * max(
            (gap.free_units for gap in gaps if gap.interval.contains(part)), default=0
        )
    return hours


def _resource(
    resource: RegisteredResource, available: capacity.Availability, timeline: capacity.Timeline
) -> Resource:
    return Resource(
        id=str(resource.id),
        name=_name(resource),
        kind=resource.kind,
        units=resource.units,
        timezone=resource.timezone,
        live=_live(available.live) if available.live else None,
        today=_today(timeline, available.gaps),
        free_next_day_h=unit_hours(available.gaps),
    )


def _today(timeline: capacity.Timeline, gaps: Sequence[Gap]) -> Today:
    free = (
        FreeSpan(part, gap.free_units, gap.provenance)
        for gap in gaps
        if (part := gap.interval.intersection(timeline.day))
    )
    return Today(
        day=timeline.day,
        working=tuple(timeline.working),
        states=tuple(StateSpan(span.state, span.interval) for span in timeline.states),
        booked=tuple(timeline.reserved),
        free=tuple(free),
    )


def _live(live: LiveState) -> Live:
    return Live(
        state=live.state,
        reason=live.reason,
        since=live.since,
        seen_at=live.seen_at,
        job_id=live.job_id,
        job_predicted_end=live.job_predicted_end,
        part_count=live.part_count,
    )


def _name(named: Organisation | RegisteredResource | RegisteredPark | Site) -> Name:
    return Name(named.name, named.name_zh)
