"""What no handler does, tried by SQL as the HTTP door's role: rewriting what a booking agreed."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session, text

from services.booking.domain import Booking
from services.runtime.clock import SystemClock
from services.runtime.database_roles import APP
from services.runtime.db import Sessions, transaction
from tests.integration.booking.park import HOUR, Park, committed

pytestmark = pytest.mark.integration


@pytest.fixture
def park(sessions: Sessions) -> Park:
    with committed(sessions, SystemClock()) as park:
        return park


@pytest.fixture
def booking(sessions: Sessions, park: Park) -> Booking:
    with transaction(sessions) as session:
        park.session = session
        machine = park.resource(units=4)
        park.put_terms(machine, late_percent=50)
        start = park.clock.now().replace(second=0, microsecond=0) + 2 * HOUR
        return park.hold(machine, park.offer(machine), start=start, units=2)


@contextmanager
def acting(sessions: Sessions, organisation_id: UUID) -> Iterator[Session]:
    with transaction(sessions) as session:
        session.connection().execute(text(f"SET LOCAL ROLE {APP}"))
        session.connection().execute(
            text("SELECT set_config('app.org', :org, true)"), {"org": str(organisation_id)}
        )
        yield session


def change(sessions: Sessions, by: UUID, booking: Booking, what: str) -> int:
    with acting(sessions, by) as session:
        statement = text(f"UPDATE booking SET {what} WHERE id = :id")  # noqa: S608 - of tests
        return session.connection().execute(statement, {"id": booking.id}).rowcount


def refused(sessions: Sessions, by: UUID, booking: Booking, what: str) -> bool:
    try:
        change(sessions, by, booking, what)
    except ProgrammingError as error:
        return isinstance(error.orig, psycopg.errors.InsufficientPrivilege)
    return False


@pytest.mark.parametrize("what", ["units = 1", "price_minor = 1", "during = during * during"])
def test_a_provider_moves_no_booking(
    sessions: Sessions, park: Park, booking: Booking, what: str
) -> None:
    changes_nothing = what == "during = during * during"
    assert refused(sessions, park.owner, booking, what) is not changes_nothing
    assert change(sessions, park.buyer, booking, what) == 1


@pytest.mark.parametrize("column", ["late_percent", "free_minutes", "no_show_minimum_minor"])
def test_nobody_rewrites_the_terms(
    sessions: Sessions, park: Park, booking: Booking, column: str
) -> None:
    assert refused(sessions, park.buyer, booking, f"{column} = 0")
    assert refused(sessions, park.owner, booking, f"{column} = 0")


def test_what_is_over_is_moved_by_nobody(sessions: Sessions, park: Park, booking: Booking) -> None:
    change(sessions, park.buyer, booking, "state = 'cancelled'")
    assert refused(sessions, park.buyer, booking, "units = 1")


def test_a_charge_stays_what_it_was(sessions: Sessions, park: Park, booking: Booking) -> None:
    charged = "state = 'cancelled', charge_minor = 100, charge_reason = 'late_cancellation'"
    assert change(sessions, park.buyer, booking, charged) == 1
    for what in ("charge_minor = 1", "charge_minor = NULL, charge_reason = NULL"):
        assert refused(sessions, park.buyer, booking, what)
        assert refused(sessions, park.owner, booking, what)
