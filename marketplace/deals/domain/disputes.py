"""Disputes (争议) and settlements: what each side wants done with the money, what is decided."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from marketplace.deals.domain.lifecycle import Party
from marketplace.deals.domain.orders import Order
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

REASON_MAX: Final = 10_000
DOCUMENTS_MAX: Final = 50


class SumsWrongError(DomainError):
    code: ClassVar[str] = "settlement-sums-wrong"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Release {release} and refund {refund} come to {sum}, but the escrow of order {order_id}"
        " holds {left}; both together are all of it."
    )
    zh: ClassVar[str] = (
        "放款 {release} 与退款 {refund} 合计 {sum}，而订单 {order_id} 的托管余额为 {left}；"
        "两者之和须等于余额。"
    )


class OwnProposalError(DomainError):
    code: ClassVar[str] = "own-proposal"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Proposal {proposal_id} is your own; the other side may agree to it."
    zh: ClassVar[str] = "方案 {proposal_id} 由贵方提出；须由对方同意。"


class Category(StrEnum):
    """What a dispute is about. The codes are stable."""

    QUALITY = "quality"
    QUANTITY = "quantity"
    DELAY = "delay"
    PAYMENT = "payment"
    OTHER = "other"


class DisputeState(StrEnum):
    OPEN = "open"
    AGREED = "agreed"
    DECIDED = "decided"


class ProposalState(StrEnum):
    OPEN = "open"
    AGREED = "agreed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Split:
    """What of an escrow goes to the supplier, and what back to the buyer, in minor units."""

    release_minor: int
    refund_minor: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """How ``proposed_by`` would settle what is left of an order; the other side may agree."""

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    order_id: UUID
    proposed_by: OrganisationId
    split: Annotated[Split, CONFIDENTIAL]
    because: str
    state: ProposalState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    """``documents`` are the evidence at its opening; both sides may add to the order's."""

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    order_id: UUID
    opened_by: OrganisationId
    category: Category
    reason: Annotated[str, CONFIDENTIAL]
    documents: tuple[UUID, ...]
    state: DisputeState
    created_at: datetime
    split: Annotated[Split | None, CONFIDENTIAL] = None
    because: str | None = None
    ended_at: datetime | None = None

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.supplier_id


def fair_split(order: Order) -> Split:
    """What was accepted goes to the supplier as far as it is not paid yet, the rest back."""
    owed = max(0, order.earned_minor - order.released_minor)
    release = min(owed, order.left_minor)
    return Split(release, order.left_minor - release)


def check_split(order: Order, split: Split) -> Split:
    """``split``, if it is all that the escrow holds.

    Raises:
        SumsWrongError: it is more or less, or an amount is negative.
    """
    release, refund = split.release_minor, split.refund_minor
    if min(release, refund) < 0 or release + refund != order.left_minor:
        raise SumsWrongError(
            release=release,
            refund=refund,
            sum=release + refund,
            order_id=order.id,
            left=order.left_minor,
        )
    return split


def check_other_side(order: Order, proposal: Proposal, by: OrganisationId) -> Party:
    """The party that agrees.

    Raises:
        OwnProposalError: it proposed it.
    """
    if proposal.proposed_by == by:
        raise OwnProposalError(proposal_id=proposal.id)
    return order.party(by)
