"""Entries are written with the transaction they tell of: once, in order, and never a lie."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any

import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, text

from services.contracts.access import Principal
from services.contracts.confidentiality import CONFIDENTIAL, SECRET
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.runtime.audit import handlers, recording
from services.runtime.audit.anchors import Anchors
from services.runtime.audit.entry import PLATFORM, Entry, chain_of
from services.runtime.audit.recording import DIGEST_KEY, Occasion, begin, note
from services.runtime.audit.store import every_entry
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, transaction
from services.runtime.tenancy import bind
from tests.support.audit import noting, owner_of, request
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Offer:
    title: str
    price: Annotated[Money, CONFIDENTIAL]
    drawing: Annotated[str, SECRET]


def entries(sessions: Sessions) -> list[Entry]:
    with handlers.reading(sessions) as session:
        return list(every_entry(session))


def is_sound(sessions: Sessions) -> bool:
    with handlers.reading(sessions) as session:
        return handlers.verify(session=session, anchors=Anchors()).is_sound


@pytest.fixture
def org(clock: FrozenClock) -> OrganisationId:
    return OrganisationId(clock.new_id())


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def see(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "audit" in statement:
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


def test_a_request_without_a_note_leaves_one_entry(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    principal = owner_of(org, clock)
    request(sessions, principal, clock, action="offer.withdraw")
    (entry,) = entries(sessions)
    fact = entry.fact
    assert (entry.chain, entry.seq) == (chain_of(org), 1)
    assert (fact.action, fact.path_ids) == ("offer.withdraw", {"thing_id": "7"})
    assert (fact.actor_kind, fact.actor_id) == ("person", principal.id)
    assert fact.credential_id == principal.credential_id
    assert fact.request_id is not None
    assert fact.at == clock.now()


def test_notes_replace_the_bare_entry_and_follow_each_other(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    request(sessions, owner_of(org, clock), clock, work=noting(clock, 3))
    request(sessions, owner_of(org, clock), clock)
    found = entries(sessions)
    assert [entry.seq for entry in found] == [1, 2, 3, 4]
    assert [entry.previous for entry in found[1:]] == [entry.hash for entry in found[:-1]]
    assert found[0].fact.before == {"name": "old", "number": 0}
    assert is_sound(sessions)


def test_a_request_costs_two_statements_at_most(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId, statements: list[str]
) -> None:
    request(sessions, owner_of(org, clock), clock)
    statements.clear()
    request(sessions, owner_of(org, clock), clock, work=noting(clock, 50))
    assert len(statements) == 2, statements


def test_what_was_rolled_back_is_not_told(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    def fail(session: Session) -> None:
        noting(clock)(session)
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        request(sessions, owner_of(org, clock), clock, work=fail)
    assert entries(sessions) == []


def test_a_savepoint_takes_its_notes_back_with_it(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    def work(session: Session) -> None:
        note(session, subject_kind="thing", subject_id="kept", after={"n": 1})
        with session.begin_nested():
            note(session, subject_kind="thing", subject_id="released", after={"n": 2})
        undone = session.begin_nested()
        note(session, subject_kind="thing", subject_id="undone", after={"n": 3})
        with session.begin_nested():
            note(session, subject_kind="thing", subject_id="undone too", after={"n": 4})
        undone.rollback()

    request(sessions, owner_of(org, clock), clock, work=work)
    assert [entry.fact.subject_id for entry in entries(sessions)] == ["kept", "released"]


def test_an_entry_refused_by_the_database_takes_the_work_with_it(
    sessions: Sessions, engine: Engine, clock: FrozenClock, org: OrganisationId
) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE fruit (n int)"))
        connection.execute(text("ALTER TABLE audit_entry ADD CHECK (action <> 'fruit.eat')"))

    def work(session: Session) -> None:
        session.connection().execute(text("INSERT INTO fruit VALUES (1)"))

    with pytest.raises(Exception, match="audit_entry"):
        request(sessions, owner_of(org, clock), clock, action="fruit.eat", work=work)
    with sessions() as session:
        assert session.connection().execute(text("SELECT count(*) FROM fruit")).scalar_one() == 0


def test_classes_decide_what_is_stored(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    sessions.configure(info={DIGEST_KEY: b"k" * 32})
    before = Offer("Milling", Money(30_000), "drawing one")
    after = Offer("Milling", Money(25_000), "drawing two")

    def work(session: Session) -> None:
        note(session, subject_kind="offer", subject_id="1", before=before, after=after)
        note(session, subject_kind="offer", subject_id="2", after=before)
        note(session, subject_kind="offer", subject_id="1", before=after, after=before)

    request(sessions, owner_of(org, clock), clock, work=work)
    first, other, back = (entry.fact for entry in entries(sessions))
    assert isinstance(first.before, dict)
    assert isinstance(first.after, dict)
    assert isinstance(other.after, dict)
    assert isinstance(back.after, dict)
    assert first.after.keys() == {"price", "drawing"}, "what did not change is not told"
    assert first.after["drawing"] == {"class": "secret"}
    price = first.before["price"]
    assert isinstance(price, dict)
    assert price.keys() == {"class", "digest"}
    assert price == back.after["price"], "the same value of the same thing can be recognised"
    assert price != first.after["price"]
    assert price != other.after["price"], "equal prices of two things cannot"
    assert other.after["title"] == "Milling"
    assert is_sound(sessions)


def test_without_a_key_a_confidential_value_is_left_out(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    def work(session: Session) -> None:
        note(session, subject_kind="offer", subject_id="1", after=Offer("x", Money(1), "d"))

    request(sessions, owner_of(org, clock), clock, work=work)
    (entry,) = entries(sessions)
    assert entry.fact.after == {
        "title": "x",
        "price": {"class": "confidential"},
        "drawing": {"class": "secret"},
    }


def test_values_survive_the_database_unchanged(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    odd = {
        "big": 10**40,
        "ratio": 1e300,
        "text": "\u2028 Größe 𝛑 \0",
        "nested": [{"b": None, "a": [True, -0.0]}],
        "": {},
    }

    def work(session: Session) -> None:
        note(session, subject_kind="thing", subject_id="1", after=odd)

    request(sessions, owner_of(org, clock), clock, work=work)
    assert is_sound(sessions)


def test_a_side_too_large_is_kept_as_its_hash(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    def work(session: Session) -> None:
        note(session, subject_kind="thing", subject_id="1", after={"text": "x" * 100_000})

    request(sessions, owner_of(org, clock), clock, work=work)
    (entry,) = entries(sessions)
    assert isinstance(entry.fact.after, dict)
    assert entry.fact.after.keys() == {"bytes", "sha256"}


def test_notes_beyond_the_limit_are_counted(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "NOTES_MAX", 3)
    request(sessions, owner_of(org, clock), clock, work=noting(clock, 5))
    found = entries(sessions)
    assert len(found) == 4
    assert found[-1].fact.after == {"omitted": 2}


def test_work_of_the_platform_goes_to_its_own_chain(
    sessions: Sessions, org: OrganisationId
) -> None:
    with transaction(sessions) as session:
        note(session, subject_kind="hold", subject_id="1", action="hold.expire")
        note(session, subject_kind="hold", subject_id="2", organisation_id=org)
    found = {entry.chain: entry.fact for entry in entries(sessions)}
    assert found[PLATFORM].actor_kind == "platform"
    assert found[PLATFORM].action == "hold.expire"
    assert found[chain_of(org)].action == recording.UNNAMED


def test_several_commits_of_one_session_each_tell_what_is_theirs(
    sessions: Sessions, clock: FrozenClock, org: OrganisationId
) -> None:
    with sessions() as session:
        bind(session, owner_of(org, clock))
        begin(session, Occasion("thing.change", always=True), clock=clock)
        session.commit()
        session.commit()
        note(session, subject_kind="thing", subject_id="1")
        session.commit()
    assert [entry.fact.subject_id for entry in entries(sessions)] == [None, "1"]


class TestTransactionsOfARequest:
    """Of those that nobody called ``begin`` for: signing in has such."""

    @pytest.fixture(autouse=True)
    def a_request(self, clock: FrozenClock) -> Iterator[None]:
        occasion = Occasion("session.open", request_id="req-1", always=True)
        token = recording._REQUEST.set((occasion, clock))  # noqa: SLF001 - as begin_request does
        yield
        recording._REQUEST.reset(token)  # noqa: SLF001 - as the end of the request does

    def written(self, sessions: Sessions, principal: Principal | None, statement: str) -> list[str]:
        with transaction(sessions, principal) as session:
            session.connection().execute(text(statement))
        return [entry.fact.action for entry in entries(sessions)]

    WRITES = "INSERT INTO inbox_entry VALUES ('test', gen_random_uuid(), now())"

    def test_one_that_writes_for_somebody_is_told(
        self, sessions: Sessions, clock: FrozenClock, org: OrganisationId
    ) -> None:
        principal = owner_of(org, clock)
        assert self.written(sessions, principal, self.WRITES) == ["session.open"]

    def test_one_that_reads_is_not(
        self, sessions: Sessions, clock: FrozenClock, org: OrganisationId
    ) -> None:
        assert self.written(sessions, owner_of(org, clock), "SELECT 1") == []

    def test_one_for_nobody_is_not(self, sessions: Sessions) -> None:
        assert self.written(sessions, None, self.WRITES) == []


class TestAtTheSameTime:
    def test_one_chain_never_forks(self, sessions: Sessions, org: OrganisationId) -> None:
        clock = SystemClock()
        principal = owner_of(org, clock)
        together = threading.Barrier(5)

        def work(_: int) -> None:
            together.wait(timeout=30)
            for _ in range(20):
                request(sessions, principal, clock, work=noting(clock, 2))

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(work, range(5)))
        found = entries(sessions)
        assert [entry.seq for entry in found] == list(range(1, 201))
        assert is_sound(sessions)

    def test_several_chains_in_one_transaction_do_not_deadlock(self, sessions: Sessions) -> None:
        clock = SystemClock()
        chains = [OrganisationId(clock.new_id()) for _ in range(6)]
        together = threading.Barrier(5)

        def work(number: int) -> None:
            together.wait(timeout=30)
            for turn in range(15):
                with transaction(sessions) as session:
                    turned = chains[number:] + chains[:number]
                    for org in turned if turn % 2 else reversed(turned):
                        note(session, subject_kind="t", subject_id="1", organisation_id=org)

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(work, range(5)))
        assert len(entries(sessions)) == 5 * 15 * 6
        assert is_sound(sessions)


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_entry SET action = 'x'",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry",
            "TRUNCATE audit_entry, audit_head",
            "UPDATE audit_entry SET action = 'x' WHERE false",
        ],
    )
    def test_refused_even_to_a_superuser(
        self,
        sessions: Sessions,
        database_url: str,
        clock: FrozenClock,
        org: OrganisationId,
        statement: str,
    ) -> None:
        request(sessions, owner_of(org, clock), clock)
        with (
            psycopg.connect(database_url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="stay as they are"),
        ):
            connection.execute(statement.encode())
        with psycopg.connect(database_url) as connection:
            connection.execute("SET session_replication_role = replica")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())

    def test_the_doors_may_only_add(self, database_url: str) -> None:
        with psycopg.connect(database_url) as connection:
            rows = connection.execute(
                "SELECT grantee, privilege_type FROM information_schema.role_table_grants"
                " WHERE table_name = 'audit_entry' AND grantee LIKE 'nonagon_%'"
                "   AND grantee NOT IN ('nonagon_owner')"
            ).fetchall()
        assert set(rows) == {
            ("nonagon_app", "SELECT"),
            ("nonagon_app", "INSERT"),
            ("nonagon_worker", "INSERT"),
        }
