"""A service contract (服务合同): which warnings open work, who may look when, what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from marketplace.offers.pricing import BASIS_POINTS, Asked, Price, PriceLine, PriceRule
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState

TITLE_MAX: Final = 200
TEXT_MAX: Final = 4_000
RESOURCES_MAX: Final = 100
RESPONSE_MINUTES_MAX: Final = 30 * 24 * 60
SESSION_MINUTES_MAX: Final = 12 * 60
WORKED_MINUTES_MAX: Final = 60 * 24 * 60


class ServiceRefusedError(DomainError):
    code: ClassVar[str] = "service-move-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "{thing} is {state}; to {move} it is for the {party}, while it is {sources}."
    )
    zh: ClassVar[str] = "{thing} 当前为 {state}；{move} 须由 {party} 在 {sources} 时进行。"


class ServicePriceError(DomainError):
    code: ClassVar[str] = "service-price-unfit"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "A fee is by the hour worked or by the call; {part} cannot be asked of it. Leave it out."
    )
    zh: ClassVar[str] = "服务费按工时或按次计算；{part} 不适用，请删除。"


class SessionTooLongError(DomainError):
    code: ClassVar[str] = "remote-session-too-long"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "The contract allows sessions of {allowed} minutes, not {asked}; ask for less."
    )
    zh: ClassVar[str] = "合同允许每次会话 {allowed} 分钟，而非 {asked}；请缩短。"


class SessionClosedError(DomainError):
    code: ClassVar[str] = "remote-session-closed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Session {session_id} shows nothing: it is {state}. Ask the owner for another session."
    )
    zh: ClassVar[str] = "会话 {session_id} 不可查看：当前为 {state}。请向设备所有者申请新的会话。"


class FindingMissingError(DomainError):
    code: ClassVar[str] = "work-order-without-finding"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Work order {order_id} has no finding; record what was found first."
    zh: ClassVar[str] = "工单 {order_id} 没有诊断结论；请先登记结论。"


class ServiceParty(StrEnum):
    OWNER = "owner"
    """设备所有者."""
    PROVIDER = "provider"
    """服务商."""


class ServiceContractState(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    DECLINED = "declined"
    ENDED = "ended"


class WorkOrderState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REPORTED = "reported"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class RemoteSessionState(StrEnum):
    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    ENDED = "ended"


class Move(StrEnum):
    AGREE = "agree"
    DECLINE = "decline"
    END = "end"
    ACCEPT = "accept"
    REPORT = "report"
    RETURN = "return"
    CLOSE = "close"
    CANCEL = "cancel"
    GRANT = "grant"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Rule:
    by: frozenset[ServiceParty]
    sources: tuple[str, ...]
    target: str


_OWNER: Final = frozenset({ServiceParty.OWNER})
_PROVIDER: Final = frozenset({ServiceParty.PROVIDER})
_EITHER: Final = _OWNER | _PROVIDER
CONTRACT_LIFE: Final[Mapping[Move, Rule]] = {
    Move.AGREE: Rule(_PROVIDER, (ServiceContractState.PROPOSED,), ServiceContractState.ACTIVE),
    Move.DECLINE: Rule(_PROVIDER, (ServiceContractState.PROPOSED,), ServiceContractState.DECLINED),
    Move.END: Rule(_EITHER, (ServiceContractState.ACTIVE,), ServiceContractState.ENDED),
}
ORDER_LIFE: Final[Mapping[Move, Rule]] = {
    Move.ACCEPT: Rule(_PROVIDER, (WorkOrderState.OPEN,), WorkOrderState.ACCEPTED),
    Move.REPORT: Rule(_PROVIDER, (WorkOrderState.ACCEPTED,), WorkOrderState.REPORTED),
    Move.RETURN: Rule(_OWNER, (WorkOrderState.REPORTED,), WorkOrderState.ACCEPTED),
    Move.CLOSE: Rule(_OWNER, (WorkOrderState.REPORTED,), WorkOrderState.CLOSED),
    Move.CANCEL: Rule(_OWNER, (WorkOrderState.OPEN,), WorkOrderState.CANCELLED),
}
SESSION_LIFE: Final[Mapping[Move, Rule]] = {
    Move.GRANT: Rule(_OWNER, (RemoteSessionState.REQUESTED,), RemoteSessionState.GRANTED),
    Move.REFUSE: Rule(_OWNER, (RemoteSessionState.REQUESTED,), RemoteSessionState.REFUSED),
    Move.END: Rule(
        _EITHER,
        (RemoteSessionState.REQUESTED, RemoteSessionState.GRANTED),
        RemoteSessionState.ENDED,
    ),
}
"""Who moves what from where to where; a trigger of the database says the same."""
UNFINISHED: Final = (WorkOrderState.OPEN, WorkOrderState.ACCEPTED, WorkOrderState.REPORTED)


class Warned(StrEnum):
    """What a contract may be warned by: live states of a machine that need somebody."""

    DOWN = ResourceState.DOWN
    OFF = ResourceState.OFF
    MAINTENANCE = ResourceState.MAINTENANCE
    UNKNOWN = ResourceState.UNKNOWN


REQUESTED: Final = "requested"
"""The cause of a work order its owner opened: diagnosis or tuning without a fault."""


class Shown(StrEnum):
    """What a session may show of a machine, each agreed by itself."""

    STATE = "state"
    REASON = "reason"
    JOB_ID = "job_id"
    JOB_PREDICTED_END = "job_predicted_end"
    PART_COUNT = "part_count"
    EXECUTION = "execution"


@dataclass(frozen=True, slots=True)
class Terms:
    """What owner and provider agree.

    ``late_discount`` are basis points off the fee where the provider responded late; a session
    lasts ``session_minutes`` at most and shows ``shows`` of one machine, nothing else.
    """

    title: str
    resource_ids: tuple[ResourceId, ...]
    warnings: tuple[Warned, ...]
    shows: tuple[Shown, ...]
    response_minutes: int
    session_minutes: int
    price: PriceRule
    late_discount: int = 0


@dataclass(frozen=True, slots=True)
class Contract:
    id: UUID
    organisation_id: OrganisationId
    """The owner of the machines."""
    provider_id: OrganisationId
    terms: Annotated[Terms, CONFIDENTIAL]
    state: ServiceContractState
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.provider_id

    @property
    def thing(self) -> str:
        return f"Contract {self.id}"


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """Work on one machine (工单), opened by a warning or asked for.

    ``warnings`` counts those that came while it was unfinished; ``due_at`` is until when the
    provider responds, ``escalated_at`` when it was told that it did not.
    """

    id: UUID
    organisation_id: OrganisationId
    provider_id: OrganisationId
    contract_id: UUID
    resource_id: ResourceId
    cause: str
    reason: str | None
    warnings: int
    warned_at: datetime
    due_at: datetime
    state: WorkOrderState
    version: int
    created_at: datetime
    updated_at: datetime
    escalated_at: datetime | None = None
    accepted_at: datetime | None = None
    worked_minutes: int | None = None
    fee: Annotated[Price | None, CONFIDENTIAL] = None
    closed_at: datetime | None = None
    paid_at: datetime | None = None

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.provider_id

    @property
    def thing(self) -> str:
        return f"Work order {self.id}"

    @property
    def is_late(self) -> bool:
        """Whether the provider took it after it was due."""
        return self.accepted_at is not None and self.accepted_at > self.due_at


@dataclass(frozen=True, slots=True)
class RemoteSession:
    """A time-boxed look at the live state of a work order's machine (远程会话), and no more.

    The platform opens no tunnel and writes to no machine; the grant is to read what it knows.
    """

    id: UUID
    organisation_id: OrganisationId
    provider_id: OrganisationId
    order_id: UUID
    purpose: str
    minutes: int
    state: RemoteSessionState
    requested_by: UUID | None
    requested_at: datetime
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.provider_id

    @property
    def thing(self) -> str:
        return f"Session {self.id}"


class SessionEntryKind(StrEnum):
    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    VIEWED = "viewed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A line of a session's log: who did what when, and what a look showed. Never changed."""

    id: UUID
    session_id: UUID
    kind: SessionEntryKind
    party: ServiceParty
    actor_id: UUID | None
    at: datetime
    shown: Mapping[str, Any] | None = None


