"""From events of the bus to what changes on the page.

A state or a live sign is shown at once from the event alone. Everything that also depends on other
rows (counters, gaps, timelines, panels) is read again and compared with what the browsers have, so
that one reading per process serves them all and a lost event mends itself.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from gateway.portal.cells import Cells, seen_cells, since_cell, state_cells
from gateway.portal.words import Words
from services.contracts.events.booking import BookingChanged
from services.contracts.events.capacity import (
    GapsRestored,
    GapsWithdrawn,
    ResourceRegistered,
    ResourceSeen,
    ResourceStateChanged,
)
from services.contracts.events.envelope import Event
from services.contracts.events.marketplace import DemandMatched, OfferPublished

EVENTS: Final[Mapping[str, type[Event]]] = {
    event.type: event
    for event in (
        BookingChanged,
        DemandMatched,
        GapsRestored,
        GapsWithdrawn,
        OfferPublished,
        ResourceRegistered,
        ResourceSeen,
        ResourceStateChanged,
    )
}


class Received(Protocol):
    """An event as the hub hands it over."""

    @property
    def topic(self) -> str: ...

    @property
    def data(self) -> bytes: ...


def event_of(received: Received) -> Event | None:
    """The event, or None for a type this page does not know."""
    kind = EVENTS.get(received.topic)
    return kind.model_validate_json(received.data) if kind else None


def rereads(event: Event | None) -> bool:
    """Whether more than the event's own resource may have changed.

    An unknown type, or a reset of the hub, may mean anything.
    """
    return not isinstance(event, ResourceSeen)


def deltas(event: Event, words: Words, *, timezones: Mapping[str, str], icons_url: str) -> Cells:
    """The cells that follow from ``event`` alone; none for a resource the page does not show."""
    match event:
        case ResourceStateChanged():
            key = str(event.resource_id)
            if key not in timezones:
                return {}
            cells = state_cells(key, event.state, event.reason, words, icons_url)
            return cells | {f"{key}:since": since_cell(event.since, timezones[key], words)}
        case ResourceSeen():
            key = str(event.resource_id)
            if key not in timezones:
                return {}
            return seen_cells(
                key,
                seen_at=event.seen_at,
                job_id=event.job_id,
                job_predicted_end=event.job_predicted_end,
                part_count=event.part_count,
                timezone=timezones[key],
                words=words,
            )
        case _:
            return {}
