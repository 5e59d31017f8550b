"""The columnar engine as a matcher keeps it: batches answered by what is needed to book."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from services.capacity.domain import WITHDRAW_HORIZON
from services.contracts.ids import ResourceId
from services.contracts.telemetry import ResourceState
from services.matching.domain import Listing, Requirement
from services.matching.engine import layout as at
from services.matching.engine.columnar import ColumnarEngine
from services.matching.engine.columns import STATE_CODE, Key, Spare
from services.matching.engine.encoding import Asking
from services.matching.engine.interface import MINUTE, Viewer
from services.matching.engine.verdicts import distance_m
from services.matching.service.batches import (
    R_COST,
    R_DISTANCE,
    R_KEY,
    R_PRICE,
    R_START,
    ROW_FIELDS,
)

_PRODUCT_MAX: Final = 1 << 62
_HORIZON: Final = WITHDRAW_HORIZON // MINUTE
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement, who asks it, for which moment, and how many candidates are wanted."""

    requirement: Requirement
    viewer: Viewer
    now: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class Room:
    """A listing, the rule of its resource in minutes, and its free time: ``(start, end, units)``.

    Until ``withdrawn`` no slot may start, as minutes after the moment asked.
    """

    listing: Listing
    notice: int
    shortest: int
    horizon: int
    setup: int
    withdrawn: int
    gaps: list[list[int]]


class LiveEngine(ColumnarEngine):
    """Finds for many at once, distances told where answers are to be joined."""

    def expire(self, states: Mapping[ResourceId, ResourceState]) -> None:
        """Count free time of resources in these states as declared, for signs that are too old."""
        numbers = [self._columns.resource_number[key] for key in states]
        codes = [STATE_CODE[state] for state in states.values()]
        count = len(numbers)
        self.observe_many(
            np.array(numbers, np.int64), np.array(codes, np.int64), np.zeros(count, np.int64)
        )

    def is_countable(self, requirement: Requirement) -> bool:
        """Whether every price stays within what the compiled search counts with."""
        units = requirement.minutes * requirement.units
        return 2 * self._columns.highest_rate * units < _PRODUCT_MAX

    def room(self, key: Key) -> Room | None:
        """What a slot of a listing is judged by; ``None`` if there is no such listing."""
        columns = self._columns
        number = columns.listing_number.get(key)
        if number is None:
            return None
        fields = columns.arrays.resources[columns.resource_number[key[1]]].tolist()
        first = fields[at.S_GAPS]
        return Room(
            listing=columns.listing(number),
            notice=fields[at.S_NOTICE],
            shortest=fields[at.S_SHORTEST],
            horizon=fields[at.S_HORIZON],
            setup=fields[at.S_SETUP],
            withdrawn=_HORIZON if fields[at.S_WITHDRAWN] else 0,
            gaps=columns.arrays.gaps[first : first + fields[at.S_GAP_COUNT]].tolist(),
        )

    def set_spare(self, spare: Mapping[ResourceId, Spare]) -> None:
        """Replace the free time of resources of one unit.

        Raises:
            KeyError: a resource is unknown.
        """
        if spare:
            self._fingerprint.resources_changed(self._columns.set_spare(spare))

    def find(self, asked: Sequence[Asked], *, joined: bool) -> tuple[Array, Array]:
        """The best candidates of each, as its viewer sees the market.

        Args:
            asked: what is asked; every requirement is countable.
            joined: tell distances too, by which answers of several engines are joined.

        Returns:
            int64 ``(sum of counts, ROW_FIELDS)`` and the counts ``(n,)``.
        """
        batch = self.encode_many(self._askings(asked))
        found, counts = self.search_many(batch, limit=max(one.limit for one in asked))
        kept = found[np.arange(found.shape[1]) < counts[:, None]]
        rows = np.empty((len(kept), ROW_FIELDS), np.int64)
        rows[:, R_COST], rows[:, R_PRICE] = kept[:, at.F_COST], kept[:, at.F_PRICE]
        rows[:, R_START] = kept[:, at.F_START]
        keys = slice(at.R_KEY, at.R_KEY + at.KEY_FIELDS)
        rows[:, R_KEY:] = self._columns.arrays.rows[kept[:, at.F_ROW], keys]
        rows[:, R_DISTANCE] = self._distances(asked, kept, counts) if joined else at.UNKNOWN
        return rows, counts

    def _askings(self, asked: Sequence[Asked]) -> Iterator[tuple[Requirement, Asking]]:
        """Those of one question share what they have in common."""
        known: dict[tuple[int, int, int], Asking] = {}
        for one in asked:
            key = (id(one.viewer), id(one.now), one.limit)
            if key not in known:
                known[key] = self.asking(limit=one.limit, now=one.now, viewer=one.viewer)
            yield one.requirement, known[key]

    def _distances(self, asked: Sequence[Asked], kept: Array, counts: Array) -> list[int]:
        listings = iter(self.listings(kept[:, at.F_ROW]))
        known = (
            distance_m(one.requirement, next(listings))
            for one, count in zip(asked, counts.tolist(), strict=True)
            for _ in range(count)
        )
        return [at.UNKNOWN if distance is None else distance for distance in known]
