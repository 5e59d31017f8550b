"""What the HTTP role sees and changes of risk, asked in SQL past every handler."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.runtime.db import Sessions
from tests.integration.risk.world import Caller, World, drafted, released, step
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration

ACTOR = "app.actor"


@pytest.fixture
def url(sessions: Sessions) -> str:
    bound = sessions.kw["bind"].url.render_as_string(hide_password=False)
    return str(bound).replace("postgresql+psycopg", "postgresql")


@contextmanager
def as_app(
    url: str, caller: Caller | None, *, platform: str = ""
) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("SET ROLE nonagon_app")
        settings = {
            "app.org": str(caller.organisation_id) if caller else "",
            ACTOR: str(caller.id) if caller else "",
            "app.manages": "on" if caller else "",
            "app.platform": platform,
        }
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        yield connection
        connection.rollback()


def ids(url: str, table: str, caller: Caller | None, *, platform: str = "") -> set[UUID]:
    with as_app(url, caller, platform=platform) as connection:
        query = sql.SQL("SELECT id FROM {}").format(sql.Identifier(table))
        return {row["id"] for row in connection.execute(query)}


def change(url: str, statement: str, *values: object) -> None:
    """As the all-powerful owner of the test."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), values)


def test_drafts_are_seen_by_their_organisation_and_the_security_admin(
    world: World, url: str
) -> None:
    firm, other = world.firm(), world.firm(verified=True)
    admin, _ = world.administrators()
    made = UUID(drafted(firm, tlp="clear")["id"])
    assert ids(url, "risk_notice", firm) == {made}
    assert ids(url, "risk_notice", admin, platform="security_admin") == {made}
    assert ids(url, "risk_notice", other) == set()
    assert ids(url, "risk_notice", None) == set()
    for platform in ("system_admin", "audit_admin"):
        assert ids(url, "risk_notice", admin, platform=platform) == set()


def test_the_database_keeps_the_embargo_by_its_own_clock(world: World, url: str) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm()
    notice = released(firm, admins, addressing={"organisations": [str(reader.organisation_id)]})
    world.deliver()
    assert ids(url, "risk_notice", reader) == {UUID(notice["id"])}
    postponed = (
        "UPDATE {} SET delivered_at = now() + interval '1 minute', {} = now() + interval '1 minute'"
    )
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE risk_notice DISABLE TRIGGER risk_notice_steps")
        connection.execute(postponed.format("risk_notice", "embargo_until").encode())
    assert ids(url, "risk_notice", reader) == set()
    change(url, postponed.format("risk_delivery", "due_at"))
    assert ids(url, "risk_delivery", reader) == set(), "nor that something is coming"
    assert ids(url, "risk_delivery", firm) != set()


@pytest.mark.parametrize(
    ("tlp", "plain", "verified"),
    [("clear", True, True), ("green", False, True), ("amber", False, False)],
)
def test_labels_have_the_circles_of_the_handlers(
    world: World, url: str, tlp: str, *, plain: bool, verified: bool
) -> None:
    firm, admins, addressed = world.firm(), world.administrators(), world.firm()
    strangers = {world.firm(): plain, world.firm(verified=True): verified}
    to = {"organisations": [str(addressed.organisation_id)]}
    made = {UUID(released(firm, admins, tlp=tlp, addressing=to)["id"])}
    assert ids(url, "risk_notice", addressed) == set()
    world.deliver()
    assert ids(url, "risk_notice", addressed) == made
    for stranger, sees in strangers.items():
        assert ids(url, "risk_notice", stranger) == (made if sees else set())
    assert ids(url, "risk_notice", None) == set()


def test_red_is_for_the_person(world: World, url: str) -> None:
    firm, admins = world.firm(), world.administrators()
    company = world.organisation()
    named, colleague = world.person(company), world.person(company)
    person = {"organisation_id": str(company), "person_id": str(named.id)}
    notice = released(firm, admins, tlp="red", addressing={"persons": [person]})
    world.deliver()
    for table in ("risk_notice", "risk_delivery"):
        assert len(ids(url, table, named)) == 1
        assert ids(url, table, colleague) == set()
    assert ids(url, "risk_notice", named) == {UUID(notice["id"])}


