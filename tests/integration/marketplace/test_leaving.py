"""A firm that left a park shares nothing there any more; one that is back keeps sharing."""

from typing import Any

import pytest
from sqlmodel import Session, text

from marketplace.directions.loader import load_directions
from marketplace.offers import handlers as offers
from marketplace.offers.consumers import CONSUMERS
from marketplace.offers.pricing import PriceRule
from marketplace.taxonomy.loader import load_taxonomy
from services.capacity import handlers as capacity
from services.capacity.domain import CapabilityDeclaration, CapacityRule, Visibility
from services.contracts.events.identity import ParkMembershipChanged
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration

PARK = "optics-valley"


def firm(session: Session, clock: FrozenClock, kind: OrganisationKind) -> OrganisationId:
    return identity.create_organisation(
        session=session, clock=clock, name=f"A {kind}", name_zh=f"某{kind}", kind=kind
    ).id


def shared_mill(session: Session, clock: FrozenClock, owner: OrganisationId) -> None:
    place: dict[str, Any] = {"region_code": "420111", "lat": 30.5, "lon": 114.4, "park": PARK}
    site = identity.create_site(
        session=session,
        clock=clock,
        organisation_id=owner,
        code="hall",
        name="Hall",
        name_zh="厂房",
        **place,
    )
    mill = capacity.register_resource(
        session=session,
        clock=clock,
        organisation_id=owner,
        site_id=site.id,
        kind="machine",
        name="Mill",
        name_zh="铣床",
        timezone="Asia/Shanghai",
        units=1,
        rule=CapacityRule(),
        capabilities=[CapabilityDeclaration(process="machining.milling.5axis")],
        calendar_ics=None,
        visibility=Visibility.PARK,
        catalogue=load_taxonomy(),
    )
    offers.publish_offer(
        session=session,
        clock=clock,
        organisation_id=owner,
        directions=load_directions(),
        direction=9,
        title="Milling",
        title_zh="铣削",
        resource_ids=[mill.id],
        price=PriceRule(price_minor=1),
        visibility=Visibility.PARK,
    )


def visibilities(session: Session) -> set[str]:
    session.flush()
    rows = session.connection().execute(
        text(
            "SELECT visibility FROM resource UNION ALL SELECT visibility FROM offer"
            " UNION ALL SELECT visibility FROM listing"
        )
    )
    return {row.visibility for row in rows}


def told(session: Session, clock: FrozenClock, member: OrganisationId) -> None:
    event = ParkMembershipChanged(
        id=clock.new_id(),
        occurred_at=clock.now(),
        park=PARK,
        organisation_id=member,
        is_member=False,
    )
    consumer = next(one for one in CONSUMERS if one.event is ParkMembershipChanged)
    consumer.handle(session=session, clock=clock, event=event)


@pytest.mark.parametrize("is_back", [False, True])
def test_what_a_firm_shared_is_its_own_again_unless_it_is_back(
    session: Session, clock: FrozenClock, *, is_back: bool
) -> None:
    operator = firm(session, clock, OrganisationKind.PARK_OPERATOR)
    member = firm(session, clock, OrganisationKind.FIRM)
    names = {"code": PARK, "name": "Optics Valley", "name_zh": "光谷"}
    identity.create_park(session=session, organisation_id=operator, **names)
    place: dict[str, Any] = {"session": session, "clock": clock, "code": PARK}
    place["organisation_id"] = member
    identity.admit_to_park(**place, operator_id=operator)
    shared_mill(session, clock, member)
    identity.remove_from_park(**place, acting_id=member)
    if is_back:
        identity.admit_to_park(**place, operator_id=operator)
    told(session, clock, member)
    assert visibilities(session) == {"park" if is_back else "organisation"}
