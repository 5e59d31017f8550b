"""Which matcher keeps which listings, and how the answers of all become one.

A listing is kept whole by one shard: that of the first process of its resource in the region of its
site. Which shard that is follows from a hash (highest random weight, Thaler and Ravishankar 1998)
unless the map pins the pair. So what shards answer is disjoint, and joins exactly: the best of the
best, the sum of the counts.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.matching.domain import (
    NEAR_MISSES_MAX,
    Candidate,
    Constraint,
    FailureCount,
    MatchResult,
    NearMiss,
)
from services.matching.service.market import MarketResource
from services.matching.service.shard import Shard

Place = tuple[str, str]
"""A process and a region."""


@dataclass(frozen=True, slots=True)
class ShardMap:
    """Whose every process and region is; ``revision`` of the bucket it is kept in."""

    count: int
    pinned: Mapping[Place, int] = field(default_factory=dict)
    revision: int = 0

    def number_of(self, process: str, region: str) -> int:
        """The number of the shard, from 1."""
        pinned = self.pinned.get((process, region))
        if pinned is not None:
            return pinned
        return max(range(1, self.count + 1), key=lambda one: _weight(one, process, region))

    def keeps(self, shard: Shard, resource: MarketResource) -> bool:
        """Whether ``shard`` keeps the listings of ``resource``."""
        if shard.count == 1:
            return True
        capabilities = resource.offered.capabilities
        process = capabilities[0].process if capabilities else ""
        return self.number_of(process, resource.region) == shard.number


def _weight(number: int, process: str, region: str) -> bytes:
    return hashlib.blake2b(f"{number} {process} {region}".encode(), digest_size=8).digest()


def merged(results: Sequence[MatchResult], *, limit: int) -> MatchResult:
    """One answer out of those of all shards, in the order of their numbers."""
    if len(results) == 1:
        return results[0]
    fitting = sorted((one for each in results for one in each.candidates), key=_rank)
    short = len(fitting) < limit
    missed = sorted((one for each in results for one in each.near_misses), key=_nearness)
    hashes = "".join(each.state_hash for each in results)
    return MatchResult(
        candidates=tuple(fitting[:limit]),
        considered=sum(each.considered for each in results),
        failures=_failures(results) if short else (),
        near_misses=tuple(missed[:NEAR_MISSES_MAX]) if short else (),
        state_hash=hashlib.sha256(hashes.encode()).hexdigest(),
        as_of=results[0].as_of,
    )


def _rank(one: Candidate) -> tuple[Any, ...]:
    return (
        (one.cost or one.price).minor,
        *_price(one),
        one.start,
        one.resource_id.bytes,
        one.offer_id.bytes,
    )


def _nearness(one: NearMiss) -> tuple[Any, ...]:
    return (len(one.causes), *_price(one), one.resource_id.bytes, one.offer_id.bytes)


def _price(one: Candidate | NearMiss) -> tuple[int, bool, int]:
    return one.price.minor, one.distance_m is None, one.distance_m or 0


def _failures(results: Sequence[MatchResult]) -> tuple[FailureCount, ...]:
    rejected: Counter[Constraint] = Counter()
    alone: Counter[Constraint] = Counter()
    for each in results:
        for one in each.failures:
            rejected[one.constraint] += one.rejected
            alone[one.constraint] += one.rejected_alone
    return tuple(
        FailureCount(constraint, rejected[constraint], alone[constraint])
        for constraint in Constraint
        if rejected[constraint]
    )
