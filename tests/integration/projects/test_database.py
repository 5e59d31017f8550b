"""What no handler does, tried by SQL as the HTTP door's role: stakes that are no whole, others'."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import Session, text

from marketplace.projects.domain.project import Project, ProjectKind
from marketplace.projects.handlers import projects as handlers
from services.capacity.domain import Visibility
from services.contracts.access import Acting, Principal, PrincipalKind, Role
from services.runtime.clock import SystemClock
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.tenancy import bind
from tests.support.firms import Firm, Firms, firms_on
from tests.support.servers import PostgresServer
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

CLOCK: Final = SystemClock()


class Joined:
    """A public project of two, and an outsider."""

    def __init__(self, firms: Firms) -> None:
        self.firms = firms
        self.lead, self.partner = firms.firm("Lead"), firms.firm("Partner")
        self.outsider = firms.firm("Outsider")
        with transaction(firms.sessions, owner_of(self.lead)) as session:
            self.project: Project = handlers.start_project(
                session=session,
                clock=CLOCK,
                acting=Acting(owner_of(self.lead), self.lead.id),
                kind=ProjectKind.MICRO_TEAM,
                title="Team",
                title_zh=None,
                about="",
                visibility=Visibility.PUBLIC,
            )
            handlers.invite(
                session=session,
                clock=CLOCK,
                organisation_id=self.lead.id,
                project_id=self.project.id,
                invitee=self.partner.id,
                role="partner",
            )
        with transaction(firms.sessions, owner_of(self.partner)) as session:
            handlers.answer_invitation(
                session=session,
                clock=CLOCK,
                acting=Acting(owner_of(self.partner), self.partner.id),
                project_id=self.project.id,
                accepts=True,
            )

    @contextmanager
    def acting(self, firm: Firm) -> Iterator[Session]:
        """A transaction for the firm's owner that comes to nothing."""
        with sessions_as(self.firms.sessions) as sessions, sessions() as session:
            bind(session, owner_of(firm))
            yield session
            session.rollback()


def owner_of(firm: Firm) -> Principal:
    return Principal(
        kind=PrincipalKind.PERSON,
        id=firm.owner_id,
        organisation_id=firm.id,
        roles=frozenset({Role.OWNER}),
    )


@pytest.fixture(scope="module")
def joined(postgres_server: PostgresServer) -> Iterator[Joined]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=5, application="test")
    with firms_on(sessions_for(engine), CLOCK) as firms:
        yield Joined(firms)
    engine.dispose()
    postgres_server.drop(url)


def test_stakes_that_are_no_whole_are_not_committed(joined: Joined) -> None:
    take = text("UPDATE project_member SET stake = 1 WHERE organisation_id = :own")
    with joined.acting(joined.partner) as session:
        session.connection().execute(take, {"own": joined.partner.id})
        with pytest.raises(IntegrityError, match="no whole"):
            session.commit()


def test_an_outsider_of_a_public_project_sees_it_and_none_of_its_members(joined: Joined) -> None:
    for firm, members in ((joined.lead, 2), (joined.partner, 2), (joined.outsider, 0)):
        with joined.acting(firm) as session:
            connection = session.connection()
            assert connection.execute(text("SELECT count(*) FROM project")).scalar_one() == 1
            found = connection.execute(text("SELECT count(*) FROM project_member"))
            assert found.scalar_one() == members


def test_a_member_does_not_change_what_its_leader_says(joined: Joined) -> None:
    close = text("UPDATE project SET state = 'closed'")
    with (
        joined.acting(joined.partner) as session,
        pytest.raises(IntegrityError, match="who leads it"),
    ):
        session.connection().execute(close)
    with joined.acting(joined.outsider) as session:
        assert session.connection().execute(close).rowcount == 0


def test_an_outsider_takes_no_place(joined: Joined) -> None:
    join = text(
        "INSERT INTO project_member (id, project_id, organisation_id, role, stake, state,"
        " invited_at, changed_at) VALUES (:id, :project, :own, '', 0, 'joined', now(), now())"
    )
    facts = {"id": CLOCK.new_id(), "project": joined.project.id, "own": joined.outsider.id}
    with (
        joined.acting(joined.outsider) as session,
        pytest.raises(ProgrammingError, match="row-level security"),
    ):
        session.connection().execute(join, facts)