class ServiceFindingKind(StrEnum):
    FAULT_DIAGNOSIS = "fault_diagnosis"
    """故障诊断."""
    QUALITY_DIAGNOSIS = "quality_diagnosis"
    """质量诊断."""
    PROCESS_TUNING = "process_tuning"
    """工艺优化."""
    MAINTENANCE = "maintenance"
    """远程维护."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the provider found or advises; ``sha256`` is of a file both hold as evidence."""

    id: UUID
    order_id: UUID
    kind: ServiceFindingKind
    text: Annotated[str, CONFIDENTIAL]
    at: datetime
    sha256: str | None = None


class FactKind(StrEnum):
    RESPONDED = "responded"
    """Minutes after it was due that a work order was accepted; 0 in time."""
    CLOSED = "closed"
    """Minutes from the warning to the close."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Written once, when it happened; read by scores."""

    order_id: UUID
    kind: FactKind
    value: int
    at: datetime


def moved(
    life: Mapping[Move, Rule],
    thing: Contract | WorkOrder | RemoteSession,
    move: Move,
    by: OrganisationId,
) -> str:
    """The state of ``thing`` after ``move``.

    Raises:
        ServiceRefusedError: it is not in such a state, or the other side's to do.
    """
    rule = life[move]
    party = party_of(thing, by)
    if party not in rule.by or thing.state not in rule.sources:
        raise ServiceRefusedError(
            thing=thing.thing,
            state=thing.state,
            move=move,
            party=" or ".join(sorted(rule.by)),
            sources=", ".join(rule.sources),
        )
    return rule.target


