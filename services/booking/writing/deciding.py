"""Deciding a batch against the market in memory: who gets which slot, in the order they came.

Nothing is written here and memory stays as it is: what is taken counts for the rest of the batch
only, until PostgreSQL has committed it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec

from services.booking.domain import MINUTES_MAX
from services.booking.writing import documents, messages
from services.booking.writing.messages import HoldAsked, Repeatable
from services.booking.writing.spare_time import SpareTime
from services.contracts.ids import BookingId, OfferId, OrganisationId, ResourceId
from services.matching.domain import Rate, Requirement
from services.matching.engine.columns import Key, Spare
from services.matching.engine.interface import Viewer, ceil_minute, floor_minute
from services.matching.service.live_engine import Room
from services.matching.service.projection import Projection
from services.runtime.clock import Clock

IDS_REMEMBERED_MAX: Final = 65_536
"""Texts of ids of firms, machines and offers."""
_HALF_MINUTES: Final = 120
"""Twice the minutes of an hour."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A slot to be written: minutes occupied, and with buffers, and all that is said of it."""

    booking_id: BookingId
    event_id: UUID
    organisation_id: OrganisationId
    provider_id: OrganisationId
    resource_id: ResourceId
    offer_id: OfferId
    demand_id: UUID | None
    start: int
    end: int
    busy_from: int
    busy_until: int
    setup_minutes: int
    price_minor: int
    currency: str
    once: Repeatable | None
    body: bytes
    event: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Why memory gives no slot: a cause of ``messages``."""

    cause: str


@dataclass(frozen=True, slots=True)
class _Known:
    """A listing as the batch sees it, looked up once: its rule, its free time, texts of its ids."""

    room: Room
    buffers: tuple[int, int]
    spare: SpareTime
    opens: int
    closes: int
    provider: str
    resource: str
    offer: str


def quoted(rate: Rate, minutes: int) -> int:
    """``Rate.quote`` of one unit in minor units, in whole numbers throughout."""
    worked = (2 * rate.per_hour_minor * minutes + 60) // _HALF_MINUTES
    return max(worked + rate.setup_minor, rate.minimum_minor)


class Deciding:
    """One batch.

    Args:
        market: what is on offer.
        clock: the moment the batch is decided at, and its ids.
        hold_ttl: how long a slot is held.
        earlier: slots that are being written while this batch is decided; they count as gone.
    """

    def __init__(
        self,
        market: Projection,
        clock: Clock,
        *,
        hold_ttl: timedelta,
        earlier: Iterable[Taken] = (),
    ) -> None:
        self.market = market
        self._changes = market.changes
        self._clock = clock
        self.now = clock.now()
        self.hold_until = self.now + hold_ttl
        self._now_text = documents.instant_text(self.now)
        self._until_text = documents.instant_text(self.hold_until)
        self._now_up, self._now_down = ceil_minute(self.now), floor_minute(self.now)
        self._rooms: dict[tuple[int, int], _Known | str] = {}
        self._spare: dict[ResourceId, SpareTime] = {}
        self._earlier: dict[ResourceId, list[Taken]] = {}
        for taken in earlier:
            self._earlier.setdefault(taken.resource_id, []).append(taken)

    def hold(
        self, organisation_id: OrganisationId, viewer: Viewer, asked: HoldAsked
    ) -> Taken | Refused:
        """The slot ``asked`` for, judged as ``handlers.hold`` judges it."""
        key = (OfferId(asked.offer_id), ResourceId(asked.resource_id))
        known = self._room(key)
        if isinstance(known, str):
            return Refused(known)
        start = floor_minute(asked.start.astimezone(UTC))
        refused = self._problem(known, viewer, asked, start)
        if refused is not None:
            return Refused(refused)
        return self._take(organisation_id, known, start, asked.minutes, asked.demand_id, asked.once)

    @staticmethod
    def _problem(known: _Known, viewer: Viewer, asked: HoldAsked, start: int) -> str | None:
        room = known.room
        if asked.units != 1:
            return messages.NOT_PLAIN
        if not viewer.sees(room.listing):
            return messages.NOT_KEPT
        end = start + room.setup + asked.minutes
        whole = not (asked.start.second or asked.start.microsecond)
        long_enough = room.shortest <= asked.minutes <= MINUTES_MAX
        if not (whole and long_enough and known.opens <= start and end <= known.closes):
            return messages.RULE
        return None if known.spare.has_room(start, end) else messages.NO_ROOM

    def place(
        self,
        organisation_id: OrganisationId,
        requirement: Requirement,
        keys: Iterable[Key],
        *,
        demand_id: UUID | None,
        once: Repeatable | None,
    ) -> Taken | Refused:
        """The earliest slot for ``requirement`` on the first of ``keys``, best first, with room."""
        for key in keys:
            known = self._room(key)
            if isinstance(known, str):
                continue
            start = known.spare.earliest(
                known.room.setup + requirement.minutes,
                opens=max(known.opens, ceil_minute(requirement.window.start)),
                closes=min(known.closes, floor_minute(requirement.window.end)),
            )
            if start is not None:
                return self._take(
                    organisation_id, known, start, requirement.minutes, demand_id, once
                )
        return Refused(messages.NO_CANDIDATE)

    def spare(self, resource_id: ResourceId) -> Spare:
        """What the batch leaves free of a resource it looked at, all it took being held."""
        return self._spare[resource_id].gaps

    @property
    def is_current(self) -> bool:
        """Whether nobody else has changed the market since."""
        return self.market.changes == self._changes

    def _bounds(self, room: Room) -> tuple[int, int]:
        """Minutes in which a slot may lie."""
        return (
            self._now_up + max(room.notice, room.withdrawn),
            self._now_down + room.horizon,
        )

    def _room(self, key: Key) -> _Known | str:
        # Numbers: a UUID is hashed and compared in Python, which is slow for so many.
        place = key[0].int, key[1].int
        known = self._rooms.get(place)
        if known is None:
            known = self._rooms[place] = self._look_up(key)
        return known

    def _look_up(self, key: Key) -> _Known | str:
        room, buffers = self.market.engine.room(key), self.market.buffers(key[1])
        if room is None:
            return messages.NOT_KEPT
        if buffers is None:
            return messages.NOT_PLAIN
        if key[1] not in self._spare:
            spare = self._spare[key[1]] = SpareTime(room.gaps, apart=sum(buffers))
            for taken in self._earlier.get(key[1], ()):
                spare.take(taken.start, taken.end)
        opens, closes = self._bounds(room)
        return _Known(
            room=room,
            buffers=buffers,
            spare=self._spare[key[1]],
            opens=opens,
            closes=closes,
            provider=self._id_text(room.listing.organisation_id),
            resource=self._id_text(room.listing.resource_id),
            offer=self._id_text(room.listing.offer_id),
        )

    def _take(
        self,
        organisation_id: OrganisationId,
        known: _Known,
        start: int,
        minutes: int,
        demand_id: UUID | None,
        once: Repeatable | None,
    ) -> Taken:
        room, (before, after) = known.room, known.buffers
        listing, end = room.listing, start + room.setup + minutes
        known.spare.take(start, end)
        booking_id, event_id = BookingId(self._clock.new_id()), self._clock.new_id()
        price = quoted(listing.rate, minutes)
        shared = {
            "booking_id": str(booking_id),
            "organisation_id": self._id_text(organisation_id),
            "provider_id": known.provider,
            "resource_id": known.resource,
            "start": documents.minute_text(start),
            "end": documents.minute_text(end),
            "now": self._now_text,
        }
        return Taken(
            booking_id=booking_id,
            event_id=event_id,
            organisation_id=organisation_id,
            provider_id=listing.organisation_id,
            resource_id=listing.resource_id,
            offer_id=listing.offer_id,
            demand_id=demand_id,
            start=start,
            end=end,
            busy_from=start - before,
            busy_until=end + after,
            setup_minutes=room.setup,
            price_minor=price,
            currency=listing.rate.currency,
            once=once,
            body=documents.answer(
                **shared,
                offer_id=known.offer,
                demand_id=demand_id,
                setup_minutes=room.setup,
                hold_until=self._until_text,
                price_minor=price,
                currency=listing.rate.currency,
            ),
            event=documents.event(**shared, event_id=event_id),
        )

    @staticmethod
    @lru_cache(IDS_REMEMBERED_MAX)
    def _id_text(one: UUID) -> str:
        return str(one)
