"""People, and what they may do for organisations."""

from collections.abc import Collection
from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, PersonId
from services.identity.domain import (
    Member,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    check_roles,
    normal_email,
)
from services.identity.handlers.organisations import create_organisation, get_organisation
from services.identity.store import people as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.tenancy import bind


class EmailTakenError(DomainError):
    code: ClassVar[str] = "email-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "An account with the address {email} exists; sign in with it."
    zh: ClassVar[str] = "邮箱 {email} 已注册；请直接登录。"


class PersonRequiredError(DomainError):
    code: ClassVar[str] = "person-required"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = "A program cannot own an organisation; sign in as a person."
    zh: ClassVar[str] = "程序不能成为组织的所有者；请以个人身份登录。"


class OrganisationKindReservedError(DomainError):
    code: ClassVar[str] = "organisation-kind-reserved"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = "Organisations of kind {kind_of} are set up with `nonagon admin`."
    zh: ClassVar[str] = "{kind_of} 类组织须通过 `nonagon admin` 建立。"


class MemberNotFoundError(DomainError):
    code: ClassVar[str] = "member-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "The organisation has no member {person_id}; list /members."
    zh: ClassVar[str] = "该组织没有成员 {person_id}；请查看 /members。"


class MemberAlreadyError(DomainError):
    code: ClassVar[str] = "member-already"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "{person_id} is a member already; change the roles instead."
    zh: ClassVar[str] = "{person_id} 已是成员；请改为更改角色。"


class LastOwnerError(DomainError):
    code: ClassVar[str] = "last-owner"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "{person_id} is the last owner; make another member an owner first."
    zh: ClassVar[str] = "{person_id} 是最后一位所有者；请先指定其他所有者。"


def create_person(
    *, session: Session, person_id: PersonId, clock: Clock, email: str, name: str, locale: str
) -> Person:
    """Register a person; the transaction must already work for ``person_id``.

    Raises:
        InvalidEmailError: ``email`` is no address.
        EmailTakenError: somebody has it.
    """
    person = Person(person_id, normal_email(email), name, locale, created_at=clock.now())
    if not store.insert_person(session, person):
        raise EmailTakenError(email=person.email)
    return person


def find_person(*, session: Session, person_id: PersonId) -> Person | None:
    return store.person(session, person_id)


def find_person_by_email(*, session: Session, email: str) -> Person | None:
    """Who has the address; the transaction must be bound to it."""
    return store.person_by_email(session, email)


def found_organisation(
    *,
    session: Session,
    clock: Clock,
    principal: Principal,
    name: str,
    name_zh: str,
    kind: OrganisationKind,
    uscc: str | None = None,
) -> Organisation:
    """Register an organisation owned by the person who asks; the transaction acts for it after.

    Raises:
        PersonRequiredError: a program asks.
        OrganisationKindReservedError: the platform is nobody's to register.
        InvalidUsccError, UsccTakenError: as they say.
    """
    if principal.kind is not PrincipalKind.PERSON or principal.id is None:
        raise PersonRequiredError
    if kind is OrganisationKind.PLATFORM:
        raise OrganisationKindReservedError(kind_of=kind)
    organisation_id = OrganisationId(clock.new_id())
    roles = frozenset({Role.OWNER})
    bind(session, replace(principal, organisation_id=organisation_id, roles=roles))
    organisation = create_organisation(
        session=session,
        clock=clock,
        name=name,
        name_zh=name_zh,
        kind=kind,
        uscc=uscc,
        organisation_id=organisation_id,
    )
    note(session, subject_kind="organisation", subject_id=organisation_id, after=organisation)
    add_member(
        session=session,
        clock=clock,
        organisation_id=organisation_id,
        person_id=PersonId(principal.id),
        roles=roles,
    )
    return organisation


def add_member(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    person_id: PersonId,
    roles: Collection[Role],
) -> Membership:
    """Let a person act for an organisation.

    Raises:
        RolesInvalidError: they cannot be held there.
        MemberAlreadyError: it is a member.
        OrganisationNotFoundError: no such organisation.
    """
    organisation = get_organisation(session=session, organisation_id=organisation_id)
    check_roles(frozenset(roles), organisation.kind)
    membership = Membership(organisation_id, person_id, frozenset(roles), clock.now())
    if not store.insert_membership(session, membership):
        raise MemberAlreadyError(person_id=person_id)
    _note(session, None, membership)
    return membership


def change_roles(
    *,
    session: Session,
    organisation_id: OrganisationId,
    person_id: PersonId,
    roles: Collection[Role],
) -> Membership:
    """Give a member other roles.

    Raises:
        MemberNotFoundError, RolesInvalidError: as they say.
        LastOwnerError: nobody would own the organisation.
    """
    known = get_membership(session=session, organisation_id=organisation_id, person_id=person_id)
    organisation = get_organisation(session=session, organisation_id=organisation_id)
    check_roles(frozenset(roles), organisation.kind)
    if Role.OWNER not in roles:
        _check_not_last(session, organisation_id, person_id)
    changed = replace(known, roles=frozenset(roles))
    store.update_roles(session, changed)
    _note(session, known, changed)
    return changed


def remove_member(
    *, session: Session, organisation_id: OrganisationId, person_id: PersonId
) -> None:
    """End a membership; sessions that act by it act for nobody from then on.

    Raises:
        MemberNotFoundError: it is none.
        LastOwnerError: nobody would own the organisation.
    """
    known = get_membership(session=session, organisation_id=organisation_id, person_id=person_id)
    _check_not_last(session, organisation_id, person_id)
    store.delete_membership(session, organisation_id, person_id)
    _note(session, known, None)


def get_membership(
    *, session: Session, organisation_id: OrganisationId, person_id: PersonId
) -> Membership:
    found = store.membership(session, organisation_id, person_id)
    if found is None:
        raise MemberNotFoundError(person_id=person_id)
    return found


def find_membership(
    *, session: Session, organisation_id: OrganisationId, person_id: PersonId
) -> Membership | None:
    return store.membership(session, organisation_id, person_id)


def memberships_of(*, session: Session, person_id: PersonId) -> list[Membership]:
    """Every organisation a person may act for, the oldest membership first."""
    return store.memberships_of(session, person_id)


def list_members(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Member]:
    """A page of members by person id."""
    return store.members_after(session, organisation_id, after=after, limit=limit)


def get_member(*, session: Session, organisation_id: OrganisationId, person_id: PersonId) -> Member:
    """A member, as far as the transaction may see whose it is.

    Raises:
        MemberNotFoundError: it is none.
    """
    found = store.member(session, organisation_id, person_id)
    if found is None:
        raise MemberNotFoundError(person_id=person_id)
    return found


def _check_not_last(session: Session, organisation_id: OrganisationId, person_id: PersonId) -> None:
    if store.lock_owners(session, organisation_id) == {person_id}:
        raise LastOwnerError(person_id=person_id)


def _note(session: Session, before: Membership | None, after: Membership | None) -> None:
    """Tell the trail of the organisation whose member it is."""
    known = after or before
    assert known is not None, "a membership begins, changes or ends"
    note(
        session,
        subject_kind="membership",
        subject_id=known.person_id,
        before=before,
        after=after,
        organisation_id=known.organisation_id,
    )
