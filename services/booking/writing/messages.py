"""What askers and the durable writer send each other, as MessagePack on the matcher's subjects."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from services.contracts.ids import OrganisationId
from services.matching.domain import Requirement
from services.matching.engine.interface import Viewer
from services.matching.service import wire

HOLD: Final = "hold"
MATCH_AND_HOLD: Final = "match-and-hold"
KINDS: Final = (HOLD, MATCH_AND_HOLD)
HOLDS_MAX: Final = 1_000
"""Of one question."""
SCOPE: Final = "POST /api/v1/bookings"
"""Whose ``Idempotency-Key`` a key is: the same as of the HTTP door, so that both share answers."""


class TooManyHoldsError(ValueError):
    """More than one question holds."""


class Asker(msgspec.Struct, array_like=True, frozen=True):
    """Who asks, as the audit trail tells it; see ``services.runtime.audit.entry.Fact``."""

    actor_kind: str
    actor_id: UUID | None = None
    credential_id: UUID | None = None
    request_id: str | None = None


class Repeatable(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The ``Idempotency-Key`` of a request, and the SHA-256 of what it asks."""

    key: str
    digest: bytes


class HoldAsked(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A given slot: ``minutes`` of work from ``start`` on, a whole minute."""

    resource_id: UUID
    offer_id: UUID
    start: datetime
    minutes: int
    units: int = 1
    demand_id: UUID | None = None
    once: Repeatable | None = None


class DemandAsked(msgspec.Struct, array_like=True, frozen=True):
    """A requirement to be matched, and held with the best candidate that still has room."""

    requirement: Requirement
    demand_id: UUID | None = None
    once: Repeatable | None = None


class HoldQuestion(msgspec.Struct, array_like=True, frozen=True):
    """Slots one organisation asks for; each is held or not, whatever becomes of the others.

    A ``fresh`` question waits until what was committed before it, other than bookings, counts.
    """

    organisation_id: OrganisationId
    viewer: Viewer
    asker: Asker
    holds: tuple[HoldAsked, ...]
    fresh: bool = False

    def __post_init__(self) -> None:
        _check_count(self.count)

    @property
    def count(self) -> int:
        return len(self.holds)


class DemandQuestion(msgspec.Struct, array_like=True, frozen=True):
    """Demands of one organisation; as :class:`HoldQuestion` otherwise."""

    organisation_id: OrganisationId
    viewer: Viewer
    asker: Asker
    demands: tuple[DemandAsked, ...]
    fresh: bool = False

    def __post_init__(self) -> None:
        _check_count(self.count)

    @property
    def count(self) -> int:
        return len(self.demands)


class Outcome(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What became of one: ``body`` is the answer HTTP gives, saved under the key; or why not.

    ``declined``: nothing was written, and the record decides.
    """

    body: bytes | None = None
    declined: str | None = None


NOT_KEPT, NO_ROOM, RULE, NOT_PLAIN, TAKEN, REUSED, NO_CANDIDATE, FAILED, TOO_MANY = (
    "not-kept", "no-room", "rule", "not-plain", "taken", "key-reused", "no-candidate", "failed",
    "too-many-holds",
)  # fmt: skip
"""Causes: another shard keeps the listing, or nobody; memory shows no room; the resource's rule
forbids it; it takes more than one unit; PostgreSQL refused the slot; the key stands for another
request; no candidate has room; something broke; the organisation holds as much as it may."""


class HeldReply(msgspec.Struct, array_like=True, frozen=True):
    """An outcome for each that was asked, in its order, or why there is none."""

    stamp: wire.Stamp
    refused: str | None = None
    outcomes: tuple[Outcome, ...] = ()


_hold_question: Final = msgspec.msgpack.Decoder(HoldQuestion)
_demand_question: Final = msgspec.msgpack.Decoder(DemandQuestion)
_held_reply: Final = msgspec.msgpack.Decoder(HeldReply)


def question(kind: str, data: bytes) -> HoldQuestion | DemandQuestion:
    """Raises ``MalformedMessageError``."""
    decoder = _hold_question if kind == HOLD else _demand_question
    found: HoldQuestion | DemandQuestion = wire.decoded(decoder, data)
    return found


def held_reply(data: bytes) -> HeldReply:
    """Raises ``MalformedMessageError``."""
    found: HeldReply = wire.decoded(_held_reply, data)
    return found


def _check_count(count: int) -> None:
    if count > HOLDS_MAX:
        raise TooManyHoldsError(f"{count} slots in one question; ask for {HOLDS_MAX} at most")
