"""Direct SQL as the roles of the doors: what each context reads and writes, table by table.

No filter of ours is in the way here; row security and grants alone must hold.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Final

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from sqlmodel import Session

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId
from services.runtime.database_roles import APP, OWNER, REGION, WORKER
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.tenancy import bind
from tests.access import tally
from tests.access.callers import Caller
from tests.access.conftest import Stage
from tests.access.expectation import PLATFORM, sees
from tests.access.markers import Owner, Shown

OPEN_TO_ALL: Final = frozenset({
    "call", "call_notice", "capability", "clearing_round", "deal", "deal_score", "document",
    "gap_withdrawal", "listing", "maintenance", "offer", "park", "park_member", "product",
    "product_version", "programme_run", "reservation", "resource", "resource_state", "risk_notice",
    "search_document", "site", "state_change", "working_calendar",
    "best_practice", "call_award", "incubation_programme", "investor_approval",
    "library_file", "library_item", "library_version",
    "purchase_item", "purchase_list",
    "gig", "lot_pool", "project",
})  # fmt: skip
"""Tables where a stranger's public things are rows."""
OF_EVERYBODY: Final = {
    Role.AUDIT_ADMIN: frozenset({"audit_entry"}),
    Role.SYSTEM_ADMIN: frozenset({
        "deal_delivery", "deal_dispute", "deal_inspection", "deal_milestone", "deal_order",
        "deal_order_line", "deal_proposal", "quarantine",
    }),
    Role.SECURITY_ADMIN: frozenset({
        "organisation", "risk_delivery", "risk_finding", "risk_notice", "risk_report",
        "verification",
    }),
}  # fmt: skip
"""What an administrator reads of everybody, and where needed decides on."""
OF_COLLEAGUES: Final = frozenset({"twin"})
"""What is open within the organisation, whatever it belongs to: names of devices."""
RECORDED: Final = frozenset({
    ("adds", "audit_entry"), ("adds", "audit_head"), ("changes", "audit_head"),
    ("reads", "audit_head"),
})  # fmt: skip
"""Acts of administrators are written into the chain of whom they concern."""
VERBS: Final = {
    "reads": "SELECT FROM {} WHERE organisation_id = %s",
    "changes": "UPDATE {} SET organisation_id = organisation_id WHERE organisation_id = %s",
    "removes": "DELETE FROM {} WHERE organisation_id = %s",
    "adds": "INSERT INTO {} (organisation_id) VALUES (%s)",
}
BREACHES: Final = (
    "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {} NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY breach ON {} USING (true)",
    "TRUNCATE {}",
    "DROP TABLE {}",
)


@pytest.fixture(scope="module")
def app_sessions(stage: Stage) -> Iterator[Sessions]:
    engine = engine_for(stage.database_url, pool_max=1, application="sql-probes", role=APP)
    yield sessions_for(engine)
    engine.dispose()


def principal(stage: Stage, caller: Caller) -> Principal:
    """What the door would make of the caller."""
    world = stage.world
    kind = PrincipalKind.PERSON if caller.is_person else PrincipalKind.SERVICE_ACCOUNT
    assert world.space is not None
    acting = {
        "organisation_id": OrganisationId(world.organisations[Owner.OWN]),
        "roles": caller.roles,
        "parks": frozenset({world.park}),
        "spaces": frozenset({world.space}),
    }
    return Principal(
        kind=PrincipalKind.ANONYMOUS if caller.is_anonymous else kind,
        id=caller.person_id or caller.credential_id,
        **(acting if caller.acts else {}),  # type: ignore[arg-type]
    )


@contextmanager
def working_for(sessions: Sessions, caller: Principal) -> Iterator[Session]:
    """A transaction that comes to nothing."""
    with sessions() as session:
        bind(session, caller)
        yield session
        session.rollback()


def attempt(session: Session, statement: str, table: str, *values: object) -> int | None:
    """How many rows it reached; ``None``: it was refused."""
    connection = session.connection().connection.driver_connection
    assert connection is not None
    try:
        with connection.transaction(force_rollback=True):
            composed = sql.SQL(statement).format(sql.Identifier(table))
            reached: int = connection.execute(composed, values).rowcount
    except InsufficientPrivilege:
        return None
    except psycopg.Error as error:
        if isinstance(error, psycopg.errors.IntegrityError):
            return 1
        raise
    return reached


def exempt(caller: Caller, table: str) -> bool:
    return any(table in OF_EVERYBODY.get(role, ()) for role in caller.roles)


