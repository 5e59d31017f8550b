"""An entry of a chain and the hash that binds it to the one before. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NewType
from uuid import UUID

from services.contracts.confidentiality import Json
from services.contracts.ids import OrganisationId

ChainId = NewType("ChainId", UUID)

PLATFORM: Final = ChainId(UUID(int=0))
"""The chain of what nobody did for an organisation."""
HASH_BYTES: Final = 32
GENESIS: Final = bytes(HASH_BYTES)
"""What the first entry of a chain follows."""
_FORMAT: Final = "nonagon-audit-1"


class ActorKind(StrEnum):
    ANONYMOUS = "anonymous"
    PERSON = "person"
    SERVICE_ACCOUNT = "service_account"
    PLATFORM = "platform"
    """Work of the platform's own: schedules and reactions to events."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened, before it has a place in a chain."""

    id: UUID
    at: datetime
    actor_kind: str
    """An ``ActorKind``, unless somebody wrote something else into the table."""
    actor_id: UUID | None
    credential_id: UUID | None
    action: str
    path_ids: Mapping[str, Json] | None
    subject_kind: str | None
    subject_id: str | None
    before: Json
    after: Json
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: the number and the hash of its last entry; 0 when it has none."""

    chain: ChainId
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    chain: ChainId
    seq: int
    fact: Fact
    previous: bytes
    hash: bytes
    organisation_id: OrganisationId | None

    @property
    def id(self) -> UUID:
        return self.fact.id

    @property
    def head(self) -> Head:
        return Head(self.chain, self.seq, self.hash)


def chain_of(organisation_id: OrganisationId | UUID | None) -> ChainId:
    return PLATFORM if organisation_id is None else ChainId(organisation_id)


def organisation_of(chain: ChainId) -> OrganisationId | None:
    return None if chain == PLATFORM else OrganisationId(chain)


def beginning(chain: ChainId) -> Head:
    """The head of a chain without entries."""
    return Head(chain, 0, GENESIS)


def following(head: Head, fact: Fact) -> Entry:
    """``fact`` as the entry after ``head``."""
    seq = head.seq + 1
    digest = entry_hash(chain=head.chain, seq=seq, fact=fact, previous=head.hash)
    return Entry(head.chain, seq, fact, head.hash, digest, organisation_of(head.chain))


def entry_hash(*, chain: ChainId, seq: int, fact: Fact, previous: bytes) -> bytes:
    """SHA-256 over the canonical JSON of everything an entry says."""
    said = {
        "format": _FORMAT,
        "chain": str(chain),
        "seq": seq,
        "previous": previous.hex(),
        "id": str(fact.id),
        "at": fact.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": [fact.actor_kind, _text(fact.actor_id), _text(fact.credential_id)],
        "action": fact.action,
        "path": None if fact.path_ids is None else dict(fact.path_ids),
        "subject": [fact.subject_kind, fact.subject_id],
        "before": fact.before,
        "after": fact.after,
        "request": fact.request_id,
    }
    return hashlib.sha256(canonical(said)).digest()


def canonical(document: Any) -> bytes:
    """One spelling for one meaning: sorted keys, no spaces, UTF-8, as RFC 8785 without floats."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode(errors="surrogatepass")


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