def party_of(thing: Contract | WorkOrder | RemoteSession, by: OrganisationId) -> ServiceParty:
    return ServiceParty.OWNER if by == thing.organisation_id else ServiceParty.PROVIDER


def check_price(rule: PriceRule) -> None:
    """Refuse a price that asks more than how long the work took.

    Raises:
        ServicePriceError: it has materials or surcharges.
    """
    for part in ("materials", "surcharges"):
        if getattr(rule, part):
            raise ServicePriceError(part=part)


def accepted(order: WorkOrder, by: OrganisationId, *, now: datetime) -> WorkOrder:
    """The order once its provider has responded; a returned one keeps its first response."""
    state = WorkOrderState(moved(ORDER_LIFE, order, Move.ACCEPT, by))
    return changed(order, now=now, state=state, accepted_at=now)


def changed(order: WorkOrder, *, now: datetime, **facts: object) -> WorkOrder:
    """``order`` with ``facts``, at its next version."""
    return replace(order, version=order.version + 1, updated_at=now, **facts)  # type: ignore[arg-type]


def warned_again(order: WorkOrder, *, now: datetime) -> WorkOrder:
    """A warning that came while the work is unfinished joins it."""
    return changed(order, now=now, warnings=order.warnings + 1)


def response_fact(order: WorkOrder) -> Fact:
    """How late the provider responded, in whole minutes, rounded up."""
    assert order.accepted_at is not None
    late = max(order.accepted_at - order.due_at, timedelta(0))
    return Fact(order.id, FactKind.RESPONDED, -(-late // timedelta(minutes=1)), order.accepted_at)


def closing_fact(order: WorkOrder, *, now: datetime) -> Fact:
    took = max(now - order.warned_at, timedelta(0))
    return Fact(order.id, FactKind.CLOSED, took // timedelta(minutes=1), now)


def fee_of(order: WorkOrder, terms: Terms, *, now: datetime) -> Price:
    """What the work costs by the contract's rule, with its trace; less where it began late.

    Raises:
        PriceNotValidError: the rule does not hold on that day.
    """
    asked = Asked(day=now.date(), minutes=order.worked_minutes or 0)
    price = terms.price.evaluate(asked)
    off = price.total.times(Fraction(terms.late_discount, BASIS_POINTS)).minor
    if not order.is_late or not off:
        return price
    lines = (*price.lines, PriceLine("late response", -off))
    return Price(Money(price.total.minor - off, price.total.currency), lines)


def granted(
    session: RemoteSession, by: OrganisationId, *, actor: UUID | None, now: datetime
) -> RemoteSession:
    """The session its owner consented to: open from now for the minutes it was asked for."""
    state = RemoteSessionState(moved(SESSION_LIFE, session, Move.GRANT, by))
    ends = now + timedelta(minutes=session.minutes)
    return replace(session, state=state, decided_by=actor, decided_at=now, expires_at=ends)


def check_open(session: RemoteSession, *, now: datetime) -> None:
    """Refuse a look outside the time the owner consented to.

    Raises:
        SessionClosedError: it was not granted, has ended or has run out.
    """
    if session.state is not RemoteSessionState.GRANTED or session.expires_at is None:
        raise SessionClosedError(session_id=session.id, state=session.state)
    if now >= session.expires_at:
        raise SessionClosedError(session_id=session.id, state="expired")


def check_minutes(terms: Terms, minutes: int) -> None:
    """Refuse a session longer than agreed.

    Raises:
        SessionTooLongError: it is.
    """
    if minutes > terms.session_minutes:
        raise SessionTooLongError(allowed=terms.session_minutes, asked=minutes)
