"""What the API says of a match, with its reasons in the reader's language."""

from collections.abc import Callable
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.capacity.domain import Provenance
from services.contracts.money import Money
from services.matching.domain import (
    RELAXATIONS_MAX,
    Aspect,
    Candidate,
    Constraint,
    FailureCount,
    MatchResult,
    NearMiss,
    Reason,
    Relaxation,
    Requirement,
    Step,
    StoredMatch,
    Verdict,
)
from services.matching.explain import (
    MINUTE,
    GradeName,
    Language,
    TermName,
    explain,
    explain_failures,
    explain_relaxation,
    explain_routing,
    no_grade,
)
from services.matching.routing import ChainAnswer, Leg, Objective, Route

GradeAtSize = Callable[[int, float], str | None]
"""The tolerance grade that a ± value in µm stays within at a nominal size in mm."""


class MoneyOut(BaseModel):
    minor: int = Field(description="minor units, e.g. fen")
    currency: str

    @classmethod
    def of(cls, money: Money) -> Self:
        return cls(minor=money.minor, currency=money.currency)


class VerdictOut(BaseModel):
    """The answer to one constraint; ``text`` says it in a sentence."""

    constraint: Constraint
    passed: bool
    reason: Reason
    margin: int | None = Field(
        description="room left, negative when short: mm, µm, days, units, pieces, minutes, metres"
        " or minor units, by constraint"
    )
    asked: int | str | None
    offered: int | str | None
    text: str


class CandidateOut(BaseModel):
    """A listing that fits, best first.

    To hold it, ask for the demand's minutes from ``start`` on; ``end`` is after its set-up and
    those minutes.
    """

    rank: int
    offer_id: UUID
    resource_id: UUID
    organisation_id: UUID
    process: str
    start: datetime
    end: datetime
    units: int
    price: MoneyOut
    cost: MoneyOut | None = Field(
        description="what it ranks by: the price and what the ranking asked for adds; absent in"
        " matches kept from before there was one"
    )
    distance_m: int | None
    provenance: Provenance
    age_s: int | None = Field(description="seconds since the twin's last live sign")
    setup_minutes: int = Field(
        description="set-up at the beginning of the slot; not charged by the hour"
    )
    verdicts: list[VerdictOut]


class NearMissOut(BaseModel):
    """A listing that does not fit; ``causes`` keep it out."""

    offer_id: UUID
    resource_id: UUID
    organisation_id: UUID
    process: str
    price: MoneyOut
    distance_m: int | None
    causes: list[Constraint]
    verdicts: list[VerdictOut]


class FailureCountOut(BaseModel):
    """How many listings one constraint rejected, and how many nothing else would have."""

    constraint: Constraint
    rejected: int
    rejected_alone: int
    text: str


class StepOut(BaseModel):
    """One aspect of the demand giving way."""

    aspect: Aspect
    constraint: Constraint
    asked: int | str | None = Field(
        description="µm, metres, minor units, units, pieces or minutes, by aspect; the bound of a"
        " window is an RFC 3339 instant"
    )
    eased: int | str | None = Field(description="likewise; null: asked no longer")


class RelaxationOut(BaseModel):
    """The smallest step, or pair of steps where no single one does, that gains listings."""

    steps: list[StepOut] = Field(min_length=1, max_length=2)
    listings: int = Field(description="that fit then and did not before")
    organisations: int = Field(description="different ones among these listings")
    lost: int = Field(description="candidates that fit no longer; longer hours only")
    price: MoneyOut = Field(description="of the gained listing that ranks first")
    price_before: MoneyOut | None = Field(description="of the first candidate there was")
    earliest_end: datetime = Field(description="among the gained listings")
    earliest_end_before: datetime | None = Field(description="among the candidates there were")
    text: str


class MatchOut(BaseModel):
    """The answer to a demand."""

    id: UUID
    demand_id: UUID
    as_of: datetime
    created_at: datetime
    took_ms: float
    state_hash: str
    considered: int = Field(description="listings of an acceptable process")
    candidates: list[CandidateOut]
    failures: list[FailureCountOut]
    near_misses: list[NearMissOut]
    relaxations: list[RelaxationOut] = Field(
        max_length=RELAXATIONS_MAX,
        description="what would gain suppliers when fewer fit than asked for, most promising first",
    )
    relaxations_complete: bool = Field(
        description="false: there may be others, the time to look for them ran out"
    )


