"""``nonagon ledger check``: a sound ledger says so, an edited one is named."""

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from services.runtime.db import Sessions
from tests.integration.ledger.books import committed
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


@pytest.fixture
def url(
    sessions: Sessions,
    database_url: str,
    clock: FrozenClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    monkeypatch.setenv("NONAGON_DATABASE_URL", database_url)
    monkeypatch.setenv("NONAGON_STATE_DIR", str(tmp_path))
    with committed(sessions, clock) as books:
        escrow = books.funded()
        books.release(escrow, 60_000)
        books.refund(escrow, 40_000)
        books.payout(books.buyer, 40_000)
    return database_url


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ledger", "check", *arguments])


def test_a_sound_ledger_sums_to_nothing(url: str) -> None:
    shown = check()
    assert shown.exit_code == 0, (shown.output, url)
    assert "sum to 0" in shown.stdout
    document = json.loads(check("--json").stdout)
    assert (document["sound"], document["ledger_sum"]) == (True, 0)


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (("UPDATE ledger_entry SET amount_minor = amount_minor + 1 WHERE amount_minor = 40000"
         " AND organisation_id IS NOT NULL"), "does not balance"),
        (("UPDATE ledger_account SET balance_minor = balance_minor + 1 WHERE kind = 'tax'"
         " AND organisation_id IS NOT NULL"), "keeps another balance"),
        ("UPDATE ledger_movement SET minor = minor + 1 WHERE kind = 'refunded'",
         "than its movements tell"),
        ("DELETE FROM ledger_entry", "fewer than two entries"),
        (("UPDATE ledger_payment SET state = 'failed', next_at = NULL, explanation = ''"
         " WHERE kind = 'payout'"), "was not given back"),
        ("UPDATE ledger_payment SET state = 'sent', next_at = now() WHERE kind = 'funding'",
         "that is not over moved money in"),
    ],
)  # fmt: skip
def test_what_was_edited_past_the_guards_is_named(url: str, edit: str, named: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(edit.encode())
    shown = check("--json")
    assert shown.exit_code == 1
    assert any(named in breach for breach in json.loads(shown.stdout)["breaches"]), shown.stdout
