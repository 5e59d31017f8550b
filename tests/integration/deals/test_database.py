"""What no handler does, tried by SQL as the HTTP door's role: another's move, another's request."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlmodel import Session, text

from services.contracts.access import Principal, PrincipalKind, Role
from services.runtime.tenancy import bind
from tests.integration.deals.trade import Trade
from tests.support.firms import Firm
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration


@contextmanager
def acting(trade: Trade, firm: Firm) -> Iterator[Session]:
    """A transaction for the firm's owner that comes to nothing."""
    with sessions_as(trade.firms.sessions) as sessions, sessions() as session:
        owner = Principal(
            kind=PrincipalKind.PERSON,
            id=firm.owner_id,
            organisation_id=firm.id,
            roles=frozenset({Role.OWNER}),
        )
        bind(session, owner)
        yield session
        session.rollback()


def test_a_supplier_does_not_shortlist_itself(trade: Trade) -> None:
    deal_id = trade.published("cheap")
    bid_id = trade.quote(deal_id, "cheap")["bid_id"]
    shortlist = text("UPDATE deal_bid SET state = 'shortlisted' WHERE id = :id")
    with (
        acting(trade, trade.suppliers["cheap"]) as session,
        pytest.raises(IntegrityError, match="does not become shortlisted by its supplier"),
    ):
        session.connection().execute(shortlist, {"id": bid_id})
    with acting(trade, trade.buyer) as session:
        assert session.connection().execute(shortlist, {"id": bid_id}).rowcount == 1
    with acting(trade, trade.suppliers["dear"]) as session:
        assert session.connection().execute(shortlist, {"id": bid_id}).rowcount == 0


def test_nobody_joins_a_request_it_does_not_see(trade: Trade) -> None:
    deal_id = trade.published("cheap")
    join = text(
        "INSERT INTO deal_bid (id, organisation_id, supplier_id, deal_id, state, invited, revision,"
        " asked_at, updated_at)"
        " VALUES (:id, :buyer, :supplier, :deal, 'published', false, 1, now(), now())"
    )
    outsider = trade.suppliers["dear"]
    facts = {"id": trade.clock.new_id(), "buyer": trade.buyer.id, "supplier": outsider.id}
    with (
        acting(trade, outsider) as session,
        pytest.raises(ProgrammingError, match="there is no such deal"),
    ):
        session.connection().execute(join, facts | {"deal": deal_id})
