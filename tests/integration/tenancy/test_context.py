"""For whom a transaction works never outlives it, on pooled connections and in savepoints."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlmodel import Session

from services.contracts.access import ANONYMOUS, Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId
from services.runtime.database_roles import APP
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from services.runtime.tenancy import bind
from tests.integration.tenancy.conftest import login
from tests.integration.tenancy.world import VISIBILITIES, World

pytestmark = pytest.mark.integration


class StoppedError(Exception):
    """Ends a transaction."""


@pytest.fixture
def sessions(shared_url: str, world: World) -> Iterator[Sessions]:  # noqa: ARG001 - it is there
    """One connection, so that every transaction follows another's on it."""
    engine = engine_for(login(shared_url, APP), pool_max=1, application="context")
    yield sessions_for(engine)
    engine.dispose()


@pytest.fixture
def maker(world: World) -> Principal:
    return owner_of(world.maker.id)


@pytest.fixture
def rival(world: World) -> Principal:
    return owner_of(world.rival.id)


def owner_of(organisation_id: object) -> Principal:
    return Principal(
        PrincipalKind.SERVICE_ACCOUNT,
        OrganisationId(organisation_id),  # type: ignore[arg-type]  # a row's id
        OrganisationId(organisation_id),  # type: ignore[arg-type]  # a row's id
        roles=frozenset({Role.OWNER}),
    )


def shown(session: Session, world: World) -> set[str]:
    """Visibilities of the maker's resources the transaction sees."""
    rows = session.connection().execute(
        text("SELECT visibility FROM resource WHERE organisation_id = :maker"),
        {"maker": world.maker.id},
    )
    return {row.visibility for row in rows}


def told(session: Session) -> dict[str, str]:
    """The context as PostgreSQL has it, of what is set."""
    names = ("org", "actor", "manages", "parks", "spaces", "platform", "credential", "email")
    columns = ", ".join(f"current_setting('app.{name}', true) AS {name}" for name in names)
    row = session.connection().execute(text(f"SELECT {columns}")).one()
    return {name: value for name, value in row._asdict().items() if value}


EVERYTHING = set(VISIBILITIES)
OPEN = {"public"}


def test_a_later_transaction_on_the_same_connection_starts_from_nothing(
    sessions: Sessions, world: World, maker: Principal
) -> None:
    for principal in (None, ANONYMOUS):
        with transaction(sessions, maker) as session:
            assert shown(session, world) == EVERYTHING
        with transaction(sessions, principal) as session:
            assert told(session) == {}
            assert shown(session, world) == OPEN


def test_a_transaction_that_failed_leaves_nothing(
    sessions: Sessions, world: World, maker: Principal
) -> None:
    with pytest.raises(StoppedError), transaction(sessions, maker):
        raise StoppedError
    with transaction(sessions) as session:
        assert (told(session), shown(session, world)) == ({}, OPEN)


def test_a_statement_that_failed_leaves_nothing(
    sessions: Sessions, world: World, maker: Principal
) -> None:
    with (
        pytest.raises(Exception, match="division by zero"),
        transaction(sessions, maker) as failing,
    ):
        failing.connection().execute(text("SELECT 1 / 0"))
    with transaction(sessions) as session:
        assert (told(session), shown(session, world)) == ({}, OPEN)


def test_a_rolled_back_savepoint_keeps_the_context_and_a_released_one_too(
    sessions: Sessions, world: World, maker: Principal
) -> None:
    with transaction(sessions, maker) as session:
        nested = session.begin_nested()
        assert shown(session, world) == EVERYTHING
        nested.rollback()
        assert shown(session, world) == EVERYTHING
        with session.begin_nested():
            assert shown(session, world) == EVERYTHING
        assert shown(session, world) == EVERYTHING
    with transaction(sessions) as session:
        assert shown(session, world) == OPEN


def test_a_session_works_on_for_whom_it_was_bound_after_commit_and_rollback(
    sessions: Sessions, world: World, maker: Principal
) -> None:
    with sessions() as session:
        bind(session, maker)
        for end in (session.commit, session.rollback, session.close):
            assert shown(session, world) == EVERYTHING
            end()
        assert shown(session, world) == EVERYTHING
    with sessions() as session:
        assert shown(session, world) == OPEN


def test_binding_anew_replaces_the_whole_context(
    sessions: Sessions, world: World, maker: Principal
) -> None:
    neighbour = Principal(
        PrincipalKind.SERVICE_ACCOUNT,
        organisation_id=OrganisationId(world.neighbour_id),
        parks=frozenset({"valley"}),
    )
    with transaction(sessions, maker) as session:
        assert shown(session, world) == EVERYTHING
        bind(session, neighbour, credential=b"\x01", email="a@example.com")
        assert shown(session, world) == {"public", "park"}
        bind(session, neighbour)
        assert told(session) == {"org": str(world.neighbour_id), "parks": "valley"}
        bind(session, ANONYMOUS)
        assert (told(session), shown(session, world)) == ({}, OPEN)


def test_transactions_at_once_each_work_for_their_own(
    shared_url: str, world: World, maker: Principal, rival: Principal
) -> None:
    engine = engine_for(login(shared_url, APP), pool_max=4, application="contexts")
    sessions, together = sessions_for(engine), Barrier(4)
    expected = [(maker, EVERYTHING), (rival, OPEN), (ANONYMOUS, OPEN), (None, OPEN)]

    def look(number: int) -> list[tuple[int, set[str]]]:
        seen = []
        for turn in range(12):
            together.wait(timeout=30)
            which = (number + turn) % 4
            with transaction(sessions, expected[which][0]) as session:
                seen.append((which, shown(session, world)))
        return seen

    with ThreadPoolExecutor(4) as pool:
        looks = [one for seen in pool.map(look, range(4)) for one in seen]
    engine.dispose()

    assert len(looks) == 48
    assert [one for one in looks if one[1] != expected[one[0]][1]] == []
