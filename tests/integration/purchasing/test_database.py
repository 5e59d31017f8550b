"""What no handler does, tried by SQL as the HTTP door's role and as the worker's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import Session, text

from marketplace.purchasing.domain.lists import ItemTerms, Terms
from marketplace.purchasing.domain.pricing import LinePrice, Tier
from marketplace.purchasing.handlers import lists, parts, quotes
from services.capacity.domain import Visibility
from services.runtime.clock import SystemClock
from services.runtime.database_roles import WORKER
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.tenancy import bind
from tests.integration.finance.test_database import owner_of
from tests.support.firms import Firm, Firms, firms_on
from tests.support.servers import PostgresServer
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

CLOCK: Final = SystemClock()
JOIN: Final = (
    "INSERT INTO purchase_part SELECT gen_random_uuid(), :lead, :caller, :list, 'joined',"
    " '{}', NULL, NULL, now(), now()"
)
TABLES: Final = ("list", "item", "guest", "part", "quote")


class Pool:
    """An open list of a lead, a member and a supplier, and a stranger."""

    def __init__(self, firms: Firms) -> None:
        self.firms = firms
        self.lead, self.member = firms.firm("Lead"), firms.firm("Member")
        self.supplier, self.stranger = firms.firm("Supplier"), firms.firm("Stranger")
        soon = CLOCK.now() + timedelta(days=1)
        items = (ItemTerms("Bar", "kg", 5),)
        terms = Terms("Steel", "", "CNY", soon, soon, Visibility.ORGANISATION, items)
        with self.acting(self.lead, keep=True) as session:
            made = lists.create_purchase(
                session=session,
                clock=CLOCK,
                organisation_id=self.lead.id,
                terms=terms,
                members=[self.member.id],
                suppliers=[self.supplier.id],
            )
            lists.open_purchase(
                session=session, clock=CLOCK, organisation_id=self.lead.id, purchase_id=made.id
            )
        self.list_id: UUID = made.id
        with self.acting(self.member, keep=True) as session:
            parts.take_part(
                session=session,
                clock=CLOCK,
                member_id=self.member.id,
                purchase_id=made.id,
                quantities=[(1, 7)],
            )
        with self.acting(self.supplier, keep=True) as session:
            self.quote_id = quotes.give_quote(
                session=session,
                clock=CLOCK,
                supplier_id=self.supplier.id,
                purchase_id=made.id,
                lines=[LinePrice(1, (Tier(1, 100),))],
                lead_days=1,
                valid_until=soon + timedelta(days=9),
                remark="",
            ).id

    @contextmanager
    def acting(self, firm: Firm, *, keep: bool = False) -> Iterator[Session]:
        """A transaction for the firm's owner; it comes to nothing unless kept."""
        with sessions_as(self.firms.sessions) as sessions, sessions() as session:
            bind(session, owner_of(firm))
            yield session
            if keep:
                session.commit()
            else:
                session.rollback()

    def seen_by(self, firm: Firm) -> dict[str, int]:
        with self.acting(firm) as session:
            return {
                table: session.connection()
                .execute(text(f"SELECT count(*) FROM purchase_{table}"))  # noqa: S608
                .scalar_one()
                for table in TABLES
            }


@pytest.fixture(scope="module")
def pool(postgres_server: PostgresServer) -> Iterator[Pool]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=3, application="test")
    with firms_on(sessions_for(engine), CLOCK) as firms:
        yield Pool(firms)
    engine.dispose()
    postgres_server.drop(url)


def test_each_side_reads_what_concerns_it_and_a_stranger_nothing(pool: Pool) -> None:
    assert pool.seen_by(pool.lead) == dict(zip(TABLES, (1, 1, 2, 2, 1), strict=True))
    assert pool.seen_by(pool.member) == dict(zip(TABLES, (1, 1, 1, 1, 0), strict=True))
    assert pool.seen_by(pool.supplier) == dict(zip(TABLES, (1, 1, 1, 0, 1), strict=True))
    assert not any(pool.seen_by(pool.stranger).values())


def test_the_totals_follow_parts_that_only_the_lead_sees(pool: Pool) -> None:
    with pool.acting(pool.supplier) as session:
        pooled = session.connection().execute(text("SELECT pooled FROM purchase_item"))
        assert pooled.scalar_one() == 12
    with pool.acting(pool.member) as session:
        session.connection().execute(text("UPDATE purchase_part SET state = 'declined'"))
        pooled = session.connection().execute(text("SELECT pooled FROM purchase_item"))
        assert pooled.scalar_one() == 5


@pytest.mark.parametrize(
    ("who", "statement", "error"),
    [
        (
            "member",
            "UPDATE purchase_part SET state = 'confirmed', at_most_minor = 1",
            "does not become",
        ),
        ("member", "UPDATE purchase_item SET pooled = 1", "permission denied"),
        ("member", "INSERT INTO purchase_share SELECT", "permission denied"),
        ("supplier", "UPDATE purchase_quote SET lines = '[]'", "permission denied"),
        ("supplier", "UPDATE purchase_award SET final_minor = 1", "permission denied"),
        (
            "stranger",
            JOIN,
            "no such open purchasing list",
        ),
        (
            "supplier",
            JOIN,
            "nobody buys and supplies",
        ),
    ],
)
def test_nobody_steps_over_the_line_by_sql(
    pool: Pool, who: str, statement: str, error: str
) -> None:
    firm: Firm = getattr(pool, who)
    named = {"lead": pool.lead.id, "caller": firm.id, "list": pool.list_id}
    known = {name: value for name, value in named.items() if f":{name}" in statement}
    with (
        pool.acting(firm) as session,
        pytest.raises((IntegrityError, ProgrammingError), match=error),
    ):
        session.connection().execute(text(statement), known)


def test_the_lead_changes_no_part_but_its_own(pool: Pool) -> None:
    with pool.acting(pool.lead) as session:
        changed = session.connection().execute(text("UPDATE purchase_part SET quantities = '{}'"))
        assert changed.rowcount == 1


def test_shares_that_do_not_sum_to_their_award_are_refused_at_the_end(pool: Pool) -> None:
    award = text(
        "INSERT INTO purchase_award SELECT gen_random_uuid(), :lead, :list, 1, :quote, :supplier,"
        " '{}', 12, 1200, NULL, NULL"
    )
    share = text(
        "INSERT INTO purchase_share SELECT :list, 1, :member, :lead, 7, 700, gen_random_uuid()"
    )
    named = {"lead": pool.lead.id, "list": pool.list_id}
    with sessions_as(pool.firms.sessions, WORKER) as worker:

        def order(final: str) -> None:
            with transaction(worker) as session:
                connection = session.connection()
                quoted = {"quote": pool.quote_id, "supplier": pool.supplier.id}
                connection.execute(award, named | quoted)
                connection.execute(share, named | {"member": pool.member.id})
                connection.execute(text(f"UPDATE purchase_award SET {final}"))  # noqa: S608

        with pytest.raises(IntegrityError, match="do not sum"):
            order("final_quantity = 7, final_minor = 701")
        order("final_quantity = 7, final_minor = 700")
