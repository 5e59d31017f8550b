"""One byte string per state of the market, however the state came about, and its hash."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from services.capacity.domain import CapabilityDeclaration
from services.matching.domain import Listing
from services.matching.engine.interface import FreeGap, OfferedResource, Snapshot


def state_hash(snapshot: Snapshot) -> str:
    """SHA-256 of :func:`canonical_bytes`, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(snapshot)).hexdigest()


def canonical_bytes(snapshot: Snapshot) -> bytes:
    """Everything that can change an answer, in one order."""
    offered = {listing.resource_id for listing in snapshot.listings}
    state = {
        "listings": sorted(map(_listing, snapshot.listings)),
        "resources": sorted(_resource(snapshot.resources[one]) for one in offered),
    }
    return json.dumps(state, separators=(",", ":"), ensure_ascii=True).encode()


def _listing(listing: Listing) -> list[Any]:
    rate, place = listing.rate, listing.place
    return [
        listing.offer_id.hex,
        listing.resource_id.hex,
        [rate.currency, rate.per_hour_minor, rate.setup_minor, rate.minimum_minor],
        [place.latitude, place.longitude] if place else [],
        [listing.organisation_id.hex, listing.visibility.value],
        [listing.park or "", listing.space_id.hex if listing.space_id else ""],
    ]


def _resource(resource: OfferedResource) -> list[Any]:
    return [
        resource.id.hex,
        resource.units,
        [resource.notice_minutes, resource.minimum_minutes, resource.horizon_minutes],
        resource.state.value if resource.state else "",
        resource.provenance.value,
        resource.reliability,
        [_capability(capability) for capability in resource.capabilities],
        [[gap.start, gap.end, gap.units] for gap in maximal(resource.gaps)],
    ]


def _capability(capability: CapabilityDeclaration) -> list[Any]:
    certificates = (
        [one.kind, one.scope, one.valid_to.isoformat() if one.valid_to else ""]
        for one in capability.certificates
    )
    return [
        capability.process,
        sorted(set(capability.materials)),
        sorted(capability.envelope_mm or ()),
        capability.tolerance_um if capability.tolerance_um is not None else -1,
        sorted(certificates),
    ]


def maximal(gaps: Sequence[FreeGap]) -> list[FreeGap]:
    """``gaps`` sorted, without those that offer nothing or nothing another does not."""
    kept: list[FreeGap] = []
    furthest: dict[int, int] = {}
    for gap in sorted(gaps, key=lambda one: (one.start, -one.end, -one.units)):
        if gap.start >= gap.end or gap.units <= 0:
            continue
        if any(end >= gap.end for units, end in furthest.items() if units >= gap.units):
            continue
        kept.append(gap)
        furthest[gap.units] = gap.end
    return kept
