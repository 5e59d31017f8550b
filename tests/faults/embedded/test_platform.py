"""A platform under SIGKILL, Ctrl-C, rivals and taken ports, run as a process of its own."""

import os
import signal
import socket
from pathlib import Path

import psutil
import psycopg
import pytest

from gateway.endpoints import Endpoints, endpoints_path, read_endpoints
from tests.faults.embedded.conftest import Starter
from tests.support.platform import processes_of
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration]

AS_ROOT = os.geteuid() == 0
NOBODY = 65_534
PROGRAMS = ("-m", "tests.support.platform")
COPIES = (*PROGRAMS, "copies")
both_ways = pytest.mark.parametrize("command", [PROGRAMS, COPIES], ids=["programs", "copies"])
SYSTEM_PYTHON = "/usr/bin/python3"
"""Where an unprivileged account finds an interpreter when ours lies below a private folder."""


def say(endpoints: Endpoints, statement: str) -> object:
    with psycopg.connect(endpoints.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def addresses(endpoints: Endpoints) -> list[str]:
    return [endpoints.database_url, endpoints.nats_url, endpoints.mqtt_url, endpoints.http_url]


class TestEnd:
    @pytest.mark.parametrize(
        ("how", "command"), [(signal.SIGINT, PROGRAMS), (signal.SIGTERM, COPIES)]
    )
    def test_leaves_no_process_and_no_endpoints(
        self, start: Starter, how: signal.Signals, command: tuple[str, ...]
    ) -> None:
        platform = start(command=command)
        platform.ready()
        assert processes_of(platform.state_dir)

        platform.signal(how)

        assert platform.exit_code() == 0
        assert processes_of(platform.state_dir) == []
        assert not endpoints_path(platform.state_dir).exists()

    def test_comes_too_while_starting(self, start: Starter) -> None:
        platform = start()
        eventually(lambda: processes_of(platform.state_dir)[1:], what="first children")

        platform.signal(signal.SIGINT)

        platform.exit_code()
        assert processes_of(platform.state_dir) == []


class TestKilledSupervisor:
    @both_ways
    def test_takes_its_children_along_and_the_next_start_finds_the_data(
        self, start: Starter, command: tuple[str, ...]
    ) -> None:
        killed = start(command=command)
        before = killed.ready()
        say(before, "CREATE TABLE kept AS SELECT 42 AS answer")

        killed.signal(signal.SIGKILL)
        killed.exit_code()
        eventually(lambda: not processes_of(killed.state_dir), what="orphans gone")
        after = start().ready()

        assert addresses(after) == addresses(before)
        assert say(after, "SELECT answer FROM kept") == 42

    @pytest.mark.parametrize(("command", "name"), [(PROGRAMS, "nats"), (COPIES, "worker")])
    def test_leaves_a_stuck_child_to_the_next_start(
        self, start: Starter, command: tuple[str, ...], name: str
    ) -> None:
        killed = start(command=command)
        stuck = psutil.Process(killed.ready().pids[name])
        stuck.suspend()
        killed.signal(signal.SIGKILL)
        killed.exit_code()
        assert stuck.is_running()

        again = start().ready()

        assert not stuck.is_running()
        assert again.pids[name] != stuck.pid


class TestKilledChild:
    @pytest.mark.parametrize(
        ("command", "name"),
        [(PROGRAMS, "postgres"), (PROGRAMS, "nats"), (PROGRAMS, "ingest"), (COPIES, "ingest")],
    )
    def test_comes_back_at_the_same_address(
        self, start: Starter, command: tuple[str, ...], name: str
    ) -> None:
        platform = start(command=command)
        before = platform.ready()

        psutil.Process(before.pids[name]).kill()

        def back() -> Endpoints | None:
            now = read_endpoints(platform.state_dir)
            replaced = now and now.pids.get(name, before.pids[name]) != before.pids[name]
            return now if replaced else None

        after = eventually(back, within=30, what=f"{name} back")
        assert after is not None
        assert addresses(after) == addresses(before)
        if name == "postgres":
            eventually(lambda: accepts(after), within=30, what="recovered")


def accepts(endpoints: Endpoints) -> bool:
    try:
        return say(endpoints, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


class TestRivals:
    def test_two_state_directories_run_side_by_side(self, start: Starter) -> None:
        one, other = start("one"), start("other")
        assert not {*addresses(one.ready())} & {*addresses(other.ready())}

    def test_a_second_on_one_directory_is_refused_by_name(self, start: Starter) -> None:
        first = start()
        first.ready()

        second = start()

        assert second.exit_code() == 1
        assert f"process {first.pid}) already runs on {first.state_dir}" in second.output()
        assert accepts(first.ready())

    def test_a_remembered_port_taken_meanwhile_is_replaced(self, start: Starter) -> None:
        first = start()
        before = first.ready()
        first.signal(signal.SIGTERM)
        first.exit_code()
        with socket.create_server(("127.0.0.1", int(before.nats_url.rpartition(":")[2]))):
            after = start().ready()
        assert after.nats_url != before.nats_url
        assert after.http_url == before.http_url


@pytest.mark.skipif(not AS_ROOT, reason="only root can start as somebody else")
class TestAccounts:
    def test_root_runs_postgres_as_somebody_else_and_opens_no_folder(
        self, start: Starter, folder: Path
    ) -> None:
        platform = start()
        endpoints = platform.ready()
        postgres = psutil.Process(endpoints.pids["postgres"])
        assert 0 not in postgres.uids()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert accepts(endpoints)

    def test_a_normal_user_runs_everything_as_itself(self, start: Starter, folder: Path) -> None:
        if not Path(SYSTEM_PYTHON).exists():
            pytest.skip("no interpreter an unprivileged account can reach")
        os.chown(folder, NOBODY, NOBODY)
        endpoints = start(python=SYSTEM_PYTHON, uid=NOBODY).ready()
        owners = {psutil.Process(pid).uids().real for pid in endpoints.pids.values()}
        assert owners == {NOBODY}
        assert accepts(endpoints)
