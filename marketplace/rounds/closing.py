"""Deciding rounds that are over and holding for who won: the worker's part.

One call of :func:`advance` is one step and one transaction: decide a round, hold for one demand, or
close a round with nothing left to hold. A crash between steps loses none and repeats none, and
several workers share the steps of a round.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import structlog
from sqlmodel import Session

from marketplace.demands import handlers as demands
from marketplace.demands.domain import InvalidDemandError, Vocabulary, check_window
from marketplace.rounds import store
from marketplace.rounds.domain import (
    HOLD_FOR,
    Choice,
    Entry,
    Outcome,
    Reason,
    Round,
    RoundResult,
    RoundState,
    Turn,
    windows_waited,
)
from marketplace.rounds.pool import Ask, Decision, Option, Standing, Stretch, Won, decide
from services.booking import handlers as booking
from services.booking.domain import Booking
from services.capacity import handlers as capacity
from services.capacity.domain import HORIZON_DAYS_MAX, Gap, Resource
from services.contracts.actions import Action
from services.contracts.errors import DomainError
from services.contracts.events.envelope import Audience
from services.contracts.events.marketplace import DemandCleared, RoundClosed
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.matching import handlers as matching
from services.matching.domain import (
    CANDIDATES_MAX,
    Candidate,
    MatchResult,
    Requirement,
)
from services.matching.engine.interface import MINUTE, ceil_minute, floor_minute, instant_of
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit

OPTIONS_MAX: Final = 16
"""Suppliers of one demand that a round looks at, the cheapest ones."""
TRIES_MAX: Final = 10
"""Suppliers tried for a demand that won nothing, or whose slot was taken."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What every step works with.

    Args:
        session: one transaction.
        clock: the moment of the step.
        vocabulary: by which codes of demands are widened.
        stale_after: how old a twin's last sign may be for its free time to count as measured.
    """

    session: Session
    clock: Clock
    vocabulary: Vocabulary
    stale_after: timedelta


@dataclass(frozen=True, slots=True)
class _Asked:
    """A pooled demand with what fits it now; no requirement when its window has gone by."""

    entry: Entry
    requirement: Requirement | None
    candidates: tuple[Candidate, ...] = ()
    state_hash: str = ""
    """Of the market it was matched in, or the code of matching's refusal."""


def advance(means: Means) -> bool:
    """Do the next step of any round; whether there was one."""
    entry = store.lock_ongoing(means.session)
    if entry is not None:
        _settle(means, entry)
        return True
    finished = store.lock_finished(means.session)
    if finished is not None:
        _finish(means, finished)
        return True
    due = store.lock_due(means.session, now=means.clock.now())
    if due is not None:
        _decide(means, due)
        return True
    return False


# Deciding


def _decide(means: Means, one: Round) -> None:
    """Match the pooled demands as a batch and write down who shall get what."""
    session = means.session
    asked = [_looked_up(means, entry) for entry in store.entries_of(session, one.id)]
    found = [candidate for each in asked for candidate in each.candidates]
    resources = capacity.resources_by_id(
        session=session, resource_ids={candidate.resource_id for candidate in found}
    )
    standing = _standing(session, one, asked)
    decision = decide(
        [_ask(each) for each in asked], _stretches(means, resources, asked), standing, one.terms
    )
    if decision.faults:
        log.error("round not proven, nobody is preferred", round=str(one.id), why=decision.faults)
        decision = replace(decision, won=(None,) * len(asked))
    store.insert_offers(session, one.id, {candidate.organisation_id for candidate in found})
    for entry in _courses(asked, decision, standing, now=means.clock.now()):
        store.save_entry(session, entry)
        if entry.outcome is Outcome.UNSERVED:
            _tell_of_entry(means, entry)
    decided = replace(one, state=RoundState.HOLDING, result=_result(asked, decision))
    store.save_state(session, decided)
    _note(session, one.organisation_id, "round", one.id, one, decided)


def _looked_up(means: Means, entry: Entry) -> _Asked:
    """What fits a demand; what matching refuses, no round can serve."""
    requirement = _requirement(means, entry)
    if requirement is None:
        return _Asked(entry, None)
    try:
        result = _matched(means, entry, requirement, limit=OPTIONS_MAX)
    except DomainError as refusal:
        return _Asked(entry, requirement, state_hash=refusal.code)
    return _Asked(entry, requirement, result.candidates, result.state_hash)


def _requirement(means: Means, entry: Entry) -> Requirement | None:
    """What the demand asks; ``None`` when its window has gone by."""
    demand = demands.get_demand(
        session=means.session,
        organisation_id=entry.organisation_id,
        demand_id=entry.demand_id,
    )
    try:
        check_window(demand.facts, now=means.clock.now())
    except InvalidDemandError:
        return None
    return demand.facts.requirement(means.vocabulary)


def _matched(means: Means, entry: Entry, requirement: Requirement, *, limit: int) -> MatchResult:
    """What its buyer may see, ranked."""
    return matching.match_requirement(
        session=means.session,
        clock=means.clock,
        requirement=requirement,
        limit=limit,
        stale_after=means.stale_after,
        viewer=entry.organisation_id,
        relaxed=False,
    )


