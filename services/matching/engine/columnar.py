"""The fast engine: columns, bit sets and compiled kernels; answers as the oracle does."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np

from services.capacity.domain import WITHDRAWING, Provenance
from services.contracts.ids import ResourceId
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.matching.domain import (
    NEAR_MISSES_MAX,
    Candidate,
    Constraint,
    FailureCount,
    Listing,
    MatchResult,
    NearMiss,
    Rate,
    Requirement,
)
from services.matching.engine import layout as at
from services.matching.engine import updates
from services.matching.engine.columns import STATE_CODE, STATES, Columns, Key
from services.matching.engine.encoding import Asking, EncodedBatch, EncodedRequirement, encode
from services.matching.engine.fingerprint import Fingerprint
from services.matching.engine.interface import (
    FreeGap,
    OfferedResource,
    Snapshot,
    Viewer,
    instant_of,
)
from services.matching.engine.judging import (
    J_CAUSES,
    J_DISTANCE,
    J_KEY,
    J_LISTING,
    J_MASK,
    J_ORDINAL,
    J_PRICE,
    JUDGED_FIELDS,
    count_listings,
    judge,
)
from services.matching.engine.oracle import OracleEngine
from services.matching.engine.search import room_for, search, search_many
from services.matching.engine.sieve import EXAMINED, SCRATCH_WORDS, STOPPED
from services.matching.engine.slots import search as search_slot
from services.matching.engine.verdicts import causes, distance_m, verdicts

Array = np.ndarray[Any, Any]
CONSTRAINTS: Final = tuple(Constraint)
_WITHDRAWN: Final = np.array([state in WITHDRAWING for state in STATES], np.int64)
_PRODUCT_MAX: Final = 1 << 62
"""Amounts beyond it would overflow; the oracle counts without end."""


class ColumnarEngine:
    """Exact and fast; changed in place by one writer. Implements ``MatchingEngine``."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._columns = Columns(snapshot)
        self._room, self._ranks = _room_and_ranks(0)
        self._fingerprint = Fingerprint(self._columns)

    def state_hash(self) -> str:
        return str(self._fingerprint)

    def snapshot(self) -> Snapshot:
        """The state as objects, from which an equal engine can be built."""
        return self._columns.snapshot()

    def match(
        self,
        requirement: Requirement,
        *,
        limit: int,
        now: datetime,
        viewer: Viewer | None = None,
    ) -> MatchResult:
        units = requirement.minutes * requirement.units
        if 2 * self._columns.highest_rate * units >= _PRODUCT_MAX:
            oracle = OracleEngine(self.snapshot())
            return oracle.match(requirement, limit=limit, now=now, viewer=viewer)
        asked = self.encode(requirement, limit=limit, now=now, viewer=viewer)
        found = self.search(asked, limit=limit)
        if len(found) < limit:
            judged = self._judged(asked)
            considered, missed = len(judged), judged[judged[:, J_CAUSES] > 0]
        else:
            considered, missed = self._considered(asked), np.empty((0, JUDGED_FIELDS), np.int64)
        return MatchResult(
            candidates=tuple(self._candidate(one, requirement, now) for one in found),
            considered=considered,
            failures=_failures(missed),
            near_misses=tuple(self._near_miss(one, requirement, now) for one in _nearest(missed)),
            state_hash=self.state_hash(),
            as_of=now,
        )

    def encode(
        self,
        requirement: Requirement,
        *,
        limit: int,
        now: datetime,
        viewer: Viewer | None = None,
    ) -> EncodedRequirement:
        """``requirement`` as :meth:`search` reads it, for as long as no code is added."""
        return encode(requirement, self._columns, self.asking(limit=limit, now=now, viewer=viewer))

    def asking(self, *, limit: int, now: datetime, viewer: Viewer | None = None) -> Asking:
        """What demands asked together share, for as long as nothing is listed anew."""
        return Asking.of(self._columns, limit=limit, now=now, viewer=viewer)

    def encode_many(self, asked: Iterable[tuple[Requirement, Asking]]) -> EncodedBatch:
        """:meth:`encode` for many, as :meth:`search_many` reads them."""
        return EncodedBatch.encoded(asked, self._columns)

    def search(self, asked: EncodedRequirement, *, limit: int) -> Array:
        """The best ``limit`` rows, int64 ``(n, FOUND_FIELDS)`` of the layout, best first.

        The next search overwrites them.
        """
        if limit >= len(self._ranks):
            self._make_room(limit)
        return self._ranks[search(self._columns.addresses, self._room, asked.numbers)]

    def search_many(self, asked: EncodedBatch, *, limit: int) -> tuple[Array, Array]:
        """:meth:`search` for each of a batch.

        Returns:
            int64 ``(n, limit, FOUND_FIELDS)`` and how many rows of each are filled, ``(n,)``.
        """
        count = len(asked.numbers)
        found = np.empty((count, limit, at.FOUND_FIELDS), np.int64)
        counts = np.empty(count, np.int64)
        if limit >= len(self._ranks):
            self._make_room(limit)
        addresses, numbers = self._columns.addresses, asked.numbers
        search_many(addresses, self._room, numbers, asked.order, found, counts)
        return found, counts

    def listings(self, rows: Array) -> list[Listing]:
        """The listings of rows found, until the next change."""
        numbers = self._columns.arrays.rows[rows, at.R_LISTING].tolist()
        return [self._columns.listing(number) for number in numbers]

    def resource_numbers(self, rows: Array) -> Array:
        """Of rows found; resources are numbered in the order in which they came, from 0."""
        numbers: Array = self._columns.arrays.rows[rows, at.R_RESOURCE]
        return numbers

    def put_listing(self, listing: Listing) -> None:
        """Offer a resource, or offer it otherwise.

        Raises:
            KeyError: the resource is unknown.
        """
        self._columns.put_listing(listing)
        self._fingerprint.listing_changed((listing.offer_id, listing.resource_id))

    def remove_listing(self, key: Key) -> None:
        """Withdraw a listing, if it is there."""
        self._columns.remove_listing(key)
        self._fingerprint.listing_changed(key)

    def set_rate(self, key: Key, rate: Rate) -> None:
        """Change what a listing costs.

        Raises:
            KeyError: there is no such listing.
        """
        self._columns.set_rate(key, rate)
        self._fingerprint.listing_changed(key)

    def put_resource(self, resource: OfferedResource) -> None:
        """Add a resource, or replace all that is known of it."""
        self._columns.put_resource(resource)
        self._fingerprint.resources_changed(self._columns.resource_number[resource.id])

    def set_gaps(self, resource_id: ResourceId, gaps: Sequence[FreeGap]) -> None:
        """Replace the free time of a resource, as after a booking.

        Raises:
            KeyError: the resource is unknown.
        """
        self._columns.set_gaps(resource_id, gaps)
        self._fingerprint.resources_changed(self._columns.resource_number[resource_id])

    def observe(
        self,
        resource_id: ResourceId,
        *,
        state: ResourceState | None,
        provenance: Provenance,
        seen_at: datetime | None,
    ) -> None:
        """Take over the live state of a resource.

        Raises:
            KeyError: the resource is unknown.
        """
        number = self._columns.resource_number[resource_id]
        code = at.NONE if state is None else STATE_CODE[state]
        measured = provenance is Provenance.MEASURED
        self.observe_many(*(np.array([one], np.int64) for one in (number, code, measured)))
        self._columns.see(number, seen_at)

    def see(self, resource_id: ResourceId, seen_at: datetime) -> None:
        """Note that the twin of a resource was seen, and nothing changed.

        Raises:
            KeyError: the resource is unknown.
        """
        self._columns.see(self._columns.resource_number[resource_id], seen_at)

    def observe_many(self, numbers: Array, states: Array, measured: Array) -> None:
        """Take over many live states at once.

        Args:
            numbers: int64 ``(n,)``, which resource: the order in which they came, from 0.
            states: int64 ``(n,)``, codes of ``STATES``, -1 for none.
            measured: int64 ``(n,)``, 1 where free time counts as measured.
        """
        updates.observe(self._columns.arrays, numbers, states, _WITHDRAWN, measured)
        self._fingerprint.resources_changed(numbers)

    @property
    def effort(self) -> tuple[int, int]:
        """Of all searches so far: rows looked through, and processes left early by their bound."""
        return int(self._room[EXAMINED]), int(self._room[STOPPED])

    @property
    def groups_remembered(self) -> int:
        """How many questions' groups are remembered."""
        return self._columns.groups_remembered

    def state_code(self, number: int) -> int:
        """The state of a resource as :meth:`observe_many` takes it."""
        return int(self._columns.arrays.resources[number, at.S_STATE])

    def bit_set_bytes(self, asked: EncodedRequirement) -> int:
        """How many bytes of bit sets a search reads that is never stopped early."""
        numbers, partitions = asked.numbers, self._columns.arrays.partitions
        groups = numbers[at.Q_LISTS : at.Q_LISTS + numbers[at.Q_PARTITIONS]]
        sets = 1 + numbers[[at.Q_ALL, at.Q_ANY, at.Q_NOT]].sum()
        return int(partitions[groups, at.P_WORDS].sum() * sets * 8)

    def _make_room(self, limit: int) -> None:
        before = self._room
        self._room, self._ranks = _room_and_ranks(limit)
        self._room[EXAMINED:SCRATCH_WORDS] = before[EXAMINED:SCRATCH_WORDS]

    def _considered(self, asked: EncodedRequirement) -> int:
        """How many listings of the asked processes the viewer sees."""
        seen = np.zeros(len(self._columns.listings), np.bool_)
        return count_listings(self._columns.addresses, asked.numbers, seen)

    def _judged(self, asked: EncodedRequirement) -> Array:
        """Every listing of the asked processes, int64 ``(n, JUDGED_FIELDS)``."""
        listings = len(self._columns.listings)
        judged = np.empty((listings + 1, JUDGED_FIELDS), np.int64)
        seen = np.full(listings, at.NONE, np.int64)
        count = judge(self._columns.addresses, asked.numbers, judged, seen)
        return judged[:count]

    def _candidate(self, found: Array, requirement: Requirement, now: datetime) -> Candidate:
        row = self._columns.arrays.rows[found[at.F_ROW]]
        listing = self._columns.listing(int(row[at.R_LISTING]))
        resource = self._columns.resource(int(row[at.R_RESOURCE]))
        capability = resource.capabilities[int(row[at.R_ORDINAL])]
        start, distance = int(found[at.F_START]), distance_m(requirement, listing)
        price = Money(int(found[at.F_PRICE]), listing.rate.currency)
        slot = search_slot(requirement, resource, now=now)
        seen_at = resource.seen_at
        return Candidate(
            offer_id=listing.offer_id,
            resource_id=listing.resource_id,
            organisation_id=listing.organisation_id,
            process=capability.process,
            start=instant_of(start),
            end=instant_of(start + slot.occupied),
            units=requirement.units,
            price=price,
            distance_m=distance,
            provenance=resource.provenance,
            age_s=None if seen_at is None else int((now - seen_at).total_seconds()),
            verdicts=verdicts(
                requirement, resource, capability, slot, price=price, distance_m=distance
            ),
            cost=Money(int(found[at.F_COST]), price.currency),
            setup_minutes=resource.setup_minutes,
        )

    def _near_miss(self, missed: Array, requirement: Requirement, now: datetime) -> NearMiss:
        listing = self._columns.listing(int(missed[J_LISTING]))
        resource = self._columns.resource(self._columns.resource_number[listing.resource_id])
        capability = resource.capabilities[int(missed[J_ORDINAL])]
        price = Money(int(missed[J_PRICE]), listing.rate.currency)
        distance = _known(missed[J_DISTANCE])
        slot = search_slot(requirement, resource, now=now)
        found = verdicts(requirement, resource, capability, slot, price=price, distance_m=distance)
        return NearMiss(
            offer_id=listing.offer_id,
            resource_id=listing.resource_id,
            organisation_id=listing.organisation_id,
            process=capability.process,
            price=price,
            distance_m=distance,
            causes=causes(found),
            verdicts=found,
        )


