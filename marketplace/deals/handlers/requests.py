"""Use cases of requests for quotation: ask, publish, revise, withdraw, read, let run out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.lifecycle import BIDDING, RULES, Guard, Move, Party, State, advance
from marketplace.deals.domain.quoting import QuoteState
from marketplace.deals.domain.requests import (
    Bid,
    Deal,
    DealInvalidError,
    Line,
    Terms,
    changed,
    check_terms,
    check_version,
    completeness,
)
from marketplace.deals.domain.scoring import FactKind
from marketplace.deals.handlers import slots
from marketplace.deals.handlers.telling import (
    record,
    record_decided,
    tell_bid,
    tell_deal,
    trail_of,
)
from marketplace.deals.store import quotes as quote_store
from marketplace.deals.store import requests as store
from marketplace.demands import handlers as demands
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock

AT_ONCE: Final = 100
QUOTED: Final = frozenset({State.QUOTED, State.SHORTLISTED, State.SLOT_HELD})


class DealNotFoundError(DomainError):
    code: ClassVar[str] = "deal-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no deal {deal_id} that you may see; list /deals."
    zh: ClassVar[str] = "没有您可见的询价 {deal_id}；请查看 /deals。"


@dataclass(frozen=True, slots=True)
class Seen:
    """A deal with those of its bids that the viewer is a party to."""

    deal: Deal
    bids: tuple[Bid, ...]

    @property
    def id(self) -> UUID:
        return self.deal.id


def create_deal(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    terms: Terms,
    suppliers: Sequence[OrganisationId],
) -> Seen:
    """Draft a request; lines that are not given are those of the demand it is for.

    Raises:
        DealInvalidError: nobody could quote for it.
        DemandNotFoundError, OrganisationNotFoundError: no such demand or supplier.
    """
    now = clock.now()
    whole = _with_lines(session, organisation_id, terms)
    check_terms(whole, now=now)
    deal = Deal(
        id=clock.new_id(),
        organisation_id=organisation_id,
        terms=whole,
        state=State.DRAFT,
        revision=1,
        version=1,
        created_at=now,
        updated_at=now,
    )
    store.insert_deal(session, deal)
    _invite(session, clock, deal, suppliers)
    note(session, subject_kind="deal", subject_id=deal.id, after=deal)
    return get_deal(session=session, viewer=organisation_id, deal_id=deal.id)


def publish_deal(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    deal_id: UUID,
    expected_version: int | None = None,
) -> Seen:
    """Let suppliers see a draft and quote for it.

    Raises:
        DealNotFoundError, DealVersionMismatchError: as they say.
        MoveRefusedError, GuardMissingError: it is no draft, or asks for nothing or nobody.
    """
    now = clock.now()
    deal = locked_deal(session, organisation_id, deal_id, expected_version)
    bids = store.lock_bids(session, deal_id)
    suppliers = tuple(bid.supplier_id for bid in bids)
    holding = completeness(deal.terms, suppliers)
    state = advance(deal.state, Move.PUBLISH, by=Party.BUYER, holding=holding, thing=deal.thing)
    check_terms(deal.terms, now=now)
    shown = () if deal.terms.blind else suppliers
    published = changed(deal, now=now, state=state, published_at=now, shown_suppliers=shown)
    store.save_deal(session, published)
    for bid in bids:
        save_move(session, clock, bid, Move.PUBLISH, Party.BUYER, holding, asked_at=now)
    return _told(session, clock, deal, published)


def revise_deal(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    deal_id: UUID,
    terms: Terms,
    suppliers: Sequence[OrganisationId],
    expected_version: int | None = None,
) -> Seen:
    """Change what is asked: a draft as it is, an open request as its next revision.

    Quotes for the former revision hold no more, their slots are given back, and every supplier is
    asked again. ``suppliers`` are invited beside those who are.

    Raises:
        DealNotFoundError, DealVersionMismatchError: as they say.
        MoveRefusedError, DealInvalidError: it is over, or nobody could quote for it.
    """
    now = clock.now()
    deal = locked_deal(session, organisation_id, deal_id, expected_version)
    whole = _with_lines(session, organisation_id, terms)
    check_terms(whole, now=now)
    if deal.state is State.DRAFT:
        revised = changed(deal, now=now, terms=whole)
        store.save_deal(session, revised)
        _invite(session, clock, revised, suppliers)
        return _seen(session, organisation_id, revised)
    advance(deal.state, Move.REVISE, by=Party.BUYER, thing=deal.thing)
    bids = store.lock_bids(session, deal_id)
    _release(session, clock, bids)
    quote_store.set_state(session, QuoteState.OUTDATED, bid_ids=[bid.id for bid in bids])
    revision = deal.revision + 1
    for bid in bids:
        if bid.state in RULES[Move.REVISE].sources:
            again = replace(bid, revision=revision, asked_at=now, answered_at=None, reason=None)
            save_move(session, clock, again, Move.REVISE, Party.BUYER)
    revised = changed(deal, now=now, terms=whole, revision=revision)
    _invite(session, clock, revised, suppliers)
    invited = tuple(bid.supplier_id for bid in store.lock_bids(session, deal_id) if bid.invited)
    revised = replace(revised, shown_suppliers=() if whole.blind else invited)
    store.save_deal(session, revised)
    return _told(session, clock, deal, revised)


def withdraw_deal(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    deal_id: UUID,
    expected_version: int | None = None,
) -> Seen:
    """Give a request up; what was held for it is given back.

    Raises:
        DealNotFoundError, DealVersionMismatchError: as they say.
        MoveRefusedError: it was awarded, or is over already.
    """
    deal = locked_deal(session, organisation_id, deal_id, expected_version)
    ended = _end(session, clock, deal, Move.WITHDRAW, Party.BUYER)
    return _told(session, clock, deal, ended)


def expire_due(*, session: Session, clock: Clock) -> int:
    """Let run out what is over, ``AT_ONCE`` at most of each: quotes, holds, requests; how many."""
    now = clock.now()
    overdue = quote_store.overdue_bids(session, now=now, limit=AT_ONCE)
    for bid_id in overdue:
        _expire_bid(session, clock, store.lock_bid(session, bid_id))
    due = store.lock_due_deals(session, now=now, limit=AT_ONCE)
    for deal in due:
        ended = _end(session, clock, deal, Move.EXPIRE, Party.PLATFORM, {Guard.OVERDUE})
        tell_deal(session, clock, ended)
    return len(overdue) + len(due)


def get_deal(*, session: Session, viewer: OrganisationId, deal_id: UUID) -> Seen:
    """A deal with the viewer's bids in it; the owner sees all.

    Raises:
        DealNotFoundError: there is none that it may see.
    """
    return _seen(session, viewer, visible_deal(session, viewer, deal_id))


def list_deals(
    *, session: Session, viewer: OrganisationId, after: UUID | None, limit: int, own: bool
) -> list[Seen]:
    """A page of deals the viewer may see, or of its own only, in order of creation."""
    reach = identity.reach(session=session, organisation_id=viewer)
    deals = store.deals_after(
        session, viewer=viewer, reach=reach, after=after, limit=limit, own=own
    )
    bids = store.bids_of(session, [deal.id for deal in deals], viewer=viewer)
    return [Seen(deal, tuple(bids.get(deal.id, ()))) for deal in deals]


def visible_deal(session: Session, viewer: OrganisationId, deal_id: UUID) -> Deal:
    reach = identity.reach(session=session, organisation_id=viewer)
    found = store.find_deal(session, deal_id, viewer=viewer, reach=reach)
    if found is None:
        raise DealNotFoundError(deal_id=deal_id)
    return found


def locked_deal(
    session: Session, owner: OrganisationId, deal_id: UUID, expected_version: int | None = None
) -> Deal:
    deal = store.lock_deal(session, deal_id, owner=owner)
    if deal is None:
        raise DealNotFoundError(deal_id=deal_id)
    check_version(deal, expected_version)
    return deal


def save_move(
    session: Session,
    clock: Clock,
    bid: Bid,
    move: Move,
    by: Party,
    holding: Iterable[Guard] = (),
    **facts: object,
) -> Bid:
    """The locked ``bid`` after ``move``, saved and told.

    Raises:
        MoveRefusedError, NotYourMoveError, GuardMissingError: its life does not go there.
    """
    state = advance(bid.state, move, by=by, holding=holding, thing=bid.thing)
    moved = replace(bid, state=state, updated_at=clock.now(), **facts)  # type: ignore[arg-type]
    store.save_bid(session, moved)
    tell_bid(session, clock, moved)
    note(
        session,
        subject_kind="deal_bid",
        subject_id=bid.id,
        before=bid,
        after=moved,
        organisation_id=trail_of(session, bid.organisation_id),
    )
    return moved


def _end(
    session: Session,
    clock: Clock,
    deal: Deal,
    move: Move,
    by: Party,
    holding: Iterable[Guard] = (),
) -> Deal:
    """The locked deal and its open bids come to nothing."""
    state = advance(deal.state, move, by=by, holding=holding, thing=deal.thing)
    bids = store.lock_bids(session, deal.id)
    quoted = [bid for bid in bids if bid.state in QUOTED]
    _release(session, clock, bids)
    quote_store.set_state(session, QuoteState.LOST, bid_ids=[bid.id for bid in bids])
    for bid in bids:
        if bid.state in BIDDING:
            save_move(session, clock, bid, move, by, holding)
    record_decided(session, clock, quoted, won=None)
    if any(bid.answered_at is not None and bid.state is not State.NO_BID for bid in bids):
        _record_closed(session, clock, deal, bids)
    ended = changed(deal, now=clock.now(), state=state)
    store.save_deal(session, ended)
    return ended


def _record_closed(session: Session, clock: Clock, deal: Deal, bids: Sequence[Bid]) -> None:
    record(
        session,
        clock,
        FactKind.CLOSED,
        of=deal.organisation_id,
        seen_with=bids[0].supplier_id,
        source_id=deal.id,
        value=0,
    )


def _expire_bid(session: Session, clock: Clock, bid: Bid) -> None:
    """End what is over of a bid's live quote: all of it, or the hold of its slots alone."""
    now = clock.now()
    quote = quote_store.live_quotes(session, [bid.id]).get(bid.id)
    if quote is None:
        return
    overdue = {Guard.OVERDUE}
    if quote.valid_until <= now:
        slots.release(session, clock, quote)
        quote_store.set_state(session, QuoteState.EXPIRED, bid_ids=[bid.id])
        if bid.state in QUOTED:
            save_move(session, clock, bid, Move.EXPIRE, Party.PLATFORM, overdue)
    elif quote.hold_until is not None and quote.hold_until <= now:
        slots.release(session, clock, quote)
        if bid.state is State.SLOT_HELD:
            save_move(session, clock, bid, Move.LOSE_HOLD, Party.PLATFORM, overdue)


