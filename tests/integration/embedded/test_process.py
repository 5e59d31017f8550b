"""Waiting for a child: ready, successful, or dead with the end of its log."""

import os
import sys
from collections.abc import Callable, Iterator
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


MODULE = "tests.support.child"
Start = Callable[..., OwnedProcess]


@pytest.fixture(params=[OwnedProcess.spawn, OwnedProcess.fork], ids=["program", "copy"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """Starts a child that says ``hello``, as a program or as a copy of this process."""
    started: list[OwnedProcess] = []

    def child(told: str = "wait", **environment: str) -> OwnedProcess:
        where = {"PYTHONPATH": os.pathsep.join(sys.path), **environment}
        launch = Launch("child", [sys.executable, "-m", MODULE, told], where, tmp_path)
        process = OwnedProcess(launch, state_dir=tmp_path)
        started.append(process)
        request.param(process)
        eventually(lambda: "hello" in process.log_tail(), what="the child speaks")
        return process

    yield child
    for process in started:
        process.stop(grace_s=1)


@pytest.fixture
def spawned(start: Start) -> OwnedProcess:
    return start()


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


def test_an_error_is_told_and_fails(start: Start) -> None:
    child = start("fail")
    with pytest.raises(ServerDiedError, match=r"exit code 1[\s\S]*ValueError: told to fail"):
        child.await_success(within_s=10)


def test_a_refusal_is_told_and_fails(start: Start) -> None:
    child = start("refuse")
    with pytest.raises(ServerDiedError, match=r"exit code 1[\s\S]*told to refuse"):
        child.await_success(within_s=10)


def test_a_full_disk_does_not_keep_it(start: Start) -> None:
    child = start("full")
    eventually(lambda: not child.is_running(), what="the end of the child")
    assert child.exit_cause() in {"exit code 0", "exit code 120"}


def test_it_gets_its_folder_and_environment_and_no_file_of_ours(
    start: Start, tmp_path: Path
) -> None:
    with (tmp_path / "ours").open("w"):
        said = start(MARK="set").log_tail()
    assert f" {tmp_path} " in said
    assert "'MARK': 'set'" in said
    assert "PYTEST_CURRENT_TEST" not in said
    assert said.endswith("[0, 1, 2]")


def test_one_that_was_left_is_ended_by_its_successor(spawned: OwnedProcess, tmp_path: Path) -> None:
    successor = OwnedProcess(spawned.launch, state_dir=tmp_path)
    assert successor.end_predecessor() == spawned.pid
    eventually(lambda: not spawned.is_running(), what="the child is gone")


def test_a_copy_has_a_name_of_its_own(start: Start) -> None:
    child = start()
    name = Path(f"/proc/{child.pid}/comm").read_text(encoding="utf-8").strip()
    assert name == "nonagon-child" or child.launch.argv[0].endswith(name)


def test_waiting_for_the_end_has_an_end(spawned: OwnedProcess) -> None:
    assert spawned.exit_cause() == "running"
    spawned.stop(grace_s=5)
    assert not spawned.is_running()
    assert spawned.exit_cause() == "exit code 0"
