"""Use cases of suppliers: take part in a request, quote, decline, take a quote back; and talk."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.lifecycle import (
    BIDDING,
    MISSING,
    RULES,
    Guard,
    GuardMissingError,
    Move,
    Party,
    State,
)
from marketplace.deals.domain.quoting import (
    MilestoneTerm,
    PriceDocument,
    Quote,
    QuoteState,
    Slot,
    check_quote,
    priced,
)
from marketplace.deals.domain.requests import (
    Bid,
    Deal,
    DealInvalidError,
    Message,
    MessageKind,
    check_supplier,
)
from marketplace.deals.domain.scoring import FactKind
from marketplace.deals.handlers import slots
from marketplace.deals.handlers.requests import save_move, visible_deal
from marketplace.deals.handlers.telling import minutes, record, tell_bid
from marketplace.deals.store import quotes as quote_store
from marketplace.deals.store import requests as store
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.deals import MessagePosted
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class QuoteNotFoundError(DomainError):
    code: ClassVar[str] = "quote-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no quote {quote_id} that you gave or received; list /quotes."
    zh: ClassVar[str] = "没有您提交或收到的报价 {quote_id}；请查看 /quotes。"


class ThreadMissingError(DomainError):
    code: ClassVar[str] = "deal-thread-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Supplier {supplier_id} takes no part in deal {deal_id}; name one that does, or tell all."
    )
    zh: ClassVar[str] = (
        "供应商 {supplier_id} 未参与询价 {deal_id}；请指定参与的供应商，或面向全体发布。"
    )


def join_deal(*, session: Session, clock: Clock, supplier_id: OrganisationId, deal_id: UUID) -> Bid:
    """Take part in an open request: its documents can be read from now on.

    Raises:
        DealNotFoundError, OwnDealError: nothing to take part in.
    """
    deal = visible_deal(session, supplier_id, deal_id)
    check_supplier(deal, supplier_id)
    return _own_bid(session, clock, deal, supplier_id)


def give_quote(
    *,
    session: Session,
    clock: Clock,
    supplier_id: OrganisationId,
    deal_id: UUID,
    documents: Sequence[PriceDocument],
    lead_days: int,
    valid_until: datetime,
    slots_offered: Sequence[Slot],
    milestones: Sequence[MilestoneTerm],
    remark: str,
) -> Quote:
    """Quote for the present revision; an earlier quote holds no more.

    Raises:
        DealNotFoundError, OwnDealError: nothing to quote for.
        QuoteInvalidError, SlotNotSuppliersError: nobody could award it.
        MoveRefusedError, GuardMissingError: it is too late, or was shortlisted already.
    """
    now = clock.now()
    bid, deal = _bid_in(session, clock, supplier_id, deal_id)
    currency = deal.terms.currency
    lines = priced(deal.terms.lines, documents, currency=currency)
    total = sum(line.amount_minor for line in lines)
    check_quote(total_minor=total, valid_until=valid_until, milestones=milestones, now=now)
    slots.check_slots(session, clock, supplier_id, slots_offered)
    holding = deal.guards(now) | {Guard.VALID}
    moved = _answer(session, clock, bid, Move.QUOTE, holding)
    quote_store.set_state(session, QuoteState.SUPERSEDED, bid_ids=[bid.id])
    quote = Quote(
        id=clock.new_id(),
        organisation_id=deal.organisation_id,
        supplier_id=supplier_id,
        deal_id=deal.id,
        bid_id=moved.id,
        revision=deal.revision,
        version=quote_store.next_version(session, bid.id),
        state=QuoteState.SUBMITTED,
        currency=currency,
        lines=lines,
        total_minor=total,
        lead_days=lead_days,
        valid_until=valid_until,
        slots=tuple(slots_offered),
        milestones=tuple(milestones),
        note=remark,
        created_at=now,
    )
    quote_store.insert_quote(session, quote)
    note(session, subject_kind="quote", subject_id=quote.id, after=quote)
    return quote


def decline_deal(
    *, session: Session, clock: Clock, supplier_id: OrganisationId, deal_id: UUID, reason: str
) -> Bid:
    """Say that one does not quote, and why.

    Raises:
        DealNotFoundError, OwnDealError, MoveRefusedError, GuardMissingError: as they say.
    """
    bid, deal = _bid_in(session, clock, supplier_id, deal_id)
    declined = _answer(session, clock, bid, Move.DECLINE, deal.guards(clock.now()), reason=reason)
    quote_store.set_state(session, QuoteState.WITHDRAWN, bid_ids=[bid.id])
    return declined


def take_back_quote(
    *, session: Session, clock: Clock, supplier_id: OrganisationId, quote_id: UUID
) -> Quote:
    """Withdraw an own quote; not any more once slots are held on its word.

    Raises:
        QuoteNotFoundError, MoveRefusedError: there is none, or it cannot be.
    """
    quote = get_quote(session=session, party=supplier_id, quote_id=quote_id)
    if quote.supplier_id != supplier_id:
        raise QuoteNotFoundError(quote_id=quote_id)
    bid = store.lock_bid(session, quote.bid_id)
    live = quote_store.live_quotes(session, [bid.id]).get(bid.id)
    if live is None or live.id != quote_id:
        raise QuoteNotFoundError(quote_id=quote_id)
    save_move(session, clock, bid, Move.TAKE_BACK, Party.SUPPLIER)
    quote_store.set_state(session, QuoteState.WITHDRAWN, bid_ids=[bid.id])
    return get_quote(session=session, party=supplier_id, quote_id=quote_id)


def get_quote(*, session: Session, party: OrganisationId, quote_id: UUID) -> Quote:
    """A quote of which ``party`` is the supplier or the buyer.

    Raises:
        QuoteNotFoundError: there is none.
    """
    found = quote_store.find_quote(session, quote_id, party=party)
    if found is None:
        raise QuoteNotFoundError(quote_id=quote_id)
    return found


def list_quotes(
    *,
    session: Session,
    party: OrganisationId,
    deal_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[Quote]:
    """A page of quotes given or received, in order of giving."""
    return quote_store.quotes_after(session, party=party, deal_id=deal_id, after=after, limit=limit)


def say(
    *,
    session: Session,
    clock: Clock,
    author_id: OrganisationId,
    deal_id: UUID,
    text: str,
    supplier_id: OrganisationId | None,
) -> Message:
    """Ask or answer. A supplier speaks to the buyer; the buyer to one supplier, or to all.

    Raises:
        DealNotFoundError: nothing to speak about.
        ThreadMissingError: the supplier spoken to takes no part.
        DealInvalidError: a supplier names another's thread.
    """
    deal = visible_deal(session, author_id, deal_id)
    if deal.party(author_id) is Party.SUPPLIER:
        if supplier_id not in {None, author_id}:
            raise DealInvalidError(
                field="supplier_id", en="you speak to the buyer only", zh="只能向买方提问"
            )
        bid = _own_bid(session, clock, deal, author_id)
        message = _message(clock, deal, author_id, bid.supplier_id, MessageKind.QUESTION, text)
        _clarify(session, clock, deal, bid, Party.SUPPLIER)
    else:
        _check_thread(session, deal, supplier_id)
        kind = MessageKind.NOTICE if supplier_id is None else MessageKind.ANSWER
        message = _message(clock, deal, author_id, supplier_id, kind, text)
    store.insert_message(session, message)
    _tell_message(session, clock, deal, message)
    return message


def list_messages(
    *,
    session: Session,
    viewer: OrganisationId,
    deal_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Message]:
    """What was said: the buyer reads all threads, a supplier its own and what all are told.

    Raises:
        DealNotFoundError: nothing the viewer may see.
    """
    deal = visible_deal(session, viewer, deal_id)
    return store.messages_after(session, deal, viewer=viewer, after=after, limit=limit)


def _bid_in(
    session: Session, clock: Clock, supplier_id: OrganisationId, deal_id: UUID
) -> tuple[Bid, Deal]:
    """The supplier's locked bid, and the deal as it is once nobody else can change that bid."""
    deal = visible_deal(session, supplier_id, deal_id)
    check_supplier(deal, supplier_id)
    bid = _own_bid(session, clock, deal, supplier_id)
    return bid, visible_deal(session, supplier_id, deal_id)


