"""Events of the marketplace contexts."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class OfferPublished(Event):
    """An offer can be found and matched from now on."""

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
