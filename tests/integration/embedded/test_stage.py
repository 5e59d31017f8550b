"""A demo where another runs is refused, and leaves the other as it was."""

from pathlib import Path

import pytest

from gateway.demo.park import load_demo_park
from gateway.demo.stage import Stage
from gateway.endpoints import endpoints_path
from gateway.up import Platform
from services.runtime.clock import SystemClock
from services.runtime.embedded.lock import StateDirectoryInUseError, StateDirectoryLock
from services.runtime.settings import Settings

pytestmark = pytest.mark.integration


def test_a_second_demo_takes_nothing_from_the_first(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    platform = Platform(settings, clock=SystemClock())
    park = load_demo_park(with_replay=False)
    second = Stage(settings, platform, park, speed=1.0, steady=True)
    first = StateDirectoryLock(tmp_path)
    first.acquire()
    kept = (second.plant_file, endpoints_path(tmp_path))
    for file in kept:
        file.write_text("{}", encoding="utf-8")
    try:
        with pytest.raises(StateDirectoryInUseError):
            second.begin()
    finally:
        first.release()
    assert [file.exists() for file in kept] == [True, True]
