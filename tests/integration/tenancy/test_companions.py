"""What is booked along counts for everybody and is shown to nobody it is hidden from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from services.booking import handlers as booking
from services.booking.domain import BookingState
from services.capacity import handlers as capacity
from services.capacity.domain import Companion, CompanionTakenError, Resource, Visibility
from services.contracts.access import ANONYMOUS, Principal
from services.contracts.ids import OfferId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching import handlers as matching
from services.matching.domain import Requirement
from services.runtime.database_roles import APP, enable_logins
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from services.runtime.tenancy import also_showing, bind
from tests.integration.booking.park import HOUR, MILLING, STALE, Park, committed, count, hold
from tests.integration.tenancy.conftest import PASSWORD, login
from tests.integration.tenancy.test_context import owner_of
from tests.support.clock import START, FrozenClock
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.integration

ASKED = Requirement(
    processes=frozenset({MILLING}), minutes=60, window=Interval(START, START + 10 * HOUR)
)


@dataclass
class Cell:
    """A public machine that needs an operator its firm alone is shown."""

    park: Park
    machine: Resource
    operator: Resource
    offer_id: OfferId
    clock: FrozenClock

    @property
    def buyer(self) -> Principal:
        return owner_of(self.park.buyer)

    @property
    def owner(self) -> Principal:
        return owner_of(self.park.owner)


@pytest.fixture
def cell(sessions: Sessions, clock: FrozenClock) -> Cell:
    with committed(sessions, clock) as park:
        operator = park.resource("expert", visibility=Visibility.PRIVATE)
        machine = park.resource(companions=[Companion(operator.id)])
        return Cell(park, machine, operator, park.offer(machine), clock)


@pytest.fixture
def app(postgres_server: PostgresServer, database_url: str) -> Iterator[Sessions]:
    """Logged in as the HTTP door is."""
    enable_logins(postgres_server.admin_url, {APP: PASSWORD})
    engine = engine_for(login(database_url, APP), pool_max=1, application="app")
    yield sessions_for(engine)
    engine.dispose()


def seen(session: Session) -> set[ResourceId]:
    return set(session.connection().execute(text("SELECT id FROM resource")).scalars())


def test_a_buyer_is_matched_and_books_what_it_is_not_shown(app: Sessions, cell: Cell) -> None:
    with transaction(app, cell.buyer) as session:
        (found,) = matching.match_requirement(
            session=session, clock=cell.clock, requirement=ASKED, limit=5, stale_after=STALE,
            viewer=cell.park.buyer,
        ).candidates  # fmt: skip
        held = hold(
            session, cell.clock, cell.park.buyer, cell.machine, found.offer_id, start=found.start
        )
        assert count(session, "reservation") == 2
        assert seen(session) == {cell.machine.id}
    with transaction(app, cell.buyer) as session:
        parties: dict[str, Any] = {
            "session": session,
            "clock": cell.clock,
            "organisation_id": cell.park.buyer,
        }
        assert booking.confirm(**parties, booking_id=held.id).state is BookingState.CONFIRMED
        assert seen(session) == {cell.machine.id}
        booking.cancel(**parties, booking_id=held.id)
        assert count(session, "reservation") == 0


def test_what_a_hidden_companion_does_is_respected(app: Sessions, cell: Cell) -> None:
    with transaction(app, cell.owner) as session:
        hold(session, cell.clock, cell.park.owner, cell.operator, None)
    with transaction(app, cell.buyer) as session:
        found = capacity.gaps(
            session=session, clock=cell.clock, resource_ids=[cell.machine.id],
            window=Interval(START, START + 3 * HOUR), stale_after=STALE,
        )  # fmt: skip
        assert [gap.interval for gap in found[cell.machine.id]] == [
            Interval(START, START + HOUR),
            Interval(START + 2 * HOUR, START + 3 * HOUR),
        ]
        with pytest.raises(CompanionTakenError, match=str(cell.operator.id)):
            hold(session, cell.clock, cell.park.buyer, cell.machine, cell.offer_id)
        assert seen(session) == {cell.machine.id}
        with pytest.raises(capacity.ResourceNotFoundError):
            capacity.get_resource(session=session, resource_id=cell.operator.id)


def test_a_hidden_companion_out_of_service_keeps_a_buyer_from_confirming(
    app: Sessions, sessions: Sessions, cell: Cell
) -> None:
    with transaction(app, cell.buyer) as session:
        held = hold(session, cell.clock, cell.park.buyer, cell.machine, cell.offer_id)
    with transaction(sessions) as session:
        cell.park.session = session
        cell.park.set_state(cell.operator, ResourceState.DOWN)
    with (
        transaction(app, cell.buyer) as session,
        pytest.raises(booking.OutOfServiceError, match=str(cell.operator.id)),
    ):
        booking.confirm(
            session=session,
            clock=cell.clock,
            organisation_id=cell.park.buyer,
            booking_id=held.id,
        )


class TestShowing:
    def test_lasts_for_the_block_and_shows_what_is_named(self, app: Sessions, cell: Cell) -> None:
        with transaction(app, ANONYMOUS) as session:
            bind(session, ANONYMOUS)
            with also_showing(session, [cell.operator.id]):
                assert seen(session) == {cell.machine.id, cell.operator.id}
            assert seen(session) == {cell.machine.id}
            with also_showing(session, []):
                assert seen(session) == {cell.machine.id}

    def test_ends_with_whatever_is_raised(self, app: Sessions, cell: Cell) -> None:
        with transaction(app, cell.buyer) as session:
            with (
                pytest.raises(LookupError),
                also_showing(session, [cell.operator.id]),
            ):
                raise LookupError
            assert seen(session) == {cell.machine.id}

    def test_lets_nothing_be_changed(self, app: Sessions, cell: Cell) -> None:
        with (
            transaction(app, cell.buyer) as session,
            also_showing(session, [cell.operator.id]),
        ):
            changed = session.connection().execute(text("UPDATE resource SET name = 'x'"))
            assert changed.rowcount == 0
            gone = session.connection().execute(text("DELETE FROM companion"))
            assert gone.rowcount == 0
