"""Organisations, sites and gateways in PostgreSQL."""

from typing import Any

import pytest
from sqlmodel import Session

from services.contracts.ids import GatewayId, OrganisationId, SiteId
from services.identity import handlers
from services.identity.domain import InvalidUsccError, Organisation, OrganisationKind, Site
from tests.support.clock import FrozenClock

USCC = "91110000600037341L"

pytestmark = pytest.mark.integration


def firm(session: Session, clock: FrozenClock, uscc: str | None = None) -> Organisation:
    return handlers.create_organisation(
        session=session,
        clock=clock,
        name="Mills",
        name_zh="铣削厂",
        kind=OrganisationKind.FIRM,
        uscc=uscc,
    )


def site(session: Session, clock: FrozenClock, owner: OrganisationId, **changed: Any) -> Site:
    facts: dict[str, Any] = {
        "code": "wuhan-1",
        "name": "Wuhan",
        "name_zh": "武汉",
        "region_code": "420106",
        "park": None,
        "lat": 30.5,
        "lon": 114.3,
    }
    return handlers.create_site(
        session=session, clock=clock, organisation_id=owner, **{**facts, **changed}
    )


class TestOrganisation:
    def test_is_read_back(self, session: Session, clock: FrozenClock) -> None:
        made = firm(session, clock, USCC.lower())
        session.expunge_all()
        assert handlers.get_organisation(session=session, organisation_id=made.id) == made
        assert made.uscc == USCC

    def test_a_credit_code_belongs_to_one(self, session: Session, clock: FrozenClock) -> None:
        firm(session, clock, USCC)
        with pytest.raises(handlers.UsccTakenError, match=USCC):
            firm(session, clock, USCC)
        with pytest.raises(InvalidUsccError):
            firm(session, clock, "91110000600037341M")
        firm(session, clock)
        firm(session, clock)

    def test_pages_follow_each_other_by_id(self, session: Session, clock: FrozenClock) -> None:
        made = [firm(session, clock).id for _ in range(5)]
        first = handlers.list_organisations(session=session, after=None, limit=3)
        rest = handlers.list_organisations(session=session, after=first[-1].id, limit=3)
        assert [each.id for each in [*first, *rest]] == made
        known = handlers.organisations_by_id(session=session, organisation_ids=made[:2])
        assert list(known) == made[:2]


class TestSite:
    def test_is_read_back(self, session: Session, clock: FrozenClock) -> None:
        made = site(session, clock, firm(session, clock).id)
        session.expunge_all()
        assert handlers.get_site(session=session, site_id=made.id) == made
        assert handlers.sites_by_id(session=session, site_ids=[made.id]) == {made.id: made}

    def test_its_code_is_its_own(self, session: Session, clock: FrozenClock) -> None:
        owner = firm(session, clock).id
        site(session, clock, owner)
        with pytest.raises(handlers.SiteCodeTakenError, match="wuhan-1"):
            site(session, clock, owner)

    def test_needs_an_owner(self, session: Session, clock: FrozenClock) -> None:
        nobody = OrganisationId(clock.new_id())
        with pytest.raises(handlers.OrganisationNotFoundError, match=str(nobody)):
            site(session, clock, nobody)

    def test_lists_are_narrowed_by_owner(self, session: Session, clock: FrozenClock) -> None:
        owner, other = firm(session, clock).id, firm(session, clock).id
        made = site(session, clock, owner)
        site(session, clock, other, code="wuhan-2")
        listed = handlers.list_sites(session=session, after=None, limit=9, organisation_id=owner)
        assert listed == [made]
        assert handlers.list_sites(session=session, after=made.id, limit=9) != [made]


class TestGateway:
    def test_is_found_by_group_and_node(self, session: Session, clock: FrozenClock) -> None:
        place = site(session, clock, firm(session, clock).id)
        made = handlers.create_gateway(
            session=session,
            clock=clock,
            organisation_id=place.organisation_id,
            site_id=place.id,
            edge_node="edge-1",
        )
        at = {"session": session, "group": "wuhan-1"}
        assert handlers.gateway_at(**at, edge_node="edge-1") == made  # type: ignore[arg-type]  # mixed values
        own: dict[str, Any] = {"session": session, "organisation_id": place.organisation_id}
        assert handlers.gateway_at(**at, edge_node="edge-2") is None  # type: ignore[arg-type]  # same
        assert handlers.get_gateway(**own, gateway_id=made.id) == made
        assert handlers.list_gateways(**own, after=None, limit=9, site_id=place.id) == [made]

    def test_a_node_is_unique_on_its_site_only(self, session: Session, clock: FrozenClock) -> None:
        owner = firm(session, clock).id
        first, second = site(session, clock, owner), site(session, clock, owner, code="wuhan-2")
        for place in (first, second):
            handlers.create_gateway(
                session=session,
                clock=clock,
                organisation_id=place.organisation_id,
                site_id=place.id,
                edge_node="edge-1",
            )
        with pytest.raises(handlers.EdgeNodeTakenError, match="edge-1"):
            handlers.create_gateway(
                session=session,
                clock=clock,
                organisation_id=owner,
                site_id=first.id,
                edge_node="edge-1",
            )

    def test_unknown_ids_are_named(self, session: Session, clock: FrozenClock) -> None:
        with pytest.raises(handlers.GatewayNotFoundError):
            handlers.get_gateway(
                session=session,
                organisation_id=firm(session, clock).id,
                gateway_id=GatewayId(clock.new_id()),
            )
        with pytest.raises(handlers.SiteNotFoundError):
            handlers.create_gateway(
                session=session,
                clock=clock,
                organisation_id=firm(session, clock).id,
                site_id=SiteId(clock.new_id()),
                edge_node="edge-1",
            )

    def test_is_the_owners_alone(self, session: Session, clock: FrozenClock) -> None:
        owner, other = firm(session, clock).id, firm(session, clock).id
        place = site(session, clock, owner)
        facts: dict[str, Any] = {"session": session, "clock": clock, "site_id": place.id}
        made = handlers.create_gateway(**facts, organisation_id=owner, edge_node="edge-1")
        with pytest.raises(handlers.SiteNotFoundError):
            handlers.create_gateway(**facts, organisation_id=other, edge_node="edge-2")
        with pytest.raises(handlers.GatewayNotFoundError):
            handlers.get_gateway(session=session, organisation_id=other, gateway_id=made.id)
        listed = handlers.list_gateways(
            session=session, organisation_id=other, after=None, limit=9, site_id=place.id
        )
        assert listed == []
