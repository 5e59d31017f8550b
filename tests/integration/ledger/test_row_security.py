"""Parties post to one another as the role of the HTTP door, and read nothing that is not theirs."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, text

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers
from services.ledger.domain import EscrowTerms, ShareMember, Verdict
from services.runtime.database_roles import APP, WORKER
from services.runtime.db import Sessions, transaction
from tests.integration.ledger.books import Books, committed
from tests.support.clock import FrozenClock
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

As = Callable[[OrganisationId], AbstractContextManager[Books]]


@pytest.fixture
def firms(sessions: Sessions, clock: FrozenClock) -> Books:
    with committed(sessions, clock) as books:
        return books


@pytest.fixture
def acting(sessions: Sessions, clock: FrozenClock, firms: Books) -> Iterator[As]:
    """Books as an owner of an organisation sees them through the door."""
    with sessions_as(sessions, APP) as serving:

        @contextmanager
        def act(organisation_id: OrganisationId) -> Iterator[Books]:
            principal = Principal(
                kind=PrincipalKind.PERSON,
                id=clock.new_id(),
                organisation_id=organisation_id,
                roles=frozenset({Role.OWNER}),
            )
            with transaction(serving, principal) as session:
                yield Books(session, clock, firms.buyer, firms.seller, firms.partner)

        yield act


@contextmanager
def working(sessions: Sessions, firms: Books) -> Iterator[Books]:
    with sessions_as(sessions, WORKER) as serving, transaction(serving) as session:
        yield Books(session, firms.clock, firms.buyer, firms.seller, firms.partner)


def count(session: Session, table: str) -> int:
    query = text(f"SELECT count(*) FROM {table}")  # noqa: S608 - a table's name
    return int(session.connection().execute(query).scalar_one())


def test_an_order_is_paid_by_its_parties_through_the_door(
    sessions: Sessions, firms: Books, acting: As
) -> None:
    with acting(firms.seller) as seller:
        rule = handlers.create_share_rule(
            session=seller.session,
            clock=seller.clock,
            organisation_id=firms.seller,
            name="Half each",
            members=[ShareMember(firms.seller, 5_000), ShareMember(firms.partner, 5_000)],
        )
    with acting(firms.buyer) as buyer:
        escrow = buyer.open(share_rule_id=rule.id)
        asked = handlers.request_funding(
            session=buyer.session, clock=buyer.clock, escrow_id=escrow.id, method="transfer"
        )
    with working(sessions, firms) as worker:
        worker.answer(asked.id, Verdict.SUCCEEDED)
    with acting(firms.buyer) as buyer:
        buyer.release(escrow, 60_000)
    with acting(firms.seller) as seller:
        seller.refund(escrow, 40_000)

    with acting(firms.buyer) as buyer:
        assert buyer.wallet(firms.buyer) == 40_000
        assert buyer.wallet(firms.seller) == 0  # not shown
        assert count(buyer.session, "ledger_share_rule") == 0
    with acting(firms.partner) as partner:
        assert partner.wallet(firms.partner) > 0
        assert count(partner.session, "ledger_escrow") == 0
        assert count(partner.session, "ledger_entry") == 1
        assert count(partner.session, "ledger_transaction") == 1
    with working(sessions, firms) as worker:
        worker.commits()


LONE = text(
    "INSERT INTO ledger_transaction (id, organisation_id, kind, because, subject_kind, subject_id,"
    " fact_id, at) VALUES (:id, :org, 'internal', '', 'order', :id, :id, now())"
)


def test_what_does_not_balance_does_not_commit(
    sessions: Sessions, firms: Books, acting: As
) -> None:
    def write_a_transaction_without_entries() -> None:
        with acting(firms.buyer) as buyer:
            nameless = {"id": escrow.id, "org": firms.buyer}
            handlers.freeze(
                session=buyer.session, clock=buyer.clock, escrow_id=escrow.id, because="held"
            )
            buyer.session.connection().execute(LONE, nameless)

    with acting(firms.buyer) as buyer:
        escrow = buyer.open()
    with pytest.raises(DBAPIError, match="do not add up to zero"):
        write_a_transaction_without_entries()
    with working(sessions, firms) as worker:
        assert worker.read(escrow).frozen_because is None


@pytest.mark.parametrize("role", [APP, WORKER])
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_transaction", "ledger_movement"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_what_is_written_stays(sessions: Sessions, role: str, table: str, verb: str) -> None:
    with (
        sessions_as(sessions, role) as serving,
        pytest.raises(DBAPIError, match="permission denied"),
        transaction(serving) as session,
    ):
        session.connection().execute(text(verb.format(table)))


def test_even_the_owner_of_the_tables_changes_nothing(sessions: Sessions, firms: Books) -> None:
    with working(sessions, firms) as worker:
        worker.funded(Money(1_000))
    with pytest.raises(DBAPIError, match="post a reversal"), transaction(sessions) as session:
        session.connection().execute(text("UPDATE ledger_entry SET amount_minor = 1"))


def test_a_stranger_moves_nothing(firms: Books, acting: As) -> None:
    with acting(firms.buyer) as buyer:
        escrow = buyer.open()
    with acting(firms.partner) as partner, pytest.raises(handlers.EscrowNotFoundError):
        partner.release(escrow, 1)
    with (
        pytest.raises(DBAPIError, match="row-level security"),
        acting(firms.partner) as partner,
    ):
        handlers.open_escrow(
            session=partner.session,
            clock=partner.clock,
            subject=partner.order(),
            payer=firms.buyer,
            payee=firms.seller,
            amount=Money(1),
            terms=EscrowTerms(),
        )
