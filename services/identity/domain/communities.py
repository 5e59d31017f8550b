"""Parks and chain spaces: within which organisations share what they do not show to everybody."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

PARK_CODE_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
PARKS_OPERATED_MAX: Final = 50
SPACES_LED_MAX: Final = 50
REACH_MAX: Final = 200
"""Every request carries the communities of its organisation to the database."""


@dataclass(frozen=True, slots=True)
class Park:
    """An industrial park (园区) and the organisation that operates it."""

    code: str
    organisation_id: OrganisationId
    name: str
    name_zh: str


@dataclass(frozen=True, slots=True)
class Space:
    """A chain space (产业链空间) and the organisation that leads it."""

    id: UUID
    organisation_id: OrganisationId
    name: str
    name_zh: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CommunityMember:
    """An organisation in a park or chain space."""

    organisation_id: OrganisationId
    name: str
    name_zh: str
    since: datetime

    @property
    def id(self) -> UUID:
        return self.organisation_id


@dataclass(frozen=True, slots=True)
class Reach:
    """Communities whose shared things an organisation sees."""

    parks: frozenset[str] = frozenset()
    """Codes of parks (园区) it operates or was admitted to."""
    spaces: frozenset[UUID] = frozenset()
    """Chain spaces (产业链空间) it leads or is a member of."""

    def includes(self, *, park: str | None, space_id: UUID | None) -> bool:
        """Whether the park, or else the space, is one of them."""
        return park in self.parks if space_id is None else space_id in self.spaces


class InvalidParkCodeError(DomainError):
    code: ClassVar[str] = "invalid-park-code"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{park!r} is no code of a park; use 1 to 64 of a-z, 0-9 and -, not beginning with -."
    )
    zh: ClassVar[str] = (
        "{park!r} 不能作为园区代码；请使用 1 至 64 个 a-z、0-9 或 -，且不以 - 开头。"
    )


def check_park_code(text: str) -> None:
    """Refuse a code that could not stand in an address.

    Raises:
        InvalidParkCodeError: not ``[a-z0-9][a-z0-9-]{0,63}``.
    """
    if re.fullmatch(PARK_CODE_PATTERN.strip("^$"), text, re.ASCII) is None:
        raise InvalidParkCodeError(park=text)
