"""What a database administrator does to the trail is found: which entry first, and how."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from services.contracts.ids import OrganisationId
from services.runtime.audit import handlers
from services.runtime.audit.anchors import Anchors, read_anchors
from services.runtime.audit.entry import chain_of, entry_hash
from services.runtime.audit.handlers import Report, anchor, anchor_file, anchor_key_file
from services.runtime.audit.keys import public_key, public_path
from services.runtime.audit.store import every_entry
from services.runtime.audit.verification import Breach, Damage
from services.runtime.db import Sessions
from services.runtime.settings import Settings
from tests.support.audit import noting, owner_of, request
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration

CHAINS = 3
LENGTH = 12
TAMPERINGS = 100
SAVED = "SELECT seq, hash FROM audit_entry WHERE chain = %s AND seq = %s"
COLUMNS = {
    "at": "at + interval '1 microsecond'",
    "actor_kind": "'anonymous'",
    "actor_id": "gen_random_uuid()",
    "credential_id": "NULL",
    "action": "action || '.'",
    "path_ids": """'{"thing_id": "8"}'""",
    "subject_kind": "upper(subject_kind)",
    "subject_id": "gen_random_uuid()::text",
    "before": "'null'",
    "after": """'{"name": "new", "number": 7.0}'""",
    "request_id": "NULL",
    "previous": "sha256(previous)",
    "hash": "sha256(hash)",
    "id": "gen_random_uuid()",
}

Tamper = Callable[[Connection, OrganisationId, random.Random], None]


def edit(connection: Connection, org: OrganisationId, dice: random.Random) -> None:
    column = dice.choice(sorted(COLUMNS))
    changed = connection.execute(
        f"UPDATE audit_entry SET {column} = {COLUMNS[column]}"  # noqa: S608 - columns of ours
        " WHERE chain = %s AND seq = %s",
        [org, dice.randint(1, LENGTH)],
    )
    assert changed.rowcount == 1


def exchange(connection: Connection, org: OrganisationId, dice: random.Random) -> None:
    first, second = dice.sample(range(1, LENGTH + 1), 2)
    for old, new in ((first, 1000), (second, first), (1000, second)):
        connection.execute(
            "UPDATE audit_entry SET seq = %s WHERE chain = %s AND seq = %s", [new, org, old]
        )


def take_from_the_middle(connection: Connection, org: OrganisationId, dice: random.Random) -> None:
    connection.execute(
        "DELETE FROM audit_entry WHERE chain = %s AND seq = %s", [org, dice.randint(1, LENGTH - 1)]
    )


def cut_the_end(connection: Connection, org: OrganisationId, dice: random.Random) -> None:
    """And the head made to fit."""
    kept = dice.randint(0, LENGTH - 1)
    connection.execute("DELETE FROM audit_entry WHERE chain = %s AND seq > %s", [org, kept])
    if kept == 0:
        connection.execute("DELETE FROM audit_head WHERE chain = %s", [org])
        return
    row = connection.execute(SAVED.encode(), [org, kept]).fetchone()
    assert row is not None
    connection.execute(
        "UPDATE audit_head SET seq = %s, hash = %s WHERE chain = %s", [row[0], row[1], org]
    )


def cut_the_end_only(connection: Connection, org: OrganisationId, dice: random.Random) -> None:
    connection.execute(
        "DELETE FROM audit_entry WHERE chain = %s AND seq > %s", [org, dice.randint(0, LENGTH - 1)]
    )


def put_in(connection: Connection, org: OrganisationId, dice: random.Random) -> None:
    """An entry of another chain, or a copy under a number that follows."""
    connection.execute("ALTER TABLE audit_entry DROP CONSTRAINT uq_audit_entry_id")
    connection.execute(
        "INSERT INTO audit_entry SELECT (r).* FROM (SELECT jsonb_populate_record(e,"
        " jsonb_build_object('seq', %s::bigint)) AS r FROM audit_entry e"
        "  WHERE chain = %s AND seq = %s) AS copied",
        [LENGTH + 1, org, dice.randint(1, LENGTH)],
    )


def rewrite(connection: Connection, org: OrganisationId, dice: random.Random) -> None:
    """Edit one entry and compute every hash after it anew, the head's too."""
    changed = dice.randint(1, LENGTH)
    connection.execute(
        "UPDATE audit_entry SET after = %s WHERE chain = %s AND seq = %s",
        [Jsonb({"forged": True}), org, changed],
    )


