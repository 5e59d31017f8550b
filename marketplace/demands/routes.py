"""``/demands``: state a demand, read it, match it. ``/routes``: plan a chain of several steps."""

import json
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from marketplace.demands import handlers, importing
from marketplace.demands.domain import Demand, DemandFacts, Draft
from marketplace.demands.schemas import (
    CellFaultOut,
    DemandIn,
    DemandOut,
    DraftIn,
    DraftOut,
    ImportedRowOut,
    ImportFacts,
    ImportOut,
    MatchIn,
    RouteIn,
)
from marketplace.taxonomy.routes import TaxonomyDep
from services.contracts.ids import DemandId, MatchId
from services.contracts.policies import Action
from services.matching.domain import CANDIDATES_MAX, RELAXATIONS_MAX
from services.matching.ranking import PRICE_ALONE
from services.matching.schemas import MatchOut, RouteOut, match_out, route_out
from services.runtime.etags import IfMatch, etag, version_named
from services.runtime.files.media import XLSX
from services.runtime.files.routes import ReceivedDep
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    Language,
    LanguageDep,
    SessionDep,
    acting_organisation,
    requires,
)

CANDIDATES_DEFAULT = 10
_BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}

router = api_router(prefix="/demands", tags=["demands"])
match_router = api_router(prefix="/matches", tags=["demands"])
chain_router = api_router(prefix="/routes", tags=["demands"])
draft_router = api_router(prefix="/demand-drafts", tags=["demands"])
ROUTERS = (router, draft_router, match_router, chain_router)


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


@router.get(
    "/imports/template",
    summary="The workbook of demands to fill in and import",
    dependencies=[requires(Action.DEMAND_READ)],
    response_class=Response,
    responses={200: {"content": {XLSX: _BINARY}, "description": "The workbook"}},
)
def get_import_template() -> Response:
    headers = {"Content-Disposition": 'attachment; filename="demands.xlsx"'}
    return Response(importing.template(), media_type=XLSX, headers=headers)


@router.post(
    "/imports",
    status_code=201,
    response_model=ImportOut,
    summary="State the demands of a workbook or CSV; wrong cells are named by row and column",
    dependencies=[requires(Action.DEMAND_CREATE)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {XLSX: _BINARY, importing.CSV_TYPE: _BINARY},
        }
    },
)
def import_demands(
    received: ReceivedDep,
    session: SessionDep,
    clock: ClockDep,
    taxonomy: TaxonomyDep,
    language: LanguageDep,
    creation: CreationDep,
    acting: ActingDep,
    rows: Annotated[
        Literal["all", "good"],
        Query(description="all: nothing unless every row is right; good: those that are right"),
    ] = "all",
    timezone: Annotated[
        Literal["Asia/Shanghai", "UTC"], Query(description="of times that name none")
    ] = "Asia/Shanghai",
) -> Response:
    def take() -> ImportOut:
        reading = importing.Reading(
            acting.organisation_id, taxonomy, ZoneInfo(timezone), clock.now()
        )
        read = importing.read_file(received.draft, received.media.name, reading)
        wrong = [_wrong(fault, language) for row in read for fault in row.faults]
        if wrong and rows == "all":
            told = [fault.model_dump() for fault in wrong]
            raise importing.RowsInvalidError(count=len(wrong), wrong=told)
        return ImportOut(
            imported=[
                ImportedRowOut(row=row.row, demand_id=_stated(row.facts).id)
                for row in read
                if row.facts is not None
            ],
            wrong=wrong,
        )

    def _stated(facts: DemandFacts) -> Demand:
        return handlers.create_demand(
            session=session, clock=clock, facts=facts, vocabulary=taxonomy
        )

    facts = ImportFacts(sha256=received.sha256.hex(), rows=rows, timezone=timezone)
    return creation.once(facts, take)


def _wrong(fault: importing.CellFault, language: Language) -> CellFaultOut:
    message = fault.zh if language == "zh" else fault.en
    return CellFaultOut(row=fault.row, column=fault.column, code=fault.code, message=message)


