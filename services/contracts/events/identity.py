"""Events of the identity context."""

from typing import ClassVar, Literal
from uuid import UUID

from services.contracts.events.envelope import Event


class OrganisationChanged(Event):
    """An organisation has other names, another credit code, or another verification."""

    type: ClassVar[str] = "identity.organisation-changed.v1"

    organisation_id: UUID
    verification: Literal["unverified", "pending", "verified", "rejected"]


class ParkMembershipChanged(Event):
    """An organisation was admitted to a park, or is in it no more."""

    type: ClassVar[str] = "identity.park-membership-changed.v1"

    park: str
    organisation_id: UUID
    is_member: bool


class SpaceMembershipChanged(Event):
    """An organisation was added to a chain space, or is in it no more."""

    type: ClassVar[str] = "identity.space-membership-changed.v1"

    space_id: UUID
    organisation_id: UUID
    is_member: bool
