"""A market in columns, kept up to date in place; arrays grow by doubling and are read as they are.

Rows are grouped by process and currency, each group in blocks of 64, sorted by rate when it is laid
out. What comes later takes a free row of its group: the order is lost little by little, the bounds
of the blocks stay true.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain
from typing import Any, Final

import numpy as np

from services.capacity.domain import WITHDRAWING, CapabilityDeclaration, Provenance
from services.contracts.ids import OfferId, ResourceId
from services.contracts.telemetry import ResourceState
from services.matching.domain import Listing, Place, Rate
from services.matching.engine import layout as at
from services.matching.engine import updates
from services.matching.engine.arrays import Arrays, addresses_of, empty_arrays, zeros
from services.matching.engine.audiences import Audiences
from services.matching.engine.canonical import maximal
from services.matching.engine.interface import (
    EPOCH,
    FreeGap,
    OfferedResource,
    Snapshot,
    floor_minute,
)
from services.matching.engine.lanes import LANES
from services.matching.engine.vocabulary import Vocabulary, certificate_keys
from services.matching.ranking import RELIABILITY_UNKNOWN

Array = np.ndarray[Any, Any]
STATES: Final = tuple(ResourceState)
STATE_CODE: Final = {state: code for code, state in enumerate(STATES)}
EPOCH_DAY: Final = EPOCH.date().toordinal()
GROUPS_REMEMBERED_MAX: Final = 4_096
"""Sets of processes in one currency whose groups are remembered."""
_SIGN: Final = 1 << 63
_HALF: Final = (1 << 64) - 1
Group = tuple[str, str]
"""Process and currency."""
Key = tuple[OfferId, ResourceId]
Spare = tuple[Sequence[int], Sequence[int]]
"""Starts and ends of gaps, in minutes: disjoint, in order."""


class Columns:
    """The state of a :class:`~services.matching.engine.columnar.ColumnarEngine`."""

    arrays: Arrays
    addresses: Array
    """Of :attr:`arrays`, as the compiled search takes them."""
    highest_rate: int

    def __init__(self, snapshot: Snapshot) -> None:
        self._lay_out(snapshot)

    def put_listing(self, listing: Listing) -> None:
        """Offer a known resource, or offer it otherwise.

        Raises:
            KeyError: the resource is unknown.
        """
        self.remove_listing((listing.offer_id, listing.resource_id))
        number = self._number_listing(listing)
        rows = self._rows_of(number)
        for _, _, capability in rows:
            self.vocabulary.learn(capability)
        self._place(rows)
        self._link(self.resource_number[listing.resource_id])

    def remove_listing(self, key: Key) -> None:
        """Take a listing out, if it is there."""
        number = self.listing_number.pop(key, None)
        if number is None:
            return
        self.listings[number] = None
        self._listed[key[1]].remove(number)
        for group, slot in self._slots.pop(number):
            updates.bury(self.arrays, group, slot, self.vocabulary.sets)
            self._free[group].append(slot)
        self._link(self.resource_number[key[1]])

    def put_resource(self, resource: OfferedResource) -> None:
        """Add a resource, or replace all that is known of it and its listings' rows."""
        known = self.resource_number.get(resource.id)
        if known is None:
            self._number_resource(resource)
            return
        numbers = self._listed.get(resource.id, ())
        held = [one for number in numbers if (one := self.listings[number]) is not None]
        for listing in held:
            self.remove_listing((listing.offer_id, listing.resource_id))
        self.offered[known] = resource
        self._write_resource(known)
        for listing in held:
            self.put_listing(listing)

    def set_rate(self, key: Key, rate: Rate) -> None:
        """Change what a listing costs; another currency moves it to another group.

        Raises:
            KeyError: there is no such listing.
        """
        number = self.listing_number[key]
        listing = self.listing(number)
        changed = replace(listing, rate=rate)
        if rate.currency != listing.rate.currency:
            self.put_listing(changed)
            return
        self.listings[number] = changed
        self._note_price(rate)
        for group, slot in self._slots[number]:
            updates.reprice(
                self.arrays, group, slot, rate.per_hour_minor, rate.setup_minor, rate.minimum_minor
            )

    def set_gaps(self, resource_id: ResourceId, gaps: Sequence[FreeGap]) -> None:
        """Replace the free time of a resource.

        Raises:
            KeyError: the resource is unknown.
        """
        number = self.resource_number[resource_id]
        self._write_gaps(number, gaps)
        updates.refresh(self.arrays, number)

    def set_spare(self, spare: Mapping[ResourceId, Spare]) -> Array:
        """Replace the free time of resources of one unit; their numbers.

        Raises:
            KeyError: a resource is unknown.
        """
        numbers = [self.resource_number[resource_id] for resource_id in spare]
        counts = [len(starts) for starts, _ in spare.values()]
        for number, count in zip(numbers, counts, strict=True):
            if count > self.arrays.resources[number, at.S_GAP_ROOM]:
                self._room_for_gaps(number, count)
        found = np.array(numbers, np.int64)
        starts = [one for gaps in spare.values() for one in gaps[0]]
        ends = [one for gaps in spare.values() for one in gaps[1]]
        updates.spare(
            self.arrays,
            found,
            np.array(counts, np.int64),
            np.array(starts, np.int64),
            np.array(ends, np.int64),
        )
        return found

    def groups(self, processes: frozenset[str], currency: str) -> tuple[list[int], list[int]]:
        """Groups of the acceptable processes, in the currency asked and in others."""
        key = (processes, currency)
        known = self._groups_asked.get(key)
        if known is None:
            # Whoever asks chooses the key: what is remembered must not grow with the asking.
            if len(self._groups_asked) >= GROUPS_REMEMBERED_MAX:
                self._groups_asked.clear()
            every = [one for code in sorted(processes) for one in self._groups_of.get(code, ())]
            own = [self.group_number[group] for group in every if group[1] == currency]
            foreign = [self.group_number[group] for group in every if group[1] != currency]
            known = self._groups_asked[key] = (own, foreign)
        return known

    @property
    def groups_remembered(self) -> int:
        return len(self._groups_asked)

    def is_listed(self, number: int) -> bool:
        """Whether a resource is on offer."""
        return bool(self._listed.get(self.offered[number].id))

    def listing(self, number: int) -> Listing:
        """One that is there."""
        listing = self.listings[number]
        assert listing is not None, "a listing with a row is there"
        return listing

    def see(self, number: int, seen_at: datetime | None) -> None:
        """Note when the twin of a resource was last seen."""
        self.seen_at[number] = seen_at
        minute = at.NEVER if seen_at is None else floor_minute(seen_at)
        self.arrays.resources[number, at.S_SEEN] = minute

    def resource(self, number: int) -> OfferedResource:
        """A resource as it is now."""
        fields = self.arrays.resources[number]
        first, count = int(fields[at.S_GAPS]), int(fields[at.S_GAP_COUNT])
        code = int(fields[at.S_STATE])
        return replace(
            self.offered[number],
            seen_at=self.seen_at[number],
            gaps=tuple(FreeGap(*map(int, gap)) for gap in self.arrays.gaps[first : first + count]),
            state=None if code == at.NONE else STATES[code],
            provenance=Provenance.MEASURED if fields[at.S_MEASURED] else Provenance.DECLARED,
        )

    def snapshot(self) -> Snapshot:
        """All that is known, as objects."""
        listings = tuple(one for one in self.listings if one is not None)
        numbers = sorted({self.resource_number[one.resource_id] for one in listings})
        return Snapshot(
            listings, {self.offered[number].id: self.resource(number) for number in numbers}
        )

    def _lay_out(self, snapshot: Snapshot) -> None:
        """Begin with ``snapshot``; resources are numbered in its order."""
        self.listings: list[Listing | None] = []
        self.offered: list[OfferedResource] = []
        self.listing_number: dict[Key, int] = {}
        self.resource_number: dict[ResourceId, int] = {}
        self.group_number: dict[Group, int] = {}
        self._groups_of: dict[str, list[Group]] = {}
        self._groups_asked: dict[tuple[frozenset[str], str], tuple[list[int], list[int]]] = {}
        self.seen_at: list[datetime | None] = []
        self.audiences = Audiences()
        self.parks: dict[str | None, int] = {None: at.NONE}
        self.highest_rate = 0
        self._listed: dict[ResourceId, list[int]] = {}
        capabilities = list(
            chain.from_iterable(one.capabilities for one in snapshot.resources.values())
        )
        self.vocabulary = Vocabulary.of(
            capabilities,
            [one.units for one in snapshot.resources.values()],
            [one.place for one in snapshot.listings if one.place is not None],
        )
        self._slots: dict[int, list[tuple[int, int]]] = {}
        self._free: list[list[int]] = []
        self.arrays = empty_arrays()
        self.addresses = addresses_of(self.arrays)
        self._filled = dict.fromkeys(Arrays._fields, 0)
        for resource in snapshot.resources.values():
            self._number_resource(resource)
        listed = sorted(snapshot.listings, key=lambda one: one.rate.per_hour_minor)
        numbers = [self._number_listing(listing) for listing in listed]
        self._place([row for number in numbers for row in self._rows_of(number)])
        for number in range(len(self.offered)):
            self._link(number)

    def _number_listing(self, listing: Listing) -> int:
        number = len(self.listings)
        self.listing_number[listing.offer_id, listing.resource_id] = number
        self.listings.append(listing)
        self._listed.setdefault(listing.resource_id, []).append(number)
        self._slots[number] = []
        self._note_price(listing.rate)
        return number

    def _note_price(self, rate: Rate) -> None:
        self.highest_rate = max(self.highest_rate, rate.per_hour_minor)

    def _number_resource(self, resource: OfferedResource) -> None:
        number = len(self.offered)
        self.resource_number[resource.id] = number
        self.offered.append(resource)
        self.seen_at.append(None)
        self._extend("resources", 1)
        self.arrays.resources[number, at.S_GAP_ROOM] = 0
        self._write_resource(number)

    def _write_resource(self, number: int) -> None:
        resource, fields = self.offered[number], self.arrays.resources[number]
        fields[at.S_STATE] = at.NONE if resource.state is None else STATE_CODE[resource.state]
        fields[at.S_WITHDRAWN] = resource.state in WITHDRAWING
        fields[at.S_MEASURED] = resource.provenance is Provenance.MEASURED
        fields[at.S_NOTICE], fields[at.S_SHORTEST] = (
            resource.notice_minutes,
            resource.minimum_minutes,
        )
        fields[at.S_HORIZON], fields[at.S_UNITS] = resource.horizon_minutes, resource.units
        fields[at.S_SETUP], fields[at.S_LOT] = resource.setup_minutes, resource.minimum_quantity
        known = resource.reliability is not None
        fields[at.S_RELIABILITY] = resource.reliability if known else RELIABILITY_UNKNOWN
        self.see(number, resource.seen_at)
        self._write_gaps(number, resource.gaps)

    def _write_gaps(self, number: int, gaps: Sequence[FreeGap]) -> None:
        kept = maximal(gaps)
        first = self._room_for_gaps(number, len(kept))
        for index, gap in enumerate(kept, start=first):
            self.arrays.gaps[index] = gap.start, gap.end, gap.units

    def _room_for_gaps(self, number: int, count: int) -> int:
        """Where ``count`` gaps of a resource go."""
        fields = self.arrays.resources[number]
        if count > fields[at.S_GAP_ROOM]:
            room = max(4, 2 * count)
            fields[at.S_GAPS], fields[at.S_GAP_ROOM] = self._extend("gaps", room), room
        fields[at.S_GAP_COUNT] = count
        return int(fields[at.S_GAPS])

    def _rows_of(self, number: int) -> list[tuple[int, int, CapabilityDeclaration]]:
        """Listing, ordinal and capability of each row the listing has."""
        listing = self.listing(number)
        resource = self.offered[self.resource_number[listing.resource_id]]
        return [(number, ordinal, one) for ordinal, one in enumerate(resource.capabilities)]

    def _place(self, rows: Sequence[tuple[int, int, CapabilityDeclaration]]) -> None:
        """Give each row a slot of its group and write it; rows come in the order they shall lie."""
        if self.vocabulary.is_full:
            self._lay_out_anew()
            return
        wanted: dict[int, int] = {}
        groups = [self._group_of(number, capability.process) for number, _, capability in rows]
        for group in groups:
            wanted[group] = wanted.get(group, 0) + 1
        for group, count in wanted.items():
            self._make_room(group, count)
        for group, (number, ordinal, capability) in zip(groups, rows, strict=True):
            slot = self._free[group].pop()
            self._slots[number].append((group, slot))
            self._write_row(group, slot, number, ordinal, capability)

    def _lay_out_anew(self) -> None:
        """With room for the codes that came; resources keep their numbers."""
        known = {one.id: self.resource(number) for number, one in enumerate(self.offered)}
        self._lay_out(Snapshot(self.snapshot().listings, known))

    def _group_of(self, number: int, process: str) -> int:
        listing = self.listing(number)
        group = (process, listing.rate.currency)
        if group not in self.group_number:
            self.group_number[group] = self._extend("partitions", 1)
            self._groups_of.setdefault(process, []).append(group)
            self._groups_asked.clear()
            self._free.append([])
        return self.group_number[group]

    def _make_room(self, group: int, count: int) -> None:
        """Move a group that is full to where it has twice the room."""
        if len(self._free[group]) >= count:
            return
        words = int(self.arrays.partitions[group, at.P_WORDS])
        used = words * at.WORD - len(self._free[group])
        wider = max(-(-(used + count) // at.WORD), 2 * words if words else 0)
        wider = -(-wider // LANES) * LANES
        first = self._extend("rows", wider * at.WORD)
        self._extend("compact", wider * at.WORD)
        self._extend("geo", wider * at.WORD)
        self._extend("blocks", wider)
        self._extend("places", wider * at.WORD * at.PLACE_PLANES)
        base = self._extend("bits", wider * self.vocabulary.sets)
        updates.move(self.arrays, group, first, wider, base, self.vocabulary.sets)
        fresh = range(words * at.WORD, wider * at.WORD)
        self._free[group] = [*reversed(fresh), *self._free[group]]

    def _write_row(
        self, group: int, slot: int, number: int, ordinal: int, capability: CapabilityDeclaration
    ) -> None:
        listing = self.listing(number)
        resource_number = self.resource_number[listing.resource_id]
        resource = self.offered[resource_number]
        index = int(self.arrays.partitions[group, at.P_ROWS]) + slot
        rate, edges = listing.rate, sorted(capability.envelope_mm or (0, 0, 0))
        tolerance = at.NONE if capability.tolerance_um is None else capability.tolerance_um
        held = self._hold(capability)
        self.arrays.rows[index] = (
            resource_number, number, ordinal, rate.per_hour_minor, rate.setup_minor,
            rate.minimum_minor, tolerance, *edges, *held, *_halves(listing.resource_id.int),
            *_halves(listing.offer_id.int), listing.place is not None,
            self.audiences.code(listing), len(resource.capabilities) > 1,
            self.parks.setdefault(listing.park, len(self.parks)),
        )  # fmt: skip
        if listing.place is not None:
            self.arrays.geo[index, : at.GEO_FIELDS] = geo_of(listing.place)
        place = listing.place
        spans = self.vocabulary.sets_of(capability, units=resource.units, place=place)
        updates.raise_row(self.arrays, group, slot, np.array(spans, np.int64))

    def _hold(self, capability: CapabilityDeclaration) -> tuple[int, int]:
        """Write the certificates of a row; where they begin and how many there are."""
        latest: dict[int, int] = {}
        for certificate in capability.certificates:
            until = _day(certificate.valid_to)
            for key in certificate_keys(certificate):
                known = self.vocabulary.certificates[key]
                latest[known] = max(until, latest.get(known, until))
        first = self._extend("certificates", len(latest))
        for index, held in enumerate(latest.items(), start=first):
            self.arrays.certificates[index] = held
        return first, len(latest)

    def _link(self, number: int) -> None:
        """Note which rows follow the state of a resource."""
        listed = self._listed.get(self.offered[number].id, ())
        slots = [slot for listing in listed for slot in self._slots[listing]]
        first = self._extend("links", len(slots))
        for index, slot in enumerate(slots, start=first):
            self.arrays.links[index] = slot
        fields = self.arrays.resources[number]
        fields[at.S_LINKS], fields[at.S_LINK_COUNT] = first, len(slots)
        updates.follow(self.arrays, number)

    def _extend(self, name: str, count: int) -> int:
        """Use ``count`` more places of an array, doubling it when it is full; the first of them."""
        filled, array = self._filled[name], getattr(self.arrays, name)
        if filled + count > len(array):
            longer = zeros((max(filled + count, 2 * len(array)), *array.shape[1:]), array.dtype)
            longer[:filled] = array[:filled]
            self.arrays = self.arrays._replace(**{name: longer})
            self.addresses = addresses_of(self.arrays)
        self._filled[name] = filled + count
        return filled


def geo_of(place: Place) -> tuple[float, ...]:
    """Latitude in radians, longitude in degrees, cosine; the point on the unit sphere."""
    latitude, longitude = math.radians(place.latitude), math.radians(place.longitude)
    cosine = math.cos(latitude)
    east, north = math.cos(longitude), math.sin(longitude)
    return latitude, place.longitude, cosine, cosine * east, cosine * north, math.sin(latitude)


def _day(until: date | None) -> int:
    return at.UNKNOWN if until is None else until.toordinal() - EPOCH_DAY


def _halves(number: int) -> tuple[int, int]:
    """A 128-bit id as two signed numbers of the same order."""
    return (number >> 64) - _SIGN, (number & _HALF) - _SIGN
