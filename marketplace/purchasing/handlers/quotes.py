"""Use cases of tiered quotes: give, take back, compare, award."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.purchasing import store
from marketplace.purchasing.domain.lists import GuestRole, PurchaseList, State
from marketplace.purchasing.domain.pricing import (
    LinePrice,
    Priced,
    QuoteState,
    TieredQuote,
    TieredQuoteInvalidError,
    cheapest,
    check_lines,
    compare,
    cost,
)
from marketplace.purchasing.domain.sharing import Award
from marketplace.purchasing.handlers.lists import Seen, locked, owned, seen, visible
from marketplace.purchasing.handlers.parts import check_side
from marketplace.purchasing.handlers.telling import tell_list, tell_quote
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class TieredQuoteNotLiveError(DomainError):
    code: ClassVar[str] = "tiered-quote-not-live"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "No live quote {quote_id} offers this of purchasing list {purchase_id}; list its quotes."
    )
    zh: ClassVar[str] = "集采清单 {purchase_id} 没有提供该项目的有效报价 {quote_id}；请查看其报价。"


class AwardInvalidError(DomainError):
    code: ClassVar[str] = "purchase-award-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Purchasing list {purchase_id} cannot be awarded so: {en}."
    zh: ClassVar[str] = "集采清单 {purchase_id} 不能如此定标：{zh}。"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The quotes over what is pooled; ``best`` names for each item whose offer costs least."""

    quotes: tuple[Priced, ...]
    best: Mapping[int, UUID]
    best_minor: int


def give_quote(
    *,
    session: Session,
    clock: Clock,
    supplier_id: OrganisationId,
    purchase_id: UUID,
    lines: Sequence[LinePrice],
    lead_days: int,
    valid_until: datetime,
    remark: str,
) -> TieredQuote:
    """Quote for some or all items; a former quote holds no more.

    Raises:
        PurchaseNotFoundError, PurchaseStateError, PurchaseTimeError: as they say.
        OtherSideError: it buys. TieredQuoteInvalidError: nobody could award it.
    """
    now = clock.now()
    purchase = visible(session, supplier_id, purchase_id)
    purchase.check_state("quote", State.OPEN)
    purchase.check_until("quote", purchase.quotes_until, now)
    check_side(session, purchase, supplier_id, GuestRole.SUPPLIER)
    items = store.items_of(session, [purchase_id])[purchase_id]
    check_lines(lines, [item.number for item in items])
    if valid_until <= purchase.quotes_until:
        raise TieredQuoteInvalidError(
            field="valid_until", en="it ends before it can be awarded", zh="有效期早于定标时间"
        )
    store.set_quotes(session, purchase_id, QuoteState.SUPERSEDED, supplier=supplier_id)
    quote = TieredQuote(
        id=clock.new_id(),
        organisation_id=purchase.organisation_id,
        supplier_id=supplier_id,
        list_id=purchase_id,
        version=store.next_version(session, purchase_id, supplier_id),
        state=QuoteState.SUBMITTED,
        lines=tuple(lines),
        lead_days=lead_days,
        valid_until=valid_until,
        note=remark,
        created_at=now,
    )
    store.insert_quote(session, quote)
    tell_quote(session, clock, purchase, supplier_id, QuoteState.SUBMITTED)
    note(session, subject_kind="purchase_quote", subject_id=quote.id, after=quote)
    return quote


def take_back(
    *, session: Session, clock: Clock, supplier_id: OrganisationId, purchase_id: UUID
) -> None:
    """Withdraw one's live quote, while quotes are taken; without one, nothing changes.

    Raises:
        PurchaseNotFoundError, PurchaseStateError, PurchaseTimeError: as they say.
    """
    purchase = visible(session, supplier_id, purchase_id)
    purchase.check_state("take a quote back", State.OPEN)
    purchase.check_until("take a quote back", purchase.quotes_until, clock.now())
    if store.set_quotes(session, purchase_id, QuoteState.WITHDRAWN, supplier=supplier_id):
        tell_quote(session, clock, purchase, supplier_id, QuoteState.WITHDRAWN)