def _own_bid(session: Session, clock: Clock, deal: Deal, supplier_id: OrganisationId) -> Bid:
    found = store.lock_bid_of(session, deal.id, supplier_id)
    if found is not None:
        return found
    now = clock.now()
    if not deal.is_open(now):
        en, zh = MISSING[Guard.OPEN]
        raise GuardMissingError(thing=deal.thing, move="be joined", en=en, zh=zh, guard=Guard.OPEN)
    bid = Bid(
        id=clock.new_id(),
        organisation_id=deal.organisation_id,
        supplier_id=supplier_id,
        deal_id=deal.id,
        state=State.PUBLISHED,
        invited=False,
        revision=deal.revision,
        asked_at=now,
        updated_at=now,
    )
    store.insert_bid(session, bid)
    tell_bid(session, clock, bid)
    return bid


def _answer(
    session: Session,
    clock: Clock,
    bid: Bid,
    move: Move,
    holding: frozenset[Guard],
    reason: str | None = None,
) -> Bid:
    """The bid after the supplier's answer; the first one counts as its response."""
    now = clock.now()
    answered = bid.answered_at or now
    moved = save_move(
        session, clock, bid, move, Party.SUPPLIER, holding, reason=reason, answered_at=answered
    )
    record(
        session,
        clock,
        FactKind.RESPONDED,
        of=bid.supplier_id,
        seen_with=bid.organisation_id,
        source_id=bid.id,
        value=minutes(bid.asked_at, now),
    )
    return moved