def match_out(
    match: StoredMatch,
    *,
    language: Language,
    term: TermName = str,
    grade_at: GradeAtSize | None = None,
) -> MatchOut:
    """``match`` with its reasons in ``language``; ``term`` names taxonomy codes.

    ``grade_at`` names tolerance grades, for demands that asked for one.
    """
    result, grade = match.result, _grades(match.requirement.nominal_mm, grade_at)
    return MatchOut(
        id=match.id,
        demand_id=match.demand_id,
        as_of=result.as_of,
        created_at=match.created_at,
        took_ms=match.took_ms,
        state_hash=result.state_hash,
        considered=result.considered,
        candidates=[
            _candidate(rank, one, language, term)
            for rank, one in enumerate(result.candidates, start=1)
        ],
        failures=[_failure(one, language) for one in result.failures],
        near_misses=[_near_miss(one, language, term) for one in result.near_misses],
        relaxations=[_relaxation(one, language, term, grade) for one in result.relaxations],
        relaxations_complete=result.relaxations_complete,
    )


def _candidate(rank: int, one: Candidate, language: Language, term: TermName) -> CandidateOut:
    return CandidateOut(
        rank=rank,
        offer_id=one.offer_id,
        resource_id=one.resource_id,
        organisation_id=one.organisation_id,
        process=one.process,
        start=one.start,
        end=one.end,
        units=one.units,
        price=MoneyOut.of(one.price),
        cost=None if one.cost is None else MoneyOut.of(one.cost),
        distance_m=one.distance_m,
        provenance=one.provenance,
        age_s=one.age_s,
        setup_minutes=one.setup_minutes,
        verdicts=_verdicts(one, language, term),
    )


def _near_miss(one: NearMiss, language: Language, term: TermName) -> NearMissOut:
    return NearMissOut(
        offer_id=one.offer_id,
        resource_id=one.resource_id,
        organisation_id=one.organisation_id,
        process=one.process,
        price=MoneyOut.of(one.price),
        distance_m=one.distance_m,
        causes=list(one.causes),
        verdicts=_verdicts(one, language, term),
    )


def _verdicts(one: Candidate | NearMiss, language: Language, term: TermName) -> list[VerdictOut]:
    currency = one.price.currency
    return [_verdict(verdict, language, currency, term) for verdict in one.verdicts]


def _verdict(verdict: Verdict, language: Language, currency: str, term: TermName) -> VerdictOut:
    return VerdictOut(
        constraint=verdict.constraint,
        passed=verdict.passed,
        reason=verdict.reason,
        margin=verdict.margin,
        asked=verdict.asked,
        offered=verdict.offered,
        text=explain(verdict, language=language, currency=currency, term=term),
    )


def _failure(failure: FailureCount, language: Language) -> FailureCountOut:
    return FailureCountOut(
        constraint=failure.constraint,
        rejected=failure.rejected,
        rejected_alone=failure.rejected_alone,
        text=explain_failures(failure, language=language),
    )


def _grades(nominal_mm: float | None, grade_at: GradeAtSize | None) -> GradeName:
    if nominal_mm is None or grade_at is None:
        return no_grade
    return lambda plus_minus_um: grade_at(plus_minus_um, nominal_mm)


def _relaxation(
    one: Relaxation, language: Language, term: TermName, grade: GradeName
) -> RelaxationOut:
    before = one.price_before
    return RelaxationOut(
        steps=[_step(step) for step in one.steps],
        listings=one.listings,
        organisations=one.organisations,
        lost=one.lost,
        price=MoneyOut.of(one.price),
        price_before=None if before is None else MoneyOut.of(before),
        earliest_end=one.earliest_end,
        earliest_end_before=one.earliest_end_before,
        text=explain_relaxation(one, language=language, term=term, grade=grade),
    )


def _step(step: Step) -> StepOut:
    return StepOut(
        aspect=step.aspect,
        constraint=step.aspect.constraint,
        asked=step.asked,
        eased=step.eased,
    )


class LegOut(BaseModel):
    """One step at one listing; a leg of a joint booking takes these ids, start, minutes, units."""

    step: int = Field(description="from 1")
    offer_id: UUID
    resource_id: UUID
    organisation_id: UUID = Field(description="whose resource it is")
    process: str
    transport_minutes: int = Field(description="the trip there, before start")
    start: datetime
    end: datetime
    setup_minutes: int = Field(description="set-up at the beginning of the slot")
    minutes: int = Field(description="of work")
    units: int
    price: MoneyOut


