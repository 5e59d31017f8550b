"""``nonagon doctor`` on platforms that run, limp, were killed or never were."""

import json
import signal
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.endpoints import Endpoints, Readiness, readiness_path, write_private
from tests.faults.embedded.conftest import Starter
from tests.support.clock import START
from tests.support.platform import processes_of
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration]

Findings = dict[str, tuple[bool, str, str]]


def doctor(state_dir: Path, *options: str) -> Result:
    environment = {"NONAGON_STATE_DIR": str(state_dir), "COLUMNS": "400"}
    return CliRunner().invoke(app, ["doctor", *options], env=environment)


def examined(state_dir: Path) -> tuple[int, Findings]:
    """Exit code, and per subject: whether it is fine, what was found, what to do."""
    result = doctor(state_dir, "--json")
    return result.exit_code, {
        each["subject"]: (each["ok"], each["found"], each["advice"])
        for each in json.loads(result.stdout)
    }


def troubles(findings: Findings) -> set[str]:
    return {subject for subject, (ok, _, _) in findings.items() if not ok}


def started_within(state_dir: Path, seconds: float) -> None:
    """Pretend so: how long it took here depends on what else the processors do."""
    readiness = Readiness(started_at=START, seconds=seconds, steps={"http": seconds})
    write_private(readiness_path(state_dir), readiness)


class TestRunningPlatform:
    def test_is_found_well_with_addresses_versions_and_memory(self, start: Starter) -> None:
        platform = start()
        endpoints = platform.ready()
        started_within(platform.state_dir, 9.9)

        code, findings = examined(platform.state_dir)
        table = doctor(platform.state_dir)

        assert (code, troubles(findings)) == (0, set())
        assert findings["door http"][1] == endpoints.http_url
        assert findings["NATS"][1] == endpoints.nats_url
        assert findings["PostgreSQL"][1].startswith("18.")
        assert findings["outbox"][1] == "0 events to publish"
        for name in ("supervisor", *endpoints.pids):
            assert f"memory of {name}" in findings
        assert table.exit_code == 0
        assert str(urlsplit(endpoints.database_url).password) not in f"{table.output}{findings}"
        assert "!!" not in table.stdout
        for subject, (_, found, _) in findings.items():
            if not subject.startswith(("memory", "disk", "database size")):
                assert found in table.stdout, subject

    def test_has_each_trouble_named_with_what_to_do(self, start: Starter) -> None:
        platform = start()
        endpoints = platform.ready()
        started_within(platform.state_dir, 10.1)
        forget_a_version(endpoints)
        stopped = psutil.Process(endpoints.pids["ingest"])
        stopped.suspend()
        try:
            code, findings = examined(platform.state_dir)
            table = doctor(platform.state_dir)
        finally:
            stopped.resume()

        assert code == table.exit_code == 1
        assert troubles(findings) == {"time to ready", "door ingest", "schema"}
        assert "log/ingest.log" in findings["door ingest"][2]
        assert findings["schema"][2] == "run: nonagon migrate"
        assert table.stdout.count("!!") == 3
        assert "run: nonagon migrate" in table.stdout


class TestNoPlatform:
    def test_that_never_ran_is_told_how_to_start(self, folder: Path) -> None:
        code, findings = examined(folder / "nothing")

        assert code == 1
        assert troubles(findings) == {"platform"}
        assert findings["platform"] == (
            False,
            f"none runs on {folder / 'nothing'}",
            "start it: nonagon up",
        )
        assert doctor(folder / "nothing").exit_code == 1

    def test_that_stopped_in_order_counts_as_none(self, start: Starter) -> None:
        platform = start()
        platform.ready()
        platform.signal(signal.SIGTERM)
        platform.exit_code()
        started_within(platform.state_dir, 5)

        code, findings = examined(platform.state_dir)

        assert (code, troubles(findings)) == (1, {"platform"})
        assert findings["time to ready"][1] == "5.0 s (http at 5.0 s)"

    def test_that_was_killed_answers_nowhere(self, start: Starter) -> None:
        platform = start()
        platform.ready()
        platform.signal(signal.SIGKILL)
        platform.exit_code()
        eventually(lambda: not processes_of(platform.state_dir), what="orphans gone")
        started_within(platform.state_dir, 5)

        code, findings = examined(platform.state_dir)

        assert code == 1
        assert troubles(findings) == {
            "NATS",
            "MQTT",
            "door http",
            "door ingest",
            "door worker",
            "PostgreSQL",
            "memory in all",
        }
        assert "refused" in findings["PostgreSQL"][1]


def forget_a_version(endpoints: Endpoints) -> None:
    with psycopg.connect(endpoints.database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001_runtime'")
