"""Calls and programmes told as stories (``calls/*.yaml``), played through the public API."""

from pathlib import Path

import pytest

from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions
from tests.scenarios.story import Story, read_story
from tests.support.clock import FrozenClock
from tests.support.firms import firms_on
from tests.support.working import sessions_as

STORIES = sorted((Path(__file__).parent / "calls").glob("*.yaml"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_goes_as_it_is_told(path: Path, sessions: Sessions, clock: FrozenClock) -> None:
    told = read_story(path)
    assert len(told["story"]) > 100
    assert len(told["parties"]) >= 3
    with firms_on(sessions, clock) as firms, sessions_as(sessions, WORKER) as worker:
        Story(told, firms, worker, clock).play()