@router.get("/{demand_id}", summary="One demand", dependencies=[requires(Action.DEMAND_READ)])
def get_demand(demand_id: UUID, session: SessionDep, acting: ActingDep) -> DemandOut:
    demand = handlers.get_demand(
        session=session,
        organisation_id=acting.organisation_id,
        demand_id=DemandId(demand_id),
    )
    return DemandOut.of(demand)


@draft_router.post(
    "",
    status_code=201,
    response_model=DraftOut,
    summary="Save what is said so far of a demand; it tells what is lacking",
    dependencies=[requires(Action.DEMAND_CREATE)],
)
def save_draft(
    asked: DraftIn,
    session: SessionDep,
    clock: ClockDep,
    language: LanguageDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    def save() -> DraftOut:
        draft = handlers.save_draft(
            session=session, clock=clock, organisation_id=acting.organisation_id, body=asked.body
        )
        return DraftOut.of(draft, language=language)

    return creation.once(asked, save)


@draft_router.get(
    "",
    response_model=Page[DraftOut],
    summary="Own drafts, in the order they were begun",
    dependencies=[requires(Action.DEMAND_READ)],
)
def list_drafts(
    session: SessionDep, page: PageDep, acting: ActingDep, language: LanguageDep
) -> Page[DraftOut] | Response:
    drafts = handlers.list_drafts(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(drafts, lambda one: DraftOut.of(one, language=language), name="drafts")


@draft_router.get("/{draft_id}", summary="One draft", dependencies=[requires(Action.DEMAND_READ)])
def get_draft(
    draft_id: UUID,
    session: SessionDep,
    acting: ActingDep,
    language: LanguageDep,
    response: Response,
) -> DraftOut:
    draft = handlers.get_draft(
        session=session, organisation_id=acting.organisation_id, draft_id=DemandId(draft_id)
    )
    response.headers["ETag"] = etag(draft.version)
    return DraftOut.of(draft, language=language)


@draft_router.put(
    "/{draft_id}",
    summary="Save what is said now instead",
    dependencies=[requires(Action.DEMAND_CREATE)],
)
def change_draft(
    draft_id: UUID,
    asked: DraftIn,
    session: SessionDep,
    clock: ClockDep,
    language: LanguageDep,
    acting: ActingDep,
    response: Response,
    if_match: IfMatch = None,
) -> DraftOut:
    draft = handlers.change_draft(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        draft_id=DemandId(draft_id),
        body=asked.body,
        expected_version=version_named(if_match),
    )
    response.headers["ETag"] = etag(draft.version)
    return DraftOut.of(draft, language=language)


@draft_router.delete(
    "/{draft_id}",
    status_code=204,
    summary="Forget a draft",
    dependencies=[requires(Action.DEMAND_CREATE)],
)
def delete_draft(draft_id: UUID, session: SessionDep, acting: ActingDep) -> None:
    handlers.delete_draft(
        session=session, organisation_id=acting.organisation_id, draft_id=DemandId(draft_id)
    )


@draft_router.post(
    "/{draft_id}/publish",
    status_code=201,
    response_model=DemandOut,
    summary="State the demand of a draft; it keeps the draft's id and documents",
    dependencies=[requires(Action.DEMAND_CREATE)],
)
def publish_draft(
    draft_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    taxonomy: TaxonomyDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    organisation_id = acting.organisation_id

    def publish() -> DemandOut:
        draft = handlers.get_draft(
            session=session, organisation_id=organisation_id, draft_id=DemandId(draft_id)
        )
        demand = handlers.publish_draft(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            draft_id=draft.id,
            facts=_said(draft).facts(taxonomy, organisation_id),
            vocabulary=taxonomy,
        )
        return DemandOut.of(demand)

    return creation.once(None, publish)


def _said(draft: Draft) -> DemandIn:
    """The demand a draft says.

    Raises:
        RequestValidationError: what it lacks, field by field, as if it had been sent.
    """
    try:
        return DemandIn.model_validate_json(json.dumps(dict(draft.body)))
    except ValidationError as error:
        lacking = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(lacking) from error


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
