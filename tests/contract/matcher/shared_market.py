"""A market with something of every visibility, in three regions, and everybody who may look."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlmodel import Session

from services.agreements import handlers as agreements
from services.capacity import handlers as capacity
from services.capacity.domain import CapabilityDeclaration, CapacityRule, Resource, Visibility
from services.contracts.access import Acting, Principal, PrincipalKind, Role
from services.contracts.ids import OfferId, OrganisationId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind, Site
from services.matching import handlers as matching
from services.matching.domain import Rate
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from tests.integration.booking.park import MILLING, AnyCode

PARK = "optics-valley"
REGIONS = ("420111", "310115", "440305")
TERMS = bytes(32)


@dataclass
class SharedMarket:
    """``sees`` says which offers each party may see; ``principals`` is who asks for it."""

    clock: Clock
    owner: OrganisationId
    sites: list[Site]
    space_id: UUID
    principals: dict[str, Principal]
    offers: dict[Visibility, OfferId] = field(default_factory=dict)

    def resource(
        self,
        session: Session,
        *,
        region: int = 0,
        units: int = 1,
        capability: CapabilityDeclaration | None = None,
        visibility: Visibility = Visibility.PUBLIC,
        calendar: str | None = None,
        **rule: float,
    ) -> Resource:
        return capacity.register_resource(
            session=session,
            clock=self.clock,
            organisation_id=self.owner,
            site_id=self.sites[region % len(self.sites)].id,
            kind="machine",
            name="Mill",
            name_zh="铣床",
            timezone="UTC",
            units=units,
            rule=CapacityRule(**rule),  # type: ignore[arg-type]
            capabilities=[capability or CapabilityDeclaration(process=MILLING)],
            calendar_ics=calendar,
            visibility=visibility,
            catalogue=AnyCode(),
            space_id=self.space_id if visibility is Visibility.SPACE else None,
        )

    def offer(
        self,
        session: Session,
        resource: Resource,
        rate: Rate | None = None,
        visibility: Visibility = Visibility.PUBLIC,
    ) -> OfferId:
        offer_id = OfferId(self.clock.new_id())
        matching.list_resource(
            session=session,
            clock=self.clock,
            offer_id=offer_id,
            resource_id=resource.id,
            rate=rate or Rate(per_hour_minor=10_000),
            visibility=visibility,
        )
        return offer_id


SEEN = {
    "nobody": {Visibility.PUBLIC},
    "stranger": {Visibility.PUBLIC},
    "neighbour": {Visibility.PUBLIC, Visibility.PARK},
    "member": {Visibility.PUBLIC, Visibility.SPACE},
    "partner": {Visibility.PUBLIC, Visibility.NDA},
    "operator": {Visibility.PUBLIC, Visibility.PARK},
    "owner": set(Visibility),
    "worker": set(Visibility) - {Visibility.PRIVATE},
}


def open_market(sessions: Sessions, clock: Clock) -> SharedMarket:
    """One offer of each visibility by one owner; named parties that see more or less of it."""
    with transaction(sessions) as session:
        firms = {
            name: identity.create_organisation(
                session=session,
                clock=clock,
                name=name,
                name_zh=name,
                kind=OrganisationKind.PARK_OPERATOR
                if name == "operator"
                else OrganisationKind.FIRM,
            ).id
            for name in ("owner", "stranger", "neighbour", "member", "partner", "operator")
        }
        owner = firms["owner"]
        identity.create_park(
            session=session, organisation_id=firms["operator"], code=PARK, name="P", name_zh="光谷"
        )
        for name in ("owner", "neighbour"):
            identity.admit_to_park(
                session=session,
                clock=clock,
                operator_id=firms["operator"],
                code=PARK,
                organisation_id=firms[name],
            )
        space = identity.create_space(
            session=session, clock=clock, organisation_id=owner, name="S", name_zh="链"
        )
        identity.add_to_space(
            session=session,
            clock=clock,
            lead_id=owner,
            space_id=space.id,
            organisation_id=firms["member"],
        )
        sites = [
            identity.create_site(
                session=session,
                clock=clock,
                organisation_id=owner,
                code=f"works-{region}",
                name="Works",
                name_zh="工厂",
                region_code=region,
                park=PARK,
                lat=30.5,
                lon=114.3,
            )
            for region in REGIONS
        ]
        _confide(session, clock, owner, firms["partner"])
        market = SharedMarket(clock, owner, sites, space.id, _principals(session, firms, space.id))
        for number, visibility in enumerate(Visibility):
            resource = market.resource(session, region=number, visibility=visibility)
            market.offers[visibility] = market.offer(
                session, resource, Rate(per_hour_minor=10_000 + number), visibility
            )
    return market


def _confide(
    session: Session, clock: Clock, owner: OrganisationId, partner: OrganisationId
) -> None:
    nda = agreements.propose(
        session=session,
        clock=clock,
        acting=_acting(owner),
        owner_id=owner,
        counterparty_id=partner,
        subject=None,
        terms_hash=TERMS,
        expires_at=clock.now() + timedelta(days=30),
    )
    agreements.sign(
        session=session, clock=clock, acting=_acting(partner), nda_id=nda.id, terms_hash=TERMS
    )


def _acting(organisation_id: OrganisationId) -> Acting:
    return Acting(_principal(organisation_id, Role.OWNER), organisation_id)


def _principals(
    session: Session, firms: dict[str, OrganisationId], space_id: UUID
) -> dict[str, Principal]:
    found = {"nobody": Principal()}
    for name, firm in firms.items():
        reach = identity.reach(session=session, organisation_id=firm)
        found[name] = _principal(firm, Role.OWNER, parks=reach.parks, spaces=reach.spaces)
    owner = found["owner"]
    found["worker"] = _principal(firms["owner"], Role.BUYER, parks=owner.parks, spaces=owner.spaces)
    assert space_id in owner.spaces
    return found


def _principal(
    organisation_id: OrganisationId,
    role: Role,
    *,
    parks: frozenset[str] = frozenset(),
    spaces: frozenset[UUID] = frozenset(),
) -> Principal:
    return Principal(
        kind=PrincipalKind.PERSON,
        id=UUID(int=1),
        organisation_id=organisation_id,
        roles=frozenset({role}),
        parks=parks,
        spaces=spaces,
    )
