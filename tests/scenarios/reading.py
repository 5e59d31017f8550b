"""Reads a story from YAML and says which step of it is not one, before anything is played."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

Document = dict[str, Any]
METHODS: Final = ("get", "post", "put", "patch", "delete")
VERBS: Final = (*METHODS, "pass", "work", "settle")
_SAID: Final = frozenset(
    {
        "so",
        "who",
        "json",
        "file",
        "query",
        "headers",
        "status",
        "code",
        "keep",
        "etag",
        "expect",
        "hides",
        "hides_text",
    }
)
_STORY: Final = frozenset({"title", "story", "begins", "parties", "communities", "given", "steps"})
_PARTY: Final = frozenset({"kind", "roles", "of", "administrator", "region"})
_GIVEN: Final = frozenset({"who", "resource", "offer", "site", "as"})
_DURATION: Final = frozenset({"days", "hours", "minutes", "seconds"})
_NAME: Final = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")


class StoryError(ValueError):
    """A story that cannot be played; says where it is wrong."""


def read_story(path: Path) -> Document:
    """The story in ``path``.

    Raises:
        StoryError: it names no party, an unknown word, or what was not kept before.
    """
    document: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    check_story(document, path.name)
    return document


def party_of(said: Any) -> Document:
    """What is said of a party: nothing, its roles, or all by name."""
    if said is None:
        return {}
    return {"roles": said} if isinstance(said, list) else said


def check_story(told: Document, name: str) -> None:
    _only(told, _STORY, name)
    for word in ("title", "story", "parties", "steps"):
        _must(word in told, f"{name} has no {word}")
    for party, said in told["parties"].items():
        _only(party_of(said), _PARTY, f"{name}: party {party}")
    known = set(_known_from_the_start(told, name))
    for number, step in enumerate(told["steps"], start=1):
        at = f"{name}: step {number} ({step.get('so', 'unnamed')})"
        _check_step(step, set(told["parties"]), at)
        for used in _names_in({key: step[key] for key in step if key not in {"so", "keep"}}):
            _must(used in known, f"{at}: nothing is kept as {used}")
        known |= {*step.get("keep", {}), *([step["etag"]] if "etag" in step else [])}
        for hidden in _listed(step.get("hides", ())):
            _must(hidden in known, f"{at}: nothing is kept as {hidden}")


def parties_of(step: Document) -> list[str]:
    """Who asks, one by one."""
    return list(_listed(step["who"]))


def _known_from_the_start(told: Document, name: str) -> Iterator[str]:
    for party in told["parties"]:
        yield from (party, f"{party} person")
    for community, said in told.get("communities", {}).items():
        where = f"{name}: community {community}"
        _only(said, {"park", "space", "members"}, where)
        _must(len(said.keys() & {"park", "space"}) == 1, f"{where} is a park or a space of one")
        for party in (said.get("park", said.get("space")), *said.get("members", ())):
            _must(party in told["parties"], f"{where}: {party} is no party")
        yield community
    for given in told.get("given", ()):
        where = f"{name}: given {given.get('as')}"
        _only(given, _GIVEN, where)
        _must(given.get("who") in told["parties"], f"{where}: {given.get('who')} is no party")
        _must("as" in given and "resource" in given, f"{where} needs as and resource")
        yield given["as"]
        if "offer" in given:
            yield f"{given['as']} offer"


def _check_step(step: Document, parties: set[str], at: str) -> None:
    verbs = [verb for verb in VERBS if verb in step]
    _must(len(verbs) == 1, f"{at} must have one of {', '.join(VERBS)}, not {verbs}")
    if verbs[0] not in METHODS:
        _only(step, {"so", verbs[0]}, at)
        if verbs[0] == "pass":
            _only(step["pass"], _DURATION, at)
        return
    _only(step, _SAID | {verbs[0]}, at)
    _must("who" in step, f"{at} says not who")
    for party in parties_of(step):
        _must(party in parties, f"{at}: {party} is no party")
    _must(not ("json" in step and "file" in step), f"{at} sends json or a file, not both")


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for held in value.values():
            yield from _names_in(held)
    elif isinstance(value, list):
        for held in value:
            yield from _names_in(held)
    elif isinstance(value, str):
        yield from _NAME.findall(value)


def _listed(value: Any) -> Iterator[str]:
    yield from [value] if isinstance(value, str) else value


def _only(said: Any, words: Any, at: str) -> None:
    _must(isinstance(said, Mapping), f"{at} is no list of words: {said!r}")
    unknown = sorted(set(said) - set(words))
    _must(not unknown, f"{at} has unknown words: {', '.join(map(str, unknown))}")


def _must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as what must hold
    if not holds:
        raise StoryError(otherwise)
