"""Promotion (开放): an offer of the own firm is shown to everybody after a review of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from marketplace.offers.domain import Offer, OfferState, OfferWithdrawnError
from services.capacity.domain import Visibility
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OfferId, OrganisationId

REASON_MAX: Final = 1_000


class OfferNotInternalError(DomainError):
    code: ClassVar[str] = "offer-not-internal"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Offer {offer_id} is shown to {visibility!r} already; promote one of the own firm."
    )
    zh: ClassVar[str] = "要约 {offer_id} 的可见范围已为 {visibility!r}；只能开放企业内部要约。"


class PromotionPendingError(DomainError):
    code: ClassVar[str] = "promotion-pending"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Promotion of offer {offer_id} was asked for at {at} and awaits a review."
    zh: ClassVar[str] = "要约 {offer_id} 的开放申请已于 {at} 提交，正待审核。"


class PromotionNotAskedError(DomainError):
    code: ClassVar[str] = "promotion-not-asked"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "No promotion of offer {offer_id} awaits a review; ask for one first."
    zh: ClassVar[str] = "要约 {offer_id} 没有待审核的开放申请；请先提出申请。"


class PromotionStaleError(DomainError):
    code: ClassVar[str] = "promotion-stale"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Promotion was asked for version {asked} of offer {offer_id}, which is at {version} now;"
        " decline it and ask anew."
    )
    zh: ClassVar[str] = (
        "开放申请针对要约 {offer_id} 的版本 {asked}，现为 {version}；请驳回后重新申请。"
    )


class PromotionByAskerError(DomainError):
    code: ClassVar[str] = "promotion-by-asker"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "You asked for the promotion of offer {offer_id}; somebody else reviews it."
    zh: ClassVar[str] = "要约 {offer_id} 的开放申请由您提出；须由他人审核。"


class PromotionState(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Promotion:
    """Asked for ``offer_version``, decided by another person."""

    id: UUID
    organisation_id: OrganisationId
    offer_id: OfferId
    offer_version: int
    state: PromotionState
    reason: str
    asked_by: UUID
    asked_at: datetime
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    remark: str | None = None


def check_internal(offer: Offer) -> None:
    """Let pass what only the own firm sees and is on offer.

    Raises:
        OfferWithdrawnError, OfferNotInternalError: it is not.
    """
    if offer.state is OfferState.WITHDRAWN:
        raise OfferWithdrawnError(offer_id=offer.id, at=offer.updated_at)
    if offer.visibility not in {Visibility.PRIVATE, Visibility.ORGANISATION}:
        raise OfferNotInternalError(offer_id=offer.id, visibility=offer.visibility.value)


def reviewed(
    promotion: Promotion, offer: Offer, *, approve: bool, remark: str, by: UUID, now: datetime
) -> tuple[Promotion, Offer]:
    """Promotion and offer after a review.

    Raises:
        PromotionByAskerError: whoever asked cannot review.
        PromotionStaleError: the offer says something else by now.
        OfferWithdrawnError, OfferNotInternalError: there is nothing to promote any more.
    """
    if by == promotion.asked_by:
        raise PromotionByAskerError(offer_id=offer.id)
    state = PromotionState.APPROVED if approve else PromotionState.DECLINED
    done = replace(promotion, state=state, remark=remark, decided_by=by, decided_at=now)
    if not approve:
        return done, offer
    check_internal(offer)
    if offer.version != promotion.offer_version:
        raise PromotionStaleError(
            offer_id=offer.id, asked=promotion.offer_version, version=offer.version
        )
    public = replace(offer, visibility=Visibility.PUBLIC, version=offer.version + 1, updated_at=now)
    return done, public
