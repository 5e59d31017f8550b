"""Events of the matching context."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class ListingsNarrowed(Event):
    """Listings are shown to their own organisation only: it left the park or space they were in."""

    type: ClassVar[str] = "matching.listings-narrowed.v1"

    organisation_id: UUID
    offer_ids: tuple[UUID, ...]
