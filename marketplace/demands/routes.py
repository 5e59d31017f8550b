"""``/demands``: state a demand, read it, match it. ``/routes``: plan a chain of several steps."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from marketplace.demands import handlers
from marketplace.demands.schemas import DemandIn, DemandOut, MatchIn, RouteIn
from marketplace.taxonomy.routes import TaxonomyDep
from services.contracts.ids import DemandId, MatchId
from services.contracts.policies import Action
from services.matching.domain import CANDIDATES_MAX, RELAXATIONS_MAX
from services.matching.ranking import PRICE_ALONE
from services.matching.schemas import MatchOut, RouteOut, match_out, route_out
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    LanguageDep,
    SessionDep,
    acting_organisation,
    requires,
)

CANDIDATES_DEFAULT = 10

router = api_router(prefix="/demands", tags=["demands"])
match_router = api_router(prefix="/matches", tags=["demands"])
chain_router = api_router(prefix="/routes", tags=["demands"])
ROUTERS = (router, match_router, chain_router)


@router.post(
    "",
    status_code=201,
    response_model=DemandOut,
    summary="State a demand",
    dependencies=[requires(Action.DEMAND_CREATE)],
)
def create_demand(
    asked: DemandIn,
    session: SessionDep,
    clock: ClockDep,
    taxonomy: TaxonomyDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    organisation_id = acting_organisation(acting, asked.organisation_id)

    def create() -> DemandOut:
        demand = handlers.create_demand(
            session=session,
            clock=clock,
            facts=asked.facts(taxonomy, organisation_id),
            vocabulary=taxonomy,
        )
        return DemandOut.of(demand)

    return creation.once(asked, create)


@router.get(
    "",
    response_model=Page[DemandOut],
    summary="Own demands, in the order they were made",
    dependencies=[requires(Action.DEMAND_READ)],
)
def list_demands(
    session: SessionDep,
    page: PageDep,
    acting: ActingDep,
    organisation_id: UUID | None = None,
) -> Page[DemandOut] | Response:
    demands = handlers.list_demands(
        session=session,
        after=page.after,
        limit=page.fetch,
        organisation_id=acting_organisation(acting, organisation_id),
    )
    return page.answer(demands, DemandOut.of, name="demands")


@router.get("/{demand_id}", summary="One demand", dependencies=[requires(Action.DEMAND_READ)])
def get_demand(demand_id: UUID, session: SessionDep, acting: ActingDep) -> DemandOut:
    demand = handlers.get_demand(
        session=session,
        organisation_id=acting.organisation_id,
        demand_id=DemandId(demand_id),
    )
    return DemandOut.of(demand)


@router.post(
    "/{demand_id}/matches",
    status_code=201,
    response_model=MatchOut,
    summary="Rank what is free for a demand, with reasons",
    dependencies=[requires(Action.DEMAND_MATCH)],
)
def match_demand(
    demand_id: UUID,
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    taxonomy: TaxonomyDep,
    language: LanguageDep,
    creation: CreationDep,
    acting: ActingDep,
    limit: Annotated[int, Query(ge=1, le=CANDIDATES_MAX)] = CANDIDATES_DEFAULT,
    asked: MatchIn | None = None,
) -> Response:
    stale_after = timedelta(seconds=request.app.state.settings.seen_stale_after_s)

    def match() -> MatchOut:
        stored = handlers.match_demand(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            demand_id=DemandId(demand_id),
            vocabulary=taxonomy,
            limit=limit,
            stale_after=stale_after,
            ranking=asked.ranking.ranking() if asked else PRICE_ALONE,
            matcher=request.app.state.matcher,
        )
        return match_out(
            stored, language=language, term=taxonomy.namer(language), grade_at=taxonomy.grade_of
        )

    return creation.once(asked, match)


@match_router.post(
    "/{match_id}/demands",
    status_code=201,
    response_model=DemandOut,
    summary="State the demand of a match anew, with one of its relaxations applied",
    dependencies=[requires(Action.DEMAND_CREATE)],
)
def relax_demand(
    match_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    taxonomy: TaxonomyDep,
    creation: CreationDep,
    acting: ActingDep,
    relaxation: Annotated[int, Query(ge=1, le=RELAXATIONS_MAX, description="its place, from 1")],
) -> Response:
    """The demand that was matched stays as it is."""

    def create() -> DemandOut:
        demand = handlers.relax_demand(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            match_id=MatchId(match_id),
            relaxation=relaxation,
            vocabulary=taxonomy,
        )
        return DemandOut.of(demand)

    return creation.once(None, create)


@chain_router.post(
    "",
    summary="Plan the best route of a process chain; nothing is kept or held",
    dependencies=[requires(Action.ROUTE_PLAN)],
)
def plan_route(
    asked: RouteIn,
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    taxonomy: TaxonomyDep,
    language: LanguageDep,
    acting: ActingDep,
) -> RouteOut:
    """Hold its legs as one by ``POST /joint-bookings``."""
    organisation_id = acting_organisation(acting, asked.organisation_id)
    answer = handlers.route_chain(
        session=session,
        clock=clock,
        organisation_id=organisation_id,
        facts=asked.facts(taxonomy, organisation_id),
        vocabulary=taxonomy,
        limit=asked.candidates,
        stale_after=timedelta(seconds=request.app.state.settings.seen_stale_after_s),
    )
    return route_out(
        answer, language=language, term=taxonomy.namer(language), grade_at=taxonomy.grade_of
    )
