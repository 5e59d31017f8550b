"""Projects (项目): who has a place in one, and with which stake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.capacity.domain import Visibility
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId

WHOLE: Final = 10_000
"""Parts of the whole: the stakes of who has joined add up to it."""
MEMBERS_MAX: Final = 50
TITLE_MAX: Final = 200
TEXT_MAX: Final = 10_000
REASON_MAX: Final = 1_000


class ProjectClosedError(DomainError):
    code: ClassVar[str] = "project-closed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Project {project_id} is closed: it is read, and changed no more."
    zh: ClassVar[str] = "项目 {project_id} 已关闭，仅供查看。"


class ProjectPlaceError(DomainError):
    code: ClassVar[str] = "project-place-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Name a park with visibility park, a space with visibility space, only then."
    )
    zh: ClassVar[str] = "仅在可见范围为 park 时填写园区、为 space 时填写空间。"


class MemberMoveError(DomainError):
    code: ClassVar[str] = "project-member-move-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Organisation {organisation_id} is {state} here and cannot be {wanted}."
    zh: ClassVar[str] = "组织 {organisation_id} 在此项目中为 {state}，无法变为 {wanted}。"


class StakesInvalidError(DomainError):
    code: ClassVar[str] = "stakes-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "These parts cannot be agreed on: {en}; state every joined member once."
    zh: ClassVar[str] = "份额无效：{zh}；请为每个已加入成员各填写一次。"


class ProjectKind(StrEnum):
    RD_PROJECT = "rd_project"
    """研发项目."""
    MICRO_TEAM = "micro_team"
    """小微."""
    INCUBATED_TEAM = "incubated_team"
    """在孵团队."""


class ProjectState(StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"


class MemberState(StrEnum):
    INVITED = "invited"
    JOINED = "joined"
    DECLINED = "declined"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Project:
    """Of ``organisation_id``, who leads. ``joined`` and ``invited`` follow from its members.

    ``award_id``: the award of a call it carries out.
    """

    id: UUID
    organisation_id: OrganisationId
    kind: ProjectKind
    title: str
    title_zh: str | None
    about: str
    state: ProjectState
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    award_id: UUID | None
    joined: tuple[OrganisationId, ...]
    invited: tuple[OrganisationId, ...]
    created_at: datetime
    updated_at: datetime

    @property
    def audience(self) -> Audience:
        """Its members alone, whoever else sees that there is such a project."""
        return Audience(organisation_ids=(*self.joined, *self.invited))


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation's place; ``person_id`` stands for it. ``stake`` in parts of ``WHOLE``."""

    id: UUID
    project_id: UUID
    organisation_id: OrganisationId
    person_id: UUID | None
    role: str
    stake: int
    state: MemberState
    invited_at: datetime
    changed_at: datetime


def check_place(visibility: Visibility, park: str | None, space_id: UUID | None) -> None:
    """Let a place pass that goes with the visibility.

    Raises:
        ProjectPlaceError: it does not.
    """
    told = (visibility is Visibility.PARK, visibility is Visibility.SPACE)
    if told != (park is not None, space_id is not None):
        raise ProjectPlaceError


def check_open(project: Project) -> None:
    """Let a project pass that may still be changed.

    Raises:
        ProjectClosedError: it may not.
    """
    if project.state is ProjectState.CLOSED:
        raise ProjectClosedError(project_id=project.id)


def answered(member: Member, wanted: MemberState, *, now: datetime) -> Member:
    """An invited member that joined or declined.

    Raises:
        MemberMoveError: it is not invited.
    """
    if member.state is not MemberState.INVITED:
        raise MemberMoveError(
            organisation_id=member.organisation_id, state=member.state, wanted=wanted
        )
    return replace(member, state=wanted, changed_at=now)


def check_parts(parts: Mapping[OrganisationId, int], members: Sequence[OrganisationId]) -> None:
    """Let parts pass that name each of ``members``, nobody else, and add up to the whole.

    Raises:
        StakesInvalidError: they do not.
    """
    total = sum(parts.values())
    checks = (
        (set(parts) == set(members), "they are not of exactly the members", "与成员不一致"),
        (all(part >= 0 for part in parts.values()), "a part is negative", "份额为负"),
        (total == WHOLE, f"they add up to {total}, not {WHOLE}", f"合计 {total}，而非 {WHOLE}"),
    )
    for holds, en, zh in checks:
        if not holds:
            raise StakesInvalidError(en=en, zh=zh)


def restaked(
    members: Sequence[Member],
    stakes: Mapping[OrganisationId, int],
    *,
    leaver: OrganisationId | None,
    now: datetime,
) -> list[Member]:
    """The joined ``members`` with their new stakes; the leaver with none, and gone."""
    changed = []
    for member in members:
        if member.organisation_id == leaver:
            changed.append(replace(member, stake=0, state=MemberState.LEFT, changed_at=now))
        else:
            stake = stakes[member.organisation_id]
            changed.append(replace(member, stake=stake, changed_at=now))
    return changed
