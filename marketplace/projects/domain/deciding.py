"""Decisions (表决): proposed, voted on by weight, with quorum and majority as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from marketplace.projects.domain.project import WHOLE
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId


class DecisionOverError(DomainError):
    code: ClassVar[str] = "project-decision-over"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Decision {decision_id} is {state}, closing at {closes_at}; no vote counts."
    zh: ClassVar[str] = "表决 {decision_id} 已为 {state}（截止 {closes_at}），无法投票。"


class NoVoteError(DomainError):
    code: ClassVar[str] = "project-vote-none"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Organisation {organisation_id} had no vote when this was proposed."
    zh: ClassVar[str] = "提出表决时，组织 {organisation_id} 没有表决权。"


class Weighing(StrEnum):
    HEADS = "heads"
    """一员一票."""
    STAKES = "stakes"
    """按份额."""


class Choice(StrEnum):
    YES = "yes"
    NO = "no"
    ABSTAIN = "abstain"


class DecisionState(StrEnum):
    OPEN = "open"
    CARRIED = "carried"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    """Closed without a quorum."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``quorum``: of all weight that must vote; ``majority``: of yes and no that must be passed.

    Both in parts of ``WHOLE``. ``weights`` are those of the moment of proposing.
    """

    id: UUID
    project_id: UUID
    organisation_id: OrganisationId
    title: str
    text: str
    weighing: Weighing
    quorum: int
    majority: int
    weights: dict[OrganisationId, int]
    closes_at: datetime
    state: DecisionState
    created_at: datetime
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """A member's last word."""

    id: UUID
    project_id: UUID
    decision_id: UUID
    organisation_id: OrganisationId
    person_id: UUID | None
    choice: Choice
    at: datetime


def check_vote(decision: Decision, organisation_id: OrganisationId, *, now: datetime) -> None:
    """Let a vote pass that counts.

    Raises:
        DecisionOverError, NoVoteError: it does not.
    """
    if decision.state is not DecisionState.OPEN or now >= decision.closes_at:
        raise DecisionOverError(
            decision_id=decision.id, state=decision.state, closes_at=decision.closes_at
        )
    if not decision.weights.get(organisation_id):
        raise NoVoteError(organisation_id=organisation_id)


def outcome(decision: Decision, votes: Iterable[Vote], *, now: datetime) -> DecisionState:
    """Open until all have voted or it closes; abstentions count for the quorum alone."""
    cast: Mapping[OrganisationId, Choice] = {one.organisation_id: one.choice for one in votes}
    whole = sum(decision.weights.values())
    weight = {
        choice: sum(decision.weights[one] for one, said in cast.items() if said is choice)
        for choice in Choice
    }
    voted = sum(weight.values())
    if voted < whole and now < decision.closes_at:
        return DecisionState.OPEN
    if voted * WHOLE < decision.quorum * whole:
        return DecisionState.LAPSED
    told = weight[Choice.YES] + weight[Choice.NO]
    carried = weight[Choice.YES] * WHOLE > decision.majority * told
    return DecisionState.CARRIED if carried else DecisionState.REJECTED
