"""The worker's steps: moves calls on by time, asks jurors, ranks, publishes, awards.

It alone sees who submitted to a blind call, so it alone knows who may judge what.
"""

from dataclasses import replace
from uuid import UUID

from sqlmodel import Session

from marketplace.calls.domain import (
    GIVEN_UP,
    Award,
    Call,
    Paper,
    Review,
    ReviewState,
    Screening,
    Stage,
    Ties,
    assign,
    moved,
    proposed,
    rank,
)
from marketplace.calls.handlers import next_notice
from marketplace.calls.store import calls as store
from marketplace.calls.store import papers as paper_store
from services.contracts.events.calls import CallAwarded, CallMoved, ReviewAsked
from services.contracts.ids import OrganisationId, PersonId
from services.identity import handlers as identity
from services.ledger import handlers as ledger
from services.ledger.domain import EscrowTerms, Subject
from services.runtime.clock import Clock
from services.runtime.outbox import emit

PRIZE_TERMS = EscrowTerms(vat_rate=0, commission_rule="none")
"""A prize is no price: the winner gets all of it."""
ESCROW_CURRENCY = "CNY"
"""Prizes of other currencies are only on record: the rule without a commission has none."""


def advance(*, session: Session, clock: Clock) -> bool:
    """Move one call on whose stage is over, or ask a juror more; whether there was any."""
    call = store.lock_due(session, now=clock.now())
    if call is None:
        return _ask_again(session, clock)
    steps = {
        Stage.SUBMISSION: _screen,
        Stage.SCREENING: _review,
        Stage.REVIEW: _propose,
        Stage.NOTICE: _award,
    }
    after = steps[call.stage](session, clock, call)
    store.save_stage(session, after)
    told = CallMoved(
        id=clock.new_id(),
        occurred_at=clock.now(),
        call_id=call.id,
        stage=after.stage,
        until=after.stage_until,
        audience=call.audience,
    )
    emit(session, told, now=clock.now())
    return True


def _ask_again(session: Session, clock: Clock) -> bool:
    """Ask others for what jurors of one call declined; whether there was one."""
    call = store.lock_short(session)
    if call is None:
        return False
    _ask(session, clock, call)
    paper_store.mark_replaced(session, call.id)
    return True


def _screen(session: Session, clock: Clock, call: Call) -> Call:
    del session
    return moved(call, now=clock.now())


def _review(session: Session, clock: Clock, call: Call) -> Call:
    paper_store.admit_waiting(session, call.id)
    _ask(session, clock, call)
    return moved(call, now=clock.now())


def _ask(session: Session, clock: Clock, call: Call) -> None:
    """Spread admitted papers over jurors who are in no conflict with their submitters."""
    submitters = paper_store.submitters(session, call.id)
    papers = {
        one.id: _ties(session, frozenset({submitters[one.id]}))
        for one in paper_store.papers_of(session, call.id)
        if one.screening is Screening.ADMITTED
    }
    jurors = {one: _ties_of_person(session, one) for one in store.jurors_of(session, call.id)}
    known = paper_store.reviews_of(session, call.id)
    asked = [(one.paper_id, one.person_id) for one in known]
    judging = [(one.paper_id, one.person_id) for one in known if one.state not in GIVEN_UP]
    reviews = [
        Review(
            id=clock.new_id(),
            organisation_id=call.organisation_id,
            call_id=call.id,
            paper_id=paper,
            person_id=person,
            state=ReviewState.ASSIGNED,
            assigned_at=clock.now(),
        )
        for paper, person in assign(papers, jurors, asked, judging, call.rules)
    ]
    paper_store.insert_reviews(session, reviews)
    for one in reviews:
        told = ReviewAsked(
            id=clock.new_id(),
            occurred_at=clock.now(),
            call_id=call.id,
            review_id=one.id,
            person_id=one.person_id,
        )
        emit(session, told, now=clock.now())


def _propose(session: Session, clock: Clock, call: Call) -> Call:
    by_id = {one.id: one for one in paper_store.papers_of(session, call.id)}
    placings = rank(call.rules.criteria, paper_store.scores_of_call(session, call.id))
    for one in placings:
        ranked = replace(by_id[one.paper_id], rank=one.rank, score=one.score, trace=one.trace)
        paper_store.save_ranking(session, ranked)
    after = moved(call, now=clock.now(), has_ranking=bool(placings))
    if after.stage is Stage.NOTICE:
        next_notice(session=session, clock=clock, call=after)
    return after


def _award(session: Session, clock: Clock, call: Call) -> Call:
    winners = proposed(paper_store.papers_of(session, call.id), call.rules.awards)
    submitters = paper_store.submitters(session, call.id)
    for place, paper in enumerate(winners, start=1):
        award = _awarded(session, clock, call, paper, submitters[paper.id], place)
        store.insert_award(session, award)
        told = CallAwarded(
            id=clock.new_id(),
            occurred_at=clock.now(),
            call_id=call.id,
            award_id=award.id,
            winner_id=award.winner_id,
            certificate=award.certificate,
            audience=call.audience,
        )
        emit(session, told, now=clock.now())
    return moved(call, now=clock.now(), has_ranking=bool(winners))


def _awarded(
    session: Session,
    clock: Clock,
    call: Call,
    paper: Paper,
    winner_id: OrganisationId,
    place: int,
) -> Award:
    award = Award(
        id=clock.new_id(),
        organisation_id=call.organisation_id,
        winner_id=winner_id,
        call_id=call.id,
        paper_id=paper.id,
        code=paper.code,
        title=paper.title,
        rank=paper.rank or place,
        certificate=f"{clock.now():%Y}-{call.id.hex[-8:].upper()}-{place:03}",
        prize_minor=None if call.prize is None else call.prize.minor,
        currency=None if call.prize is None else call.prize.currency,
        escrow_id=None,
        created_at=clock.now(),
    )
    is_paid = call.prize is not None and call.prize.currency == ESCROW_CURRENCY
    if not is_paid or winner_id == call.organisation_id:
        return award
    assert call.prize is not None, "just looked at"
    escrow = ledger.open_escrow(
        session=session,
        clock=clock,
        subject=Subject("call_award", award.id),
        payer=call.organisation_id,
        payee=winner_id,
        amount=call.prize,
        terms=PRIZE_TERMS,
    )
    return replace(award, escrow_id=escrow.id)


def _ties_of_person(session: Session, person_id: UUID) -> Ties:
    memberships = identity.memberships_of(session=session, person_id=PersonId(person_id))
    return _ties(session, frozenset(one.organisation_id for one in memberships))


def _ties(session: Session, organisations: frozenset[OrganisationId]) -> Ties:
    reached = [identity.reach(session=session, organisation_id=one) for one in organisations]
    return Ties(
        organisations,
        frozenset().union(*(one.parks for one in reached)),
        frozenset().union(*(one.spaces for one in reached)),
    )
