"""Calls and programmes told as stories (``calls/*.yaml``), played through the public API."""

from pathlib import Path

import pytest

from services.runtime.db import Sessions
from tests.scenarios.reading import read_story
from tests.scenarios.stage import stage_on
from tests.scenarios.story import Story
from tests.support.clock import FrozenClock

STORIES = sorted((Path(__file__).parent / "calls").glob("*.yaml"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_goes_as_it_is_told(path: Path, sessions: Sessions, clock: FrozenClock) -> None:
    told = read_story(path)
    assert len(told["story"]) > 100
    assert len(told["parties"]) >= 3
    with stage_on(sessions, clock) as stage:
        Story(told, stage).play()
