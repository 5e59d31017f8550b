"""Tables of the identity context."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from services.contracts.ids import SPARKPLUG_ID
from services.identity.domain import REGION_CODE_PATTERN, OrganisationKind

_KINDS = ", ".join(f"'{kind.value}'" for kind in OrganisationKind)
_SPARKPLUG = f"^{SPARKPLUG_ID.pattern}$"


class OrganisationRow(SQLModel, table=True):
    __tablename__ = "organisation"
    __table_args__: Any = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        CheckConstraint("uscc ~ '^[0-9A-Z]{18}$'", name="uscc_shape"),
        CheckConstraint("name <> '' AND name_zh <> ''", name="named"),
    )

    id: UUID = Field(primary_key=True)
    name: str
    name_zh: str
    kind: str
    uscc: str | None = Field(default=None, unique=True)


class SiteRow(SQLModel, table=True):
    __tablename__ = "site"
    __table_args__: Any = (
        CheckConstraint(f"code ~ '{_SPARKPLUG}'", name="code_shape"),
        CheckConstraint(f"region_code ~ '{REGION_CODE_PATTERN}'", name="region_code_shape"),
        CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="on_earth"),
        CheckConstraint("name <> '' AND name_zh <> ''", name="named"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    code: str = Field(unique=True)
    name: str
    name_zh: str
    region_code: str
    park: str | None = None
    lat: float
    lon: float


class GatewayRow(SQLModel, table=True):
    __tablename__ = "gateway"
    __table_args__: Any = (
        UniqueConstraint("site_id", "edge_node"),
        CheckConstraint(f"edge_node ~ '{_SPARKPLUG}'", name="edge_node_shape"),
    )

    id: UUID = Field(primary_key=True)
    site_id: UUID = Field(foreign_key="site.id")
    edge_node: str
