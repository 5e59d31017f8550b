"""Gig tasks (零工): published, applied for, assigned with escrow, handed in, accepted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from marketplace.projects.domain.project import WHOLE
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

PAY_MAX: Final = 10**12


class GigRefusedError(DomainError):
    code: ClassVar[str] = "gig-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Gig {gig_id} is {state}; to {move} it, it must be {needed}."
    zh: ClassVar[str] = "零工任务 {gig_id} 当前为 {state}；执行 {move} 须为 {needed}。"


class GigUnfundedError(DomainError):
    code: ClassVar[str] = "gig-unfunded"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "The pay of gig {gig_id} is not in escrow yet; its publisher funds it first."
    )
    zh: ClassVar[str] = "零工任务 {gig_id} 的报酬尚未托管；请发布方先付款。"


class GigState(StrEnum):
    PUBLISHED = "published"
    ASSIGNED = "assigned"
    HANDED_IN = "handed_in"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"


class GigMove(StrEnum):
    APPLY = "apply"
    ASSIGN = "assign"
    HAND_IN = "hand_in"
    ACCEPT = "accept"
    SEND_BACK = "send_back"
    CANCEL = "cancel"


LIFE: Final[Mapping[GigMove, tuple[GigState, GigState]]] = {
    GigMove.APPLY: (GigState.PUBLISHED, GigState.PUBLISHED),
    GigMove.ASSIGN: (GigState.PUBLISHED, GigState.ASSIGNED),
    GigMove.HAND_IN: (GigState.ASSIGNED, GigState.HANDED_IN),
    GigMove.ACCEPT: (GigState.HANDED_IN, GigState.ACCEPTED),
    GigMove.SEND_BACK: (GigState.HANDED_IN, GigState.ASSIGNED),
    GigMove.CANCEL: (GigState.PUBLISHED, GigState.CANCELLED),
}
"""From which state to which; a trigger of the database says it too."""


@dataclass(frozen=True, slots=True)
class Gig:
    """Published by ``organisation_id`` for a project of its; ``worker_id`` does it.

    ``team_id``: the micro-team the worker does it with, whose members share the pay.
    """

    id: UUID
    project_id: UUID
    organisation_id: OrganisationId
    title: str
    about: str
    pay_minor: int
    currency: str
    due_at: datetime
    state: GigState
    created_at: datetime
    updated_at: datetime
    worker_id: OrganisationId | None = None
    team_id: UUID | None = None
    escrow_id: UUID | None = None
    handed_in_at: datetime | None = None
    hand_ins: int = 0
    work: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class GigApplication:
    """``share_rule_id``: how the team shares, by its stakes at the moment of applying."""

    id: UUID
    gig_id: UUID
    organisation_id: OrganisationId
    owner_id: OrganisationId
    text: str
    team_id: UUID | None
    share_rule_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TeamIncome:
    """What one settled gig brought a team: ``parts`` add up to ``net_minor``."""

    id: UUID
    project_id: UUID
    organisation_id: OrganisationId
    gig_id: UUID
    escrow_id: UUID
    amount_minor: int
    net_minor: int
    currency: str
    parts: dict[OrganisationId, int]
    at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """A settled gig as a fact: by when it was due and first handed in, how often handed in."""

    minor: int
    is_punctual: bool
    is_first_time: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Counted from settled gigs alone; rates in parts of ``WHOLE``."""

    subject_id: UUID
    settled_minor: int
    settled: int
    punctual: int
    first_time: int


def moved(gig: Gig, move: GigMove) -> GigState:
    """The state ``move`` leads to.

    Raises:
        GigRefusedError: the gig is not in the state it needs.
    """
    needed, target = LIFE[move]
    if gig.state is not needed:
        raise GigRefusedError(gig_id=gig.id, state=gig.state, move=move, needed=needed)
    return target


def standing(subject_id: UUID, done: Iterable[Done]) -> Standing:
    """What facts say of who did them; rates are rounded down."""
    facts = list(done)
    count = len(facts) or 1
    return Standing(
        subject_id=subject_id,
        settled_minor=sum(one.minor for one in facts),
        settled=len(facts),
        punctual=sum(one.is_punctual for one in facts) * WHOLE // count,
        first_time=sum(one.is_first_time for one in facts) * WHOLE // count,
    )
