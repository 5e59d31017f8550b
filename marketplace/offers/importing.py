"""Many offers at once: each line a resource and its offer, checked one by one, written as one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, ValidationError
from sqlmodel import Session

from marketplace.directions.domain import NUMBER_MAX, Directions, Engagement
from marketplace.offers import store
from marketplace.offers.domain import TITLE_MAX, Offer, OfferState, check_visibility, engagement
from marketplace.offers.schemas import Attributes, PriceRuleIn
from services.capacity import handlers as capacity
from services.capacity.domain import (
    CapabilityDeclaration,
    CapacityRule,
    Certificate,
    Resource,
    ServiceCatalogue,
    Visibility,
    check_resource,
)
from services.contracts.documents import Document
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.marketplace import OfferPublished
from services.contracts.ids import OfferId, OrganisationId, ResourceId, SiteId
from services.identity import handlers as identity
from services.matching import handlers as matching
from services.runtime.clock import Clock
from services.runtime.outbox import emit_all

BATCH: Final = 1_000
"""Lines of one transaction."""
NAME_MAX: Final = 200


class ImportLineError(DomainError):
    code: ClassVar[str] = "import-line-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Line {line}: {en}"
    zh: ClassVar[str] = "第 {line} 行：{zh}"


class CertificateLine(Document):
    kind: str = Field(min_length=1, max_length=100)
    scope: str = Field(default="", max_length=200)
    number: str = Field(default="", max_length=100)
    issuer: str = Field(default="", max_length=200)
    valid_to: date | None = None


class CapabilityLine(Document):
    process: str = Field(min_length=1, max_length=100)
    materials: list[str] = Field(default_factory=list, max_length=50)
    envelope_mm: tuple[int, int, int] | None = None
    tolerance_um: int | None = None
    certificates: list[CertificateLine] = Field(default_factory=list, max_length=20)

    def declaration(self) -> CapabilityDeclaration:
        return CapabilityDeclaration(
            process=self.process,
            materials=tuple(self.materials),
            envelope_mm=self.envelope_mm,
            tolerance_um=self.tolerance_um,
            certificates=tuple(Certificate(**held.model_dump()) for held in self.certificates),
        )


class OfferLine(Document):
    """A resource and the offer of it. One resource cannot stand in two lines."""

    direction: int = Field(ge=1, le=NUMBER_MAX)
    kind: str = Field(min_length=1, max_length=40)
    name: str = Field(min_length=1, max_length=NAME_MAX)
    name_zh: str = Field(min_length=1, max_length=NAME_MAX)
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    title_zh: str = Field(min_length=1, max_length=TITLE_MAX)
    units: int = 1
    timezone: str = "Asia/Shanghai"
    capabilities: list[CapabilityLine] = Field(default_factory=list, max_length=50)
    price: PriceRuleIn
    visibility: Visibility | None = None
    engage: Literal["book", "request"] | None = None
    attributes: Attributes = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose resources they are, and on which site they stand."""

    organisation_id: OrganisationId
    site_id: SiteId


Pair = tuple[Offer, Resource]


def import_offers(
    *,
    session: Session,
    clock: Clock,
    owner: Owner,
    lines: Sequence[str],
    first_line: int,
    directions: Directions,
    catalogue: ServiceCatalogue,
) -> list[Pair]:
    """Register and publish what ``lines`` of JSON say, all or nothing.

    Args:
        session: the transaction to work in.
        clock: when, and new ids.
        owner: of everything in them.
        lines: each an ``OfferLine``.
        first_line: the number of the first, for errors.
        directions: what they let be said.
        catalogue: the codes of what can be done.

    Raises:
        ImportLineError: the first line that is wrong, and how.
        SiteNotFoundError: there is no such site.
    """
    site = identity.get_site(session=session, site_id=owner.site_id)

    def pair(line: str) -> Pair:
        said = OfferLine.model_validate_json(line)
        return _pair(said, clock, owner, site.park, directions, catalogue)

    pairs = [_told(number, pair, line) for number, line in enumerate(lines, start=first_line)]
    resources = [resource for _, resource in pairs]
    capacity.register_resources(
        session=session, clock=clock, resources=resources, catalogue=catalogue
    )
    store.insert_offers(session, [offer for offer, _ in pairs])
    matching.list_resources(
        session=session,
        clock=clock,
        offered=[
            (offer.id, resource, offer.price.rate(), offer.visibility)
            for offer, resource in pairs
            if offer.is_bookable
        ],
    )
    now = clock.now()
    published = [
        OfferPublished(
            id=clock.new_id(),
            occurred_at=now,
            offer_id=offer.id,
            organisation_id=offer.organisation_id,
            audience=offer.audience,
        )
        for offer, _ in pairs
    ]
    emit_all(session, published, now=now)
    return pairs


def _pair(
    said: OfferLine,
    clock: Clock,
    owner: Owner,
    park: str | None,
    directions: Directions,
    catalogue: ServiceCatalogue,
) -> Pair:
    now = clock.now()
    opened = directions.numbered(said.direction)
    visibility = said.visibility or opened.usual_visibility
    opened.check_visibility(visibility)
    opened.check_attributes({said.kind}, said.attributes)
    resource = Resource(
        id=ResourceId(clock.new_id()),
        organisation_id=owner.organisation_id,
        site_id=owner.site_id,
        kind=said.kind,
        name=said.name,
        name_zh=said.name_zh,
        timezone=said.timezone,
        units=said.units,
        rule=CapacityRule(),
        capabilities=tuple(one.declaration() for one in said.capabilities),
        visibility=visibility,
        created_at=now,
        park=park,
    )
    check_resource(resource, catalogue)
    check_visibility(visibility, [resource])
    offer = Offer(
        id=OfferId(clock.new_id()),
        organisation_id=owner.organisation_id,
        direction=said.direction,
        title=said.title,
        title_zh=said.title_zh,
        resource_ids=(resource.id,),
        price=said.price.rule(),
        visibility=visibility,
        state=OfferState.PUBLISHED,
        version=1,
        created_at=now,
        updated_at=now,
        park=park,
        engage=engagement(opened, Engagement(said.engage) if said.engage else None),
        attributes=said.attributes,
    )
    return offer, resource


def _told(number: int, pair: Callable[[str], Pair], line: str) -> Pair:
    """What ``line`` says, or its number with what is wrong."""
    try:
        return pair(line)
    except DomainError as error:
        raise ImportLineError(line=number, en=error.text("en"), zh=error.text("zh")) from error
    except ValidationError as error:
        first: Any = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "line"
        told = f"{place}: {first['msg']}"
        raise ImportLineError(line=number, en=told, zh=told) from error
