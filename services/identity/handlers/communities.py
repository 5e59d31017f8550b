"""Parks and chain spaces, and who is in them."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.identity import ParkMembershipChanged, SpaceMembershipChanged
from services.contracts.ids import OrganisationId
from services.identity.domain import (
    CommunityMember,
    OrganisationKind,
    Park,
    Reach,
    Space,
    check_park_code,
)
from services.identity.domain.communities import PARKS_OPERATED_MAX, SPACES_LED_MAX
from services.identity.handlers.organisations import get_organisation
from services.identity.store import communities as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class ParkNotFoundError(DomainError):
    code: ClassVar[str] = "park-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No park has the code {park!r}; list /parks."
    zh: ClassVar[str] = "没有代码为 {park!r} 的园区；请查看 /parks。"


class ParkNotOperatedError(DomainError):
    """One answer for a park that is not there and one that others operate."""

    code: ClassVar[str] = "park-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation operates no park {park!r}."
    zh: ClassVar[str] = "贵组织未运营代码为 {park!r} 的园区。"


class ParkMemberNotFoundError(DomainError):
    code: ClassVar[str] = "park-member-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Organisation {organisation_id} is not in park {park!r}."
    zh: ClassVar[str] = "组织 {organisation_id} 不在园区 {park!r} 中。"


class NotAParkOperatorError(DomainError):
    code: ClassVar[str] = "not-a-park-operator"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "Parks are registered by organisations of kind park_operator; yours is a {kind_of}."
    )
    zh: ClassVar[str] = "园区须由园区运营方（park_operator）登记；贵组织类型为 {kind_of}。"


class ParkCodeTakenError(DomainError):
    code: ClassVar[str] = "park-code-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Park code {park!r} is in use; choose another one."
    zh: ClassVar[str] = "园区代码 {park!r} 已被使用；请另选一个。"


class SpaceNotFoundError(DomainError):
    code: ClassVar[str] = "space-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation has no chain space {space_id}; list /spaces."
    zh: ClassVar[str] = "贵组织没有产业链空间 {space_id}；请查看 /spaces。"


class SpaceMemberNotFoundError(DomainError):
    code: ClassVar[str] = "space-member-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Organisation {organisation_id} is no member of chain space {space_id}."
    zh: ClassVar[str] = "组织 {organisation_id} 不是产业链空间 {space_id} 的成员。"


class TooManyParksError(DomainError):
    code: ClassVar[str] = "too-many-parks"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your organisation operates {most} parks already, which is the limit."
    zh: ClassVar[str] = "贵组织已运营 {most} 个园区，达到上限。"


class TooManySpacesError(DomainError):
    code: ClassVar[str] = "too-many-spaces"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your organisation leads {most} chain spaces already, which is the limit."
    zh: ClassVar[str] = "贵组织已牵头 {most} 个产业链空间，达到上限。"


def reach(*, session: Session, organisation_id: OrganisationId) -> Reach:
    """The parks and chain spaces whose shared things the organisation sees.

    Of those it was let into only the oldest ``REACH_MAX`` count, whoever else lets it in.
    """
    return store.reach(session, organisation_id)


def create_park(
    *, session: Session, organisation_id: OrganisationId, code: str, name: str, name_zh: str
) -> Park:
    """Register a park that the organisation operates.

    Raises:
        NotAParkOperatorError: the organisation is of another kind.
        InvalidParkCodeError, ParkCodeTakenError: the code cannot be its.
        TooManyParksError: it operates as many as it may.
    """
    check_park_code(code)
    organisation = get_organisation(session=session, organisation_id=organisation_id)
    if organisation.kind is not OrganisationKind.PARK_OPERATOR:
        raise NotAParkOperatorError(kind_of=organisation.kind)
    if store.count_parks(session, organisation_id) >= PARKS_OPERATED_MAX:
        raise TooManyParksError(most=PARKS_OPERATED_MAX)
    park = Park(code, organisation_id, name, name_zh)
    if not store.insert_park(session, park):
        raise ParkCodeTakenError(park=code)
    note(session, subject_kind="park", subject_id=code, after=park)
    return park


def get_park(*, session: Session, code: str) -> Park:
    found = store.park(session, code)
    if found is None:
        raise ParkNotFoundError(park=code)
    return found


def list_parks(*, session: Session, after: str | None, limit: int) -> list[Park]:
    """A page by code."""
    return store.parks_after(session, after, limit)


def parks_by_code(*, session: Session, codes: Collection[str]) -> dict[str, Park]:
    """Those that exist."""
    return {park.code: park for park in store.parks_by_code(session, codes)}


def list_park_members(
    *, session: Session, code: str, after: UUID | None, limit: int
) -> list[CommunityMember]:
    """A page by organisation; the operator itself needs no admission.

    Raises:
        ParkNotFoundError: no such park.
    """
    get_park(session=session, code=code)
    return store.park_members(session, code, after=after, limit=limit)


def admit_to_park(
    *,
    session: Session,
    clock: Clock,
    operator_id: OrganisationId,
    code: str,
    organisation_id: OrganisationId,
) -> CommunityMember:
    """Let an organisation see what is shared in the park; again changes nothing.

    Raises:
        ParkNotOperatedError: it is none of the operator's.
        OrganisationNotFoundError: nobody to admit.
    """
    park = store.park(session, code)
    if park is None or park.organisation_id != operator_id:
        raise ParkNotOperatedError(park=code)
    get_organisation(session=session, organisation_id=organisation_id)
    if store.insert_park_member(session, code, organisation_id, clock.now()):
        _tell_of_park(session, clock, park, organisation_id, is_member=True)
    (member,) = store.park_members(
        session, code, after=None, limit=1, organisation_id=organisation_id
    )
    return member


def remove_from_park(
    *,
    session: Session,
    clock: Clock,
    acting_id: OrganisationId,
    code: str,
    organisation_id: OrganisationId,
) -> None:
    """The operator shows an organisation out, or the organisation leaves by itself.

    Raises:
        ParkNotOperatedError: somebody else's park and somebody else's place in it.
        ParkMemberNotFoundError: it is not in there.
    """
    park = store.park(session, code)
    if park is None or acting_id not in {park.organisation_id, organisation_id}:
        raise ParkNotOperatedError(park=code)
    if not store.delete_park_member(session, code, organisation_id):
        raise ParkMemberNotFoundError(organisation_id=organisation_id, park=code)
    _tell_of_park(session, clock, park, organisation_id, is_member=False)


def create_space(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, name: str, name_zh: str
) -> Space:
    """Open a chain space that the organisation leads.

    Raises:
        TooManySpacesError: it leads as many as it may.
    """
    if store.count_spaces(session, organisation_id) >= SPACES_LED_MAX:
        raise TooManySpacesError(most=SPACES_LED_MAX)
    space = Space(clock.new_id(), organisation_id, name, name_zh, clock.now())
    store.insert_space(session, space)
    note(session, subject_kind="space", subject_id=space.id, after=space)
    return space


def get_space(*, session: Session, organisation_id: OrganisationId, space_id: UUID) -> Space:
    """A chain space the organisation leads or is in.

    Raises:
        SpaceNotFoundError: there is none.
    """
    found = store.space_of(session, organisation_id, space_id)
    if found is None:
        raise SpaceNotFoundError(space_id=space_id)
    return found


def list_spaces(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Space]:
    """A page of those it leads or is in, by id."""
    return store.spaces_after(session, organisation_id, after=after, limit=limit)


def list_space_members(
    *,
    session: Session,
    organisation_id: OrganisationId,
    space_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[CommunityMember]:
    """A page by organisation; who leads is no member.

    Raises:
        SpaceNotFoundError: not a space of the organisation.
    """
    get_space(session=session, organisation_id=organisation_id, space_id=space_id)
    return store.space_members(session, space_id, after=after, limit=limit)


def add_to_space(
    *,
    session: Session,
    clock: Clock,
    lead_id: OrganisationId,
    space_id: UUID,
    organisation_id: OrganisationId,
) -> CommunityMember:
    """Let an organisation see what is shared in the space; again changes nothing.

    Raises:
        SpaceNotFoundError: the organisation that asks leads no such space.
        OrganisationNotFoundError: nobody to add.
    """
    space = get_space(session=session, organisation_id=lead_id, space_id=space_id)
    if space.organisation_id != lead_id:
        raise SpaceNotFoundError(space_id=space_id)
    get_organisation(session=session, organisation_id=organisation_id)
    if store.insert_space_member(session, space_id, organisation_id, clock.now()):
        _tell_of_space(session, clock, space, organisation_id, is_member=True)
    (member,) = store.space_members(
        session, space_id, after=None, limit=1, organisation_id=organisation_id
    )
    return member


def remove_from_space(
    *,
    session: Session,
    clock: Clock,
    acting_id: OrganisationId,
    space_id: UUID,
    organisation_id: OrganisationId,
) -> None:
    """The lead shows an organisation out, or the organisation leaves by itself.

    Raises:
        SpaceNotFoundError: not the caller's, or not the caller's to decide.
        SpaceMemberNotFoundError: it is not in there.
    """
    space = get_space(session=session, organisation_id=acting_id, space_id=space_id)
    if acting_id not in {space.organisation_id, organisation_id}:
        raise SpaceNotFoundError(space_id=space_id)
    if not store.delete_space_member(session, space_id, organisation_id):
        raise SpaceMemberNotFoundError(organisation_id=organisation_id, space_id=space_id)
    _tell_of_space(session, clock, space, organisation_id, is_member=False)


def _tell_of_park(
    session: Session, clock: Clock, park: Park, organisation_id: OrganisationId, *, is_member: bool
) -> None:
    now = clock.now()
    changed = ParkMembershipChanged(
        id=clock.new_id(),
        occurred_at=now,
        park=park.code,
        organisation_id=organisation_id,
        is_member=is_member,
        audience=Audience(
            organisation_ids=(park.organisation_id, organisation_id),
            visibility="park",
            park=park.code,
        ),
    )
    emit(session, changed, now=now)
    _note(session, "park_member", f"{park.code}/{organisation_id}", is_member=is_member)


def _tell_of_space(
    session: Session,
    clock: Clock,
    space: Space,
    organisation_id: OrganisationId,
    *,
    is_member: bool,
) -> None:
    now = clock.now()
    changed = SpaceMembershipChanged(
        id=clock.new_id(),
        occurred_at=now,
        space_id=space.id,
        organisation_id=organisation_id,
        is_member=is_member,
        audience=Audience(
            organisation_ids=(space.organisation_id, organisation_id),
            visibility="space",
            space_id=space.id,
        ),
    )
    emit(session, changed, now=now)
    _note(session, "space_member", f"{space.id}/{organisation_id}", is_member=is_member)


def _note(session: Session, kind: str, subject_id: str, *, is_member: bool) -> None:
    side = {"is_member": True}
    note(
        session,
        subject_kind=kind,
        subject_id=subject_id,
        before=None if is_member else side,
        after=side if is_member else None,
    )