def _ask(asked: _Asked) -> Ask:
    requirement = asked.requirement
    return Ask(
        organisation_id=asked.entry.organisation_id,
        start=0 if requirement is None else ceil_minute(requirement.window.start),
        end=0 if requirement is None else floor_minute(requirement.window.end),
        units=1 if requirement is None else requirement.units,
        options=tuple(
            Option(
                offer_id=candidate.offer_id,
                resource_id=candidate.resource_id,
                provider_id=candidate.organisation_id,
                minutes=(candidate.end - candidate.start) // MINUTE,
                price_minor=candidate.price.minor,
            )
            for candidate in asked.candidates
        ),
    )


def _standing(session: Session, one: Round, asked: Sequence[_Asked]) -> Standing:
    askers = {each.entry.organisation_id for each in asked}
    suppliers = {candidate.organisation_id for each in asked for candidate in each.candidates}
    owners = {
        supplier
        for supplier in suppliers
        if identity.get_organisation(session=session, organisation_id=supplier).kind
        is OrganisationKind.PLATFORM
    }
    return Standing(
        asked=_waited(store.turns_of_askers(session, askers)),
        offered=_waited(store.turns_of_suppliers(session, suppliers)),
        owners=frozenset({one.organisation_id, *owners}),
    )


def _waited(
    turns: Mapping[OrganisationId, Sequence[Turn]],
) -> Mapping[OrganisationId, int]:
    return {firm: windows_waited(each) for firm, each in turns.items()}


def _stretches(
    means: Means, resources: Mapping[ResourceId, Resource], asked: Sequence[_Asked]
) -> list[Stretch]:
    """Free time of the resources from now until the last window ends."""
    ends = [each.requirement.window.end for each in asked if each.requirement is not None]
    if not resources or not ends:
        return []
    now = means.clock.now()
    hull = Interval(now, min(max(ends), now + timedelta(days=HORIZON_DAYS_MAX)))
    found = capacity.availability(
        session=means.session,
        clock=means.clock,
        resources=resources.values(),
        window=hull,
        stale_after=means.stale_after,
    )
    return [
        stretch
        for resource_id in sorted(resources)
        for stretch in _of_resource(resources[resource_id], found[resource_id].gaps, now)
    ]


def _of_resource(resource: Resource, gaps: Iterable[Gap], now: datetime) -> list[Stretch]:
    """Its gaps as stretches that share no unit: of overlapping ones the roomiest counts."""
    rule = resource.rule
    offered = Interval(now + rule.notice, now + rule.horizon)
    chosen: list[Stretch] = []
    for gap in gaps:
        common = gap.interval.intersection(offered)
        if common is not None:
            chosen.append(
                Stretch(
                    resource_id=resource.id,
                    start=ceil_minute(common.start),
                    end=floor_minute(common.end),
                    units=gap.free_units,
                    between=rule.buffer_before_minutes + rule.buffer_after_minutes,
                )
            )
    kept: list[Stretch] = []
    for stretch in sorted(chosen, key=lambda one: (-one.capacity, one.start)):
        if all(stretch.end <= one.start or one.end <= stretch.start for one in kept):
            kept.append(stretch)
    return sorted(kept, key=lambda one: one.start)


def _courses(
    asked: Sequence[_Asked], decision: Decision, standing: Standing, *, now: datetime
) -> Iterable[Entry]:
    """Where each demand goes from here: winners by the end of their windows, then the others.

    Of the others who has waited longest comes first.
    """

    def turn(number: int) -> tuple[bool, float, int]:
        each, won = asked[number], decision.won[number]
        if won is not None and each.requirement is not None:
            return False, each.requirement.window.end.timestamp(), number
        return True, -standing.asked.get(each.entry.organisation_id, 0), number

    order = sorted(range(len(asked)), key=turn)
    for place, number in enumerate(order):
        each, won = asked[number], decision.won[number]
        entry = replace(
            each.entry,
            place=place,
            options=len(each.candidates),
            scarcity_minor=decision.scarcity_minor[number],
            updated_at=now,
        )
        if won is not None:
            yield replace(entry, outcome=Outcome.PLANNED, choice=_choice(won))
        elif each.candidates:
            yield replace(entry, outcome=Outcome.LEFT_OUT)
        else:
            reason = Reason.DEMAND_OVER if each.requirement is None else Reason.NO_CANDIDATE
            yield replace(entry, outcome=Outcome.UNSERVED, reason=reason)


def _choice(won: Won) -> Choice:
    within = Interval(instant_of(won.stretch.start), instant_of(won.stretch.end))
    return Choice(won.option.offer_id, won.option.resource_id, within)


def _result(asked: Sequence[_Asked], decision: Decision) -> RoundResult:
    hashed = sha256()
    for each in sorted(asked, key=lambda one: one.entry.demand_id.bytes):
        hashed.update(each.entry.demand_id.bytes + each.state_hash.encode())
    return RoundResult(
        method=decision.method,
        state_hash=hashed.hexdigest(),
        demands=len(asked),
        planned=sum(won is not None for won in decision.won),
        cost_minor=decision.cost_minor,
        bound_minor=decision.bound_minor,
        gap_minor=decision.gap_minor,
        cost_of_fairness_minor=decision.cost_of_fairness_minor,
        faults=decision.faults,
    )


