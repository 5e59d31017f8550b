"""Events of the marketplace contexts."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class OfferPublished(Event):
    """An offer, or its next version, can be found and matched from now on."""

    type: ClassVar[str] = "marketplace.offer-published.v1"

    offer_id: UUID
    organisation_id: UUID


class DemandMatched(Event):
    """A demand was ranked against what is free."""

    type: ClassVar[str] = "marketplace.demand-matched.v1"

    demand_id: UUID
    match_id: UUID
    candidates: int


class OfferWithdrawn(Event):
    """An offer can no longer be found or matched."""

    type: ClassVar[str] = "marketplace.offer-withdrawn.v1"

    offer_id: UUID
    organisation_id: UUID


class RoundOpened(Event):
    """A round collects demands until it closes."""

    type: ClassVar[str] = "marketplace.round-opened.v1"

    round_id: UUID
    organisation_id: UUID
    closes_at: datetime


class RoundClosed(Event):
    """A round is decided, and slots are held for who won."""

    type: ClassVar[str] = "marketplace.round-closed.v1"

    round_id: UUID
    organisation_id: UUID
    held: int
    unserved: int


class DemandCleared(Event):
    """A pooled demand came out of its round: with a booking to confirm, or without."""

    type: ClassVar[str] = "marketplace.demand-cleared.v1"

    demand_id: UUID
    round_id: UUID
    outcome: str
    reason: str | None
    booking_id: UUID | None
