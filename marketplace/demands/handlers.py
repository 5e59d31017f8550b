"""Use cases of demands: state one, read it, match it; route a chain of several steps."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from time import perf_counter
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.demands import store
from marketplace.demands.domain import (
    ChainFacts,
    Demand,
    DemandFacts,
    DemandState,
    Draft,
    Vocabulary,
    check_chain,
    check_facts,
    check_window,
    redrafted,
    relaxed,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.marketplace import DemandMatched
from services.contracts.ids import DemandId, MatchId, OrganisationId
from services.identity.handlers import get_organisation
from services.matching import chains
from services.matching.domain import StoredMatch
from services.matching.handlers import get_match, match_requirement, save_match
from services.matching.ranking import PRICE_ALONE, Ranking
from services.matching.routing import ChainAnswer
from services.matching.service.port import Matcher
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class DemandNotFoundError(DomainError):
    code: ClassVar[str] = "demand-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no demand {demand_id}; list the demands under /api/v1/demands."
    zh: ClassVar[str] = "没有需求 {demand_id}；可在 /api/v1/demands 查看全部需求。"


class DraftNotFoundError(DomainError):
    code: ClassVar[str] = "demand-draft-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation has no draft {draft_id}; list /demand-drafts."
    zh: ClassVar[str] = "贵组织没有需求草稿 {draft_id}；请查看 /demand-drafts。"


class RelaxationNotFoundError(DomainError):
    code: ClassVar[str] = "relaxation-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Match {match_id} tells {count} relaxations; there is no number {number}. Match again, or"
        " change the demand."
    )
    zh: ClassVar[str] = (
        "匹配结果 {match_id} 给出 {count} 项放宽建议，没有第 {number} 项；请重新匹配或修改需求。"
    )


def create_demand(
    *,
    session: Session,
    clock: Clock,
    facts: DemandFacts,
    vocabulary: Vocabulary,
    demand_id: DemandId | None = None,
) -> Demand:
    """State a demand, under the id of its draft if it had one.

    Raises:
        UnknownTermError, InvalidDemandError: nothing could ever meet it.
        OrganisationNotFoundError: nobody asks.
    """
    now = clock.now()
    check_facts(facts, vocabulary, now=now)
    get_organisation(session=session, organisation_id=facts.organisation_id)
    demand = Demand(
        id=demand_id or DemandId(clock.new_id()),
        facts=facts,
        state=DemandState.OPEN,
        created_at=now,
    )
    store.insert_demand(session, demand)
    return demand


def save_draft(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, body: Mapping[str, Any]
) -> Draft:
    """Keep what was said so far; the own firm alone sees it."""
    now = clock.now()
    draft = Draft(DemandId(clock.new_id()), organisation_id, body, 1, now, now)
    store.insert_draft(session, draft)
    return draft


def change_draft(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    draft_id: DemandId,
    body: Mapping[str, Any],
    expected_version: int | None,
) -> Draft:
    """Keep what is said now instead.

    Raises:
        DraftNotFoundError: the organisation has none with that id.
        DraftVersionMismatchError: it moved on since it was read.
    """
    draft = get_draft(session=session, organisation_id=organisation_id, draft_id=draft_id)
    changed = redrafted(draft, body, expected=expected_version, now=clock.now())
    store.update_draft(session, changed)
    return changed


def get_draft(*, session: Session, organisation_id: OrganisationId, draft_id: DemandId) -> Draft:
    """A draft of the organisation.

    Raises:
        DraftNotFoundError: it has none with that id.
    """
    draft = store.find_draft(session, draft_id, organisation_id)
    if draft is None:
        raise DraftNotFoundError(draft_id=draft_id)
    return draft


def list_drafts(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Draft]:
    return store.drafts_after(session, organisation_id=organisation_id, after=after, limit=limit)


def delete_draft(*, session: Session, organisation_id: OrganisationId, draft_id: DemandId) -> None:
    """Forget a draft.

    Raises:
        DraftNotFoundError: the organisation has none with that id.
    """
    draft = get_draft(session=session, organisation_id=organisation_id, draft_id=draft_id)
    store.delete_draft(session, draft.id)


def publish_draft(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    draft_id: DemandId,
    facts: DemandFacts,
    vocabulary: Vocabulary,
) -> Demand:
    """State the demand a draft says; it keeps the draft's id, so its documents stay with it.

    Raises:
        DraftNotFoundError: the organisation has none with that id.
        UnknownTermError, InvalidDemandError: nothing could ever meet it.
    """
    delete_draft(session=session, organisation_id=organisation_id, draft_id=draft_id)
    return create_demand(
        session=session, clock=clock, facts=facts, vocabulary=vocabulary, demand_id=draft_id
    )


def get_demand(*, session: Session, organisation_id: OrganisationId, demand_id: DemandId) -> Demand:
    """The demand ``demand_id`` of the organisation.

    Raises:
        DemandNotFoundError: it has none with that id.
    """
    demand = store.demand(session, demand_id)
    if demand is None or demand.facts.organisation_id != organisation_id:
        raise DemandNotFoundError(demand_id=demand_id)
    return demand


def list_demands(
    *,
    session: Session,
    organisation_id: OrganisationId,
    after: UUID | None,
    limit: int,
) -> list[Demand]:
    """Demands of the organisation in the order of their ids, from just after ``after``."""
    return store.demands_after(session, after=after, limit=limit, organisation_id=organisation_id)


def latest_demands(
    *, session: Session, organisation_id: OrganisationId, limit: int
) -> list[Demand]:
    """The newest demands of the organisation, newest first."""
    return store.latest_demands(session, organisation_id=organisation_id, limit=limit)


def match_demand(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    demand_id: DemandId,
    vocabulary: Vocabulary,
    limit: int,
    stale_after: timedelta,
    ranking: Ranking = PRICE_ALONE,
    matcher: Matcher | None = None,
) -> StoredMatch:
    """Rank what is free for a demand now, and keep the answer.

    Args:
        session: the transaction to work in.
        clock: the moment the answer holds for.
        organisation_id: who asks.
        demand_id: what is asked.
        vocabulary: what codes mean.
        limit: candidates wanted.
        stale_after: how old a twin's last sign may be for its free time to count as measured.
        ranking: what else than the price ranks.
        matcher: who is asked first; without an answer the record gives one.

    Raises:
        DemandNotFoundError: there is none.
        InvalidDemandError: its window has gone by meanwhile.
    """
    demand = get_demand(session=session, organisation_id=organisation_id, demand_id=demand_id)
    check_window(demand.facts, now=clock.now())
    requirement = replace(demand.facts.requirement(vocabulary), ranking=ranking)
    started = perf_counter()
    result = match_requirement(
        session=session,
        clock=clock,
        requirement=requirement,
        limit=limit,
        stale_after=stale_after,
        viewer=organisation_id,
        matcher=matcher,
    )
    match = save_match(
        session=session,
        clock=clock,
        organisation_id=organisation_id,
        demand_id=demand.id,
        requirement=requirement,
        result=result,
        took_ms=round((perf_counter() - started) * 1000, 3),
    )
    store.update_state(session, demand.id, DemandState.MATCHED)
    _tell(session, clock, match)
    return match


def relax_demand(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    match_id: MatchId,
    relaxation: int,
    vocabulary: Vocabulary,
) -> Demand:
    """State the demand of a match anew, with the relaxation of that number, from 1, applied.

    Raises:
        MatchNotFoundError: the organisation has no such match.
        RelaxationNotFoundError: it has fewer relaxations.
        InvalidDemandError: the window has gone by meanwhile.
    """
    match = get_match(session=session, organisation_id=organisation_id, match_id=match_id)
    told = match.result.relaxations
    if not 1 <= relaxation <= len(told):
        raise RelaxationNotFoundError(match_id=match_id, number=relaxation, count=len(told))
    demand = get_demand(session=session, organisation_id=organisation_id, demand_id=match.demand_id)
    facts = relaxed(demand.facts, told[relaxation - 1].steps)
    return create_demand(session=session, clock=clock, facts=facts, vocabulary=vocabulary)


def route_chain(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    facts: ChainFacts,
    vocabulary: Vocabulary,
    limit: int,
    stale_after: timedelta,
) -> ChainAnswer:
    """The best route of a chain over the best ``limit`` listings per step; nothing is kept.

    Raises:
        StepInvalidError: nothing could ever meet a step.
        ChainInvalidError: no step, too many, or several currencies.
    """
    check_chain(facts, vocabulary, now=clock.now())
    return chains.route_chain(
        session=session,
        clock=clock,
        asked=facts.asked(vocabulary),
        limit=limit,
        stale_after=stale_after,
        viewer=organisation_id,
    )


def _tell(session: Session, clock: Clock, match: StoredMatch) -> None:
    now = clock.now()
    event = DemandMatched(
        id=clock.new_id(),
        occurred_at=now,
        demand_id=match.demand_id,
        match_id=match.id,
        candidates=len(match.result.candidates),
        audience=Audience(organisation_ids=(match.organisation_id,)),
    )
    emit(session, event, now=now)