# Holding


def _settle(means: Means, entry: Entry) -> None:
    """Hold for one demand what it won, or the best of what remains."""
    settled = _settled(means, entry)
    store.save_entry(means.session, settled)
    if settled.outcome is Outcome.DISPLACED:
        return
    _note(means.session, entry.organisation_id, "round_entry", entry.id, entry, settled)
    _tell_of_entry(means, settled)


def _settled(means: Means, entry: Entry) -> Entry:
    entry = replace(entry, updated_at=means.clock.now())
    requirement = _requirement(means, entry)
    if requirement is None:
        return replace(entry, outcome=Outcome.UNSERVED, reason=Reason.DEMAND_OVER)
    try:
        candidates = _promising(means, entry, requirement)
    except DomainError:  # what it won does not fit it any more
        candidates = ()
    held = _first_held(means, entry, requirement, candidates)
    if held is not None:
        return replace(
            entry,
            outcome=Outcome.HELD,
            booking_id=held.id,
            price_minor=None if held.price is None else held.price.minor,
        )
    if entry.outcome is Outcome.PLANNED:
        return replace(entry, outcome=Outcome.DISPLACED)
    was_displaced = entry.outcome is Outcome.DISPLACED
    reason = Reason.SLOT_TAKEN if was_displaced else Reason.CONTENDED
    return replace(entry, outcome=Outcome.UNSERVED, reason=reason)


def _promising(means: Means, entry: Entry, requirement: Requirement) -> Sequence[Candidate]:
    """What it won as it is now, and for one that won nothing the best of what remains.

    Raises:
        DomainError: matching refuses; for one, what is left of the time won is too short.
    """
    if entry.outcome is not Outcome.PLANNED or entry.choice is None:
        return _matched(means, entry, requirement, limit=TRIES_MAX).candidates
    choice = entry.choice
    window = requirement.window.intersection(choice.within)
    if window is None:
        return ()
    narrowed = replace(requirement, window=window)
    found = _matched(means, entry, narrowed, limit=CANDIDATES_MAX).candidates
    won = (choice.offer_id, choice.resource_id)
    return [each for each in found if (each.offer_id, each.resource_id) == won]


def _first_held(
    means: Means, entry: Entry, requirement: Requirement, candidates: Iterable[Candidate]
) -> Booking | None:
    for candidate in candidates:
        try:
            with means.session.begin_nested():
                held = _hold(means, entry, requirement, candidate)
        except DomainError:  # the market has moved on
            continue
        store.mark_taken(means.session, entry.round_id, candidate.organisation_id)
        return held
    return None


def _hold(means: Means, entry: Entry, requirement: Requirement, candidate: Candidate) -> Booking:
    return booking.hold(
        session=means.session,
        clock=means.clock,
        organisation_id=entry.organisation_id,
        resource_id=candidate.resource_id,
        start=candidate.start,
        minutes=requirement.minutes,
        units=requirement.units,
        offer_id=candidate.offer_id,
        demand_id=entry.demand_id,
        hold_ttl=min(HOLD_FOR, max(candidate.start - means.clock.now(), MINUTE)),
        stale_after=means.stale_after,
    )


# Closing


def _finish(means: Means, one: Round) -> None:
    """Count how its demands came out and tell that it is over."""
    assert one.result is not None, "ck_clearing_round_decided_with_result"
    entries = store.entries_of(means.session, one.id)
    held = sum(entry.outcome is Outcome.HELD for entry in entries)
    result = replace(one.result, held=held, unserved=len(entries) - held)
    closed = replace(one, state=RoundState.CLOSED, result=result)
    store.save_state(means.session, closed)
    _note(means.session, one.organisation_id, "round", one.id, one, closed)
    now = means.clock.now()
    told = RoundClosed(
        id=means.clock.new_id(),
        occurred_at=now,
        round_id=one.id,
        organisation_id=one.organisation_id,
        held=held,
        unserved=result.unserved,
        audience=one.audience,
    )
    emit(means.session, told, now=now)


def _tell_of_entry(means: Means, entry: Entry) -> None:
    now = means.clock.now()
    told = DemandCleared(
        id=means.clock.new_id(),
        occurred_at=now,
        demand_id=entry.demand_id,
        round_id=entry.round_id,
        outcome=entry.outcome,
        reason=entry.reason,
        booking_id=entry.booking_id,
        audience=Audience(organisation_ids=(entry.organisation_id,)),
    )
    emit(means.session, told, now=now)


def _note(
    session: Session,
    organisation_id: OrganisationId,
    kind: str,
    subject_id: object,
    before: object,
    after: object,
) -> None:
    note(
        session,
        subject_kind=kind,
        subject_id=str(subject_id),
        before=before,
        after=after,
        organisation_id=organisation_id,
        action=Action.ROUND_CLOSE,
    )
