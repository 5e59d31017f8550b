"""One byte string per listing and resource, however it came about, and the hash of all."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from services.capacity.domain import CapabilityDeclaration
from services.matching.domain import Listing
from services.matching.engine.interface import FreeGap, OfferedResource, Snapshot

_MODULUS: Final = 1 << 256


def state_hash(snapshot: Snapshot) -> str:
    """The hash of all listings and the resources they offer, in hexadecimal.

    The sum of SHA-256 of each, modulo 2^256 (MSet-Add-Hash; Clarke et al., ASIACRYPT 2003): free of
    order, and kept up to date by what changed. It tells states apart; it is no seal against
    somebody who may choose the whole market.
    """
    offered = {listing.resource_id for listing in snapshot.listings}
    total = sum(map(listing_digest, snapshot.listings))
    total += sum(resource_digest(snapshot.resources[one]) for one in offered)
    return shown(total)


def shown(total: int) -> str:
    """A sum of digests in hexadecimal."""
    return f"{total % _MODULUS:064x}"


def listing_digest(listing: Listing) -> int:
    return _digest(listing_bytes(listing))


def resource_digest(resource: OfferedResource) -> int:
    return _digest(resource_bytes(resource))


def listing_bytes(listing: Listing) -> bytes:
    """All of a listing that can change an answer, in one form."""
    return _canonical("listing", _listing(listing))


def resource_bytes(resource: OfferedResource) -> bytes:
    """All of a resource that can change an answer, in one form."""
    return _canonical("resource", _resource(resource))


def _canonical(kind: str, fields: list[Any]) -> bytes:
    return json.dumps([kind, fields], separators=(",", ":"), ensure_ascii=True).encode()


def _digest(canonical: bytes) -> int:
    return int.from_bytes(hashlib.sha256(canonical).digest())


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
        [
            resource.notice_minutes,
            resource.minimum_minutes,
            resource.horizon_minutes,
            resource.setup_minutes,
            resource.minimum_quantity,
        ],
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
