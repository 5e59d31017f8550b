"""A WebAuthn credential of a person."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.contracts.ids import PersonId


@dataclass(frozen=True, slots=True)
class Passkey:
    """``credential`` is its id, ``public_key`` (COSE) what its signatures are checked with."""

    id: UUID
    person_id: PersonId
    credential: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    last_used_at: datetime | None
