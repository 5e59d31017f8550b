"""One batch of the writer: what is asked, what was decided, written, and is to be answered."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from gateway.matcher.following import LiveMarket
from services.booking.writing import messages, trail
from services.booking.writing.deciding import Deciding, Refused, Taken
from services.booking.writing.messages import (
    DemandAsked,
    DemandQuestion,
    HoldAsked,
    HoldQuestion,
    Outcome,
)
from services.booking.writing.spare_time import SpareTime
from services.booking.writing.store import Place
from services.booking.writing.trail import Cause
from services.booking.writing.writer import DurableWriter, Ready, Written
from services.contracts.ids import BookingId, ResourceId
from services.matching.engine.columns import Key
from services.matching.service.batches import Slot
from services.matching.service.live_engine import Asked
from services.matching.service.projection import Projection
from services.runtime.clock import Clock

CANDIDATES: Final = 8
"""Looked at for a demand at each try: others of the batch may take the first ones."""
TRIES: Final = 4
Question = HoldQuestion | DemandQuestion


@dataclass(slots=True)
class _Item:
    """One slot or demand, and what has become of it so far."""

    question: int
    asked: HoldAsked | DemandAsked
    taken: Taken | None = None
    outcome: Outcome | None = None
    tries: int = 0


@dataclass(slots=True)
class Batch:
    """Questions answered together."""

    market: LiveMarket
    clock: Clock
    hold_ttl: timedelta
    earlier: "Batch | None" = None
    """The one that is being written while this one is decided."""
    _questions: list[Question] = field(default_factory=list)
    _items: list[_Item] = field(default_factory=list)
    _open: list[_Item] = field(default_factory=list)
    """Neither answered nor with a slot."""
    _trying: list[_Item] = field(default_factory=list)
    """With a slot to be written."""
    _deciding: Deciding | None = None
    _repeats: list[tuple[_Item, _Item]] = field(default_factory=list)
    """Requests whose key came before in the same batch, and the first of it."""
    _first: dict[tuple[int, str], _Item] = field(default_factory=dict)
    _ready: Ready | None = None
    """What is to be written, once it is made ready."""
    _again: bool = False
    """Something was written before, and this is another try."""
    resources: set[ResourceId] = field(default_factory=set)
    """Whatever was to be written takes time of these."""

    def add(self, question: Question) -> None:
        number = len(self._questions)
        self._questions.append(question)
        asked: Sequence[HoldAsked | DemandAsked] = (
            question.holds if isinstance(question, HoldQuestion) else question.demands
        )
        items = [_Item(number, one) for one in asked]
        self._items += items
        self._open += items

    @property
    def count(self) -> int:
        """How many slots are asked."""
        return len(self._items)

    def decide(self) -> bool:
        """Find slots in memory for what is open; whether there is something to write.

        It may be called again after more was added, until the batch is written.
        """
        projection = self.market.projection
        assert projection is not None, "the lease is sought once the market is read"
        deciding = self._deciding or self._begun(projection)
        projection.advance(deciding.now)
        self._ready = None
        still_open, self._open = self._open, []
        matched = iter(self._candidates(still_open, deciding))
        for item in still_open:
            keys = next(matched) if isinstance(item.asked, DemandAsked) else ()
            if not self._is_repeated(item):
                self._decide(deciding, item, keys)
        return bool(self._trying)

    def _begun(self, projection: Projection) -> Deciding:
        earlier = () if self.earlier is None else self.earlier.written_now()
        self.earlier = None
        self._deciding = Deciding(projection, self.clock, hold_ttl=self.hold_ttl, earlier=earlier)
        return self._deciding

    def written_now(self) -> list[Taken]:
        """Slots decided and not yet counted in."""
        return [item.taken for item in self._trying if item.taken is not None]

    @property
    def has_something_to_write(self) -> bool:
        return bool(self._trying)

    def make_ready(self) -> None:
        """Put what was decided into the form it is sent in, so that writing it begins at once."""
        if self._ready is None:
            self._ready = Ready.of(self.written_now())

    def write(self, writer: DurableWriter) -> Written:
        """Write what was decided. Raises as :meth:`DurableWriter.write`."""
        assert self._deciding is not None, "decided before"
        self.make_ready()
        assert self._ready is not None, "made ready before"
        self.resources.update(taken.resource_id for taken in self._ready.arrived)
        telling = partial(trail.told, list(self._causes()), clock=self.clock)
        return writer.write(
            self._ready,
            now=self._deciding.now,
            hold_until=self._deciding.hold_until,
            telling=telling,
        )

    def count_in(self, written: Written) -> set[ResourceId]:
        """Let memory show what stands; the resources of which it must be read again."""
        held = []
        for item in self._trying:
            taken = item.taken
            assert taken is not None, "decided before"
            if taken.booking_id in written.held:
                item.outcome = Outcome(body=written.bodies.get(taken.booking_id, taken.body))
                held.append(taken)
            else:
                self._lost(item, taken, written)
        whole, self._trying = len(held) == len(self._trying), []
        doubtful = written.doubtful | self._occupy(held, whole=whole)
        self._deciding, self._first = None, {}  # another try begins with memory as it is then
        self._again = True
        return doubtful

    @property
    def has_refused_repeats(self) -> bool:
        """Whether something is refused that may have been answered before, under its key."""
        return any(True for _ in self._refused_repeats())

    def _refused_repeats(self) -> Iterator[_Item]:
        for item in self._items:
            if item.asked.once is not None and item.outcome and item.outcome.body is None:
                yield item

    def look_up(self, writer: DurableWriter) -> None:
        """Answer repeated requests whose slot memory shows as gone: they took it themselves."""
        refused = [(self._place(item), item) for item in self._refused_repeats()]
        saved = writer.saved([place for place, _ in refused])
        for place, item in refused:
            if place in saved:
                item.outcome = _repeated(item, *saved[place])

    def outcomes(self) -> Iterator[tuple[Outcome, ...]]:
        """To each question its outcomes."""
        for repeat, first in self._repeats:
            repeat.outcome = _same(repeat, first)
        found: dict[int, list[Outcome]] = defaultdict(list)
        for item in self._items:
            found[item.question].append(item.outcome or Outcome(declined=messages.FAILED))
        return (tuple(found[number]) for number in range(len(self._questions)))

    def _is_repeated(self, item: _Item) -> bool:
        once = item.asked.once
        if once is None:
            return False
        organisation = self._questions[item.question].organisation_id.int
        before = self._first.setdefault((organisation, once.key), item)
        if before is not item:
            self._repeats.append((item, before))
        return before is not item

    def _place(self, item: _Item) -> Place:
        assert item.asked.once is not None, "asked by the callers"
        return self._questions[item.question].organisation_id, item.asked.once.key

    def _decide(self, deciding: Deciding, item: _Item, keys: Sequence[Key]) -> None:
        question, asked = self._questions[item.question], item.asked
        if isinstance(asked, HoldAsked):
            found = deciding.hold(question.organisation_id, question.viewer, asked)
        else:
            found = deciding.place(
                question.organisation_id,
                asked.requirement,
                keys,
                demand_id=asked.demand_id,
                once=asked.once,
            )
        item.tries += 1
        if isinstance(found, Refused):
            item.outcome = Outcome(declined=found.cause)
            if len(keys) == CANDIDATES and item.tries < TRIES:
                self._open.append(item)  # others may do, once memory shows what the batch took
        else:
            item.taken = found
            self._trying.append(item)

    def _candidates(self, items: Sequence[_Item], deciding: Deciding) -> Iterator[list[Key]]:
        """For each open demand the listings that fit it best, best first."""
        projection = self.market.projection
        assert projection is not None, "the lease is sought once the market is read"
        demands = [
            Asked(
                item.asked.requirement,
                self._questions[item.question].viewer,
                deciding.now,
                CANDIDATES,
            )
            for item in items
            if isinstance(item.asked, DemandAsked)
        ]
        if not demands:
            return
        countable = [projection.engine.is_countable(one.requirement) for one in demands]
        asked = [one for one, counts in zip(demands, countable, strict=True) if counts]
        if not asked:
            yield from ([] for _ in demands)
            return
        rows, counts = projection.engine.find(asked, joined=False)
        listed, first = rows.tolist(), 0
        sizes = iter(counts.tolist())
        for counts_in in countable:
            size = next(sizes) if counts_in else 0
            slots = map(Slot.of, listed[first : first + size])
            yield [(slot.offer_id, slot.resource_id) for slot in slots]
            first += size

    def _lost(self, item: _Item, taken: Taken, written: Written) -> None:
        """Another has the slot, or the request was answered before."""
        place = None if taken.once is None else (taken.organisation_id, taken.once.key)
        if place in written.saved:
            item.outcome = _repeated(item, *written.saved[place])
        elif taken.booking_id in written.over:
            item.outcome = Outcome(declined=messages.TOO_MANY)
        elif taken.booking_id in written.failed:
            item.outcome = Outcome(declined=messages.FAILED)
        elif isinstance(item.asked, DemandAsked) and item.tries < TRIES:
            item.taken = None
            self._open.append(item)
        else:
            item.outcome = Outcome(declined=messages.TAKEN)

    def _occupy(self, held: Sequence[Taken], *, whole: bool) -> set[ResourceId]:
        """Take slots out of memory as it is by now; those it does not know as it did.

        With ``whole``, all of the batch that was written is held.
        """
        projection, deciding = self.market.projection, self._deciding
        assert projection is not None, "the lease is sought once the market is read"
        assert deciding is not None, "decided before"
        by_resource: dict[ResourceId, list[Taken]] = defaultdict(list)
        for taken in held:
            by_resource[taken.resource_id].append(taken)
        self.market.note_booked([taken.event_id for taken in held], by_resource)
        if whole and not self._again and deciding.is_current and projection is deciding.market:
            projection.engine.set_spare({one: deciding.spare(one) for one in by_resource})
            return set()
        projection.changes += 1  # the batch decided after this one expected it all to be held
        doubtful, left = set(), {}
        for resource_id, slots in by_resource.items():
            room = projection.engine.room((slots[0].offer_id, resource_id))
            buffers = projection.buffers(resource_id)
            if room is None or buffers is None:
                doubtful.add(resource_id)
                continue
            spare = SpareTime(room.gaps, apart=sum(buffers))
            for taken in slots:
                spare.take(taken.start, taken.end)
            left[resource_id] = spare.gaps
        projection.engine.set_spare(left)
        return doubtful

    def _causes(self) -> Iterator[Cause]:
        came: dict[int, set[BookingId]] = defaultdict(set)
        for item in self._trying:
            if item.taken is not None:
                came[item.question].add(item.taken.booking_id)
        for number, bookings in came.items():
            question = self._questions[number]
            yield Cause(
                organisation_id=question.organisation_id,
                asker=question.asker,
                bookings=frozenset(bookings),
                single=question.count == 1,
            )


def _repeated(item: _Item, saved: messages.Repeatable, body: bytes) -> Outcome:
    """The saved answer, if it was to the same request."""
    assert item.asked.once is not None, "only repeatable requests are saved"
    if saved.digest != item.asked.once.digest:
        return Outcome(declined=messages.REUSED)
    return Outcome(body=body)


def _same(repeat: _Item, first: _Item) -> Outcome | None:
    assert repeat.asked.once is not None, "only keys repeat"
    assert first.asked.once is not None, "only keys repeat"
    if repeat.asked.once.digest != first.asked.once.digest:
        return Outcome(declined=messages.REUSED)
    return first.outcome
