"""Waiting for a child: ready, successful, or dead with the end of its log."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.runtime.embedded.process import (
    Launch,
    OwnedProcess,
    ServerDiedError,
    ServerNotReadyError,
)
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def spawned(tmp_path: Path) -> Iterator[OwnedProcess]:
    """A child that says ``hello`` and ends with exit code 0 on SIGTERM."""
    source = (
        "import signal, time;"
        "signal.signal(signal.SIGTERM, lambda *_: exit(0));"
        "print('hello', flush=True); time.sleep(60)"
    )
    launch = Launch("child", [sys.executable, "-c", source], {}, tmp_path)
    process = OwnedProcess(launch, state_dir=tmp_path)
    process.spawn()
    eventually(lambda: "hello" in process.log_tail(), what="the child speaks")
    yield process
    process.stop(grace_s=1)


def test_a_child_that_ends_while_it_is_asked_is_asked_once_more(spawned: OwnedProcess) -> None:
    answers = iter([False, True])

    def ends_during_the_first_answer() -> bool:
        spawned.stop()
        return next(answers)

    spawned.await_ready(ends_during_the_first_answer, within_s=10)


def test_success_is_exit_code_zero(spawned: OwnedProcess) -> None:
    spawned.request_stop()
    spawned.await_success(within_s=10)


def test_another_end_is_told_with_its_cause_and_the_log(spawned: OwnedProcess) -> None:
    spawned.kill()
    with pytest.raises(ServerDiedError, match=r"child .*SIGKILL[\s\S]*hello"):
        spawned.await_success(within_s=10)


def test_waiting_has_an_end(spawned: OwnedProcess) -> None:
    with pytest.raises(ServerNotReadyError, match=r"not ready within 0\.1 s[\s\S]*hello"):
        spawned.await_ready(lambda: False, within_s=0.1)
