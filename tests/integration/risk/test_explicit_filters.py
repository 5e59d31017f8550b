"""The handlers alone, past row security: what they show is right without the second lock."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.contracts.access import Acting, Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.risk.domain.viewing import NoticeFilter
from services.risk.handlers import collecting, reading
from services.risk.handlers.drafting import NoticeNotFoundError
from services.risk.handlers.reading import NotDeliveredError
from services.runtime.db import transaction
from tests.integration.risk.world import Caller, World, drafted, released
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


def acting(world: World, caller: Caller, *roles: Role) -> Acting:
    organisation_id = OrganisationId(caller.organisation_id)
    with transaction(world.sessions) as session:
        reach = identity.reach(session=session, organisation_id=organisation_id)
    principal = Principal(
        kind=PrincipalKind.PERSON,
        id=caller.id,
        organisation_id=organisation_id,
        roles=frozenset(roles or {Role.OWNER}),
        parks=reach.parks,
        strong=True,
    )
    return Acting(principal, organisation_id)


def shown(world: World, caller: Caller, *roles: Role) -> set[str]:
    with transaction(world.sessions) as session:
        found = reading.list_notices(
            session=session,
            clock=world.clock,
            acting=acting(world, caller, *roles),
            after=None,
            limit=100,
            wanted=NoticeFilter(),
        )
    return {str(notice.id) for notice in found}


def test_each_label_under_each_eye(world: World, clock: FrozenClock) -> None:
    firm, admins = world.firm(), world.administrators()
    company = world.organisation()
    addressed, colleague = world.person(company), world.person(company)
    verified, plain = world.firm(verified=True), world.firm()
    by_label: dict[str, str] = {}
    for tlp in ("clear", "green", "amber", "amber+strict", "red"):
        addressing: dict[str, Any] = {"organisations": [str(company)]}
        if tlp == "red":
            person = {"organisation_id": str(company), "person_id": str(addressed.id)}
            addressing = {"persons": [person]}
        by_label[tlp] = released(firm, admins, tlp=tlp, addressing=addressing)["id"]
    draft = drafted(firm, tlp="clear")["id"]
    everything = {*by_label.values(), draft}
    world.deliver()
    circles = {
        addressed: set(by_label),
        colleague: set(by_label) - {"red"},
        verified: {"clear", "green"},
        plain: {"clear"},
    }
    for caller, labels in circles.items():
        assert shown(world, caller) == {by_label[label] for label in labels}
    assert shown(world, firm) == everything
    assert shown(world, admins[0], Role.SECURITY_ADMIN) == everything
    assert shown(world, admins[0], Role.SYSTEM_ADMIN) == {by_label["clear"]}
    clock.advance(-timedelta(microseconds=1))
    for caller in circles:
        assert shown(world, caller) == set(), "just before it went out nobody reads it"


def test_reading_and_acknowledging_are_filtered_too(world: World) -> None:
    firm, admins, stranger = world.firm(), world.administrators(), world.firm()
    company = world.organisation()
    named, colleague = world.person(company), world.person(company)
    person = {"organisation_id": str(company), "person_id": str(named.id)}
    notice_id = UUID(released(firm, admins, tlp="red", addressing={"persons": [person]})["id"])
    world.deliver()
    for caller in (colleague, stranger):
        facts: dict[str, Any] = {"clock": world.clock, "acting": acting(world, caller)}
        with transaction(world.sessions) as session:
            for ask in (reading.read_notice, reading.export_csaf):
                with pytest.raises(NoticeNotFoundError):
                    ask(session=session, notice_id=notice_id, **facts)
            with pytest.raises(NotDeliveredError):
                reading.acknowledge(session=session, notice_id=notice_id, **facts)
            with pytest.raises(NoticeNotFoundError):
                reading.list_deliveries(
                    session=session,
                    acting=facts["acting"],
                    notice_id=notice_id,
                    after=None,
                    limit=10,
                )


def test_findings_and_reports_are_filtered_too(world: World) -> None:
    firm, stranger = world.firm(), world.firm()
    operator = world.park("optics-valley", firm.organisation_id, stranger.organisation_id)
    gateway = world.gateway(firm.organisation_id, park="optics-valley")
    finding = {"gateway_id": str(gateway), "kind": "unknown_client", "subject": "10.0.0.9"}
    firm.make("risk/findings", {"findings": [finding]}, status=200)
    firm.make("risk/reports", {"title": "Odd", "text": "At night.", "kind": "incident"})
    colleague = world.person(firm.organisation_id)
    for caller, findings, reports in (
        (firm, 1, 1),
        (colleague, 1, 0),
        (operator, 1, 0),
        (stranger, 0, 0),
    ):
        asking = acting(world, caller)
        with transaction(world.sessions) as session:
            page: dict[str, Any] = {
                "session": session,
                "acting": asking,
                "after": None,
                "limit": 10,
            }
            assert len(collecting.list_findings(**page, kinds=())) == findings
            assert len(collecting.list_reports(**page, states=())) == reports