def list_quotes(
    *,
    session: Session,
    party: OrganisationId,
    purchase_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[TieredQuote]:
    """A page of quotes: all for the lead, for others their own.

    Raises:
        PurchaseNotFoundError: there is no such list.
    """
    visible(session, party, purchase_id)
    return store.quotes_after(session, purchase_id, party=party, after=after, limit=limit)


def compare_quotes(
    *, session: Session, organisation_id: OrganisationId, purchase_id: UUID
) -> Comparison:
    """The live quotes of an own list by their total cost over the pooled quantities.

    Raises:
        PurchaseNotFoundError: it leads no such list.
    """
    owned(session, organisation_id, purchase_id)
    wanted = _wanted(session, purchase_id)
    live = {quote.id: quote for quote in store.live_quotes(session, purchase_id)}
    best = cheapest(list(live.values()), wanted)
    least = sum(_award_line(live[of], number, wanted)[1] for number, of in best.items())
    return Comparison(tuple(compare(list(live.values()), wanted)), best, least)


def award(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    purchase_id: UUID,
    choices: Mapping[int, UUID],
    whole: UUID | None,
    confirm_by: datetime,
    expected_version: int | None = None,
) -> Seen:
    """Give each item of ``choices``, or all that ``whole`` offers, to a quote.

    Members then confirm until ``confirm_by``, while the quotes still hold.

    Raises:
        PurchaseNotFoundError, PurchaseStateError, PurchaseVersionMismatchError: as they say.
        PurchaseTimeError: quantities or quotes are still coming in.
        TieredQuoteNotLiveError, AwardInvalidError: it cannot be given so.
    """
    now = clock.now()
    purchase = locked(session, organisation_id, purchase_id, expected_version)
    purchase.check_state("award", State.OPEN)
    purchase.check_from("award", purchase.quotes_until, now)
    live = {quote.id: quote for quote in store.live_quotes(session, purchase_id)}
    wanted = {number: pooled for number, pooled in _wanted(session, purchase_id).items() if pooled}
    chosen = dict(choices)
    if whole is not None:
        offered = live[whole].lines if whole in live else ()
        chosen = {line.number: whole for line in offered if line.number in wanted}
    _check_award(purchase, chosen, wanted, live, now=now, confirm_by=confirm_by)
    awards = [
        _award(clock, purchase, live[quote_id], number, wanted)
        for number, quote_id in sorted(chosen.items())
    ]
    taken = set(chosen.values())
    store.set_quotes(session, purchase_id, QuoteState.AWARDED, ids=taken)
    store.set_quotes(session, purchase_id, QuoteState.LOST)
    store.insert_awards(session, awards)
    awarded = purchase.changed(now=now, state=State.AWARDED, confirm_by=confirm_by)
    store.save_list(session, awarded)
    tell_list(session, clock, purchase, awarded)
    return seen(session, awarded)


def _wanted(session: Session, purchase_id: UUID) -> dict[int, int]:
    items = store.items_of(session, [purchase_id]).get(purchase_id, [])
    return {item.number: item.pooled for item in items}


def _check_award(
    purchase: PurchaseList,
    chosen: Mapping[int, UUID],
    wanted: Mapping[int, int],
    live: Mapping[UUID, TieredQuote],
    *,
    now: datetime,
    confirm_by: datetime,
) -> None:
    for number, quote_id in chosen.items():
        quote = live.get(quote_id)
        if quote is None or (number in wanted and quote.line(number) is None):
            raise TieredQuoteNotLiveError(quote_id=quote_id, purchase_id=purchase.id)
    ends = [live[quote_id].valid_until for quote_id in chosen.values()]
    checks = (
        (bool(chosen), "nothing is awarded", "没有可定标的项目"),
        (set(chosen) <= wanted.keys(), "nobody wants one of the items", "其中有无人需要的项目"),
        (now < confirm_by, "members could not confirm any more", "确认期限已过"),
        (all(confirm_by < end for end in ends), "a quote ends before members have confirmed",
         "报价有效期早于确认期限"),
    )  # fmt: skip
    for holds, en, zh in checks:
        if not holds:
            raise AwardInvalidError(purchase_id=purchase.id, en=en, zh=zh)


def _award_line(
    quote: TieredQuote, number: int, wanted: Mapping[int, int]
) -> tuple[LinePrice, int]:
    line = quote.line(number)
    assert line is not None, "only what is offered is awarded"
    return line, cost(line, wanted[number]).total_minor


def _award(
    clock: Clock,
    purchase: PurchaseList,
    quote: TieredQuote,
    number: int,
    wanted: Mapping[int, int],
) -> Award:
    line, total = _award_line(quote, number, wanted)
    return Award(
        id=clock.new_id(),
        organisation_id=purchase.organisation_id,
        list_id=purchase.id,
        number=number,
        quote_id=quote.id,
        supplier_id=quote.supplier_id,
        line=line,
        quantity=wanted[number],
        total_minor=total,
    )