def _release(session: Session, clock: Clock, bids: Sequence[Bid]) -> None:
    for quote in quote_store.live_quotes(session, [bid.id for bid in bids]).values():
        slots.release(session, clock, quote)


def _invite(
    session: Session, clock: Clock, deal: Deal, suppliers: Sequence[OrganisationId]
) -> None:
    """Add a bid of each supplier that has none; those of an open deal are asked at once."""
    now, is_draft = clock.now(), deal.state is State.DRAFT
    known = {bid.supplier_id for bid in store.lock_bids(session, deal.id)}
    for supplier_id in sorted(set(suppliers) - known):
        if supplier_id == deal.organisation_id:
            raise DealInvalidError(field="suppliers", en="you invite yourself", zh="不能邀请本组织")
        identity.get_organisation(session=session, organisation_id=supplier_id)
        bid = Bid(
            id=clock.new_id(),
            organisation_id=deal.organisation_id,
            supplier_id=supplier_id,
            deal_id=deal.id,
            state=State.DRAFT if is_draft else State.PUBLISHED,
            invited=True,
            revision=deal.revision,
            asked_at=now,
            updated_at=now,
        )
        store.insert_bid(session, bid)
        if not is_draft:
            tell_bid(session, clock, bid)


def _with_lines(session: Session, organisation_id: OrganisationId, terms: Terms) -> Terms:
    if terms.demand_id is None:
        return terms
    demand = demands.get_demand(
        session=session, organisation_id=organisation_id, demand_id=terms.demand_id
    )
    if terms.lines:
        return terms
    facts = demand.facts
    return replace(terms, lines=(Line(1, facts.title, facts.quantity or 1),))


def _told(session: Session, clock: Clock, before: Deal, after: Deal) -> Seen:
    tell_deal(session, clock, after)
    note(session, subject_kind="deal", subject_id=after.id, before=before, after=after)
    return _seen(session, after.organisation_id, after)


def _seen(session: Session, viewer: OrganisationId, deal: Deal) -> Seen:
    bids = store.bids_of(session, [deal.id], viewer=viewer)
    return Seen(deal, tuple(bids.get(deal.id, ())))
