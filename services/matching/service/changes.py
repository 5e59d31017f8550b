"""Which events change what a projection of the market knows, and what to read again after them.

An event says that something changed; what it is now is read from the record, so a repeated or a
late event changes nothing. Live signs alone, thousands a second, are taken from the event.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.contracts.events.booking import BookingChanged
from services.contracts.events.capacity import (
    GapsRestored,
    GapsWithdrawn,
    ResourceChanged,
    ResourceSeen,
    ResourceStateChanged,
)
from services.contracts.events.envelope import Event
from services.contracts.events.marketplace import OfferPublished, OfferWithdrawn
from services.contracts.events.matching import ListingsNarrowed
from services.contracts.ids import OfferId, ResourceId

_OF_RESOURCES: Final = (BookingChanged, GapsRestored, GapsWithdrawn, ResourceChanged)
_OF_OFFERS: Final = (OfferPublished, OfferWithdrawn)
AWAITED: Final = tuple(
    event.subject()
    for event in (*_OF_RESOURCES, *_OF_OFFERS, ListingsNarrowed, ResourceStateChanged)
)
"""What whoever asks has seen must be counted in."""
AWAITED_BY_WRITERS: Final = tuple(one for one in AWAITED if one != BookingChanged.subject())
"""What a writer must have counted in: of bookings the record itself is the judge."""
FOLLOWED: Final = (*AWAITED, ResourceSeen.subject())


@dataclass(frozen=True, slots=True)
class Sign:
    """A live sign, and the end then predicted for the current job."""

    seen_at: datetime
    job_predicted_end: datetime | None


@dataclass(slots=True)
class Changes:
    """What is to be read again: offers' listings, resources' time, resources' live states."""

    offers: set[OfferId] = field(default_factory=set)
    resources: set[ResourceId] = field(default_factory=set)
    states: set[ResourceId] = field(default_factory=set)
    signs: dict[ResourceId, Sign] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Changes":
        """What ``events``, oldest first, changed."""
        found = cls()
        for event in events:
            found._note(event)
        return found

    def _note(self, event: Event) -> None:
        if isinstance(event, ResourceSeen):
            sign = Sign(event.seen_at, event.job_predicted_end)
            self.signs[ResourceId(event.resource_id)] = sign
        elif isinstance(event, ResourceStateChanged):
            self.states.add(ResourceId(event.resource_id))
        elif isinstance(event, _OF_RESOURCES):
            self.resources.add(ResourceId(event.resource_id))
        elif isinstance(event, _OF_OFFERS):
            self.offers.add(OfferId(event.offer_id))
        elif isinstance(event, ListingsNarrowed):
            self.offers.update(map(OfferId, event.offer_ids))
