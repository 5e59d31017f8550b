"""``/search``: find what is published by words and facets, and how many hits each facet has."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from marketplace.directions.routes import DirectionsDep, FacetsDep
from search.backend import IndexFor
from search.port import HITS_MAX, QUERY_MAX, FacetCounts, Filters, Source
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
    source: Source = Field(description="where it is read: /offers or /library-items")


class FacetCountsOut(BaseModel):
    """How many hits have each value; ``counted`` of them were looked at, all if ``is_complete``."""

    counts: dict[str, dict[str, int]]
    counted: int
    is_complete: bool

    @classmethod
    def of(cls, found: FacetCounts) -> Self:
        counts = {name: dict(values) for name, values in found.counts.items()}
        return cls(counts=counts, counted=found.counted, is_complete=found.is_complete)


class SearchOut(BaseModel):
    """What was found, best first; ``facets`` where they were asked for."""

    items: list[HitOut]
    facets: FacetCountsOut | None = None


@router.get(
    "/search",
    summary="Find offers and library items by words, in Chinese or English, and by facets",
    dependencies=[requires(Action.SEARCH)],
)
def search_published(
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
    source: Source | None = None,
    facets: Annotated[bool, Query(description="count hits by facet")] = False,  # noqa: FBT002 - a query parameter
    limit: Annotated[int, Query(ge=1, le=HITS_MAX)] = HITS_DEFAULT,
) -> SearchOut:
    index_for: IndexFor = request.app.state.index_for
    narrowed = directions.filters(direction, attribute)
    filters = Filters(direction, kind, process, material, certificate, narrowed, source)
    index = index_for(session)
    hits = index.search(q, filters, limit=limit)
    counted = FacetCountsOut.of(index.facets(q, filters)) if facets else None
    return SearchOut(items=[HitOut.model_validate(hit) for hit in hits], facets=counted)
