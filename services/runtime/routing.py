"""Routers of the contexts, each complete in itself: the door adopts their routes as they are.

A router included in another is built again for every application, which takes longer than
everything else an application needs.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute

from services.runtime.problem_schema import PROBLEM_RESPONSES
from services.runtime.storable import require_storable

API_PREFIX: Final = "/api/v1"
_SECRETS: Final = f"{API_PREFIX}/feeds/"
"""What follows in a path is a secret."""


def api_router(
    *, tags: Sequence[str], prefix: str = "", dependencies: Sequence[Any] = ()
) -> APIRouter:
    """A router below ``/api/v1`` whose routes answer problems and refuse what cannot be stored.

    Args:
        tags: what its routes are listed under.
        prefix: of their paths, below ``/api/v1``.
        dependencies: what every one of its routes requires.
    """
    named: list[str | Enum] = [*tags]
    return APIRouter(
        prefix=API_PREFIX + prefix,
        tags=named,
        dependencies=[Depends(require_storable), *dependencies],
        responses=PROBLEM_RESPONSES,
        generate_unique_id_function=_operation_id,
    )


def loggable_path(path: str) -> str:
    """``path`` as logs may tell it."""
    return f"{_SECRETS}…" if path.startswith(_SECRETS) else path


def _operation_id(route: APIRoute) -> str:
    return route.name
