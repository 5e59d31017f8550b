"""What the audit trail is told of a batch: one entry a question, as HTTP tells one a request."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.booking.writing.messages import Asker
from services.contracts.confidentiality import Json
from services.contracts.ids import BookingId, OrganisationId
from services.contracts.policies import Action
from services.runtime.audit.entry import ChainId, Fact, chain_of
from services.runtime.clock import Clock

NAMED_MAX: Final = 256
"""Bookings of one question that are named; of more only their number and a hash are told."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A question, and which bookings came of it; ``single`` as a request for one slot is."""

    organisation_id: OrganisationId
    asker: Asker
    bookings: frozenset[BookingId]
    single: bool


def told(
    causes: Sequence[Cause], held: Collection[BookingId], clock: Clock
) -> Mapping[ChainId, list[Fact]]:
    """The facts of those of ``causes`` of which something was held, by chain."""
    facts: dict[ChainId, list[Fact]] = defaultdict(list)
    for cause in causes:
        kept = cause.bookings.intersection(held)
        if kept:
            facts[chain_of(cause.organisation_id)].append(_fact(cause, kept, clock))
    return facts


def _fact(cause: Cause, kept: Collection[BookingId], clock: Clock) -> Fact:
    asker = cause.asker
    return Fact(
        id=clock.new_id(),
        at=clock.now(),
        actor_kind=asker.actor_kind,
        actor_id=asker.actor_id,
        credential_id=asker.credential_id,
        action=Action.BOOKING_HOLD.value,
        path_ids=None,
        subject_kind=None,
        subject_id=None,
        before=None,
        after=None if cause.single else _named(kept),
        request_id=asker.request_id,
    )


def _named(kept: Collection[BookingId]) -> Json:
    named: list[Json] = [str(one) for one in sorted(kept)]
    if len(named) <= NAMED_MAX:
        return {"bookings": named}
    digest = hashlib.sha256("".join(map(str, named)).encode()).hexdigest()
    return {"bookings": len(named), "sha256": digest}
