"""A market kept in memory: the columnar engine, and what the passing of time does to it.

One thread reads and writes it. It is filled from the record (``market``) and told what to replace;
nothing is computed here that the record does not say, but that a live sign grows old: free time
counts as measured until ``stale_after`` the last one, to the microsecond.
"""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from services.capacity.domain import LiveState, Provenance
from services.contracts.ids import OfferId, ResourceId
from services.matching.domain import Listing
from services.matching.engine.columns import Key
from services.matching.engine.interface import Snapshot
from services.matching.service.changes import Sign
from services.matching.service.live_engine import LiveEngine
from services.matching.service.market import MarketResource
from services.matching.snapshot import state_of

SIGNS_TOLD_WITHIN: Final = timedelta(seconds=3)
"""A sign may be this much newer than the last one told; see ``capacity.domain.live``."""


@dataclass(slots=True)
class _Known:
    """What the engine does not keep of a resource."""

    static: object
    lives: dict[ResourceId, LiveState | None]
    again_at: datetime
    buffers: tuple[int, int] | None
    measured: bool
    doubted: datetime | None = None
    """The expiry that a later sign on record was looked for at."""
    expected: bool = False
    """Whether the moment its last sign becomes too old stands among those waited for."""


class Projection:
    """What is on offer as the record said it, kept up to date by whoever follows the events."""

    def __init__(
        self,
        listings: Collection[Listing],
        resources: Mapping[ResourceId, MarketResource],
        *,
        stale_after: timedelta,
    ) -> None:
        self._stale_after = stale_after
        self.changes = 0
        """How often resources were replaced; whoever read one before may be wrong since."""
        offered = {key: one.offered for key, one in resources.items()}
        self.engine = LiveEngine(Snapshot(tuple(listings), offered))
        self._keys: dict[OfferId, set[Key]] = {}
        self._known: dict[ResourceId, _Known] = {}
        self._judging: defaultdict[ResourceId, set[ResourceId]] = defaultdict(set)
        """By whose live state which offered resources are judged."""
        self._expiries: list[tuple[datetime, ResourceId]] = []
        self._readings: list[tuple[datetime, ResourceId]] = []
        for listing in listings:
            self._keys.setdefault(listing.offer_id, set()).add(_key(listing))
        for key, resource in resources.items():
            self._remember(key, resource)

    def __contains__(self, resource_id: ResourceId) -> bool:
        """Whether it is offered, or beside one that is."""
        return resource_id in self._judging

    def offered(self, resource_ids: Iterable[ResourceId]) -> set[ResourceId]:
        """Those that are offered."""
        return {key for key in resource_ids if key in self._known}

    def buffers(self, resource_id: ResourceId) -> tuple[int, int] | None:
        """Minutes kept clear before and after a booking of an offered resource.

        ``None`` if memory alone cannot tell what one takes: several units, or a companion's time.
        """
        known = self._known.get(resource_id)
        if known is None or self._judging[resource_id] != {resource_id}:
            return None
        return known.buffers

    @property
    def count(self) -> int:
        """How many listings there are."""
        return sum(map(len, self._keys.values()))

    def put_offers(
        self,
        offer_ids: Iterable[OfferId],
        listings: Iterable[Listing],
        resources: Mapping[ResourceId, MarketResource],
    ) -> None:
        """``listings`` are all there are of ``offer_ids``; ``resources`` are those they need."""
        self.put_resources(resources)
        kept: dict[OfferId, set[Key]] = {offer_id: set() for offer_id in offer_ids}
        for listing in listings:
            kept[listing.offer_id].add(_key(listing))
            self.engine.put_listing(listing)
        for offer_id, keys in kept.items():
            for key in self._keys.pop(offer_id, set()) - keys:
                self.engine.remove_listing(key)
            if keys:
                self._keys[offer_id] = keys

    def put_resources(self, resources: Mapping[ResourceId, MarketResource]) -> None:
        """Replace what is known of resources, or add them."""
        self.changes += 1
        for key, resource in resources.items():
            known, offered = self._known.get(key), resource.offered
            if known is None or known.static != _static(resource):
                self.engine.put_resource(offered)
            else:
                self.engine.set_gaps(key, offered.gaps)
                self.engine.observe(
                    key,
                    state=offered.state,
                    provenance=offered.provenance,
                    seen_at=offered.seen_at,
                )
            self._remember(key, resource)

    def put_states(
        self, states: Mapping[ResourceId, LiveState], *, now: datetime
    ) -> set[ResourceId]:
        """Take over live states; those whose free time is to be read again."""
        again = set()
        for key, live in states.items():
            for offered in self._judging.get(key, ()):
                known = self._known[offered]
                before = known.lives[key]
                if before == live:
                    continue
                if before is None or before.job_predicted_end != live.job_predicted_end:
                    again.add(offered)
                known.lives[key] = live
                changed = before is None or before.state != live.state
                self._observe(offered, known, now=now, always=changed)
        return again

    def sign(self, signs: Mapping[ResourceId, Sign], *, now: datetime) -> set[ResourceId]:
        """Take over live signs; those whose free time is to be read again."""
        again = set()
        for key, sign in signs.items():
            for offered in self._judging.get(key, ()):
                known = self._known[offered]
                live = known.lives[key]
                if live is None or live.job_predicted_end != sign.job_predicted_end:
                    again.add(offered)
                if live is not None and (live.seen_at is None or live.seen_at < sign.seen_at):
                    known.lives[key] = replace(live, seen_at=sign.seen_at)
                    self._observe(offered, known, now=now)
        return again

    def advance(self, now: datetime) -> None:
        """Let signs that have become too old by ``now`` count no longer."""
        expired = {}
        while self._expiries and self._expiries[0][0] < now:
            _, key = heapq.heappop(self._expiries)
            known = self._known[key]
            known.expected = False
            state = state_of(list(known.lives.values()))
            if state is not None and known.measured and self._expiry(known) < now:
                known.measured = False
                expired[key] = state
            self._expect_expiry(key, known)
        if expired:
            self.engine.expire(expired)

    def doubtful(self, now: datetime) -> set[ResourceId]:
        """Resources that are about to count as unseen; a later sign may be on record, not told.

        Each once for a sign: what comes now is no part of what was told with it.
        """
        soon = now + SIGNS_TOLD_WITHIN
        near = set()
        index = [0]
        while index:  # the heap's order cuts the search to those that expire soon
            at = index.pop()
            if at < len(self._expiries) and self._expiries[at][0] < soon:
                near.add(self._expiries[at][1])
                index += [2 * at + 1, 2 * at + 2]
        found: set[ResourceId] = set()
        for key in near:
            known = self._known[key]
            expiry = self._expiry(known)
            if expiry < soon and known.doubted != expiry:
                known.doubted = expiry
                found |= known.lives.keys()
        return found

    def due(self, now: datetime) -> set[ResourceId]:
        """Resources whose free time is to be read again though nothing happened."""
        found = set()
        while self._readings and self._readings[0][0] <= now:
            at, key = heapq.heappop(self._readings)
            if self._known[key].again_at == at:
                found.add(key)
        return found

    def _remember(self, key: ResourceId, resource: MarketResource) -> None:
        measured = resource.offered.provenance is Provenance.MEASURED
        before = self._known.get(key)
        known = _Known(
            _static(resource), dict(resource.lives), resource.again_at, resource.buffers, measured
        )
        for live in resource.lives:
            self._judging[live].add(key)
        known.expected = before is not None and before.expected
        self._known[key] = known
        heapq.heappush(self._readings, (resource.again_at, key))
        self._expect_expiry(key, known)

    def _observe(
        self, key: ResourceId, known: _Known, *, now: datetime, always: bool = False
    ) -> None:
        """Tell the engine what live states mean at ``now``; if that changed, or ``always``."""
        lives = list(known.lives.values())
        measured = all(one is not None and one.is_measured(now, self._stale_after) for one in lives)
        seen_at = min((one.seen_at for one in lives if one and one.seen_at), default=None)
        if always or measured != known.measured:
            provenance = Provenance.MEASURED if measured else Provenance.DECLARED
            self.engine.observe(key, state=state_of(lives), provenance=provenance, seen_at=seen_at)
        elif seen_at is not None:
            self.engine.see(key, seen_at)
        known.measured = measured
        self._expect_expiry(key, known)

    def _expect_expiry(self, key: ResourceId, known: _Known) -> None:
        if known.measured and not known.expected:
            heapq.heappush(self._expiries, (self._expiry(known), key))
            known.expected = True

    def _expiry(self, known: _Known) -> datetime:
        """When the oldest of its last signs becomes too old."""
        seen = [_LONG_PAST if one is None else one.seen_at for one in known.lives.values()]
        return min(at or _LONG_PAST for at in seen) + self._stale_after


def _static(resource: MarketResource) -> object:
    """What of a resource moves its rows when it changes."""
    return replace(resource.offered, gaps=(), state=None, seen_at=None, provenance=_ANY)


_ANY: Final = Provenance.DECLARED
_LONG_PAST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _key(listing: Listing) -> Key:
    return listing.offer_id, listing.resource_id
