"""An order of a configured product (定制订单): held over several firms, paid by milestones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from marketplace.offers.pricing import Price
from marketplace.products.domain.options import Choices
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, JointId, OrganisationId


class ProductOrderRefusedError(DomainError):
    code: ClassVar[str] = "product-order-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Order {order_id} is {state}; to {move} it must be {wanted}."
    zh: ClassVar[str] = "订单 {order_id} 当前为 {state}；{move} 要求其为 {wanted}。"


class MilestoneRefusedError(DomainError):
    code: ClassVar[str] = "milestone-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Milestone {number} of order {order_id} is not paid: {en}."
    zh: ClassVar[str] = "订单 {order_id} 的里程碑 {number} 未付款：{zh}。"


class ProductOrderState(StrEnum):
    HELD = "held"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Milestone:
    """One party's part: a leg of the route, or, last and without a booking, the maker's own.

    ``done_at``: the work is finished; ``escrow_id`` is absent where nothing is to be paid.
    """

    number: int
    payee_id: OrganisationId
    title: str
    amount_minor: int
    booking_id: BookingId | None
    escrow_id: UUID | None
    done_at: datetime | None = None
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProductOrder:
    """``version`` of the product it was made from; ``price`` is its total with every line."""

    id: UUID
    organisation_id: OrganisationId
    maker_id: OrganisationId
    product_id: UUID
    product_version: int
    choices: Choices
    quantity: int
    price: Annotated[Price, CONFIDENTIAL]
    joint_id: JointId
    state: ProductOrderState
    milestones: Annotated[tuple[Milestone, ...], CONFIDENTIAL]
    delivered_by: datetime
    version: int
    created_at: datetime
    updated_at: datetime


def moved(
    order: ProductOrder, move: str, to: ProductOrderState, *wanted: ProductOrderState, now: datetime
) -> ProductOrder:
    """The order in its next state.

    Raises:
        ProductOrderRefusedError: it is in none of ``wanted``.
    """
    if order.state not in wanted:
        raise ProductOrderRefusedError(
            order_id=order.id, state=order.state, move=move, wanted=", ".join(wanted)
        )
    return replace(order, state=to, version=order.version + 1, updated_at=now)


def finished(
    milestones: Sequence[Milestone], booking_id: BookingId, *, at: datetime
) -> list[Milestone]:
    """The milestones that are done once a booking is finished; the maker's with the last leg."""
    done = [
        replace(one, done_at=at)
        for one in milestones
        if one.booking_id == booking_id and one.done_at is None
    ]
    numbers = {one.number for one in done}
    is_last = done and all(
        one.done_at is not None or one.number in numbers for one in milestones if one.booking_id
    )
    if is_last:
        own = (one for one in milestones if one.booking_id is None and one.done_at is None)
        done += [replace(one, done_at=at) for one in own]
    return done


def payable(order: ProductOrder, number: int) -> Milestone:
    """The milestone, if its work is done and it was not paid yet.

    Raises:
        ProductOrderRefusedError: the order is not confirmed.
        MilestoneRefusedError: why it is not.
    """
    if order.state is not ProductOrderState.CONFIRMED:
        raise ProductOrderRefusedError(
            order_id=order.id, state=order.state, move="release", wanted=ProductOrderState.CONFIRMED
        )
    found = next((one for one in order.milestones if one.number == number), None)
    causes = (
        (found is None, "there is none", "不存在"),
        (found is not None and found.released_at is not None, "it was paid", "已付款"),
        (found is not None and found.done_at is None, "its work is not finished", "工作尚未完成"),
    )
    for holds, en, zh in causes:
        if holds:
            raise MilestoneRefusedError(order_id=order.id, number=number, en=en, zh=zh)
    assert found is not None
    return found
