"""Organisations, their sites and the gateways on them; what makes each well formed."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from stdnum.cn import uscc as stdnum_uscc
from stdnum.exceptions import ValidationError

from services.contracts.access import PLATFORM_ROLES, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import (
    GatewayId,
    OrganisationId,
    PersonId,
    ServiceAccountId,
    SiteId,
    is_sparkplug_id,
)

NAME_MAX = 200
REGION_CODE_PATTERN = r"^[1-9][0-9]{5}$"
"""GB/T 2260: province, prefecture and county, two digits each."""


class OrganisationKind(StrEnum):
    FIRM = "firm"
    LAB = "lab"
    INCUBATOR = "incubator"
    PARK_OPERATOR = "park_operator"
    UNIVERSITY = "university"
    AUTHORITY = "authority"
    INVESTOR = "investor"
    PLATFORM = "platform"
    """Who runs this platform; its members are the administrators."""


class Verification(StrEnum):
    """How far a firm's identity was checked (企业认证)."""

    UNVERIFIED = "unverified"
    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Organisation:
    id: OrganisationId
    name: str
    name_zh: str
    kind: OrganisationKind
    uscc: str | None
    """Unified social credit code (统一社会信用代码, GB 32100)."""
    verification: Verification = Verification.UNVERIFIED


@dataclass(frozen=True, slots=True)
class Site:
    """A place where resources stand; ``code`` is its Sparkplug group."""

    id: SiteId
    organisation_id: OrganisationId
    code: str
    name: str
    name_zh: str
    region_code: str
    park: str | None
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Gateway:
    """An edge gateway on a site; ``edge_node`` is its Sparkplug edge-node id."""

    id: GatewayId
    organisation_id: OrganisationId
    site_id: SiteId
    edge_node: str


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person with an account; ``email`` in lower case, ``locale`` ``zh`` or ``en``."""

    id: PersonId
    email: str
    name: str
    locale: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """What a person may do for an organisation."""

    organisation_id: OrganisationId
    person_id: PersonId
    roles: frozenset[Role]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A program that acts for an organisation."""

    id: ServiceAccountId
    organisation_id: OrganisationId
    name: str
    roles: frozenset[Role]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """Communities whose shared things an organisation sees."""

    parks: frozenset[str] = frozenset()
    """Codes of parks (园区) it operates or was admitted to."""
    spaces: frozenset[UUID] = frozenset()
    """Chain spaces (产业链空间) it leads or is a member of."""


class RolesInvalidError(DomainError):
    code: ClassVar[str] = "roles-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{roles} cannot be held in an organisation of kind {kind_of}; give at least one role, park"
        " operators in a park operator, programme officers in an authority, and one administrator"
        " role at most, in the platform."
    )
    zh: ClassVar[str] = (
        "{kind_of} 类组织的成员不能拥有角色 {roles}；至少给出一个角色，园区运营仅限园区运营方，"
        "项目主管仅限主管部门，管理员角色仅限平台且至多一个。"
    )


class InvalidEmailError(DomainError):
    code: ClassVar[str] = "invalid-email"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "{email!r} is no e-mail address; write it as name@example.com."
    zh: ClassVar[str] = "{email!r} 不是有效的电子邮箱；请写成 name@example.com。"


class InvalidUsccError(DomainError):
    code: ClassVar[str] = "invalid-uscc"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{uscc!r} is no unified social credit code (GB 32100): {problem} Check the 18 characters."
    )
    zh: ClassVar[str] = "{uscc!r} 不是有效的统一社会信用代码（GB 32100），请核对 18 位字符。"


class InvalidRegionCodeError(DomainError):
    code: ClassVar[str] = "invalid-region-code"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Region code {region_code!r} must be six digits of GB/T 2260, e.g. 420106."
    zh: ClassVar[str] = "行政区划代码 {region_code!r} 必须是 GB/T 2260 的六位数字，例如 420106。"


class InvalidPositionError(DomainError):
    code: ClassVar[str] = "invalid-position"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Position {lat}, {lon} is not on Earth; give latitude -90…90 and longitude -180…180."
    )
    zh: ClassVar[str] = "坐标 {lat}, {lon} 无效；纬度应在 -90…90，经度应在 -180…180。"


class InvalidSparkplugIdError(DomainError):
    code: ClassVar[str] = "invalid-sparkplug-id"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "{text!r} cannot stand in a topic; use 1 to 64 of a-z, 0-9, _ and -."
    zh: ClassVar[str] = "{text!r} 不能用于主题；请使用 1 至 64 个 a-z、0-9、_ 或 - 字符。"


def normal_uscc(text: str) -> str:
    """The code without spaces, in capitals.

    Raises:
        InvalidUsccError: wrong length, characters or check character.
    """
    try:
        return str(stdnum_uscc.validate(text))
    except ValidationError as error:
        raise InvalidUsccError(uscc=text, problem=str(error)) from error


def check_site(*, code: str, region_code: str, lat: float, lon: float) -> None:
    """Refuse a site that could not be addressed or found on a map.

    Raises:
        InvalidSparkplugIdError, InvalidRegionCodeError, InvalidPositionError: which and why.
    """
    check_sparkplug_id(code)
    if re.fullmatch(REGION_CODE_PATTERN, region_code, re.ASCII) is None:
        raise InvalidRegionCodeError(region_code=region_code)
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # noqa: PLR2004 - degrees of the globe
        raise InvalidPositionError(lat=lat, lon=lon)


def check_sparkplug_id(text: str) -> None:
    """Refuse an id no topic can carry.

    Raises:
        InvalidSparkplugIdError: not ``[a-z0-9_-]{1,64}``.
    """
    if not is_sparkplug_id(text):
        raise InvalidSparkplugIdError(text=text)


_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}")
_ONLY_IN = {
    Role.PARK_OPERATOR: OrganisationKind.PARK_OPERATOR,
    Role.PROGRAMME_OFFICER: OrganisationKind.AUTHORITY,
    **dict.fromkeys(PLATFORM_ROLES, OrganisationKind.PLATFORM),
}


def normal_email(text: str) -> str:
    """The address in lower case.

    Raises:
        InvalidEmailError: it is none.
    """
    email = text.strip().lower()
    if _EMAIL.fullmatch(email) is None:
        raise InvalidEmailError(email=text)
    return email


def check_roles(roles: frozenset[Role], kind: OrganisationKind) -> None:
    """Refuse roles that cannot be held together or in such an organisation.

    Raises:
        RolesInvalidError: which and where.
    """
    misplaced = any(_ONLY_IN.get(role, kind) is not kind for role in roles)
    if not roles or misplaced or len(roles & PLATFORM_ROLES) > 1:
        raise RolesInvalidError(roles=", ".join(sorted(roles)) or "no role", kind_of=kind)
