"""Who a booking or a reservation refers to is there and stays, checked once per statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from services.runtime.clock import SystemClock
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from tests.integration.booking.park import open_park

pytestmark = pytest.mark.integration
Connection = psycopg.Connection[Any]
NOBODY = UUID(int=404)
RESERVE = """
INSERT INTO {table} (booking_id, resource_id, organisation_id, booked_by, unit, during)
SELECT id, %(resource)s, %(provider)s, %(buyer)s, 0, tstzrange(now(), now() + interval '1 hour')
  FROM unnest(%(ids)s) AS t (id)
"""
BOOK = """
INSERT INTO booking (id, organisation_id, provider_id, resource_id, during, units, state,
       hold_until, at_risk, created_at, updated_at, version)
SELECT id, %(buyer)s, %(provider)s, %(resource)s, tstzrange(now(), now() + interval '1 hour'), 1,
       'held', now(), false, now(), now(), 1
  FROM unnest(%(ids)s) AS t (id)
"""


@dataclass
class Plant:
    """A resource nothing but what is tested refers to."""

    url: str
    resource: UUID
    provider: UUID
    buyer: UUID

    def row(self, **other: UUID) -> dict[str, object]:
        own = {"resource": self.resource, "provider": self.provider, "buyer": self.buyer}
        return {**own, **other, "ids": [SystemClock().new_id()]}

    @contextmanager
    def connected(self, role: str | None = None) -> Iterator[Connection]:
        with psycopg.connect(self.url) as connection:
            if role is not None:
                connection.execute(f"SET ROLE {role}")
            connection.execute("SET lock_timeout = '100ms'")
            connection.commit()
            yield connection
            connection.rollback()

    def remove(self, connection: Connection) -> None:
        connection.execute("DELETE FROM resource WHERE id = %s", [self.resource])


@pytest.fixture
def plant(sessions: Sessions, database_url: str) -> Plant:
    clock = SystemClock()
    with transaction(sessions) as session:
        park = open_park(session, clock)
        machine = park.resource()
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM capability WHERE resource_id = %s", [machine.id])
        newcomer = connection.execute(
            "INSERT INTO organisation (id, name, name_zh, kind, verification)"
            " VALUES (uuidv7(), 'Firm', '企业', 'firm', 'unverified') RETURNING id"
        ).fetchone()
    assert newcomer is not None
    return Plant(database_url, machine.id, park.owner, newcomer[0])


@pytest.mark.parametrize("statement", [RESERVE.format(table="reservation"), BOOK])
@pytest.mark.parametrize("wrong", ["resource", "provider"])
def test_a_resource_that_is_not_there_or_another_s_is_refused(
    plant: Plant, statement: str, wrong: str
) -> None:
    other = plant.buyer if wrong == "provider" else NOBODY
    with plant.connected(WORKER) as connection:
        with connection.transaction(force_rollback=True):
            connection.execute(statement, plant.row())
        with pytest.raises(errors.ForeignKeyViolation) as caught:
            connection.execute(statement, plant.row(**{wrong: other}))
    assert str(caught.value.diag.constraint_name).startswith("fk_")


def test_one_wrong_row_refuses_the_whole_statement(plant: Plant) -> None:
    with plant.connected(WORKER) as connection:
        mixed = BOOK.replace(
            "%(resource)s, tstz",
            "CASE WHEN id = (%(ids)s)[2] THEN gen_random_uuid() ELSE %(resource)s END, tstz",
        )
        with pytest.raises(errors.ForeignKeyViolation):
            connection.execute(
                mixed, plant.row() | {"ids": [SystemClock().new_id() for _ in range(3)]}
            )


def test_an_organisation_that_is_not_there_books_nothing(plant: Plant) -> None:
    with plant.connected(WORKER) as connection, pytest.raises(errors.ForeignKeyViolation):
        connection.execute(BOOK, plant.row(buyer=NOBODY))


@pytest.mark.parametrize("column", ["organisation_id", "provider_id", "resource_id"])
def test_a_booking_is_not_made_to_refer_to_what_is_not_there(plant: Plant, column: str) -> None:
    with plant.connected(WORKER) as connection:
        connection.execute(BOOK, plant.row())
        with pytest.raises(errors.ForeignKeyViolation):
            connection.execute(f"UPDATE booking SET {column} = %s", [NOBODY])  # noqa: S608 - own


def test_nor_is_a_reservation_moved_there(plant: Plant) -> None:
    with plant.connected(WORKER) as connection:
        connection.execute(RESERVE.format(table="reservation"), plant.row())
        with pytest.raises(errors.ForeignKeyViolation):
            connection.execute("UPDATE reservation SET resource_id = %s", [NOBODY])


def test_a_partition_takes_no_other_rows_than_the_whole(plant: Plant) -> None:
    with plant.connected() as connection:
        partitions = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'reservation'::regclass"
        )
        names = [row[0] for row in partitions.fetchall()]
        refused = []
        for name in names:
            try:
                with connection.transaction():
                    connection.execute(RESERVE.format(table=name), plant.row(resource=NOBODY))
            except errors.ForeignKeyViolation:
                refused.append(name)
            except errors.CheckViolation:
                pass  # of another partition
    assert len(refused) == 1


@pytest.mark.parametrize("statement", [RESERVE.format(table="reservation"), BOOK])
def test_who_is_referred_to_may_not_go(plant: Plant, statement: str) -> None:
    with plant.connected() as connection:
        connection.execute(statement, plant.row())
        with pytest.raises(errors.ForeignKeyViolation), connection.transaction():
            plant.remove(connection)
        with pytest.raises(errors.ForeignKeyViolation), connection.transaction():
            connection.execute("UPDATE resource SET id = uuidv7() WHERE id = %s", [plant.resource])
        connection.execute("DELETE FROM reservation")
        connection.execute("DELETE FROM booking")
        plant.remove(connection)


def test_an_organisation_with_bookings_may_not_go(plant: Plant) -> None:
    with plant.connected() as connection:
        connection.execute(BOOK, plant.row())
        with pytest.raises(errors.ForeignKeyViolation), connection.transaction():
            connection.execute("DELETE FROM organisation WHERE id = %s", [plant.buyer])
        connection.execute("DELETE FROM booking")
        connection.execute("DELETE FROM organisation WHERE id = %s", [plant.buyer])


@pytest.mark.parametrize("statement", [RESERVE.format(table="reservation"), BOOK])
def test_who_goes_waits_for_whoever_has_just_referred_to_it(plant: Plant, statement: str) -> None:
    with plant.connected(WORKER) as books, plant.connected() as removes:
        books.execute(statement, plant.row())
        with pytest.raises(errors.LockNotAvailable), removes.transaction():
            plant.remove(removes)
        books.commit()
        with pytest.raises(errors.ForeignKeyViolation), removes.transaction():
            plant.remove(removes)


@pytest.mark.parametrize("statement", [RESERVE.format(table="reservation"), BOOK])
def test_whoever_refers_to_it_waits_for_who_is_going(plant: Plant, statement: str) -> None:
    with plant.connected(WORKER) as books, plant.connected() as removes:
        plant.remove(removes)
        with pytest.raises(errors.LockNotAvailable), books.transaction():
            books.execute(statement, plant.row())
        removes.commit()
        with pytest.raises(errors.ForeignKeyViolation), books.transaction():
            books.execute(statement, plant.row())


def test_who_goes_is_judged_by_what_is_committed_and_nothing_older(plant: Plant) -> None:
    with plant.connected(WORKER) as books, plant.connected() as removes:
        removes.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        removes.execute("SELECT count(*) FROM booking")
        books.execute(BOOK, plant.row())
        books.commit()
        with pytest.raises(errors.FeatureNotSupported):
            plant.remove(removes)


def test_emptying_a_table_takes_with_it_what_refers_to_it(plant: Plant) -> None:
    with plant.connected() as connection:
        connection.execute(BOOK, plant.row())
        with pytest.raises(errors.FeatureNotSupported), connection.transaction():
            connection.execute("TRUNCATE resource")
        connection.execute("TRUNCATE resource CASCADE")
        assert connection.execute("SELECT count(*) FROM booking").fetchone() == (0,)
