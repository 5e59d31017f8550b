"""People, what they may do for organisations, how they get there, and programs that act alike."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.access import PLATFORM_ROLES, Role
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, PersonId, ServiceAccountId
from services.identity.domain.organisations import OrganisationKind

INVITATION_LASTS: Final = timedelta(days=7)
INVITATIONS_OPEN_MAX: Final = 200
"""Of one organisation at a time."""
SERVICE_ACCOUNTS_MAX: Final = 100
"""Of one organisation."""
TOKEN_BYTES: Final = 32
_TOKEN_PREFIX: Final = "ni_"  # noqa: S105 - by which a leaked one is found
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}")
_ONLY_IN: Final = {
    Role.PARK_OPERATOR: OrganisationKind.PARK_OPERATOR,
    Role.PROGRAMME_OFFICER: OrganisationKind.AUTHORITY,
    **dict.fromkeys(PLATFORM_ROLES, OrganisationKind.PLATFORM),
}


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person with an account; ``email`` in lower case, ``locale`` ``zh`` or ``en``."""

    id: PersonId
    email: Annotated[str, CONFIDENTIAL]
    name: Annotated[str, CONFIDENTIAL]
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
class Member:
    """A membership and whose it is."""

    membership: Membership
    person: Person

    @property
    def id(self) -> UUID:
        return self.person.id


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A program that acts for an organisation."""

    id: ServiceAccountId
    organisation_id: OrganisationId
    name: str
    roles: frozenset[Role]
    created_at: datetime


class InvitationState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A place among an organisation's members, kept for whoever has its token and address."""

    id: UUID
    organisation_id: OrganisationId
    email: Annotated[str, CONFIDENTIAL]
    roles: frozenset[Role]
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> InvitationState:
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.revoked_at is not None:
            return InvitationState.REVOKED
        return InvitationState.EXPIRED if now >= self.expires_at else InvitationState.OPEN


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


def invitation_token(random_bytes: bytes) -> str:
    """The text whoever is invited presents, once.

    Raises:
        ValueError: not 32 bytes.
    """
    if len(random_bytes) != TOKEN_BYTES:
        raise ValueError(f"a token needs {TOKEN_BYTES} random bytes, got {len(random_bytes)}")
    return _TOKEN_PREFIX + random_bytes.hex()


def invitation_hash(token: str) -> bytes:
    """What is stored and looked up; the token is too long to guess, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).digest()
