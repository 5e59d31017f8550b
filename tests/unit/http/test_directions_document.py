"""What serves which system: nothing is listed that does not work."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.http import directions_document
from gateway.http.directions_document import (
    ROOT,
    SCENARIOS,
    SYSTEMS,
    System,
    UnknownRouteError,
    directions_text,
    is_asked,
    served_systems,
)

COMMITTED = ROOT / "docs" / "directions.md"
SERVED = served_systems()


def is_asked_for(route: str, story: Path) -> bool:
    """By a step of the story, or by the module that plays its words."""
    player = SCENARIOS / f"test_{story.parent.name}.py"
    return is_asked(route, story) or (
        player.exists() and route.split("/")[1] in player.read_text(encoding="utf-8")
    )


def test_is_committed_as_it_is() -> None:
    assert directions_text() == COMMITTED.read_text(encoding="utf-8"), (
        "what serves a system changed:"
        " python -m gateway.http.directions_document > docs/directions.md"
    )


@pytest.mark.parametrize("system", SERVED, ids=lambda system: system.key)
def test_each_story_asks_for_a_route_that_is_listed(system: System) -> None:
    for story in system.stories:
        assert any(is_asked_for(route, story) for route in system.routes), story.name


@pytest.mark.parametrize("system", SERVED, ids=lambda system: system.key)
def test_a_listed_route_is_asked_for_by_a_story(system: System) -> None:
    unasked = [
        route
        for route in system.routes
        if not any(is_asked_for(route, story) for story in system.stories)
    ]

    assert unasked == []


def test_a_route_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: dict[str, Any] = yaml.safe_load(SYSTEMS.read_text(encoding="utf-8"))
    told["S10"]["routes"].append("GET /wishes")
    changed = tmp_path / "systems.yaml"
    changed.write_text(yaml.safe_dump(told), encoding="utf-8")
    monkeypatch.setattr(directions_document, "SYSTEMS", changed)

    with pytest.raises(UnknownRouteError, match="S10: the API has no GET /wishes"):
        served_systems()


def test_every_system_that_is_named_is_served() -> None:
    named = yaml.safe_load(SYSTEMS.read_text(encoding="utf-8"))

    assert [system.key for system in SERVED] == list(named)
