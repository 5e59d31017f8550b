"""The smallest steps by which a short answer would gain suppliers, each asked of the engine.

Nothing is estimated: what a step gains is the difference between two answers of the same engine.

* **Ladder.** An aspect has rungs from 0, as asked, to its top, as far as it may give way. Whoever
  fits on one rung fits on every higher one. So when the top gains nobody, nothing does; otherwise
  the first rung that gains is found between a rung that gains and one that does not. What the
  gained candidates offer says where to look; the rung below is asked in any case.
* **Hours** are no ladder: a longer booking costs more and needs a longer gap. But a listing that
  refuses short bookings begins to fit at its own minimum or not at all, and the engine's count of
  those refused for their hours drops exactly at the minimums.
* **Pairs** are looked for when no single step gains. The first aspect takes its smallest rung that
  gains while the second gives way wholly, then the second its smallest beside it; and the other way
  round. So no pair reported has a smaller one of the same aspects below it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import combinations
from typing import Final

from services.contracts.intervals import Interval
from services.matching.domain import (
    RELAXATIONS_MAX,
    Aspect,
    Candidate,
    Constraint,
    MatchResult,
    Relaxation,
    Requirement,
    Step,
)
from services.matching.engine.interface import MINUTE, MatchingEngine
from services.matching.ladders import Ladder, ladders, offered_number

JUDGED_MAX: Final = 5_000
"""Listings judged for one explanation (asks times listings): a second of the oracle at most."""
PROBED_MAX: Final = 32
"""Gained candidates looked at to find a rung; the one reported is asked for all of them."""


@dataclass(frozen=True, slots=True)
class Relaxations:
    """``found``, and whether they are ``complete``: nothing was left unasked."""

    found: tuple[Relaxation, ...] = ()
    complete: bool = True


def relaxations(
    engine: MatchingEngine,
    requirement: Requirement,
    *,
    limit: int,
    now: datetime,
    known: Interval,
    judged_max: int = JUDGED_MAX,
) -> Relaxations:
    """What would gain suppliers for a requirement answered with fewer than ``limit`` candidates.

    Single steps, or pairs where no single one gains; those with the most gained listings for the
    smallest relative step first. Nothing for an answer that is full.

    Args:
        engine: the state to ask; it knows at least the free time of ``known``.
        requirement: what was asked.
        limit: how many candidates were wanted.
        now: the moment of the answer.
        known: how far the window may be moved, never before ``now``.
        judged_max: listings that may be judged in all; when they are used up, what has been found
            until then is returned as incomplete.
    """
    before = engine.match(requirement, limit=limit, now=now)
    if len(before.candidates) in {limit, before.considered}:
        return Relaxations()
    questions = _Questions(engine, before, asks=judged_max // before.considered)
    search = _Search(questions, requirement, ladders(requirement, known, before))
    found = list(_while_asks_last(search.singles()))
    if not found and not questions.refused:
        found = list(_while_asks_last(search.pairs()))
    ranked = sorted(found, key=_promise)
    distinct = tuple({one.relaxation.steps: one.relaxation for one in ranked}.values())
    return Relaxations(distinct[:RELAXATIONS_MAX], complete=not questions.refused)


class _ExhaustedError(Exception):
    """As many listings were judged as may be."""


class _Questions:
    """Asks the engine, each question once, and tells who was gained over the first answer."""

    def __init__(self, engine: MatchingEngine, before: MatchResult, *, asks: int) -> None:
        self._engine = engine
        self._left = asks
        self._known: dict[tuple[Requirement, int], MatchResult] = {}
        self._fitted = {_identity(one) for one in before.candidates}
        self.before = before
        self.all = before.considered + 1
        """A limit no answer reaches, so that each comes with its failures."""
        self.some = len(before.candidates) + PROBED_MAX
        self.refused = False
        """Whether a question was left unasked."""

    def answer(self, requirement: Requirement, *, limit: int) -> MatchResult:
        key = (requirement, limit)
        if key not in self._known:
            if self._left <= 0:
                self.refused = True
                raise _ExhaustedError
            self._left -= 1
            self._known[key] = self._engine.match(requirement, limit=limit, now=self.before.as_of)
        return self._known[key]

    def gained(self, requirement: Requirement, *, limit: int) -> list[Candidate]:
        """Candidates that were none before, best first."""
        answered = self.answer(requirement, limit=limit).candidates
        return [one for one in answered if _identity(one) not in self._fitted]

    def relaxation(self, steps: tuple[Step, ...], requirement: Requirement) -> Relaxation | None:
        """What ``requirement`` gains in all, ``None`` when nobody."""
        gained = self.gained(requirement, limit=self.all)
        if not gained:
            return None
        before = self.before.candidates
        after = self.answer(requirement, limit=self.all).candidates
        return Relaxation(
            steps=steps,
            listings=len(gained),
            organisations=len({one.organisation_id for one in gained}),
            lost=len(before) + len(gained) - len(after),
            price=gained[0].price,
            price_before=before[0].price if before else None,
            earliest_end=min(one.end for one in gained),
            earliest_end_before=min((one.end for one in before), default=None),
        )


def _identity(one: Candidate) -> tuple[bytes, bytes]:
    return (one.offer_id.bytes, one.resource_id.bytes)


Reach = Callable[[int], int | None]
"""A number not above the given one that holds too, ``None`` when the given one does not."""


def _first(low: int, high: int, reach: Reach, guess: int | None = None) -> int:
    """The lowest number above ``low`` that holds, where ``high`` does and ``low`` does not.

    Asks ``guess`` first, then in turn just below ``high``, which is mostly all there is to ask, and
    halfway, which ends what it does not.
    """
    probe, halving = guess or high, False
    while high - low > 1:
        if not low < probe < high:
            probe = (low + high) // 2 if halving else high - 1
            halving = not halving
        reached = reach(probe)
        low, high = (probe, high) if reached is None else (low, reached)
    return high


@dataclass(frozen=True, slots=True)
class _Found:
    """A relaxation and the sum of its relative steps."""

    relaxation: Relaxation
    relative: Fraction


_Move = tuple[Ladder, int]
"""A ladder and the rung taken."""


class _Search:
    """Looks for single steps and pairs of steps from one requirement."""

    def __init__(
        self, questions: _Questions, asked: Requirement, ladders: Sequence[Ladder]
    ) -> None:
        self._questions = questions
        self._asked = asked
        self._ladders = ladders

    def singles(self) -> Iterator[_Found]:
        """Of each ladder the first rung that gains, of the hours the first minimum."""
        for ladder in self._ladders:
            rung = self._smallest(ladder)
            if rung is not None:
                yield from self._found((ladder, rung))
        minutes = self._hours()
        if minutes is not None:
            yield from self._found(minutes=minutes)

    def pairs(self) -> Iterator[_Found]:
        """Both smallest pairs of every two ladders, and hours beside each ladder."""
        for one, other in combinations(self._ladders, 2):
            yield from self._pair(one, other)
            yield from self._pair(other, one)
        for ladder in self._ladders:
            minutes = self._hours((ladder, ladder.top))
            rung = None if minutes is None else self._smallest(ladder, minutes=minutes)
            if rung is not None:
                yield from self._found((ladder, rung), minutes=minutes)

    def _pair(self, first: Ladder, second: Ladder) -> Iterator[_Found]:
        rung = self._smallest(first, (second, second.top))
        beside = None if rung is None else self._smallest(second, (first, rung))
        if rung is not None and beside is not None:
            yield from self._found((first, rung), (second, beside))

    def _smallest(self, ladder: Ladder, *moves: _Move, minutes: int | None = None) -> int | None:
        """The lowest rung of ``ladder`` that gains beside ``moves``, ``None`` if none does."""

        def reach(rung: int) -> int | None:
            eased = self._eased((*moves, (ladder, rung)), minutes)
            if eased is None:
                return None
            gained = self._questions.gained(eased, limit=self._questions.some)
            return ladder.nearest(gained, rung) if gained else None

        high = reach(ladder.top)
        return None if high is None else _first(0, high, reach, ladder.guess)

    def _hours(self, *moves: _Move) -> int | None:
        """The smallest minimum above what is asked at which somebody is gained beside ``moves``."""
        if _refusals(self._questions.before) == 0:
            return None
        eased = self._eased(moves)
        assert eased is not None, "a longer window holds the same minutes"
        minutes = self._next_minimum(eased)
        while minutes is not None:
            longer = replace(eased, minutes=minutes)
            if self._questions.gained(longer, limit=self._questions.all):
                return minutes
            minutes = self._next_minimum(longer)
        return None

    def _next_minimum(self, asked: Requirement) -> int | None:
        """The smallest minimum of a listing above the minutes ``asked`` that the window holds."""
        longest = asked.window.duration // MINUTE
        refused = self._refused(asked, asked.minutes)
        if refused == 0 or self._refused(asked, longest) == refused:
            return None

        def reach(minutes: int) -> int | None:
            return minutes if self._refused(asked, minutes) < refused else None

        near = self._questions.answer(asked, limit=self._questions.all).near_misses
        minimums = (offered_number(one, Constraint.HOURS) or 0 for one in near)
        guess = min((one for one in minimums if one > asked.minutes), default=None)
        return _first(asked.minutes, longest, reach, guess)

    def _refused(self, asked: Requirement, minutes: int) -> int:
        """How many listings refuse a booking as short as ``minutes``, whatever else they do."""
        longer = replace(asked, minutes=minutes)
        return _refusals(self._questions.answer(longer, limit=self._questions.all))

    def _eased(self, moves: Sequence[_Move], minutes: int | None = None) -> Requirement | None:
        """The requirement after ``moves``; ``None`` if its window cannot hold ``minutes``."""
        eased = self._asked
        for ladder, rung in moves:
            eased = ladder.eased(eased, rung)
        if minutes is None:
            return eased
        return (
            replace(eased, minutes=minutes) if minutes * MINUTE <= eased.window.duration else None
        )

    def _found(self, *moves: _Move, minutes: int | None = None) -> Iterator[_Found]:
        eased = self._eased(moves, minutes)
        assert eased is not None, "only what was asked is told"
        steps = [ladder.step(rung) for ladder, rung in moves]
        relative = sum((ladder.relative(rung) for ladder, rung in moves), Fraction(0))
        if minutes is not None:
            steps.append(Step(Aspect.HOURS, self._asked.minutes, minutes))
            relative += Fraction(minutes - self._asked.minutes, self._asked.minutes)
        relaxation = self._questions.relaxation(tuple(sorted(steps, key=_place)), eased)
        if relaxation is not None:
            yield _Found(relaxation, relative)


def _refusals(short: MatchResult) -> int:
    """How many listings a short answer says refuse so few hours."""
    return sum(one.rejected for one in short.failures if one.constraint is Constraint.HOURS)


def _while_asks_last(found: Iterator[_Found]) -> Iterator[_Found]:
    try:
        yield from found
    except _ExhaustedError:
        return


def _place(step: Step) -> tuple[int, str, str]:
    return (list(Aspect).index(step.aspect), str(step.asked), str(step.eased))


def _promise(found: _Found) -> tuple[Fraction, list[tuple[int, str, str]]]:
    """Most gained listings for the smallest relative step first; ties in the order of aspects."""
    steps = found.relaxation.steps
    return (-found.relaxation.listings / found.relative, [_place(step) for step in steps])
