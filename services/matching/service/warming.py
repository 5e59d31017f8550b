"""Runs every compiled function of the engine once, so that no question waits for a compiler."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from services.capacity.domain import (
    CapabilityDeclaration,
    Certificate,
    Provenance,
    Visibility,
)
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching.domain import CertificateNeed, Listing, Place, Rate, Requirement
from services.matching.engine.interface import (
    FreeGap,
    OfferedResource,
    Snapshot,
    Viewer,
    floor_minute,
)
from services.matching.service.live_engine import Asked, LiveEngine

_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_WORD: Final = 64
"""One more than a block holds, so that columns grow."""


def warm() -> None:
    """Compile what is not compiled yet, load the rest, and run all of it."""
    listings = [_listing(number) for number in range(_WORD + 1)]
    engine = LiveEngine(
        Snapshot(tuple(listings[:2]), {one.resource_id: _resource(one) for one in listings[:2]})
    )
    for listing in listings[2:]:
        engine.put_resource(_resource(listing))
        engine.put_listing(listing)
    first = listings[0]
    engine.set_rate((first.offer_id, first.resource_id), Rate(per_hour_minor=3))
    engine.set_gaps(first.resource_id, _gaps(2))
    engine.observe(
        first.resource_id, state=ResourceState.DOWN, provenance=Provenance.MEASURED, seen_at=_NOW
    )
    engine.remove_listing((listings[1].offer_id, listings[1].resource_id))
    for asked in (_REQUIREMENT, replace(_REQUIREMENT, units=9), _NEAR):
        engine.match(asked, limit=3, now=_NOW)
    engine.match(_NEAR, limit=3, now=_NOW, viewer=Viewer())
    engine.find([Asked(_NEAR, Viewer(), _NOW, 3)], joined=True)


_REQUIREMENT: Final = Requirement(
    processes=frozenset({"warming"}), minutes=60, window=Interval(_NOW, _NOW + _DAY)
)
_NEAR: Final = replace(
    _REQUIREMENT,
    materials=frozenset({"steel"}),
    envelope_mm=(1, 1, 1),
    tolerance_um=10,
    certificates=frozenset({CertificateNeed("iso-9001")}),
    budget_minor=1_000,
    place=Place(30.0, 114.0),
    radius_km=100,
    measured_only=True,
)


def _listing(number: int) -> Listing:
    return Listing(
        offer_id=OfferId(UUID(int=number)),
        resource_id=ResourceId(UUID(int=number)),
        organisation_id=OrganisationId(UUID(int=0)),
        rate=Rate(per_hour_minor=number),
        visibility=Visibility.PUBLIC,
        place=Place(30.0, 114.0),
    )


def _resource(listing: Listing) -> OfferedResource:
    capability = CapabilityDeclaration(
        process="warming",
        materials=("steel",),
        envelope_mm=(2, 2, 2),
        tolerance_um=5,
        certificates=(Certificate(kind="iso-9001", scope="", valid_to=None),),
    )
    return OfferedResource(
        id=listing.resource_id,
        units=1,
        notice_minutes=0,
        minimum_minutes=1,
        horizon_minutes=2 * _DAY // timedelta(minutes=1),
        capabilities=(capability,),
        gaps=_gaps(1),
        state=ResourceState.IDLE,
        provenance=Provenance.MEASURED,
        seen_at=_NOW,
    )


def _gaps(count: int) -> tuple[FreeGap, ...]:
    start = floor_minute(_NOW)
    return tuple(FreeGap(start + one * 200, start + one * 200 + 120, 1) for one in range(count))
