"""The nine directions told as stories (``directions/<number>_<name>.yaml``).

Each is played through the public API by three organisations or more, one of which is an outsider
that is shown, or refused, what does not concern it. The tenth has a test of its own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from services.runtime.db import Sessions
from tests.scenarios.reading import Document, parties_of, read_story
from tests.scenarios.stage import stage_on
from tests.scenarios.story import Story
from tests.support.clock import FrozenClock

FOLDER: Final = Path(__file__).parent / "directions"
STORIES: Final = sorted(FOLDER.glob("[1-9]_*.yaml"))
NINE: Final = range(1, 10)
PROSE_MIN: Final = 200


def organisations(told: Document) -> set[str]:
    """The parties that are organisations of their own."""
    return {
        name
        for name, said in told["parties"].items()
        if not isinstance(said, dict) or not said.keys() & {"of", "administrator"}
    }


def shown_to(told: Document, party: str) -> Iterator[Document]:
    """What a party asks for."""
    for step in told["steps"]:
        if "who" in step and party in parties_of(step):
            yield step


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_direction_keeps_what_it_promises(
    path: Path, sessions: Sessions, clock: FrozenClock
) -> None:
    with stage_on(sessions, clock) as stage:
        Story(read_story(path), stage).play()


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_direction_is_told_with_an_outsider_who_sees_nothing_it_should_not(path: Path) -> None:
    told = read_story(path)

    assert len(told["story"]) > PROSE_MIN
    assert len(organisations(told)) >= 3
    assert "outsider" in organisations(told)
    assert any(
        step.keys() & {"hides", "hides_text", "code"} for step in shown_to(told, "outsider")
    ), f"{path.name}: the outsider is refused nothing"


def test_no_direction_is_told_twice() -> None:
    numbers = [path.stem.partition("_")[0] for path in STORIES]

    assert len(set(numbers)) == len(numbers)


def test_each_of_the_nine_is_told() -> None:
    assert [int(path.stem.partition("_")[0]) for path in STORIES] == list(NINE)
