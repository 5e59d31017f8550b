"""``nonagon audit``: what a person sees, and what a script reads from its exit code."""

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from services.contracts.ids import OrganisationId
from services.runtime.db import Sessions
from tests.support.audit import noting, owner_of, request
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


@pytest.fixture
def org(
    sessions: Sessions,
    database_url: str,
    clock: FrozenClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> OrganisationId:
    monkeypatch.setenv("NONAGON_DATABASE_URL", database_url)
    monkeypatch.setenv("NONAGON_STATE_DIR", str(tmp_path))
    org = OrganisationId(clock.new_id())
    for _ in range(5):
        request(sessions, owner_of(org, clock), clock, work=noting(clock, 2))
    return org


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments])


def tamper(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_stays")
        connection.execute(statement.encode())


def test_a_whole_trail_verifies(org: OrganisationId) -> None:
    assert run("anchor").exit_code == 0
    shown = run("verify")
    assert shown.exit_code == 0, shown.output
    assert "10 entries in 1 chains; 1 chains anchored" in shown.stdout
    assert "as it was written" in shown.stdout
    assert json.loads(run("anchor", "--json").stdout)["added"] == 0, str(org)


def test_damage_is_named_and_told_by_the_exit_code(org: OrganisationId, database_url: str) -> None:
    tamper(database_url, "UPDATE audit_entry SET action = 'nothing' WHERE seq = 4")
    shown, told = run("verify"), run("verify", "--json")
    assert (shown.exit_code, told.exit_code) == (1, 1)
    assert "edited" in shown.stdout
    document = json.loads(told.stdout)
    assert document["sound"] is False
    assert document["damages"] == [{"chain": str(org), "seq": 4, "breach": "edited"}]


def test_a_copy_of_the_anchors_shows_what_the_database_forgot(
    org: OrganisationId, database_url: str, tmp_path: Path
) -> None:
    file = json.loads(run("anchor", "--json").stdout)["file"]
    copy = tmp_path / "elsewhere.jsonl"
    copy.write_bytes(Path(file).read_bytes())
    Path(file).unlink()
    tamper(database_url, "DELETE FROM audit_entry")
    tamper(database_url, "DELETE FROM audit_head")
    assert run("verify").exit_code == 0, "nothing is left to compare with"
    told = run("verify", "--anchors", str(copy), "--json")
    assert json.loads(told.stdout)["damages"] == [{"chain": str(org), "seq": 1, "breach": "cut"}]


@pytest.mark.usefixtures("org")
def test_anchors_that_are_not_there_are_not_taken_for_none(tmp_path: Path) -> None:
    refused = run("verify", "--anchors", str(tmp_path / "nowhere"))
    assert refused.exit_code != 0
    assert "no file of anchors" in str(refused.exception)


@pytest.mark.usefixtures("org")
def test_damaged_anchors_are_refused(tmp_path: Path) -> None:
    path = Path(json.loads(run("anchor", "--json").stdout)["file"])
    path.write_text(path.read_text().replace('"at":"2', '"at":"1', 1))
    refused = run("verify")
    assert refused.exit_code != 0
    assert "Line 1" in str(refused.exception)
    assert path.is_relative_to(tmp_path)