def rewrite_one(connection: Connection, org: OrganisationId, dice: random.Random) -> None:
    """Edit one entry and compute its own hash anew, as if nothing hung on it."""
    rewrite(connection, org, dice)


TAMPERS: tuple[Tamper, ...] = (
    edit,
    exchange,
    take_from_the_middle,
    cut_the_end,
    cut_the_end_only,
    put_in,
    rewrite,
    rewrite_one,
)


def rehash(
    sessions: Sessions, connection: Connection, org: OrganisationId, *, relink: bool
) -> None:
    """What somebody does who knows how hashes are made: with the links between them, or without."""
    with handlers.reading(sessions) as session:
        entries = [entry for entry in every_entry(session) if entry.chain == org]
    last = entries[0].previous
    for entry in entries:
        previous = last if relink else entry.previous
        last = entry_hash(chain=entry.chain, seq=entry.seq, fact=entry.fact, previous=previous)
        connection.execute(
            "UPDATE audit_entry SET previous = %s, hash = %s WHERE chain = %s AND seq = %s",
            [previous, last, org, entry.seq],
        )
    connection.execute("UPDATE audit_head SET hash = %s WHERE chain = %s", [last, org])


class Trail:
    """Chains of some length, anchored, and a way to put them back as they were."""

    def __init__(
        self, sessions: Sessions, url: str, settings: Settings, clock: FrozenClock
    ) -> None:
        self.sessions = sessions
        self.settings = settings
        self.organisations = [OrganisationId(clock.new_id()) for _ in range(CHAINS)]
        for org in self.organisations:
            principal = owner_of(org, clock)
            for _ in range(LENGTH // 2):
                request(sessions, principal, clock, work=noting(clock, 2))
        anchor(sessions=sessions, settings=settings, clock=clock)
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_stays")
        for table in ("audit_entry", "audit_head"):
            self.connection.execute(f"CREATE TABLE saved_{table} AS TABLE {table}".encode())

    def put_back(self) -> None:
        for table in ("audit_entry", "audit_head"):
            self.connection.execute(f"TRUNCATE {table}".encode())
            self.connection.execute(f"INSERT INTO {table} TABLE saved_{table}".encode())

    def verify(self, *, anchored: bool = True) -> Report:
        anchors = Anchors()
        if anchored:
            key = public_key(public_path(anchor_key_file(self.settings)))
            anchors = read_anchors(anchor_file(self.settings), key)
        with handlers.reading(self.sessions) as session:
            return handlers.verify(session=session, anchors=anchors)


@pytest.fixture
def trail(
    sessions: Sessions, database_url: str, clock: FrozenClock, tmp_path: Path
) -> Iterator[Trail]:
    trail = Trail(sessions, database_url, Settings(state_dir=tmp_path), clock)
    yield trail
    trail.connection.close()


def test_an_untouched_trail_is_sound(trail: Trail) -> None:
    report = trail.verify()
    assert report.is_sound
    assert (report.chains, report.entries, report.anchored) == (CHAINS, CHAINS * LENGTH, CHAINS)


@pytest.mark.timeout(300)
def test_a_hundred_random_tamperings_are_all_found(trail: Trail) -> None:
    dice = random.Random(20_261_122)
    found, missed = 0, []
    for number in range(TAMPERINGS):
        tamper = TAMPERS[number % len(TAMPERS)]
        org = dice.choice(trail.organisations)
        with trail.connection.transaction():
            tamper(trail.connection, org, dice)
        if tamper in {rewrite, rewrite_one}:
            rehash(trail.sessions, trail.connection, org, relink=tamper is rewrite)
        report = trail.verify()
        if {damage.chain for damage in report.damages} == {org}:
            found += 1
        else:
            missed.append(f"{number}: {tamper.__name__} -> {report.damages}")
        trail.put_back()
        if tamper is put_in:
            trail.connection.execute(
                "ALTER TABLE audit_entry ADD CONSTRAINT uq_audit_entry_id UNIQUE (id)"
            )
    assert (found, missed) == (TAMPERINGS, [])
    assert trail.verify().is_sound


@pytest.mark.parametrize(
    ("statement", "seq", "breach"),
    [
        ("UPDATE audit_entry SET action = 'x' WHERE chain = %s AND seq = 5", 5, Breach.EDITED),
        ("DELETE FROM audit_entry WHERE chain = %s AND seq = 5", 5, Breach.MISSING),
        ("DELETE FROM audit_entry WHERE chain = %s AND seq >= 8", 8, Breach.CUT),
        ("DELETE FROM audit_entry WHERE chain = %s", 1, Breach.CUT),
        ("DELETE FROM audit_head WHERE chain = %s", LENGTH, Breach.HEAD_WRONG),
        (
            "UPDATE audit_entry SET organisation_id = NULL WHERE chain = %s AND seq = 3",
            3,
            Breach.EDITED,
        ),
        ("UPDATE audit_entry SET at = 'infinity' WHERE chain = %s AND seq = 2", 2, Breach.EDITED),
        ("UPDATE audit_entry SET hash = NULL WHERE chain = %s AND seq = 2", 2, Breach.EDITED),
    ],
)
def test_the_first_broken_entry_is_named(
    trail: Trail, statement: str, seq: int, breach: Breach
) -> None:
    org = trail.organisations[1]
    trail.connection.execute(
        "ALTER TABLE audit_entry DROP CONSTRAINT ck_audit_entry_chain_of_organisation,"
        " ALTER COLUMN hash DROP NOT NULL"
    )
    trail.connection.execute(statement.encode(), [org])
    (damage,) = trail.verify(anchored=False).damages
    assert damage == Damage(chain_of(org), seq, breach)


def test_an_entry_with_a_hash_of_its_own_does_not_fit_the_next(trail: Trail) -> None:
    org = trail.organisations[0]
    trail.connection.execute(
        "UPDATE audit_entry SET action = 'x' WHERE chain = %s AND seq = 4", [org]
    )
    rehash(trail.sessions, trail.connection, org, relink=False)
    (damage,) = trail.verify(anchored=False).damages
    assert damage == Damage(chain_of(org), 5, Breach.UNLINKED)


def test_a_cut_with_its_head_made_to_fit_needs_the_anchor(trail: Trail) -> None:
    cut_the_end(trail.connection, trail.organisations[0], random.Random(1))
    assert trail.verify(anchored=False).is_sound
    (damage,) = trail.verify().damages
    assert damage.breach is Breach.CUT


def test_a_chain_of_a_stranger_is_found(trail: Trail, clock: FrozenClock) -> None:
    stranger = clock.new_id()
    trail.connection.execute("ALTER TABLE audit_entry DROP CONSTRAINT uq_audit_entry_id")
    trail.connection.execute(
        "INSERT INTO audit_entry SELECT (jsonb_populate_record(e, jsonb_build_object("
        "'chain', %s::text, 'organisation_id', %s::text))).* FROM audit_entry e WHERE chain = %s",
        [stranger, stranger, trail.organisations[0]],
    )
    (damage,) = trail.verify().damages
    assert (damage.chain, damage.breach) == (stranger, Breach.EDITED)


def test_anchoring_notices_a_chain_that_went_backwards(trail: Trail, clock: FrozenClock) -> None:
    org = trail.organisations[2]
    assert anchor(sessions=trail.sessions, settings=trail.settings, clock=clock).added == 0
    cut_the_end(trail.connection, org, random.Random(3))
    done = anchor(sessions=trail.sessions, settings=trail.settings, clock=clock)
    assert (done.added, done.receded) == (0, (chain_of(org),))
    request(trail.sessions, owner_of(trail.organisations[0], clock), clock)
    done = anchor(sessions=trail.sessions, settings=trail.settings, clock=clock)
    assert done.added == 1
    assert {damage.chain for damage in trail.verify().damages} == {org}