def _known(distance: int) -> int | None:
    return None if distance == at.UNKNOWN else int(distance)


def _room_and_ranks(limit: int) -> tuple[Array, list[Array]]:
    """What a search overwrites, and its ranks, by how many are filled.

    Cut beforehand, for numpy takes longer to cut an array than the search to fill it.
    """
    room = room_for(limit)
    ranks = room[SCRATCH_WORDS:].view(np.int64).reshape(-1, at.FOUND_FIELDS)
    return room, [ranks[:count] for count in range(len(ranks))]


def _failures(missed: Array) -> tuple[FailureCount, ...]:
    masks, alone = missed[:, J_MASK], missed[:, J_CAUSES] == 1
    counted = []
    for index, constraint in enumerate(CONSTRAINTS):
        failing = (masks & (1 << index)) != 0
        if failing.any():
            counted.append(
                FailureCount(constraint, int(failing.sum()), int((failing & alone).sum()))
            )
    return tuple(counted)


def _nearest(missed: Array) -> Array:
    """By number of causes, price, distance, resource and offer."""
    keys = [missed[:, J_KEY + field] for field in reversed(range(at.KEY_FIELDS))]
    order = np.lexsort((*keys, missed[:, J_DISTANCE], missed[:, J_PRICE], missed[:, J_CAUSES]))
    return missed[order[:NEAR_MISSES_MAX]]
