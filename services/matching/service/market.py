"""What a projection of the market is made of, read from the record.

Free time is read by whole UTC days, for longer than any question reaches: so it is the same at
whatever moment of a day it is read, and engines judge notice and horizon at every question.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from services.capacity import handlers as capacity
from services.capacity.domain import LiveState, Resource, gaps_change_at
from services.contracts.ids import OfferId, ResourceId
from services.contracts.intervals import Interval
from services.identity import handlers as identity
from services.matching import snapshot, store
from services.matching.domain import Listing
from services.matching.engine.interface import OfferedResource
from services.runtime.clock import Clock

DAY: Final = timedelta(days=1)
READ_AHEAD: Final = 2 * DAY
"""Beyond the horizon: one day for the day begun, one to read the next in."""
_SPREAD_S: Final = 12 * 3600
"""Resources are read again at different times of the day that follows."""


@dataclass(frozen=True, slots=True)
class MarketResource:
    """An offered resource, and when to read it again though nothing happened.

    ``lives`` are the live states it is judged by: its own, first, and those of its companions.
    ``buffers`` are minutes kept clear before and after a booking; ``None`` where a booking takes
    more than one unit of one thing, which memory alone does not know apart.
    """

    offered: OfferedResource
    lives: Mapping[ResourceId, LiveState | None]
    region: str
    again_at: datetime
    buffers: tuple[int, int] | None = None


def listings(*, session: Session, offer_ids: Collection[OfferId] | None = None) -> list[Listing]:
    """What is on the market, whoever may see it; only of ``offer_ids``, when given."""
    return store.active_listings(session, offer_ids)


def resources(
    *,
    session: Session,
    clock: Clock,
    resource_ids: Collection[ResourceId],
    stale_after: timedelta,
) -> dict[ResourceId, MarketResource]:
    """Those of ``resource_ids`` that exist, with their free time."""
    known = capacity.resources_by_id(session=session, resource_ids=resource_ids)
    sites = identity.sites_by_id(
        session=session, site_ids={resource.site_id for resource in known.values()}
    )
    alike: dict[timedelta, list[Resource]] = defaultdict(list)
    for resource in known.values():
        alike[resource.rule.horizon].append(resource)
    now, found = clock.now(), {}
    for horizon, group in alike.items():
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        available = capacity.availability(
            session=session,
            clock=clock,
            resources=group,
            window=Interval.starting(day, horizon + READ_AHEAD),
            stale_after=stale_after,
            whole=True,
        )
        for resource in group:
            free = available[resource.id]
            lives = {resource.id: free.live}
            lives |= {one.resource.id: one.live for one in free.companions}
            found[resource.id] = MarketResource(
                offered=snapshot.offered(resource, free, now, stale_after),
                lives=lives,
                region=sites[resource.site_id].region_code,
                again_at=_again_at(resource.id, lives.values(), day, now),
                buffers=_buffers(resource),
            )
    return found


def affected(*, session: Session, resource_ids: Collection[ResourceId]) -> set[ResourceId]:
    """Whose free time changes with that of ``resource_ids``: a booking takes companions along."""
    return capacity.affected_resources(session=session, resource_ids=resource_ids)


def live_states(
    *, session: Session, resource_ids: Collection[ResourceId]
) -> dict[ResourceId, LiveState]:
    """The latest states of those that have a twin."""
    return capacity.live_states(session=session, resource_ids=list(resource_ids))


def _buffers(resource: Resource) -> tuple[int, int] | None:
    if resource.units > 1 or resource.companions:
        return None
    return resource.rule.buffer_before_minutes, resource.rule.buffer_after_minutes


def _again_at(
    resource_id: ResourceId, lives: Iterable[LiveState | None], day: datetime, now: datetime
) -> datetime:
    next_day = day + DAY + timedelta(seconds=resource_id.int % _SPREAD_S)
    changes = (gaps_change_at(live, now) for live in lives)
    return min([next_day, *(one for one in changes if one is not None)])
