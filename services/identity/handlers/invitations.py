"""Invitations: an owner keeps a place for an address, its holder takes it with a token, once."""

import secrets
from collections.abc import Collection
from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Principal, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, PersonId
from services.identity.domain import (
    Invitation,
    InvitationState,
    Membership,
    check_roles,
    normal_email,
)
from services.identity.domain.people import (
    INVITATION_LASTS,
    INVITATIONS_OPEN_MAX,
    TOKEN_BYTES,
    invitation_hash,
    invitation_token,
)
from services.identity.handlers.organisations import get_organisation
from services.identity.handlers.people import add_member
from services.identity.store import invitations as store
from services.identity.store import people
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.tenancy import bind


class InvitationNotFoundError(DomainError):
    code: ClassVar[str] = "invitation-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "The organisation has no open invitation {invitation_id}; see /invitations."
    zh: ClassVar[str] = "该组织没有待接受的邀请 {invitation_id}；请查看 /invitations。"


class InvitationNotYoursError(DomainError):
    """One answer for a token that is none, used, revoked, expired or for another address."""

    code: ClassVar[str] = "invitation-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no open invitation for your address with this token; ask for another one."
    )
    zh: ClassVar[str] = "没有与您的邮箱及该令牌相符的有效邀请；请重新索取邀请。"


class InvitedAlreadyMemberError(DomainError):
    code: ClassVar[str] = "member-already"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "{email} is a member's address already; change that member's roles instead."
    zh: ClassVar[str] = "{email} 已是成员的邮箱；请改为更改其角色。"


class TooManyInvitationsError(DomainError):
    code: ClassVar[str] = "too-many-invitations"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The organisation has {most} open invitations; revoke some first."
    zh: ClassVar[str] = "该组织已有 {most} 个待接受的邀请；请先撤销一些。"


def invite(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    email: str,
    roles: Collection[Role],
) -> tuple[Invitation, str]:
    """Keep a place for whoever has the address; the token is told this once.

    Raises:
        InvalidEmailError, RolesInvalidError: malformed facts.
        InvitedAlreadyMemberError: a member has the address.
        TooManyInvitationsError: as many are open as may be.
    """
    address = normal_email(email)
    organisation = get_organisation(session=session, organisation_id=organisation_id)
    check_roles(frozenset(roles), organisation.kind)
    if people.is_member(session, organisation_id, address):
        raise InvitedAlreadyMemberError(email=address)
    now = clock.now()
    if store.count_open(session, organisation_id, now) >= INVITATIONS_OPEN_MAX:
        raise TooManyInvitationsError(most=INVITATIONS_OPEN_MAX)
    invitation = Invitation(
        id=clock.new_id(),
        organisation_id=organisation_id,
        email=address,
        roles=frozenset(roles),
        created_at=now,
        expires_at=now + INVITATION_LASTS,
    )
    token = invitation_token(secrets.token_bytes(TOKEN_BYTES))
    store.insert_invitation(session, invitation, invitation_hash(token))
    note(session, subject_kind="invitation", subject_id=invitation.id, after=invitation)
    return invitation, token


def list_invitations(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Invitation]:
    """A page by id, those that ended included."""
    return store.invitations_after(session, organisation_id, after=after, limit=limit)


def revoke_invitation(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, invitation_id: UUID
) -> None:
    """Refuse its token from now on.

    Raises:
        InvitationNotFoundError: the organisation has no such open invitation.
    """
    now = clock.now()
    known = store.invitation(session, organisation_id, invitation_id)
    if known is None or not store.revoke(session, known.id, now):
        raise InvitationNotFoundError(invitation_id=invitation_id)
    revoked = replace(known, revoked_at=now)
    note(session, subject_kind="invitation", subject_id=invitation_id, before=known, after=revoked)


def accept_invitation(
    *, session: Session, clock: Clock, principal: Principal, token: str
) -> Membership:
    """Make the person who asks a member; the transaction acts for the organisation after.

    Raises:
        InvitationNotYoursError: the token opens nothing for this person.
        MemberAlreadyError: it is a member by now; the invitation stays open.
    """
    assert principal.id is not None, "a person asks"
    now, hashed = clock.now(), invitation_hash(token)
    bind(session, principal, credential=hashed)
    known = store.invitation_of_token(session, hashed)
    person = people.person(session, principal.id)
    if (
        known is None
        or person is None
        or known.email != person.email
        or known.state(now) is not InvitationState.OPEN
        or not store.accept(session, known.id, now)
    ):
        raise InvitationNotYoursError
    joining = replace(principal, organisation_id=known.organisation_id, roles=frozenset())
    bind(session, joining)
    accepted = replace(known, accepted_at=now)
    note(session, subject_kind="invitation", subject_id=known.id, before=known, after=accepted)
    return add_member(
        session=session,
        clock=clock,
        organisation_id=known.organisation_id,
        person_id=PersonId(person.id),
        roles=known.roles,
    )
