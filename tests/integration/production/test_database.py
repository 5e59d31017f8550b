"""What no handler does, tried by SQL as the HTTP door's role: looks, moves and versions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import Session, text

from marketplace.offers.pricing import PriceRule
from marketplace.products.domain.product import (
    ProductVisibility,
    Specification,
    Step,
    Term,
)
from marketplace.products.handlers import publishing
from marketplace.service_contracts.domain import Move, Shown, Terms, Warned
from marketplace.service_contracts.handlers import contracts, orders, sessions
from marketplace.taxonomy.loader import load_taxonomy
from services.capacity import handlers as capacity
from services.capacity.domain import CapacityRule, Visibility
from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import ResourceId
from services.identity import handlers as identity
from services.runtime.clock import SystemClock
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.tenancy import bind
from tests.support.firms import Firm, Firms, firms_on
from tests.support.servers import PostgresServer
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

CLOCK: Final = SystemClock()
LOOK: Final = text(
    "INSERT INTO remote_session_entry"
    " (id, organisation_id, provider_id, session_id, kind, party, at, shown)"
    " VALUES (gen_random_uuid(), :owner, :provider, :session, 'viewed', 'provider', :at, '{}')"
)


def owner_of(firm: Firm) -> Principal:
    return Principal(
        kind=PrincipalKind.PERSON,
        id=firm.owner_id,
        organisation_id=firm.id,
        roles=frozenset({Role.OWNER}),
    )


class Service:
    """A works with a machine, its provider with an accepted work order, and a stranger."""

    def __init__(self, firms: Firms) -> None:
        self.firms = firms
        self.works, self.provider = firms.firm("Works"), firms.firm("Provider")
        self.stranger = firms.firm("Stranger")
        self.machine = self._machine()
        terms = Terms(
            title="Care",
            resource_ids=(self.machine,),
            warnings=(Warned.DOWN,),
            shows=(Shown.STATE,),
            response_minutes=30,
            session_minutes=60,
            price=PriceRule(60_000),
        )
        with self.as_owner(self.works) as session:
            contract = contracts.propose(
                session=session,
                clock=CLOCK,
                organisation_id=self.works.id,
                provider_id=self.provider.id,
                terms=terms,
            )
        with self.as_owner(self.provider) as session:
            contracts.move_contract(
                session=session,
                clock=CLOCK,
                party=self.provider.id,
                contract_id=contract.id,
                move=Move.AGREE,
            )
        with transaction(firms.sessions) as session:
            for _ in range(2):
                (order,) = orders.follow_warning(
                    session=session,
                    clock=CLOCK,
                    resource_id=self.machine,
                    warning=Warned.DOWN,
                    reason="no air",
                )
        self.contract_id, self.order = contract.id, order
        with self.as_owner(self.provider) as session:
            orders.accept_order(
                session=session, clock=CLOCK, provider_id=self.provider.id, order_id=order.id
            )

    def as_owner(self, firm: Firm) -> Any:
        return transaction(self.firms.sessions, owner_of(firm))

    @contextmanager
    def acting(self, firm: Firm) -> Iterator[Session]:
        """A transaction for the firm's owner, as the door's role, that comes to nothing."""
        with sessions_as(self.firms.sessions) as made, made() as session:
            bind(session, owner_of(firm))
            yield session
            session.rollback()

    def session(self, *, granted: bool) -> UUID:
        with self.as_owner(self.provider) as session:
            asked = sessions.request_session(
                session=session,
                clock=CLOCK,
                provider_id=self.provider.id,
                actor=None,
                order_id=self.order.id,
                purpose="See",
                minutes=10,
            )
        if granted:
            with self.as_owner(self.works) as session:
                sessions.decide_session(
                    session=session,
                    clock=CLOCK,
                    organisation_id=self.works.id,
                    actor=None,
                    session_id=asked.id,
                    move=Move.GRANT,
                )
        return asked.id

    def look(self, session_id: UUID, *, after: timedelta = timedelta(0)) -> Mapping[str, Any]:
        return {
            "owner": self.works.id,
            "provider": self.provider.id,
            "session": session_id,
            "at": CLOCK.now() + after,
        }

    def _machine(self) -> ResourceId:
        with self.as_owner(self.works) as session:
            site = identity.create_site(
                session=session,
                clock=CLOCK,
                organisation_id=self.works.id,
                code="works-1",
                name="Works",
                name_zh="工厂",
                region_code="420111",
                park=None,
                lat=30.5,
                lon=114.4,
            )
            return capacity.register_resource(
                session=session,
                clock=CLOCK,
                organisation_id=self.works.id,
                site_id=site.id,
                kind="machine",
                name="Mill",
                name_zh="铣床",
                timezone="Asia/Shanghai",
                units=1,
                rule=CapacityRule(),
                capabilities=(),
                calendar_ics=None,
                visibility=Visibility.PRIVATE,
                catalogue=load_taxonomy(),
            ).id


@pytest.fixture(scope="module")
def service(postgres_server: PostgresServer) -> Iterator[Service]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=5, application="test")
    with firms_on(sessions_for(engine), CLOCK) as firms:
        yield Service(firms)
    engine.dispose()
    postgres_server.drop(url)


def test_a_second_warning_joins_the_unfinished_work_order(service: Service) -> None:
    assert service.order.warnings == 2
    again = text(
        "INSERT INTO work_order SELECT gen_random_uuid(), organisation_id, provider_id,"
        " contract_id, resource_id, cause, reason, 1, warned_at, due_at, NULL, NULL, NULL, NULL,"
        " NULL, NULL, 'open', 1, NULL, NULL, created_at, updated_at FROM work_order"
    )
    with (
        service.acting(service.works) as session,
        pytest.raises(IntegrityError, match="unfinished"),
    ):
        session.connection().execute(again)


def test_a_look_is_written_only_within_a_granted_session(service: Service) -> None:
    granted, asked = service.session(granted=True), service.session(granted=False)
    with service.acting(service.provider) as session:
        session.connection().execute(LOOK, service.look(granted))
    for look in (
        service.look(asked),
        service.look(granted, after=timedelta(minutes=11)),
    ):
        with service.acting(service.provider) as session, pytest.raises(ProgrammingError):
            session.connection().execute(LOOK, look)
    with service.acting(service.works) as session, pytest.raises(ProgrammingError):
        session.connection().execute(LOOK, service.look(granted))


@pytest.mark.parametrize("change", ["UPDATE remote_session_entry SET kind = 'ended'",
                                    "DELETE FROM remote_session_entry",
                                    "DELETE FROM service_fact",
                                    "UPDATE work_order_finding SET text = ''"])  # fmt: skip
def test_what_was_written_down_stays(service: Service, change: str) -> None:
    for firm in (service.works, service.provider):
        with service.acting(firm) as session, pytest.raises(ProgrammingError):
            session.connection().execute(text(change))


def test_a_provider_grants_itself_nothing(service: Service) -> None:
    asked = service.session(granted=False)
    grant = text(
        "UPDATE remote_session SET state = 'granted', decided_at = now(),"
        " expires_at = now() + interval '1 hour' WHERE id = :id"
    )
    with service.acting(service.provider) as session, pytest.raises(IntegrityError):
        session.connection().execute(grant, {"id": asked})


def test_a_stranger_sees_nothing_of_a_service(service: Service) -> None:
    tables = (
        "service_contract", "service_contract_resource", "work_order", "remote_session",
        "remote_session_entry", "work_order_finding", "service_fact",
    )  # fmt: skip
    with service.acting(service.stranger) as session:
        for table in tables:
            seen = session.connection().execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - of the names above
            assert seen.scalar() == 0, table


def test_a_version_of_a_product_is_never_changed(service: Service) -> None:
    said = Specification(
        title="Bracket",
        title_zh="支架",
        options=(),
        constraints=(),
        steps=(Step("machining.milling", "Milling", "铣削", (Term(60),)),),
        price=PriceRule(100, unit="piece"),
    )
    with service.as_owner(service.works) as session:
        made = publishing.publish(
            session=session,
            clock=CLOCK,
            organisation_id=service.works.id,
            specification=said,
            visibility=ProductVisibility.ORGANISATION,
            vocabulary=load_taxonomy(),
        )
    with service.acting(service.works) as session, pytest.raises(ProgrammingError):
        session.connection().execute(text("UPDATE product_version SET title = 'other'"))
    with service.acting(service.stranger) as session:
        seen = session.connection().execute(
            text("SELECT count(*) FROM product_version WHERE product_id = :id"), {"id": made.id}
        )
        assert seen.scalar() == 0
