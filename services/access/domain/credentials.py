"""Sessions of people and keys of service accounts: until when they hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.contracts.access import Role
from services.contracts.ids import OrganisationId, ServiceAccountId

SESSION_LASTS: Final = timedelta(hours=24)
"""Absolute; NIST SP 800-63B-4 §2.2.3 (AAL2) asks for a new sign-in after at most 24 hours."""
SESSION_IDLE: Final = timedelta(hours=1)
"""Without a request for this long a session ends (same section)."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""How coarsely use is recorded, so that reading does not write each time."""
STRONG_LASTS: Final = timedelta(hours=12)
"""A second factor counts this long; then it is asked again, without a new sign-in."""
KEY_LASTS_MAX: Final = timedelta(days=366)
SESSIONS_PER_PERSON_MAX: Final = 50
"""The oldest gives way."""
KEYS_PER_ACCOUNT_MAX: Final = 20
CLIENT_MAX: Final = 200


class Standing(StrEnum):
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person's session; ``organisation_id`` is the one it acts for."""

    id: UUID
    person_id: UUID
    organisation_id: OrganisationId | None
    created_at: datetime
    expires_at: datetime
    last_seen_at: datetime
    strong_at: datetime | None
    revoked_at: datetime | None
    client: str

    def standing(self, now: datetime) -> Standing:
        if self.revoked_at is not None:
            return Standing.REVOKED
        idle_end = self.last_seen_at + SESSION_IDLE
        return Standing.EXPIRED if now >= min(self.expires_at, idle_end) else Standing.VALID

    def is_strong(self, now: datetime) -> bool:
        return self.strong_at is not None and now < self.strong_at + STRONG_LASTS

    def is_seen_again(self, now: datetime) -> bool:
        """Whether the use at ``now`` is worth recording."""
        return now - self.last_seen_at >= SEEN_EVERY


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a service account; ``roles`` narrow those of the account, never widen them."""

    id: UUID
    organisation_id: OrganisationId
    service_account_id: ServiceAccountId
    name: str
    roles: frozenset[Role]
    created_at: datetime
    created_by: UUID
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None

    def standing(self, now: datetime) -> Standing:
        if self.revoked_at is not None:
            return Standing.REVOKED
        return Standing.EXPIRED if now >= self.expires_at else Standing.VALID

    def is_seen_again(self, now: datetime) -> bool:
        return self.last_used_at is None or now - self.last_used_at >= SEEN_EVERY


def narrowed(held: Iterable[Role], wanted: Iterable[Role]) -> frozenset[Role]:
    """The roles a key gives: those wanted of it that its account still holds."""
    return frozenset(held) & frozenset(wanted)