class RouteFoundOut(BaseModel):
    """A way through the whole chain."""

    legs: list[LegOut]
    price: MoneyOut
    delivered: datetime = Field(description="the last leg's end and the trip to the destination")
    lead_minutes: int = Field(description="until then, from when the chain could begin")


class RouteStepOut(BaseModel):
    """What was found for one step alone; the lists explain why there is no candidate."""

    step: int = Field(description="from 1")
    considered: int = Field(description="listings of an acceptable process")
    candidates: int = Field(description="that fit and were weighed, each by itself")
    truncated: bool = Field(description="more fit than were weighed")
    failures: list[FailureCountOut]
    near_misses: list[NearMissOut]
    relaxations: list[RelaxationOut]
    relaxations_complete: bool


class RouteOut(BaseModel):
    """The best route of a chain over the candidates weighed, and what proves it."""

    as_of: datetime
    objective: Objective
    best: RouteFoundOut | None
    value: int | None = Field(description="minutes of lead, or minor units, by the objective")
    bound: int | None = Field(description="no route over these candidates is below it")
    proven: bool = Field(description="value equals bound, or there is no route")
    truncated: list[int] = Field(description="steps of which more listings fit than were weighed")
    possible_by: datetime | None = Field(
        description="no route though every step has candidates: when one could deliver, if the"
        " window ended so much later, a fortnight at most"
    )
    text: str
    steps: list[RouteStepOut]


def route_out(
    answer: ChainAnswer,
    *,
    language: Language,
    term: TermName = str,
    grade_at: GradeAtSize | None = None,
) -> RouteOut:
    """``answer`` with its reasons in ``language``; ``term`` names taxonomy codes.

    ``grade_at`` names tolerance grades, for steps that asked for one.
    """
    routing = answer.routing
    truncated = [number + 1 for number in routing.truncated]
    return RouteOut(
        as_of=answer.as_of,
        objective=answer.asked.objective,
        best=None if routing.best is None else _route(routing.best, answer),
        value=routing.value,
        bound=routing.bound,
        proven=routing.proven,
        truncated=truncated,
        possible_by=answer.possible_by,
        text=explain_routing(answer, language=language),
        steps=[
            _route_step(
                number, match, language, term, _grades(asked.nominal_mm, grade_at),
                truncated=number in truncated,
            )
            for number, (asked, match) in enumerate(
                zip(answer.asked.steps, answer.matches, strict=True), start=1
            )
        ],
    )  # fmt: skip


def _route(route: Route, answer: ChainAnswer) -> RouteFoundOut:
    steps = zip(route.legs, answer.asked.steps, answer.matches, strict=True)
    return RouteFoundOut(
        legs=[_leg(number, *one) for number, one in enumerate(steps, start=1)],
        price=MoneyOut.of(route.price),
        delivered=route.delivered,
        lead_minutes=route.lead // MINUTE,
    )


def _leg(number: int, leg: Leg, asked: Requirement, match: MatchResult) -> LegOut:
    key = (leg.offer_id, leg.resource_id)
    fits = next(one for one in match.candidates if (one.offer_id, one.resource_id) == key)
    return LegOut(
        step=number,
        offer_id=leg.offer_id,
        resource_id=leg.resource_id,
        organisation_id=leg.organisation_id,
        process=fits.process,
        transport_minutes=leg.transport_minutes,
        start=leg.start,
        end=leg.end,
        setup_minutes=leg.setup_minutes,
        minutes=asked.minutes,
        units=asked.units,
        price=MoneyOut.of(leg.price),
    )


def _route_step(
    number: int,
    match: MatchResult,
    language: Language,
    term: TermName,
    grade: GradeName,
    *,
    truncated: bool,
) -> RouteStepOut:
    explained = match.candidates == ()
    return RouteStepOut(
        step=number,
        considered=match.considered,
        candidates=len(match.candidates),
        truncated=truncated,
        failures=[_failure(one, language) for one in match.failures if explained],
        near_misses=[_near_miss(one, language, term) for one in match.near_misses if explained],
        relaxations=[_relaxation(one, language, term, grade) for one in match.relaxations],
        relaxations_complete=match.relaxations_complete,
    )
