"""The slots of a quote: held for the buyer as one joint booking, confirmed with the award."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Final

from sqlmodel import Session

from marketplace.deals.domain.quoting import Quote, QuoteInvalidError, Slot
from marketplace.deals.domain.requests import Deal
from marketplace.deals.store import quotes as quote_store
from services.booking import handlers as booking
from services.booking.domain import TRANSITIONS, BookingState, Joint, LegAsked
from services.capacity import handlers as capacity
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, OrganisationId
from services.runtime.clock import Clock

HOLD_FOR: Final = timedelta(hours=24)
"""How long slots of a shortlisted quote wait for its award; never longer than it is valid."""


class SlotNotSuppliersError(DomainError):
    code: ClassVar[str] = "quote-slot-not-yours"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Resource {resource_id} is none of yours; quote slots of your own."
    zh: ClassVar[str] = "资源 {resource_id} 不属于贵组织；只能以自有资源的时段报价。"


def check_slots(
    session: Session, clock: Clock, supplier_id: OrganisationId, slots: Sequence[Slot]
) -> None:
    """Refuse slots of others' resources, and slots that are over.

    Raises:
        SlotNotSuppliersError: the first such slot.
        ResourceNotFoundError, QuoteInvalidError: no such resource, or it begins in the past.
    """
    for slot in slots:
        resource = capacity.get_resource(session=session, resource_id=slot.resource_id)
        if resource.organisation_id != supplier_id:
            raise SlotNotSuppliersError(resource_id=slot.resource_id)
        if slot.start <= clock.now():
            raise QuoteInvalidError(
                field="slots", en="a slot begins in the past", zh="时段开始时间已过"
            )


def hold(
    session: Session, clock: Clock, deal: Deal, quote: Quote, *, stale_after: timedelta
) -> Quote:
    """``quote`` with all of its slots held for the buyer.

    Raises:
        LegTakenError, LegInvalidError, LegNotFoundError: a slot cannot be had; none is held.
    """
    lasts = min(HOLD_FOR, quote.valid_until - clock.now())
    joint = booking.hold_jointly(
        session=session,
        clock=clock,
        organisation_id=quote.organisation_id,
        legs=[
            LegAsked(slot.resource_id, slot.offer_id, slot.start, slot.minutes, slot.units)
            for slot in quote.slots
        ],
        demand_id=deal.terms.demand_id,
        hold_ttl=lasts,
        stale_after=stale_after,
    )
    held = replace(quote, joint_id=joint.id, hold_until=clock.now() + lasts)
    quote_store.save_hold(session, held)
    return held


def confirm(session: Session, clock: Clock, quote: Quote) -> tuple[BookingId, ...]:
    """Make the held slots firm; the bookings they are.

    Raises:
        JointNotConfirmableError: one of them cannot be had any more; none is firm.
    """
    assert quote.joint_id is not None, "what is confirmed was held"
    joint = booking.confirm_joint(
        session=session,
        clock=clock,
        organisation_id=quote.organisation_id,
        joint_id=quote.joint_id,
    )
    return tuple(leg.id for leg in joint.legs)


def release(session: Session, clock: Clock, quote: Quote) -> None:
    """Give back what is held for ``quote``, if anything is."""
    if quote.joint_id is None:
        return
    cancel(session, clock, quote)
    quote_store.save_hold(session, replace(quote, joint_id=None, hold_until=None))


def cancel(session: Session, clock: Clock, quote: Quote) -> None:
    """Cancel the bookings of ``quote`` whose work has not begun."""
    if quote.joint_id is None:
        return
    joint = booking.get_joint(
        session=session, organisation_id=quote.organisation_id, joint_id=quote.joint_id
    )
    if _is_cancellable(joint):
        booking.cancel_joint(
            session=session,
            clock=clock,
            organisation_id=quote.organisation_id,
            joint_id=quote.joint_id,
        )


def _is_cancellable(joint: Joint) -> bool:
    return any(BookingState.CANCELLED in TRANSITIONS[leg.state] for leg in joint.legs)
