"""Organisations, their sites and the gateways on them; what makes each well formed."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from stdnum.cn import uscc as stdnum_uscc
from stdnum.exceptions import ValidationError

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import GatewayId, OrganisationId, SiteId, is_sparkplug_id

NAME_MAX: Final = 200
REGION_CODE_PATTERN: Final = r"^[1-9][0-9]{5}$"
"""GB/T 2260: province, prefecture and county, two digits each."""
_VERSION_CHARACTERS: Final = 16


class OrganisationKind(StrEnum):
    FIRM = "firm"
    LAB = "lab"
    INCUBATOR = "incubator"
    PARK_OPERATOR = "park_operator"
    UNIVERSITY = "university"
    AUTHORITY = "authority"
    INVESTOR = "investor"
    PLATFORM = "platform"
    """Who runs this platform; its members are the administrators. There is one at most."""


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

    @property
    def version(self) -> str:
        """Changes with every field; what If-Match is compared with."""
        said = repr((self.id, self.name, self.name_zh, self.kind, self.uscc, self.verification))
        return hashlib.sha256(said.encode()).hexdigest()[:_VERSION_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Site:
    """A place where resources stand; ``code`` is its Sparkplug group, ``park`` a park's code."""

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
