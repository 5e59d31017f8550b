"""The engines' state, read from what capacity knows at one moment."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from services.capacity import handlers as capacity
from services.capacity.domain import (
    WITHDRAWING,
    Gap,
    LiveState,
    Provenance,
    Resource,
    joint_units,
)
from services.contracts.ids import ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching.domain import Listing
from services.matching.engine.interface import (
    MINUTE,
    FreeGap,
    OfferedResource,
    Snapshot,
    ceil_minute,
    floor_minute,
)
from services.runtime.clock import Clock


def load(
    *,
    session: Session,
    clock: Clock,
    listings: Sequence[Listing],
    window: Interval,
    stale_after: timedelta,
) -> Snapshot:
    """The resources of ``listings`` with their whole free time inside ``window``.

    Raises:
        WindowTooLongError: ``window`` is longer than any horizon.
    """
    capacity.check_window(window)
    resources = offered_resources(
        session=session,
        clock=clock,
        resource_ids={listing.resource_id for listing in listings},
        window=window,
        stale_after=stale_after,
        whole=True,
    )
    return Snapshot(
        listings=tuple(one for one in listings if one.resource_id in resources),
        resources=resources,
    )


def offered_resources(
    *,
    session: Session,
    clock: Clock,
    resource_ids: Collection[ResourceId],
    window: Interval,
    stale_after: timedelta,
    whole: bool = False,
) -> dict[ResourceId, OfferedResource]:
    """Those of ``resource_ids`` that can be seen, with their free time inside ``window``.

    With ``whole``, as :func:`~services.capacity.domain.free_gaps` gives it to matching.
    """
    resources = capacity.resources_by_id(session=session, resource_ids=resource_ids)
    found = capacity.availability(
        session=session,
        clock=clock,
        resources=resources.values(),
        window=window,
        stale_after=stale_after,
        whole=whole,
    )
    now = clock.now()
    return {
        resource_id: offered(resource, found[resource_id], now, stale_after)
        for resource_id, resource in resources.items()
    }


def offered(
    resource: Resource,
    available: capacity.Availability,
    now: datetime,
    stale_after: timedelta,
) -> OfferedResource:
    """``resource`` together with its companions, as engines see it at ``now``."""
    lives = [available.live, *(one.live for one in available.companions)]
    measured = all(live is not None and live.is_measured(now, stale_after) for live in lives)
    seen = [live.seen_at for live in lives if live is not None and live.seen_at is not None]
    told = [live.reliability for live in lives if live and live.reliability is not None]
    rule = resource.rule
    return OfferedResource(
        id=resource.id,
        units=joint_units(
            resource, {one.resource.id: one.resource for one in available.companions}
        ),
        notice_minutes=rule.notice_minutes,
        minimum_minutes=-(-rule.minimum // MINUTE),
        horizon_minutes=rule.horizon // MINUTE,
        capabilities=resource.capabilities,
        gaps=tuple(_free_gap(gap) for gap in available.gaps),
        state=state_of(lives),
        provenance=Provenance.MEASURED if measured else Provenance.DECLARED,
        seen_at=min(seen, default=None),
        reliability=min(told, default=None),
        setup_minutes=rule.setup_minutes,
        minimum_quantity=rule.minimum_quantity,
    )


def state_of(lives: Sequence[LiveState | None]) -> ResourceState | None:
    """The resource's own state, or that of the first companion that is out of service."""
    states = [None if live is None else live.state for live in lives]
    return next((state for state in states if state in WITHDRAWING), states[0])


def _free_gap(gap: Gap) -> FreeGap:
    return FreeGap(ceil_minute(gap.interval.start), floor_minute(gap.interval.end), gap.free_units)
