"""Premises, talent, rights and advice told as stories (``services/*.yaml``)."""

from pathlib import Path

import pytest

from services.runtime.db import Sessions
from tests.scenarios.reading import read_story
from tests.scenarios.stage import stage_on
from tests.scenarios.story import Story
from tests.support.clock import FrozenClock

STORIES = sorted((Path(__file__).parent / "services").glob("*.yaml"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_goes_as_it_is_told(path: Path, sessions: Sessions, clock: FrozenClock) -> None:
    with stage_on(sessions, clock) as stage:
        Story(read_story(path), stage).play()


def test_there_is_one() -> None:
    assert STORIES
