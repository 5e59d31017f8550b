"""Who reads the trail: an owner the own one, the audit administrator everybody's."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from openpyxl import load_workbook
from sqlmodel import text

from services.contracts.access import Principal, PrincipalKind, Role
from services.runtime.audit.recording import note
from services.runtime.clock import SystemClock
from services.runtime.database_roles import APP
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from tests.support.audit import owner_of, request
from tests.support.firms import Firm, Firms, firms_on

pytestmark = pytest.mark.integration

PLATFORM = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def firms(sessions: Sessions, tmp_path: Path) -> Iterator[Firms]:
    with firms_on(sessions, SystemClock(), state_dir=tmp_path) as firms:
        yield firms


@pytest.fixture
def maker(firms: Firms, sessions: Sessions) -> Firm:
    firm = firms.firm("Maker")
    clock = SystemClock()
    for _ in range(5):
        request(sessions, owner_of(firm.id, clock), clock, action="thing.change")
    return firm


def test_an_owner_reads_the_own_chain_page_by_page(firms: Firms, maker: Firm) -> None:
    other = firms.firm("Other")
    seen, after = [], None
    while True:
        query = {"limit": 2} if after is None else {"limit": 2, "after": after}
        page = maker.http.get("audit", params=query).json()
        seen += page["items"]
        after = page["next"]
        if after is None:
            break
    assert [entry["seq"] for entry in seen] == list(range(1, len(seen) + 1))
    assert [entry["action"] for entry in seen][-5:] == ["thing.change"] * 5
    assert {entry["chain"] for entry in seen} == {str(maker.id)}
    theirs = other.http.get("audit").json()["items"]
    assert "thing.change" not in {entry["action"] for entry in theirs}


def test_no_owner_reads_another_chain(firms: Firms, maker: Firm) -> None:
    other = firms.firm("Other")
    for chain in (str(maker.id), PLATFORM, str(SystemClock().new_id())):
        for path in ("audit", "audit/head"):
            answer = other.http.get(path, params={"chain": chain})
            assert (answer.status_code, answer.json()["code"]) == (404, "audit-chain-not-found")


@pytest.mark.parametrize(
    "role",
    [Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.SELLER, Role.BUYER, Role.EXPERT],
)
def test_other_roles_read_none(firms: Firms, role: Role) -> None:
    if role in {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN}:
        client = firms.administrator(role)
    else:
        client = firms.colleague(firms.firm("Maker").id, "Member", role)
    assert client.get("audit").status_code == 403


def test_the_audit_administrator_reads_everybodys(
    firms: Firms, maker: Firm, sessions: Sessions
) -> None:
    with transaction(sessions) as session:
        note(session, subject_kind="hold", subject_id="1", action="hold.expire")
    auditor = firms.administrator(Role.AUDIT_ADMIN)
    own = auditor.get("audit").json()["items"]
    theirs = auditor.get("audit", params={"chain": str(maker.id)}).json()["items"]
    assert "hold.expire" in {entry["action"] for entry in own}
    assert [entry["action"] for entry in theirs][-5:] == ["thing.change"] * 5
    head = auditor.get("audit/head", params={"chain": str(maker.id)}).json()
    assert head == maker.http.get("audit/head").json()
    assert (head["seq"], head["hash"]) == (len(theirs), theirs[-1]["hash"])


def test_filters_narrow(maker: Firm) -> None:
    entries = maker.http.get("audit").json()["items"]
    numbers = [entry["seq"] for entry in entries]
    third = entries[-3]

    def found(**query: str) -> list[int]:
        answer = maker.http.get("audit", params=query)
        assert answer.status_code == 200, answer.text
        return [entry["seq"] for entry in answer.json()["items"]]

    assert found(action="thing.change") == numbers[-5:]
    assert found(action="other") == []
    assert found(actor_id=third["actor_id"]) == [third["seq"]]
    assert found(since=third["at"]) == numbers[-3:]
    assert found(until=third["at"]) == numbers[:-3]
    assert found(subject_id="x") == []


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("number", ["0.5", "1609459200"])
def test_a_number_is_no_instant(maker: Firm, name: str, number: str) -> None:
    answer = maker.http.get("audit", params={name: number})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["in"], error["pointer"], error["code"]) == (
        "query",
        f"/{name}",
        "datetime-parsing",
    )


def test_exports_are_files(maker: Firm) -> None:
    as_csv = maker.http.get("audit", params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(as_csv.text.removeprefix("\ufeff"))))
    assert [row["action"] for row in rows][-5:] == ["thing.change"] * 5
    as_xlsx = maker.http.get("audit", params={"format": "xlsx"})
    sheet = load_workbook(io.BytesIO(as_xlsx.content)).active
    assert sheet.max_row == len(rows) + 1


class TestRowSecurity:
    @pytest.fixture
    def doors(self, database_url: str) -> Iterator[Sessions]:
        engine = engine_for(database_url, pool_max=1, application="test", role=APP)
        yield sessions_for(engine)
        engine.dispose()

    def visible(self, doors: Sessions, principal: Principal | None) -> int:
        with transaction(doors, principal) as session:
            asked = session.connection().execute(text("SELECT count(*) FROM audit_entry"))
            return int(asked.scalar_one())

    def test_shows_what_the_filter_would(self, doors: Sessions, maker: Firm, firms: Firms) -> None:
        clock, other = SystemClock(), firms.firm("Other")
        assert self.visible(doors, None) == 0
        own = self.visible(doors, owner_of(maker.id, clock))
        others = self.visible(doors, owner_of(other.id, clock))
        assert own == len(maker.http.get("audit").json()["items"]) >= 5
        buyer = Principal(PrincipalKind.PERSON, clock.new_id(), maker.id, frozenset({Role.BUYER}))
        assert self.visible(doors, buyer) == 0
        auditor = Principal(
            PrincipalKind.PERSON, clock.new_id(), other.id, frozenset({Role.AUDIT_ADMIN})
        )
        assert self.visible(doors, auditor) >= own + others

    def test_lets_nobody_write_into_a_chain_of_others(
        self, doors: Sessions, maker: Firm, firms: Firms
    ) -> None:
        clock, other = SystemClock(), firms.firm("Other")
        with (
            pytest.raises(Exception, match="row-level security"),
            transaction(doors, owner_of(other.id, clock)) as session,
        ):
            note(session, subject_kind="t", subject_id="1", organisation_id=maker.id)

    @pytest.mark.parametrize("role", ["nonagon_app", "nonagon_worker"])
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_entry SET action = 'x'",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry",
            "DELETE FROM audit_head",
            "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
            "DROP TABLE audit_entry",
        ],
    )
    def test_a_door_takes_nothing_away(self, database_url: str, role: str, statement: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(f"SET ROLE {role}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_a_future_filter_is_no_error(maker: Firm) -> None:
    later = (SystemClock().now() + timedelta(days=1)).isoformat()
    assert maker.http.get("audit", params={"since": later}).json()["items"] == []
