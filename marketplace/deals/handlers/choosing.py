"""Use cases of the buyer with quotes: compare, shortlist, hold their slots, award one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.comparing import Compared, compare
from marketplace.deals.domain.lifecycle import RULES, Guard, Move, Party, State
from marketplace.deals.domain.orders import Order, lines_of, milestones_of, terms_of
from marketplace.deals.domain.quoting import Quote, QuoteState
from marketplace.deals.domain.requests import Bid, Deal, changed
from marketplace.deals.domain.scoring import FactKind
from marketplace.deals.handlers import money, slots
from marketplace.deals.handlers.bidding import QuoteNotFoundError, get_quote
from marketplace.deals.handlers.requests import (
    QUOTED,
    DealNotFoundError,
    locked_deal,
    save_move,
    visible_deal,
)
from marketplace.deals.handlers.telling import (
    record,
    record_decided,
    tell_deal,
    tell_order,
    trail_of,
)
from marketplace.deals.store import orders as order_store
from marketplace.deals.store import quotes as quote_store
from marketplace.deals.store import requests as store
from services.booking import handlers as booking
from services.booking.domain import JointState
from services.contracts.ids import BookingId, OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Choice:
    """A live quote with the deal and the bid it is of, all under lock."""

    deal: Deal
    bid: Bid
    quote: Quote


def compare_quotes(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, deal_id: UUID
) -> Sequence[Compared]:
    """The live quotes for an own deal, cheapest first.

    Raises:
        DealNotFoundError: the organisation has none of that id.
    """
    deal = visible_deal(session, organisation_id, deal_id)
    if deal.organisation_id != organisation_id:
        raise DealNotFoundError(deal_id=deal_id)
    bids = store.bids_of(session, [deal_id], viewer=organisation_id).get(deal_id, [])
    live = quote_store.live_quotes(session, [bid.id for bid in bids])
    return compare(deal, live.values(), now=clock.now())


def shortlist(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, quote_id: UUID
) -> Quote:
    """Consider a quote for the award; its supplier cannot replace it any more.

    Raises:
        QuoteNotFoundError, MoveRefusedError, GuardMissingError: as they say.
    """
    chosen = _locked(session, organisation_id, quote_id)
    holding = chosen.quote.guards(chosen.deal, clock.now())
    save_move(session, clock, chosen.bid, Move.SHORTLIST, Party.BUYER, holding)
    return chosen.quote


def hold_slots(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    quote_id: UUID,
    stale_after: timedelta,
) -> Quote:
    """Hold the slots of a shortlisted quote, all or none; anew if they were lost.

    Raises:
        QuoteNotFoundError, MoveRefusedError, GuardMissingError: as they say.
        LegTakenError, LegInvalidError, LegNotFoundError: a slot cannot be had.
    """
    chosen = _relisted(session, clock, _locked(session, organisation_id, quote_id))
    holding = set(chosen.quote.guards(chosen.deal, clock.now()))
    quote = chosen.quote
    if quote.slots and chosen.bid.state in RULES[Move.HOLD].sources:
        quote = slots.hold(session, clock, chosen.deal, quote, stale_after=stale_after)
        holding.add(Guard.SLOTS_HELD)
    save_move(session, clock, chosen.bid, Move.HOLD, Party.BUYER, holding)
    return quote


def award(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    quote_id: UUID,
    stale_after: timedelta,
) -> Order:
    """Order what a shortlisted quote offers: its slots are firm, its escrow open, all others told.

    Everything is one transaction: there is no order without its slots, and none twice.

    Raises:
        QuoteNotFoundError, MoveRefusedError, GuardMissingError: as they say.
        LegTakenError, JointNotConfirmableError, …: a slot cannot be had; nothing is awarded.
    """
    chosen = _locked(session, organisation_id, quote_id)
    holding = set(chosen.quote.guards(chosen.deal, clock.now()))
    quote, booking_ids = chosen.quote, tuple[BookingId, ...]()
    if quote.slots and chosen.bid.state in RULES[Move.AWARD].sources:
        if quote.joint_id is None:
            quote = slots.hold(session, clock, chosen.deal, quote, stale_after=stale_after)
        booking_ids = slots.confirm(session, clock, quote)
    holding.add(Guard.SLOTS_FIRM)
    won = save_move(session, clock, chosen.bid, Move.AWARD, Party.BUYER, holding)
    _pass_over(session, clock, chosen.deal, won)
    quote_store.set_state(session, QuoteState.ACCEPTED, bid_ids=[won.id])
    awarded = changed(chosen.deal, now=clock.now(), state=State.AWARDED)
    store.save_deal(session, awarded)
    tell_deal(session, clock, awarded)
    note(session, subject_kind="deal", subject_id=awarded.id, before=chosen.deal, after=awarded)
    order = ordered(session, clock, chosen.deal, quote, booking_ids)
    _record_award(session, clock, awarded, won)
    return order


def _locked(session: Session, organisation_id: OrganisationId, quote_id: UUID) -> Choice:
    """The buyer's live quote; the deal is locked first, as by everybody who changes its bids."""
    found = get_quote(session=session, party=organisation_id, quote_id=quote_id)
    if found.organisation_id != organisation_id:
        raise QuoteNotFoundError(quote_id=quote_id)
    deal = locked_deal(session, organisation_id, found.deal_id)
    bid = store.lock_bid(session, found.bid_id)
    return Choice(deal, bid, get_quote(session=session, party=organisation_id, quote_id=quote_id))


