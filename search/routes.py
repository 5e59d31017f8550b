"""``/search``: find offers by words and facets."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict

from marketplace.directions.routes import DirectionsDep, FacetsDep
from search.backend import IndexFor
from search.port import HITS_MAX, QUERY_MAX, Filters
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import SessionDep, requires

HITS_DEFAULT = 20
CODE_MAX = 100

router = api_router(tags=["search"])

CodeDep = Annotated[str | None, Query(max_length=CODE_MAX)]


class HitOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organisation_id: UUID
    title: str
    title_zh: str


class SearchOut(BaseModel):
    """Offers that were found, best first."""

    items: list[HitOut]


@router.get(
    "/search",
    summary="Find offers by words, in Chinese or English, and by facets",
    dependencies=[requires(Action.SEARCH)],
)
def search_offers(
    request: Request,
    session: SessionDep,
    directions: DirectionsDep,
    q: Annotated[str, Query(max_length=QUERY_MAX)] = "",
    direction: int | None = None,
    kind: CodeDep = None,
    process: CodeDep = None,
    material: CodeDep = None,
    certificate: CodeDep = None,
    attribute: FacetsDep = (),
    limit: Annotated[int, Query(ge=1, le=HITS_MAX)] = HITS_DEFAULT,
) -> SearchOut:
    index_for: IndexFor = request.app.state.index_for
    facets = directions.filters(direction, attribute)
    filters = Filters(direction, kind, process, material, certificate, facets)
    hits = index_for(session).search(q, filters, limit=limit)
    return SearchOut(items=[HitOut.model_validate(hit) for hit in hits])
