"""Calendar feeds (日历订阅): secret addresses at which calendar programs read what is booked."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, ResourceId

FEEDS_OPEN_MAX: Final = 50
"""Feeds of one organisation that are not revoked."""
FEED_NAME_MAX: Final = 120
FEED_TOKEN_BYTES: Final = 32
FEED_TOKEN_MAX: Final = 100
"""Characters of what is looked up at all."""
_PREFIX: Final = "nf_"
"""By which a leaked one is found."""


class FeedNotFoundError(DomainError):
    code: ClassVar[str] = "booking-feed-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation has no open feed {feed_id}; list /booking-feeds."
    zh: ClassVar[str] = "贵组织没有有效的日历订阅 {feed_id}；请查看 /booking-feeds。"


class FeedClosedError(DomainError):
    """One answer for an address that never was and one that was revoked; it repeats no secret."""

    code: ClassVar[str] = "feed-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no calendar at this address; ask whoever gave it for another one."
    zh: ClassVar[str] = "该地址没有日历；请向提供者索取新的地址。"


class TooManyFeedsError(DomainError):
    code: ClassVar[str] = "too-many-feeds"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your organisation has {most} open feeds; revoke some first."
    zh: ClassVar[str] = "贵组织已有 {most} 个有效的日历订阅；请先撤销一些。"


@dataclass(frozen=True, slots=True)
class Feed:
    """Whoever has its token reads the bookings of the organisation, or those of one resource."""

    id: UUID
    organisation_id: OrganisationId
    resource_id: ResourceId | None
    name: str
    created_at: datetime
    revoked_at: datetime | None = None


def feed_token(random_bytes: bytes) -> str:
    """The secret part of an address, shown once.

    Raises:
        ValueError: not 32 bytes.
    """
    if len(random_bytes) != FEED_TOKEN_BYTES:
        raise ValueError(f"a token needs {FEED_TOKEN_BYTES} random bytes, got {len(random_bytes)}")
    return _PREFIX + random_bytes.hex()


def feed_hash(token: str) -> bytes:
    """What is stored and looked up; the token is too long to guess, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).digest()
