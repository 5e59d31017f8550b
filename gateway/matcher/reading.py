"""What a matcher reads from the record, in threads of its own: all at first, then what changed."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final, TypeVar

from services.capacity.domain import LiveState
from services.contracts.ids import OfferId, ResourceId
from services.matching.domain import Listing
from services.matching.service import market
from services.matching.service.changes import AWAITED
from services.matching.service.market import MarketResource
from services.matching.service.shard import Shard
from services.matching.service.sharding import ShardMap
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.outbox import Position, newest, settled

AT_ONCE_MAX: Final = 2_000
"""Resources of one query; a statement has room for 65,535 parameters."""
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Reading:
    """Listings of the shard, their resources, and up to where events are counted in."""

    listings: list[Listing]
    resources: dict[ResourceId, MarketResource]
    position: Position


class Reader:
    """Reads the listings that ``shard`` keeps by ``shards``, and their resources."""

    def __init__(
        self, sessions: Sessions, clock: Clock, *, shard: Shard, stale_after: timedelta
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._shard = shard
        self._stale_after = stale_after

    def everything(self, shards: ShardMap) -> Reading:
        """The whole shard."""
        with transaction(self._sessions) as session:
            position = settled(session)
        with transaction(self._sessions) as session:
            listings = market.listings(session=session)
        return self._kept(listings, shards, position)

    def offers(self, offer_ids: Collection[OfferId], shards: ShardMap) -> Reading:
        """What the shard keeps of offers."""
        with transaction(self._sessions) as session:
            position = settled(session)
            listings = market.listings(session=session, offer_ids=offer_ids)
        return self._kept(listings, shards, position)

    def resources(self, resource_ids: Iterable[ResourceId]) -> dict[ResourceId, MarketResource]:
        found: dict[ResourceId, MarketResource] = {}
        for some in _chunks(resource_ids):
            with transaction(self._sessions) as session:
                found |= market.resources(
                    session=session,
                    clock=self._clock,
                    resource_ids=some,
                    stale_after=self._stale_after,
                )
        return found

    def affected(self, resource_ids: Collection[ResourceId]) -> set[ResourceId]:
        with transaction(self._sessions) as session:
            return market.affected(session=session, resource_ids=resource_ids)

    def states(self, resource_ids: Iterable[ResourceId]) -> dict[ResourceId, LiveState]:
        with transaction(self._sessions) as session:
            return market.live_states(session=session, resource_ids=set(resource_ids))

    def newest(self, subjects: Collection[str] = AWAITED) -> Position:
        """The newest event that a fresh answer must count in."""
        with transaction(self._sessions) as session:
            return newest(session, subjects)

    def _kept(self, listings: Collection[Listing], shards: ShardMap, position: Position) -> Reading:
        found = self.resources(sorted({one.resource_id for one in listings}))
        kept = {key: one for key, one in found.items() if shards.keeps(self._shard, one)}
        return Reading([one for one in listings if one.resource_id in kept], kept, position)


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, AT_ONCE_MAX)):
        yield some
