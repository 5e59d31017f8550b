"""The story of the main job, as ``make demo ARGS="--once --replay"`` tells it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.demo import DemoProcess
from tests.support.recordings import recording

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

TOLD_WITHIN_S = 240.0
PROMISES = (
    "machines online through OPC UA",
    "observations in PostgreSQL",
    "a small firm's demand matched",
    "slot held and confirmed",
    "a rival's overlapping booking refused",
    "fails at its OPC UA server",
    "recovers",
    "edge agent gw-hanjiang killed with SIGKILL, back",
    "nats killed with SIGKILL, back",
    "ingest killed with SIGKILL, back",
    "observations made = observations stored",
    "booking cancelled, slot free again",
)


@pytest.fixture
def story(state_root: Path, request: pytest.FixtureRequest) -> Iterator[DemoProcess]:
    demo = DemoProcess(state_root / request.node.name[:40], "--once", *request.param)
    yield demo
    demo.kill()


def kept(story: DemoProcess) -> list[str]:
    assert story.await_end(within_s=TOLD_WITHIN_S) == 0, story.said
    assert story.left_behind() == []
    return re.findall(r"✓ (.+?) \d+\.\d\d s", story.said)


@pytest.mark.parametrize("story", [()], indirect=True, ids=["machines"])
def test_every_promise_is_kept_and_nothing_keeps_running(story: DemoProcess) -> None:
    told = kept(story)
    for promise in PROMISES:
        assert any(promise in line for line in told), f"{promise!r} is missing in {told}"


@pytest.mark.parametrize("story", [("--replay",)], indirect=True, ids=["replay"])
def test_a_recorded_day_is_stored_change_by_change(story: DemoProcess) -> None:
    recording("Mazak03-20190702-20190703.txt")
    assert any("replay of Mazak03" in line for line in kept(story))
    assert "84 execution changes in the file, 84 stored, same order" in story.said