def _clarify(session: Session, clock: Clock, deal: Deal, bid: Bid, by: Party) -> None:
    """A question puts an unanswered bid into clarification, and changes no other."""
    asked = bid.state in RULES[Move.ASK].sources and bid.state in BIDDING
    if asked and bid.state is not State.CLARIFY:
        save_move(session, clock, bid, Move.ASK, by, deal.guards(clock.now()))


def _check_thread(session: Session, deal: Deal, supplier_id: OrganisationId | None) -> None:
    if supplier_id is None:
        return
    bids = store.bids_of(session, [deal.id], viewer=deal.organisation_id).get(deal.id, [])
    if supplier_id not in {bid.supplier_id for bid in bids if bid.state is not State.DRAFT}:
        raise ThreadMissingError(supplier_id=supplier_id, deal_id=deal.id)


def _message(
    clock: Clock,
    deal: Deal,
    author_id: OrganisationId,
    supplier_id: OrganisationId | None,
    kind: MessageKind,
    text: str,
) -> Message:
    return Message(
        id=clock.new_id(),
        organisation_id=deal.organisation_id,
        deal_id=deal.id,
        supplier_id=supplier_id,
        author_id=author_id,
        kind=kind,
        text=text,
        created_at=clock.now(),
    )


def _tell_message(session: Session, clock: Clock, deal: Deal, message: Message) -> None:
    now = clock.now()
    between = (deal.organisation_id, *filter(None, [message.supplier_id]))
    audience = deal.audience if message.supplier_id is None else Audience(organisation_ids=between)
    event = MessagePosted(
        id=clock.new_id(),
        occurred_at=now,
        deal_id=deal.id,
        message_id=message.id,
        organisation_id=deal.organisation_id,
        supplier_id=message.supplier_id,
        kind=message.kind,
        audience=audience,
    )
    emit(session, event, now=now)
