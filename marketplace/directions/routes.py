"""``/directions``: what can be shared in each, and the forms and facets that follow from it."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends, Query, Request
from pydantic import StringConstraints

from marketplace.directions.domain import Directions
from marketplace.directions.schemas import DirectionList, DirectionOut, FormOut
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import requires

FACETS_MAX: Final = 20
FACET_TEXT_MAX: Final = 200

router = api_router(
    prefix="/directions", tags=["directions"], dependencies=[requires(Action.DIRECTION_READ)]
)


def _directions(request: Request) -> Directions:
    directions: Directions = request.app.state.directions
    return directions


DirectionsDep = Annotated[Directions, Depends(_directions)]
FacetsDep = Annotated[
    Sequence[Annotated[str, StringConstraints(max_length=FACET_TEXT_MAX)]],
    Query(
        max_length=FACETS_MAX,
        description="facets of the direction, each name:value or name:low..high; all must hold",
    ),
]


@router.get("", summary="Every direction, by its number")
async def list_directions(directions: DirectionsDep) -> DirectionList:
    return DirectionList.of(directions)


@router.get("/{direction_key}", summary="One direction: kinds, facets, workflow, indicators")
async def get_direction(directions: DirectionsDep, direction_key: str) -> DirectionOut:
    return DirectionOut.of(directions.find(direction_key))


@router.get(
    "/{direction_key}/kinds/{resource_kind}",
    summary="The form of a kind of resource: JSON Schema and fields in both languages",
)
async def get_form(directions: DirectionsDep, direction_key: str, resource_kind: str) -> FormOut:
    direction = directions.find(direction_key)
    return FormOut.of(direction, direction.find_kind(resource_kind))
