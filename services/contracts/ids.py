"""Identifiers: UUIDv7 (RFC 9562 §5.7) from a clock reading and random bytes the caller supplies."""

import re
from typing import NewType
from uuid import UUID

OrganisationId = NewType("OrganisationId", UUID)
PersonId = NewType("PersonId", UUID)
ServiceAccountId = NewType("ServiceAccountId", UUID)
SiteId = NewType("SiteId", UUID)
GatewayId = NewType("GatewayId", UUID)
ResourceId = NewType("ResourceId", UUID)
OfferId = NewType("OfferId", UUID)
DemandId = NewType("DemandId", UUID)
MatchId = NewType("MatchId", UUID)
BookingId = NewType("BookingId", UUID)
JointId = NewType("JointId", UUID)
EventId = NewType("EventId", UUID)

RANDOM_BYTES = 10
UNIX_MS_SHIFT = 80
"""Bits of a UUIDv7 below its time."""
SPARKPLUG_ID = re.compile(r"[a-z0-9_-]{1,64}")
"""Group, edge-node and device ids: the subset every MQTT broker we support carries unchanged."""

_MILLISECONDS_MAX = 2**48
_VERSION_7 = 0x7 << 76
_VARIANT_RFC = 0b10 << 62
_RAND_A_BITS = 12
_RAND_B_BITS = 62


def uuid7(*, unix_ms: int, random_bytes: bytes) -> UUID:
    """Return a UUIDv7 whose first 48 bits are ``unix_ms`` and whose 74 free bits are random.

    Raises:
        ValueError: ``unix_ms`` does not fit 48 bits, or ``random_bytes`` is not 10 bytes long.
    """
    if not 0 <= unix_ms < _MILLISECONDS_MAX:
        raise ValueError(f"unix_ms {unix_ms} does not fit in 48 bits")
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(f"uuid7 needs {RANDOM_BYTES} random bytes, got {len(random_bytes)}")
    return UUID(int=unix_ms << UNIX_MS_SHIFT | uuid7_tail(random_bytes))


def uuid7_tail(random_bytes: bytes) -> int:
    """All of a UUIDv7 but its time, of ``RANDOM_BYTES`` random bytes."""
    random_bits = int.from_bytes(random_bytes, "big")
    rand_a = (random_bits >> _RAND_B_BITS) & ((1 << _RAND_A_BITS) - 1)
    rand_b = random_bits & ((1 << _RAND_B_BITS) - 1)
    return _VERSION_7 | rand_a << 64 | _VARIANT_RFC | rand_b


def is_sparkplug_id(text: str) -> bool:
    """Whether ``text`` may stand as a group, edge-node or device id in a topic."""
    return SPARKPLUG_ID.fullmatch(text) is not None