def test_nobody_delivers_or_moves_a_clock_but_the_worker(world: World, url: str) -> None:
    firm, admins, reader = world.firm(), world.administrators(), world.firm()
    released(firm, admins, addressing={"organisations": [str(reader.organisation_id)]})
    world.deliver()
    for statement in (
        "INSERT INTO risk_delivery SELECT * FROM risk_delivery",
        "UPDATE risk_delivery SET due_at = due_at + interval '1 year'",
        "UPDATE risk_delivery SET escalated_at = NULL",
        "DELETE FROM risk_delivery",
        "UPDATE risk_notice SET delivered_at = now()",
        "DELETE FROM risk_notice",
    ):
        for caller in (reader, firm, admins[0]):
            with (
                as_app(url, caller, platform="security_admin") as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(statement.encode())
    with as_app(url, firm) as connection:
        read = connection.execute("UPDATE risk_delivery SET read_at = now()")
        assert read.rowcount == 0, "an author does not read for another"
    with as_app(url, reader) as connection:
        assert connection.execute("UPDATE risk_delivery SET read_at = now()").rowcount == 1


def test_a_firm_cannot_write_its_own_release(world: World, url: str) -> None:
    firm, (first, second) = world.firm(), world.administrators()
    notice = step(firm, drafted(firm, tlp="clear"), "submit")
    forged = (
        "UPDATE risk_notice SET state = 'released', approved_by = %s, approved_at = now(),"
        " released_by = %s, released_at = now() WHERE id = %s"
    )
    with as_app(url, firm) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(forged.encode(), [first.id, second.id, notice["id"]])
    step(first, notice, "approve")
    colleague = world.person(firm.organisation_id)
    release = "UPDATE risk_notice SET state = 'released', released_by = %s, released_at = now()"
    with (
        as_app(url, colleague) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
    ):
        connection.execute(release.encode(), [colleague.id])
    stranger = world.firm()
    with as_app(url, stranger) as connection:
        changed = connection.execute(forged.encode(), [first.id, second.id, notice["id"]])
        assert changed.rowcount == 0


def test_an_administrator_acts_in_its_own_name_only(world: World, url: str) -> None:
    firm, (first, second) = world.firm(), world.administrators()
    notice = step(firm, drafted(firm, tlp="clear"), "submit")
    approve = "UPDATE risk_notice SET approved_by = %s, approved_at = now() WHERE id = %s"
    with (
        as_app(url, first, platform="security_admin") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="in the name of another"),
    ):
        connection.execute(approve.encode(), [second.id, notice["id"]])
    for assignment in (b"title = 'other'", b"embargo_until = now()", b"authors = '{}'"):
        with (
            as_app(url, first, platform="security_admin") as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="stays as it is"),
        ):
            connection.execute(b"UPDATE risk_notice SET " + assignment)


def test_nobody_writes_for_another_organisation(world: World, url: str) -> None:
    firm, other = world.firm(), world.firm()
    drafted(firm)
    with psycopg.connect(url, row_factory=dict_row) as connection:
        row = connection.execute("SELECT * FROM risk_notice").fetchone()
    assert row is not None
    copied = "INSERT INTO risk_notice SELECT (jsonb_populate_record(NULL::risk_notice, %s)).*"
    row |= {"id": world.clock.new_id(), "serial": 99}
    for forged in (
        {"organisation_id": other.organisation_id},
        {"authors": [other.id]},
        {"state": "submitted"},
    ):
        document = Jsonb(row | forged, dumps=_dumps)
        with as_app(url, firm) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(copied.encode(), [document])


def test_findings_reports_and_files_are_apart(world: World, url: str, clock: FrozenClock) -> None:
    firm, colleague_free, admins = world.firm(), world.firm(), world.administrators()
    operator = world.park("optics-valley", firm.organisation_id)
    gateway = world.gateway(firm.organisation_id, park="optics-valley")
    finding = {"gateway_id": str(gateway), "kind": "unknown_client", "subject": "10.0.0.9"}
    firm.make("risk/findings", {"findings": [finding]}, status=200)
    report = {"title": "Odd traffic", "text": "At night.", "kind": "incident"}
    firm.make("risk/reports", report)
    firm.ask("POST", "risk/imports", params={"format": "csv"}, content=b"nonsense")
    colleague = world.person(firm.organisation_id)
    clock.advance(timedelta(seconds=1))
    sees = {
        "risk_finding": {firm, colleague, operator},
        "risk_report": {firm},
        "risk_import": {firm, colleague},
    }
    for table, circle in sees.items():
        everybody = (firm, colleague, operator, colleague_free)
        assert {one for one in everybody if ids(url, table, one)} == circle, table
        assert not ids(url, table, None)
    for table in ("risk_finding", "risk_report"):
        assert ids(url, table, admins[0], platform="security_admin")
        assert not ids(url, table, admins[0], platform="system_admin")
    with as_app(url, firm) as connection:
        decided = connection.execute("UPDATE risk_report SET reply = 'x', state = 'accepted'")
        assert decided.rowcount == 0, "a reporter does not decide"


def test_the_region_role_sees_nothing(world: World, url: str) -> None:
    drafted(world.firm())
    tables = ("counter", "notice", "delivery", "finding", "report", "import")
    for table in tables:
        with psycopg.connect(url) as connection:
            connection.execute("SET ROLE nonagon_region")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT FROM risk_{table}".encode())


def _dumps(document: object) -> str:
    return json.dumps(document, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
