"""Finds a place in an answer, and compares an answer with what a story expects."""

import re
from collections.abc import Mapping
from typing import Any, Final

_PART: Final = re.compile(r"\[(\w+)=([^\]]*)\]|([^.\[\]]+)")
_BOUNDS: Final = ("least", "most", "holds", "count", "lacks")


def value_at(document: Any, place: str) -> Any:
    """What stands at ``place``: ``items.0.id``, or ``items.[title=Mill].id`` of the one so titled.

    Raises:
        LookupError: nothing stands there.
    """
    for key, wanted, part in _PART.findall(place):
        if key:
            document = next(one for one in document if str(one[key]) == wanted)
        else:
            document = document[int(part) if part.isdigit() else part]
    return document


def compare(expected: Any, found: Any, at: str) -> None:
    """Every member said must be there; a list is of as many as said.

    Of a number ``{least: 1, most: 5}`` may be said; of a list ``{count: 3}``, ``{holds: [...]}``
    (each is like one of its members) and ``{lacks: [...]}`` (none is).
    """
    if isinstance(expected, Mapping):
        if isinstance(found, dict):
            _compare_members(expected, found, at)
        else:
            _compare_bounds(expected, found, at)
    elif isinstance(expected, list):
        assert isinstance(found, list), at
        assert len(found) == len(expected), f"{len(found)} and not {len(expected)}: {at}"
        for one, other in zip(expected, found, strict=True):
            compare(one, other, at)
    else:
        assert found == expected, f"{expected!r} is not {found!r}: {at}"


def _compare_members(expected: Mapping[str, Any], found: Mapping[str, Any], at: str) -> None:
    for key, held in expected.items():
        assert key in found, f"{key} is missing: {at}"
        compare(held, found[key], at)


def _compare_bounds(expected: Mapping[str, Any], found: Any, at: str) -> None:
    assert expected.keys() <= set(_BOUNDS), f"{found!r} has no members: {at}"
    assert found is not None, at
    if "least" in expected:
        assert found >= expected["least"], f"{found} is less: {at}"
    if "most" in expected:
        assert found <= expected["most"], f"{found} is more: {at}"
    if "count" in expected:
        assert len(found) == expected["count"], f"{len(found)} of them: {at}"
    for one in expected.get("holds", ()):
        assert any(_is_like(one, other) for other in found), f"{one!r} is not there: {at}"
    for one in expected.get("lacks", ()):
        assert not any(_is_like(one, other) for other in found), f"{one!r} is there: {at}"


def _is_like(expected: Any, found: Any) -> bool:
    try:
        compare(expected, found, "")
    except AssertionError:
        return False
    return True
