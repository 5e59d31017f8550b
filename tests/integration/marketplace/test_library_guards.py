"""What no handler does, tried by SQL as the HTTP door's role: opening what is not paid for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import Session, text

from marketplace.directions.loader import load_directions
from marketplace.library import handlers
from marketplace.library.domain import Licence, Terms, TermsKind
from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.money import Money
from services.runtime.clock import SystemClock
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.tenancy import bind
from tests.support.firms import Firm, Firms, firms_on
from tests.support.servers import PostgresServer
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

CLOCK: Final = SystemClock()
PUBLISH: Final = text("UPDATE library_item SET state = 'published' WHERE id = :id")
VERSION: Final = text(
    "INSERT INTO library_version (id, organisation_id, item_id, number, label, changelog,"
    " created_at) VALUES (:id, :owner, :item, 1, '1', '', now())"
)
ACCESS: Final = text(
    "INSERT INTO library_access (id, organisation_id, owner_id, item_id, version_id, licence_id,"
    " at) VALUES (:id, :licensee, :owner, :item, :version, :licence, now())"
)
LICENCE: Final = text(
    "INSERT INTO library_licence (id, organisation_id, owner_id, item_id, terms, state, used,"
    " created_at, updated_at) VALUES (:id, :licensee, :owner, :item,"
    """ '{"kind": "free", "fee": null, "days": null, "attribution": "x", "nda": false}',"""
    " 'active', 0, now(), now())"
)


class Shelf:
    """A model at so much a download, licensed by a firm that did not pay."""

    def __init__(self, firms: Firms) -> None:
        self._sessions = firms.sessions
        self.owner, self.licensee = firms.firm("Owner"), firms.firm("Licensee")
        self.version_id = CLOCK.new_id()
        with transaction(self._sessions, owner_of(self.owner)) as session:
            item = handlers.create_item(
                session=session,
                clock=CLOCK,
                organisation_id=self.owner.id,
                directions=load_directions(),
                direction=3,
                kind="model",
                title="Model",
                title_zh="模型",
                abstract="",
                abstract_zh="",
                terms=Terms(TermsKind.PER_DOWNLOAD, Money(100)),
                attributes={},
            )
            facts = {"id": self.version_id, "owner": self.owner.id, "item": item.id}
            session.connection().execute(PUBLISH, {"id": item.id})
            session.connection().execute(VERSION, facts)
        with transaction(self._sessions, owner_of(self.licensee)) as session:
            self.licence: Licence = handlers.ask(
                session=session,
                clock=CLOCK,
                organisation_id=self.licensee.id,
                item_id=item.id,
                downloads=1,
            )

    @property
    def facts(self) -> dict[str, object]:
        return {
            "id": CLOCK.new_id(),
            "licensee": self.licensee.id,
            "owner": self.owner.id,
            "item": self.licence.item_id,
            "version": self.version_id,
            "licence": self.licence.id,
        }

    @contextmanager
    def acting(self, firm: Firm) -> Iterator[Session]:
        """A transaction for the firm's owner that comes to nothing."""
        with sessions_as(self._sessions) as sessions, sessions() as session:
            bind(session, owner_of(firm))
            yield session
            session.rollback()

    def pay(self) -> None:
        with transaction(self._sessions) as session:
            activate = text("UPDATE library_licence SET state = 'active' WHERE id = :licence")
            session.connection().execute(activate, self.facts)


def owner_of(firm: Firm) -> Principal:
    return Principal(
        kind=PrincipalKind.PERSON,
        id=firm.owner_id,
        organisation_id=firm.id,
        roles=frozenset({Role.OWNER}),
    )


@pytest.fixture(scope="module")
def shelf(postgres_server: PostgresServer) -> Iterator[Shelf]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=5, application="test")
    with firms_on(sessions_for(engine), CLOCK) as firms:
        yield Shelf(firms)
    engine.dispose()
    postgres_server.drop(url)


@pytest.mark.parametrize("change", ["state = 'active'", "valid_until = now()", "used = used - 1"])
def test_nobody_opens_prolongs_or_refills_its_own_licence(shelf: Shelf, change: str) -> None:
    with (
        shelf.acting(shelf.licensee) as session,
        pytest.raises(IntegrityError, match="by its payment"),
    ):
        session.connection().execute(
            text(f"UPDATE library_licence SET {change} WHERE id = :licence"),  # noqa: S608 - own text
            shelf.facts,
        )


def test_nobody_writes_a_licence_under_other_terms(shelf: Shelf) -> None:
    with (
        shelf.acting(shelf.licensee) as session,
        pytest.raises(ProgrammingError, match="under the terms its item is offered"),
    ):
        session.connection().execute(LICENCE, shelf.facts)


def test_a_download_is_counted_under_a_paid_licence_until_it_is_used_up(shelf: Shelf) -> None:
    with (
        shelf.acting(shelf.licensee) as session,
        pytest.raises(ProgrammingError, match="opens nothing"),
    ):
        session.connection().execute(ACCESS, shelf.facts)
    shelf.pay()
    with shelf.acting(shelf.licensee) as session:
        session.connection().execute(ACCESS, shelf.facts)
        used = text("SELECT used FROM library_licence WHERE id = :licence")
        assert session.connection().execute(used, shelf.facts).scalar_one() == 1
        with pytest.raises(ProgrammingError, match="opens nothing"):
            session.connection().execute(ACCESS, shelf.facts)
