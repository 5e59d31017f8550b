"""Services of a park (园区服务): published, asked for, answered, done, judged by their times."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

TITLE_MAX: Final = 200
TEXT_MAX: Final = 2_000
ANSWER_HOURS_MAX: Final = 30 * 24


class RequestRefusedError(DomainError):
    code: ClassVar[str] = "park-request-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Request {request_id} is {state}; {move} is for the {party} of one that is {sources}."
    )
    zh: ClassVar[str] = (
        "请求 {request_id} 当前为 {state}；{move} 须由 {party} 在 {sources} 时进行。"
    )


class ServiceKind(StrEnum):
    TECHNOLOGY = "technology"
    """技术服务."""
    TALENT = "talent"
    """人才服务."""
    CHANNEL = "channel"
    """渠道服务."""
    MARKET = "market"
    """市场服务."""
    FINANCING = "financing"
    """融资服务."""
    TRAINING = "training"
    """培训服务."""


class State(StrEnum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Party(StrEnum):
    ASKER = "asker"
    PROVIDER = "provider"


class Move(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    CONFIRM = "confirm"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Rule:
    by: Party
    sources: tuple[State, ...]
    target: State


LIFE: Final[Mapping[Move, Rule]] = {
    Move.ACCEPT: Rule(Party.PROVIDER, (State.ASKED,), State.ACCEPTED),
    Move.DECLINE: Rule(Party.PROVIDER, (State.ASKED,), State.DECLINED),
    Move.CONFIRM: Rule(Party.ASKER, (State.ACCEPTED,), State.DONE),
    Move.WITHDRAW: Rule(Party.ASKER, (State.ASKED, State.ACCEPTED), State.WITHDRAWN),
}
"""Who moves a request from where to where; that it was done is said by who asked for it."""


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """What somebody offers the teams of a park, and within how many hours it answers."""

    id: UUID
    organisation_id: OrganisationId
    park: str
    kind: ServiceKind
    title: str
    title_zh: str
    text: str
    answer_hours: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """What one member asks of one provider; nobody else of the park sees it."""

    id: UUID
    organisation_id: OrganisationId
    provider_id: OrganisationId
    service_id: UUID
    park: str
    text: Annotated[str, CONFIDENTIAL]
    state: State
    version: int
    due_at: datetime
    """Until when the provider said it answers."""
    created_at: datetime
    updated_at: datetime
    answered_at: datetime | None = None
    done_at: datetime | None = None
    remark: Annotated[str | None, CONFIDENTIAL] = None

    @property
    def answered_in_time(self) -> bool | None:
        """``None``: not answered."""
        return None if self.answered_at is None else self.answered_at <= self.due_at

    def party(self, organisation_id: OrganisationId) -> Party:
        return Party.ASKER if organisation_id == self.organisation_id else Party.PROVIDER


def moved(
    request: ServiceRequest,
    move: Move,
    by: OrganisationId,
    *,
    now: datetime,
    remark: str | None = None,
) -> ServiceRequest:
    """The request after ``move``.

    Raises:
        RequestRefusedError: it is not in such a state, or the other side's to do.
    """
    rule = LIFE[move]
    if request.party(by) is not rule.by or request.state not in rule.sources:
        raise RequestRefusedError(
            request_id=request.id,
            state=request.state,
            move=move,
            party=rule.by,
            sources=", ".join(rule.sources),
        )
    answers = move in {Move.ACCEPT, Move.DECLINE}
    return replace(
        request,
        state=rule.target,
        version=request.version + 1,
        updated_at=now,
        answered_at=now if answers else request.answered_at,
        done_at=now if move is Move.CONFIRM else request.done_at,
        remark=remark if answers else request.remark,
    )
