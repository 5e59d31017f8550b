"""Refuses what the database cannot store, wherever it stands in a request.

PostgreSQL has no place for U+0000, half a surrogate pair is no UTF-8, and NaN is no JSON, yet a
JSON parser lets all three pass.
"""

import math
from collections.abc import Iterator
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError

_MESSAGES: Final = {
    "unstorable_text": "Text must not contain U+0000 or half of a surrogate pair",
    "finite_number": "Input should be a finite number",
}

_Path = tuple[str | int, ...]


async def require_storable(request: Request) -> None:
    """A dependency of every route; runs before its parameters are validated.

    Raises:
        RequestValidationError: names each place in path, query and body.
    """
    given = {
        "path": dict(request.path_params),
        "query": dict(request.query_params.multi_items()),
        "body": await _body(request),
    }
    errors = [
        {"type": kind, "loc": (place, *path), "msg": _MESSAGES[kind]}
        for place, value in given.items()
        for path, kind in _found(value)
    ]
    if errors:
        raise RequestValidationError(errors)


async def _body(request: Request) -> object:
    """The JSON body; ``None`` for any other, which is for validation to refuse.

    A body no parameter takes is a file: its route reads the bytes, and says itself what is wrong.
    """
    if getattr(request.scope.get("route"), "body_field", None) is None:
        return None
    if "json" not in request.headers.get("content-type", ""):
        return None
    try:
        return await request.json()
    except (ValueError, RecursionError):
        return None


def _found(document: object) -> Iterator[tuple[_Path, str]]:
    """Where and what cannot be stored. Not recursive: clients may nest deeply."""
    waiting: list[tuple[_Path, object]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str) and not _is_storable(value):
            yield path, "unstorable_text"
        elif isinstance(value, float) and not math.isfinite(value):
            yield path, "finite_number"
        elif isinstance(value, list):
            waiting.extend(((*path, index), item) for index, item in enumerate(value))
        elif isinstance(value, dict):
            for name, member in value.items():
                place = (*path, _shown(name))
                if not _is_storable(name):
                    yield place, "unstorable_text"
                waiting.append((place, member))


def _is_storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _shown(name: str) -> str:
    return name.encode(errors="backslashreplace").decode().replace("\0", r"\u0000")
