"""Who reads: what of a principal decides on notices."""

from dataclasses import dataclass
from uuid import UUID

from services.contracts.access import Principal, Role
from services.contracts.ids import OrganisationId
from services.risk.domain.notice import Notice, NoticeKind, NoticeState
from services.risk.domain.rating import Severity
from services.risk.domain.tlp import Tlp


@dataclass(frozen=True, slots=True)
class Viewer:
    """``is_verified``: its organisation belongs to the community of TLP:GREEN."""

    organisation_id: OrganisationId
    actor_id: UUID
    is_security_admin: bool
    is_verified: bool


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices a list is about; an empty member leaves its field open."""

    states: tuple[NoticeState, ...] = ()
    kinds: tuple[NoticeKind, ...] = ()
    tlps: tuple[Tlp, ...] = ()
    severities: tuple[Severity, ...] = ()


def may_release(principal: Principal, notice: Notice) -> bool:
    """Whether the caller stands for a release.

    A security administrator of the platform does for any, an authority's officer for its own.
    """
    if principal.platform_role is Role.SECURITY_ADMIN:
        return True
    return (
        Role.PROGRAMME_OFFICER in principal.roles
        and principal.organisation_id == notice.organisation_id
    )
