"""Members, invitations and service accounts as the API takes and shows them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field, SecretStr

from services.contracts.access import Role
from services.contracts.documents import Document
from services.identity.domain import (
    Invitation,
    InvitationState,
    Member,
    Membership,
    ServiceAccount,
)
from services.identity.schemas.base import Email, Name, Roles

TOKEN_MAX = 200


class MemberChange(Document):
    roles: Roles


class MemberRead(Document):
    person_id: UUID
    name: str
    email: str
    roles: list[Role]
    since: datetime

    @classmethod
    def of(cls, member: Member) -> "MemberRead":
        return cls(
            person_id=member.person.id,
            name=member.person.name,
            email=member.person.email,
            roles=sorted(member.membership.roles),
            since=member.membership.created_at,
        )


class InvitationCreate(Document):
    email: Email
    roles: Roles


class InvitationRead(Document):
    id: UUID
    email: str
    roles: list[Role]
    state: InvitationState
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invitation: Invitation, now: datetime) -> "InvitationRead":
        return cls(
            id=invitation.id,
            email=invitation.email,
            roles=sorted(invitation.roles),
            state=invitation.state(now),
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )


class InvitationMade(InvitationRead):
    token: str = Field(description="hand it to whoever is invited; it is shown this once")

    @classmethod
    def made(cls, invitation: Invitation, token: str, now: datetime) -> "InvitationMade":
        return cls(**InvitationRead.of(invitation, now).model_dump(), token=token)


class InvitationAccept(Document):
    token: SecretStr = Field(min_length=1, max_length=TOKEN_MAX)


class MembershipRead(Document):
    organisation_id: UUID
    roles: list[Role]

    @classmethod
    def of(cls, membership: Membership) -> "MembershipRead":
        return cls(organisation_id=membership.organisation_id, roles=sorted(membership.roles))


class ServiceAccountCreate(Document):
    name: Name
    roles: Roles


class ServiceAccountRead(Document):
    id: UUID
    organisation_id: UUID
    name: str
    roles: list[Role]
    created_at: datetime

    @classmethod
    def of(cls, account: ServiceAccount) -> "ServiceAccountRead":
        return cls(
            id=account.id,
            organisation_id=account.organisation_id,
            name=account.name,
            roles=sorted(account.roles),
            created_at=account.created_at,
        )
