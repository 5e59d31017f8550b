"""Who asks: principals and their roles. Pure; every context decides on these alone."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from services.contracts.ids import OrganisationId


class Role(StrEnum):
    """What a member may do for an organisation."""

    OWNER = "owner"
    """所有者: everything within the organisation, members included."""
    SELLER = "seller"
    """卖方: sites, gateways, resources, offers, and the work on bookings."""
    BUYER = "buyer"
    """买方: demands, matches, holds and bookings."""
    PARK_OPERATOR = "park_operator"
    """园区运营: a park's members and its board."""
    PROGRAMME_OFFICER = "programme_officer"
    """项目主管: selection programmes and notices of an authority."""
    EXPERT = "expert"
    """专家: reviews and own hours."""
    SYSTEM_ADMIN = "system_admin"
    """系统管理员 (GB/T 22239-2019, 8.1.5.1): operation of the platform."""
    SECURITY_ADMIN = "security_admin"
    """安全管理员 (8.1.5.3): credentials, verification, risk notices."""
    AUDIT_ADMIN = "audit_admin"
    """审计管理员 (8.1.5.2): the audit trail of everybody."""


PLATFORM_ROLES = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
"""Separated (三员分立): no person holds two of them."""
MANAGING_ROLES = frozenset({Role.OWNER, Role.SELLER})
"""Who sees what is private within the own organisation."""


class PrincipalKind(StrEnum):
    ANONYMOUS = "anonymous"
    PERSON = "person"
    SERVICE_ACCOUNT = "service_account"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, for which organisation, and what that lets it reach.

    ``parks`` are codes of parks the organisation stands in or operates, ``spaces`` the chain
    spaces (产业链空间) it belongs to. ``strong``: a second factor was proven.
    """

    kind: PrincipalKind = PrincipalKind.ANONYMOUS
    id: UUID | None = None
    organisation_id: OrganisationId | None = None
    roles: frozenset[Role] = field(default_factory=frozenset)
    parks: frozenset[str] = field(default_factory=frozenset)
    spaces: frozenset[UUID] = field(default_factory=frozenset)
    credential_id: UUID | None = None
    strong: bool = False

    @property
    def is_anonymous(self) -> bool:
        return self.kind is PrincipalKind.ANONYMOUS

    @property
    def manages(self) -> bool:
        """Whether it sees what is private within its organisation."""
        return not self.roles.isdisjoint(MANAGING_ROLES)

    @property
    def platform_role(self) -> Role | None:
        """The one platform role it holds, if any."""
        return next(iter(self.roles & PLATFORM_ROLES), None)


ANONYMOUS = Principal()


@dataclass(frozen=True, slots=True)
class Acting:
    """A principal that acts for an organisation."""

    principal: Principal
    organisation_id: OrganisationId
