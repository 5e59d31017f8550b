"""Orders (订单): lines, milestones, partial deliveries, and what they come to in money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from marketplace.deals.domain.lifecycle import Guard, Party, State
from marketplace.deals.domain.quoting import SHARE_WHOLE, MilestoneTerm, Quote, split
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import BookingId, JointId, OrganisationId


class DeliveryInvalidError(DomainError):
    code: ClassVar[str] = "delivery-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Line {line} of order {order_id} is for {quantity}; {open} of it are not delivered yet, so"
        " {asked} cannot be."
    )
    zh: ClassVar[str] = (
        "订单 {order_id} 第 {line} 行数量为 {quantity}，未交付 {open}，不能交付 {asked}。"
    )


class MilestoneClosedError(DomainError):
    code: ClassVar[str] = "milestone-closed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Order {order_id} has no open milestone {number}; read it again."
    zh: ClassVar[str] = "订单 {order_id} 没有未结的里程碑 {number}；请重新读取。"


class OrderVersionMismatchError(DomainError):
    code: ClassVar[str] = "order-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.STALE
    en: ClassVar[str] = "Order {order_id} is at version {version}, not {expected}; read it again."
    zh: ClassVar[str] = "订单 {order_id} 的版本为 {version}，而非 {expected}；请重新读取。"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """``quantity`` for ``amount_minor``. ``accepted`` of what was delivered passed inspection."""

    id: UUID
    number: int
    description: str
    quantity: int
    unit: str
    amount_minor: int
    delivered: int = 0
    accepted: int = 0

    @property
    def open(self) -> int:
        return self.quantity - self.delivered

    @property
    def earned_minor(self) -> int:
        """What the accepted part is worth, rounded down to a minor unit."""
        return self.amount_minor * self.accepted // self.quantity


@dataclass(frozen=True, slots=True)
class Milestone:
    """A share of the total, released to the supplier when the buyer finds it reached."""

    id: UUID
    number: int
    title: str
    share: int
    amount_minor: int
    due_at: datetime | None = None
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What was awarded; ``organisation_id`` buys. Released and refunded money never exceed it."""

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    deal_id: UUID
    bid_id: UUID
    quote_id: UUID
    state: State
    currency: str
    total_minor: Annotated[int, CONFIDENTIAL]
    lines: tuple[OrderLine, ...]
    milestones: tuple[Milestone, ...]
    version: int
    created_at: datetime
    updated_at: datetime
    needed_by: datetime | None = None
    joint_id: JointId | None = None
    booking_ids: tuple[BookingId, ...] = ()
    at_risk: bool = False
    escrow_id: UUID | None = None
    funded_at: datetime | None = None
    released_minor: Annotated[int, CONFIDENTIAL] = 0
    refunded_minor: Annotated[int, CONFIDENTIAL] = 0
    passed: bool | None = None
    """What the last inspection came to; ``None`` before the first."""

    @property
    def thing(self) -> str:
        return f"Order {self.id}"

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.supplier_id

    @property
    def audience(self) -> Audience:
        return Audience(organisation_ids=self.parties)

    @property
    def left_minor(self) -> int:
        """What the escrow still holds of it."""
        return self.total_minor - self.released_minor - self.refunded_minor

    @property
    def earned_minor(self) -> int:
        """What the accepted quantities are worth."""
        return sum(line.earned_minor for line in self.lines)

    def party(self, organisation_id: OrganisationId) -> Party:
        return Party.BUYER if organisation_id == self.organisation_id else Party.SUPPLIER

    def guards(self) -> frozenset[Guard]:
        """What holds of it by what is on record."""
        funded = self.funded_at is not None
        found = {
            Guard.FUNDED: funded,
            Guard.UNFUNDED: not funded,
            Guard.DELIVERED: any(line.delivered for line in self.lines),
            Guard.ACCEPTED_WHOLE: all(line.accepted == line.quantity for line in self.lines),
            Guard.PASSED: self.passed is True,
            Guard.REJECTED: self.passed is False,
            Guard.ESCROWED: funded and self.left_minor > 0,
            Guard.PAID_OUT: self.left_minor == 0,
        }
        return frozenset(guard for guard, holds in found.items() if holds)


@dataclass(frozen=True, slots=True)
class Delivery:
    """``quantity`` of a line handed over at ``at``."""

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    order_id: UUID
    line: int
    quantity: int
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Paid:
    """A step of an order's escrow, explained; amounts in minor units.

    Of what is released ``vat_minor`` is the tax within it, ``fee_minor`` the platform's, and
    ``net_minor`` what reaches the supplier; ``trace`` says how they come about.
    """

    id: UUID
    kind: str
    minor: int
    because: str
    at: datetime
    vat_minor: int = 0
    fee_minor: int = 0
    net_minor: int = 0
    trace: tuple[str, ...] = ()


def lines_of(quote: Quote, ids: Sequence[UUID]) -> tuple[OrderLine, ...]:
    """The lines of a quote as an order takes them."""
    return tuple(
        OrderLine(
            id=line_id,
            number=line.number,
            description=line.description,
            quantity=line.quantity,
            unit=line.unit,
            amount_minor=line.amount_minor,
        )
        for line_id, line in zip(ids, quote.lines, strict=True)
    )


def milestones_of(quote: Quote, ids: Sequence[UUID]) -> tuple[Milestone, ...]:
    """The milestones of a quote; one for everything where it names none."""
    terms = terms_of(quote)
    amounts = split(quote.total_minor, [term.share for term in terms])
    return tuple(
        Milestone(made, number, term.title, term.share, amount, term.due_at)
        for number, (made, term, amount) in enumerate(zip(ids, terms, amounts, strict=True), 1)
    )


def terms_of(quote: Quote) -> tuple[MilestoneTerm, ...]:
    return quote.milestones or (MilestoneTerm("acceptance", SHARE_WHOLE),)


def check_version(order: Order, expected: int | None) -> None:
    """Refuse a change based on an older reading; ``None`` asks for no check.

    Raises:
        OrderVersionMismatchError: the order has moved on since.
    """
    if expected is not None and expected != order.version:
        raise OrderVersionMismatchError(order_id=order.id, version=order.version, expected=expected)


def line_of(order: Order, number: int) -> OrderLine | None:
    return next((line for line in order.lines if line.number == number), None)


def check_delivery(order: Order, number: int, quantity: int) -> OrderLine:
    """The line, if so much of it is still to be delivered.

    Raises:
        DeliveryInvalidError: there is no such line, or less of it is open.
    """
    line = line_of(order, number)
    if line is None or not 0 < quantity <= line.open:
        raise DeliveryInvalidError(
            line=number,
            order_id=order.id,
            quantity=0 if line is None else line.quantity,
            open=0 if line is None else line.open,
            asked=quantity,
        )
    return line


def open_milestone(order: Order, number: int) -> Milestone:
    """The milestone, if it was not released yet.

    Raises:
        MilestoneClosedError: it was, or there is none, or less is left in the escrow.
    """
    for one in order.milestones:
        if one.number == number and one.released_at is None and one.amount_minor:
            if one.amount_minor <= order.left_minor:
                return one
            break
    raise MilestoneClosedError(order_id=order.id, number=number)
