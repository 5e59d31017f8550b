"""The platform's own organisation and its three administrators; set up beside the API.

GB/T 22239-2019 (等保 2.0) asks for a system, a security and an audit administrator who are
different people (三员分立). Nobody appoints them over HTTP.
"""

from typing import ClassVar, Final

from sqlmodel import Session

from services.contracts.access import PLATFORM_ROLES, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, PersonId
from services.identity.domain import (
    Member,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    normal_email,
)
from services.identity.handlers.organisations import create_organisation
from services.identity.handlers.people import add_member, remove_member
from services.identity.store import organisations, people
from services.runtime.audit.recording import note
from services.runtime.clock import Clock

ADMINISTRATORS_MAX: Final = 50


class NoPlatformError(DomainError):
    code: ClassVar[str] = "no-platform"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no platform organisation yet; make it: nonagon admin init"
    zh: ClassVar[str] = "尚未建立平台组织；请运行 nonagon admin init"


class PlatformExistsError(DomainError):
    code: ClassVar[str] = "platform-exists"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The platform organisation is there already: {name} ({organisation_id})."
    zh: ClassVar[str] = "平台组织已存在：{name}（{organisation_id}）。"


class NotAnAdministratorRoleError(DomainError):
    code: ClassVar[str] = "not-an-administrator-role"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "{role} is no administrator's role; choose one of {known}."
    zh: ClassVar[str] = "{role} 不是管理员角色；请选择 {known} 之一。"


class NobodyWithAddressError(DomainError):
    code: ClassVar[str] = "nobody-with-address"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Nobody has signed up with {email}; let the person sign up first."
    zh: ClassVar[str] = "没有人以 {email} 注册；请先让其注册账号。"


class AdministratorAlreadyError(DomainError):
    code: ClassVar[str] = "administrator-already"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "{email} is {held} already, and nobody holds two of these roles; dismiss them first, or"
        " appoint somebody else."
    )
    zh: ClassVar[str] = "{email} 已担任 {held}，三员不得兼任；请先免去其职务，或任命他人。"


class NotAnAdministratorError(DomainError):
    code: ClassVar[str] = "not-an-administrator"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "{email} is no administrator; see nonagon admin list."
    zh: ClassVar[str] = "{email} 不是管理员；请查看 nonagon admin list。"


class TooManyAdministratorsError(DomainError):
    code: ClassVar[str] = "too-many-administrators"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "There are {most} administrators, which is the limit; dismiss one first."
    zh: ClassVar[str] = "管理员已达上限 {most} 人；请先免去一人。"


def create_platform(*, session: Session, clock: Clock, name: str, name_zh: str) -> Organisation:
    """Make the one organisation that runs the platform.

    Raises:
        PlatformExistsError: there is one.
    """
    known = organisations.platform(session)
    if known is not None:
        raise PlatformExistsError(name=known.name, organisation_id=known.id)
    made = create_organisation(
        session=session, clock=clock, name=name, name_zh=name_zh, kind=OrganisationKind.PLATFORM
    )
    note(
        session,
        subject_kind="organisation",
        subject_id=made.id,
        after=made,
        organisation_id=made.id,
    )
    return made


def appoint(*, session: Session, clock: Clock, email: str, role: Role) -> Membership:
    """Make somebody who has signed up an administrator.

    Raises:
        NoPlatformError, NobodyWithAddressError, NotAnAdministratorRoleError: as they say.
        AdministratorAlreadyError: the person is one, in this or another role.
        TooManyAdministratorsError: there are as many as may be.
    """
    if role not in PLATFORM_ROLES:
        raise NotAnAdministratorRoleError(role=role, known=", ".join(sorted(PLATFORM_ROLES)))
    platform_id = _platform_id(session)
    person = _person(session, email)
    held = people.membership(session, platform_id, person.id)
    if held is not None:
        raise AdministratorAlreadyError(email=person.email, held=", ".join(sorted(held.roles)))
    if len(administrators(session=session)) >= ADMINISTRATORS_MAX:
        raise TooManyAdministratorsError(most=ADMINISTRATORS_MAX)
    return add_member(
        session=session,
        clock=clock,
        organisation_id=platform_id,
        person_id=person.id,
        roles=frozenset({role}),
    )


def dismiss(*, session: Session, email: str) -> Membership:
    """Take an administrator's role away; sessions that act by it act for nobody from then on.

    Raises:
        NoPlatformError, NobodyWithAddressError, NotAnAdministratorError: as they say.
    """
    platform_id = _platform_id(session)
    person = _person(session, email)
    held = people.membership(session, platform_id, person.id)
    if held is None:
        raise NotAnAdministratorError(email=person.email)
    remove_member(session=session, organisation_id=platform_id, person_id=PersonId(person.id))
    return held


def administrators(*, session: Session) -> list[Member]:
    """Everybody who administers the platform.

    Raises:
        NoPlatformError: there is none yet.
    """
    return people.members_after(
        session, _platform_id(session), after=None, limit=ADMINISTRATORS_MAX
    )


def _platform_id(session: Session) -> OrganisationId:
    known = organisations.platform(session)
    if known is None:
        raise NoPlatformError
    return known.id


def _person(session: Session, email: str) -> Person:
    address = normal_email(email)
    found = people.person_by_email(session, address)
    if found is None:
        raise NobodyWithAddressError(email=address)
    return found
