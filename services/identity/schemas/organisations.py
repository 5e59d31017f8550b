"""Organisations, sites and gateways as the API takes and shows them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.contracts.documents import Document
from services.identity.domain import (
    PARK_CODE_PATTERN,
    REGION_CODE_PATTERN,
    Gateway,
    Organisation,
    OrganisationKind,
    Site,
    Verification,
)
from services.identity.schemas.base import Name
from services.runtime.web import OwnOrganisation

SparkplugId = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
ParkCode = Annotated[
    str, Field(pattern=PARK_CODE_PATTERN, description="code of a park, see /parks")
]
RegionCode = Annotated[
    str, Field(pattern=REGION_CODE_PATTERN, description="GB/T 2260, six digits, e.g. 420106")
]
CreditCode = Annotated[
    str, Field(max_length=40, description="统一社会信用代码, GB 32100, with check character")
]


class OrganisationCreate(Document):
    name: Name
    name_zh: Name
    kind: OrganisationKind
    uscc: CreditCode | None = None


class OrganisationChange(Document):
    """What is left out stays. A credit code of null is taken away; a name of null stays."""

    name: Name | None = None
    name_zh: Name | None = None
    uscc: CreditCode | None = None

    def changes(self) -> dict[str, str | None]:
        given = self.model_dump(exclude_unset=True)
        return {name: told for name, told in given.items() if told is not None or name == "uscc"}


class OrganisationRead(Document):
    id: UUID
    name: str
    name_zh: str
    kind: OrganisationKind
    uscc: str | None
    verification: Verification

    @classmethod
    def of(cls, organisation: Organisation) -> "OrganisationRead":
        return cls(
            id=organisation.id,
            name=organisation.name,
            name_zh=organisation.name_zh,
            kind=organisation.kind,
            uscc=organisation.uscc,
            verification=organisation.verification,
        )


class SiteCreate(Document):
    organisation_id: OwnOrganisation = None
    code: SparkplugId = Field(description="Sparkplug group of the site, unique on the platform")
    name: Name
    name_zh: Name
    region_code: RegionCode
    park: ParkCode | None = None
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class SiteRead(Document):
    id: UUID
    organisation_id: UUID
    code: str
    name: str
    name_zh: str
    region_code: str
    park: str | None
    lat: float
    lon: float

    @classmethod
    def of(cls, site: Site) -> "SiteRead":
        return cls(
            id=site.id,
            organisation_id=site.organisation_id,
            code=site.code,
            name=site.name,
            name_zh=site.name_zh,
            region_code=site.region_code,
            park=site.park,
            lat=site.lat,
            lon=site.lon,
        )


class GatewayCreate(Document):
    site_id: UUID
    edge_node: SparkplugId = Field(description="Sparkplug edge node, unique on its site")


class GatewayRead(Document):
    id: UUID
    organisation_id: UUID
    site_id: UUID
    edge_node: str

    @classmethod
    def of(cls, gateway: Gateway) -> "GatewayRead":
        return cls(
            id=gateway.id,
            organisation_id=gateway.organisation_id,
            site_id=gateway.site_id,
            edge_node=gateway.edge_node,
        )