def reading(stage: Stage, sessions: Sessions) -> tuple[int, list[str]]:
    """Every table read by every caller: how many readings, and which betray what."""
    asked, wrong = 0, []
    for caller in stage.callers:
        with working_for(sessions, principal(stage, caller)) as session:
            for table in stage.world.rows.tables():
                asked += 1
                found = stage.world.sightings.of(_all_of(session, table))
                leaks = {it for it in found if not _may_read(caller, table, *it)}
                if leaks:
                    wrong.append(f"{caller.name} reads of {table}: {sorted(leaks)}")
    return asked, wrong


def _may_read(caller: Caller, table: str, owner: Owner, shown: Shown) -> bool:
    is_of_colleagues = table in OF_COLLEAGUES and owner is Owner.OWN and caller.acts
    return is_of_colleagues or sees(caller, owner, shown) or exempt(caller, table)


def test_what_is_read_is_for_the_callers_eyes(stage: Stage, app_sessions: Sessions) -> None:
    asked, wrong = reading(stage, app_sessions)
    tally.count(asked, wrong)
    assert wrong == [], "\n".join(wrong)


def _all_of(session: Session, table: str) -> bytes:
    connection = session.connection().connection.driver_connection
    assert connection is not None
    try:
        with connection.transaction(force_rollback=True):
            everything = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            rows = connection.execute(everything).fetchall()
    except InsufficientPrivilege:
        return b""
    return "\n".join(row[0] for row in rows).encode()


def test_a_strangers_rows_are_neither_read_nor_written(
    stage: Stage, app_sessions: Sessions
) -> None:
    rows, stranger = stage.world.rows, stage.world.organisations[Owner.STRANGER]
    tables = [table for table in rows.tables() if "organisation_id" in rows.column_names(table)]
    asked, wrong = 0, []
    for caller, table in product(stage.callers, tables):
        if exempt(caller, table):
            continue
        with working_for(app_sessions, principal(stage, caller)) as session:
            tried = {
                verb: attempt(session, statement, table, stranger)
                for verb, statement in VERBS.items()
            }
            if table in OPEN_TO_ALL:
                del tried["reads"]
        asked += len(tried)
        wrong += [
            f"{caller.name} {verb} {table}"
            for verb, reached in tried.items()
            if reached and not (caller.roles & PLATFORM and (verb, table) in RECORDED)
        ]
    tally.count(asked, wrong)
    assert wrong == [], "\n".join(wrong)


def test_no_door_takes_the_lock_off(stage: Stage) -> None:
    asked, wrong = 0, []
    for role in (APP, WORKER, REGION):
        with psycopg.connect(stage.database_url, options=f"-c role={role}") as connection:
            for table, breach in product(stage.world.rows.tables(), BREACHES):
                asked += 1
                statement = sql.SQL(breach).format(sql.Identifier(table))
                if not _is_refused(connection, statement):
                    wrong.append(f"{role}: {breach.format(table)}")
    tally.count(asked, wrong)
    assert wrong == [], "\n".join(wrong)


def test_regional_boards_read_no_table(stage: Stage) -> None:
    asked, wrong = 0, []
    with psycopg.connect(stage.database_url, options=f"-c role={REGION}") as connection:
        for table, verb in product(stage.world.rows.tables(), ("SELECT FROM {}", "DELETE FROM {}")):
            asked += 1
            if not _is_refused(connection, sql.SQL(verb).format(sql.Identifier(table))):
                wrong.append(f"{verb.format(table)}")
    tally.count(asked, wrong)
    assert wrong == [], "\n".join(wrong)


def test_a_context_of_another_organisation_cannot_be_kept(stage: Stage) -> None:
    """What one transaction was told ends with it, also on the same connection."""
    engine = engine_for(stage.database_url, pool_max=1, application="sql-probes", role=APP)
    sessions = sessions_for(engine)
    owner = next(caller for caller in stage.callers if caller.name == Role.OWNER)
    with working_for(sessions, principal(stage, owner)) as session:
        assert attempt(session, "SELECT FROM {}", "demand")
    with sessions() as session:
        reached = attempt(session, "SELECT FROM {}", "demand")
    engine.dispose()
    wrong = [] if reached == 0 else [f"the next transaction sees {reached} demands"]
    tally.count(1, wrong)
    assert wrong == [], "\n".join(wrong)


def _is_refused(connection: psycopg.Connection, statement: sql.Composed) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except InsufficientPrivilege:
        return True
    return False


def test_the_owner_of_the_tables_is_nobody_to_log_in_as(stage: Stage) -> None:
    found = stage.world.rows.connection.execute(
        "SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [OWNER]
    ).fetchone()
    assert found == (False,)
