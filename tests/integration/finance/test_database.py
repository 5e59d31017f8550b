"""What no handler does, tried by SQL as the HTTP door's role: wider evidence, another's move."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import Session, text

from marketplace.finance import handlers
from marketplace.finance.domain import LIFE, Asked, FinancingKind, Item
from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.money import Money
from services.identity.domain import OrganisationKind
from services.runtime.clock import SystemClock
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.tenancy import bind
from tests.support.firms import Firm, Firms, firms_on
from tests.support.servers import PostgresServer
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

CLOCK: Final = SystemClock()
SHOWN: Final = text("SELECT item FROM financing_evidence WHERE organisation_id = :applicant")


class Asking:
    """An applicant with a running application to a bank, and a stranger."""

    def __init__(self, firms: Firms) -> None:
        self.firms = firms
        self.applicant, self.stranger = firms.firm("Applicant"), firms.firm("Stranger")
        self.bank = firms.firm("Bank", kind=OrganisationKind.INVESTOR)
        asked = Asked(FinancingKind.IP_PLEDGE, Money(100, "CNY"), 12, "Patents")
        with transaction(firms.sessions, owner_of(self.applicant)) as session:
            (made,) = handlers.ask(
                session=session,
                clock=CLOCK,
                organisation_id=self.applicant.id,
                asked=asked,
                recipients=[self.bank.id],
            )
        self.application_id = made.id

    def consent(self, *items: Item) -> UUID:
        with transaction(self.firms.sessions, owner_of(self.applicant)) as session:
            return handlers.consent(
                session=session,
                clock=CLOCK,
                organisation_id=self.applicant.id,
                application_id=self.application_id,
                items=items,
                expires_at=CLOCK.now() + timedelta(days=1),
            ).id

    @contextmanager
    def acting(self, firm: Firm) -> Iterator[Session]:
        """A transaction for the firm's owner that comes to nothing."""
        with sessions_as(self.firms.sessions) as sessions, sessions() as session:
            bind(session, owner_of(firm))
            yield session
            session.rollback()

    def shown_to(self, firm: Firm) -> list[str]:
        with self.acting(firm) as session:
            found = session.connection().execute(SHOWN, {"applicant": self.applicant.id})
            return [row.item for row in found]


def owner_of(firm: Firm) -> Principal:
    return Principal(
        kind=PrincipalKind.PERSON,
        id=firm.owner_id,
        organisation_id=firm.id,
        roles=frozenset({Role.OWNER}),
    )


@pytest.fixture(scope="module")
def asking(postgres_server: PostgresServer) -> Iterator[Asking]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=5, application="test")
    with firms_on(sessions_for(engine), CLOCK) as firms:
        yield Asking(firms)
    engine.dispose()
    postgres_server.drop(url)


def test_evidence_is_shown_while_a_consent_is_in_force(asking: Asking) -> None:
    consent_id = asking.consent(Item.DISPUTES)
    assert asking.shown_to(asking.bank) == ["disputes"]
    assert asking.shown_to(asking.stranger) == []
    set_end = text("UPDATE financing_consent SET expires_at = :at WHERE id = :id")
    ends = CLOCK.now() + timedelta(milliseconds=1)
    with asking.firms.sessions.begin() as session:
        session.connection().execute(set_end, {"at": ends, "id": consent_id})
    assert asking.shown_to(asking.bank) == []
    assert asking.shown_to(asking.applicant) == ["disputes"]


def test_evidence_is_of_what_the_consent_names(asking: Asking) -> None:
    consent_id = asking.consent(Item.ON_TIME)
    add = text(
        "INSERT INTO financing_evidence (id, organisation_id, recipient_id, consent_id, as_of,"
        " item, value, rows, rows_sha256)"
        " VALUES (:id, :applicant, :bank, :consent, now(), :item, 0, 0, '')"
    )
    facts = {
        "id": CLOCK.new_id(),
        "applicant": asking.applicant.id,
        "bank": asking.bank.id,
        "consent": consent_id,
    }
    with (
        asking.acting(asking.applicant) as session,
        pytest.raises(ProgrammingError, match="row-level security"),
    ):
        session.connection().execute(add, facts | {"item": "open_escrow"})
    with asking.acting(asking.applicant) as session:
        added = session.connection().execute(add, facts | {"item": "on_time"})
        assert added.rowcount == 1


def test_a_recipient_does_not_widen_a_consent(asking: Asking) -> None:
    consent_id = asking.consent(Item.ON_TIME)
    unrevoke = text("UPDATE financing_consent SET revoked_at = NULL WHERE id = :id")
    with asking.acting(asking.bank) as session:
        assert session.connection().execute(unrevoke, {"id": consent_id}).rowcount == 0
    widen = text("UPDATE financing_consent SET items = '{on_time,disputes}' WHERE id = :id")
    with (
        asking.acting(asking.applicant) as session,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        session.connection().execute(widen, {"id": consent_id})


def test_an_applicant_does_not_answer_itself(asking: Asking) -> None:
    move = text("UPDATE financing_application SET state = 'under_review' WHERE id = :id")
    offer = text(
        "UPDATE financing_application SET offered_minor = 1, offered_rate = 1, offered_months = 1"
        " WHERE id = :id"
    )
    of = {"id": asking.application_id}
    for statement, said in ((move, "by its applicant"), (offer, "does not set what it is offered")):
        with (
            asking.acting(asking.applicant) as session,
            pytest.raises(IntegrityError, match=said),
        ):
            session.connection().execute(statement, of)
    with asking.acting(asking.bank) as session:
        assert session.connection().execute(move, of).rowcount == 1
    with asking.acting(asking.stranger) as session:
        assert session.connection().execute(move, of).rowcount == 0


def test_the_database_knows_the_same_life(asking: Asking) -> None:
    """The moves stand in the trigger as ``LIFE`` has them."""
    with asking.firms.sessions() as session:
        source = session.connection().execute(
            text("SELECT prosrc FROM pg_proc WHERE proname = 'financing_follows_its_life'")
        )
        told = source.scalar_one()
    moves = {
        f"('{state}', '{rule.target}', '{rule.by}')"
        for rule in LIFE.values()
        for state in rule.sources
    }
    assert {move for move in moves if move in told} == moves
    assert told.count("', '") == 2 * len(moves)