def _relisted(session: Session, clock: Clock, chosen: Choice) -> Choice:
    """``chosen`` as if nothing had been held, when what was held is lost."""
    quote = chosen.quote
    if chosen.bid.state is not State.SLOT_HELD or quote.joint_id is None:
        return chosen
    joint = booking.get_joint(
        session=session, organisation_id=quote.organisation_id, joint_id=quote.joint_id
    )
    until = joint.hold_until
    if joint.state is JointState.HELD and until is not None and until > clock.now():
        return chosen
    slots.release(session, clock, quote)
    bid = save_move(session, clock, chosen.bid, Move.LOSE_HOLD, Party.BUYER, {Guard.OVERDUE})
    return replace(chosen, bid=bid, quote=replace(quote, joint_id=None, hold_until=None))


def _pass_over(session: Session, clock: Clock, deal: Deal, won: Bid) -> None:
    bids = store.lock_bids(session, deal.id)
    others = [bid for bid in bids if bid.id != won.id]
    live = quote_store.live_quotes(session, [bid.id for bid in others])
    for quote in live.values():
        slots.release(session, clock, quote)
    quote_store.set_state(session, QuoteState.LOST, bid_ids=[bid.id for bid in others])
    quoted = [bid for bid in others if bid.state in QUOTED]
    for bid in others:
        if bid.state in RULES[Move.PASS_OVER].sources:
            save_move(session, clock, bid, Move.PASS_OVER, Party.BUYER)
    record_decided(session, clock, [*quoted, won], won=won.id)


def ordered(
    session: Session,
    clock: Clock,
    deal: Deal,
    quote: Quote,
    booking_ids: tuple[BookingId, ...],
) -> Order:
    """The order of an accepted quote, with its escrow open."""
    now = clock.now()
    order = Order(
        id=clock.new_id(),
        organisation_id=quote.organisation_id,
        supplier_id=quote.supplier_id,
        deal_id=deal.id,
        bid_id=quote.bid_id,
        quote_id=quote.id,
        state=State.AWARDED,
        currency=quote.currency,
        total_minor=quote.total_minor,
        lines=lines_of(quote, [clock.new_id() for _ in quote.lines]),
        milestones=milestones_of(quote, [clock.new_id() for _ in terms_of(quote)]),
        version=1,
        created_at=now,
        updated_at=now,
        needed_by=deal.terms.needed_by,
        joint_id=quote.joint_id,
        booking_ids=booking_ids,
    )
    order_store.insert_order(session, order)
    opened = replace(order, escrow_id=money.open_escrow(session, clock, order))
    order_store.save_order(session, opened)
    tell_order(session, clock, opened)
    note(
        session,
        subject_kind="order",
        subject_id=order.id,
        after=opened,
        organisation_id=trail_of(session, opened.organisation_id),
    )
    return opened


def _record_award(session: Session, clock: Clock, deal: Deal, won: Bid) -> None:
    record(
        session,
        clock,
        FactKind.CLOSED,
        of=deal.organisation_id,
        seen_with=won.supplier_id,
        source_id=deal.id,
        value=1,
    )
