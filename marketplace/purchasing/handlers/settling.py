"""The end of an awarded list: who confirmed shares it, to the last minor unit, by an order each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.handlers import agreeing as deals
from marketplace.deals.handlers.agreeing import Agreed, AgreedLine
from marketplace.purchasing import store
from marketplace.purchasing.domain.lists import Item, Part, PartState, PurchaseList, State
from marketplace.purchasing.domain.sharing import (
    UNCONFIRMED,
    Award,
    Pledge,
    Settlement,
    Share,
    settle,
)
from marketplace.purchasing.handlers.telling import tell_list, tell_part
from services.contracts.ids import OrganisationId
from services.runtime.clock import Clock

NOT_AWARDED = "nothing it wants was awarded"


def settle_next(*, session: Session, clock: Clock) -> bool:
    """Order one list that is due; whether there was one."""
    purchase = store.lock_due(session, now=clock.now())
    if purchase is None:
        return False
    parts = store.lock_parts(session, purchase.id)
    awards = store.awards_of(session, [purchase.id])[purchase.id]
    pledges = [
        Pledge(part.member_id, part.quantities, part.at_most_minor)
        for part in parts
        if part.state is PartState.CONFIRMED
    ]
    settlement = settle([award.line for award in awards], pledges)
    orders = _order(session, clock, purchase, awards, settlement.shares)
    # The parts first: their counting trigger takes the items, which nothing below does.
    _end_parts(session, clock, parts, settlement)
    _finish_awards(session, awards, settlement)
    placed = {award.number: award.supplier_id for award in awards}
    store.insert_shares(
        session,
        purchase,
        [(share, orders[share.member_id, placed[share.number]]) for share in settlement.shares],
    )
    state = State.ORDERED if settlement.shares else State.FAILED
    ended = purchase.changed(now=clock.now(), state=state)
    store.save_list(session, ended)
    tell_list(session, clock, purchase, ended)
    return True


def _end_parts(
    session: Session, clock: Clock, parts: Sequence[Part], settlement: Settlement
) -> None:
    buying = {share.member_id for share in settlement.shares}
    for part in parts:
        if part.state is PartState.DECLINED:
            continue
        if part.member_id in buying:
            ended = replace(part, state=PartState.ORDERED, updated_at=clock.now())
        else:
            why = UNCONFIRMED if part.state is PartState.JOINED else NOT_AWARDED
            why = settlement.left_out.get(part.member_id, why)
            ended = replace(part, state=PartState.LEFT_OUT, because=why, updated_at=clock.now())
        store.save_part(session, ended)
        tell_part(session, clock, part, ended)


def _finish_awards(session: Session, awards: Sequence[Award], settlement: Settlement) -> None:
    costs = {cost.number: cost for cost in settlement.costs}
    for award in awards:
        cost = costs.get(award.number)
        final = (0, 0) if cost is None else (cost.quantity, cost.total_minor)
        store.save_final(session, replace(award, final_quantity=final[0], final_minor=final[1]))


def _order(
    session: Session,
    clock: Clock,
    purchase: PurchaseList,
    awards: Sequence[Award],
    shares: Sequence[Share],
) -> dict[tuple[OrganisationId, OrganisationId], UUID]:
    """One order for each member with each supplier it buys from, by these two."""
    of = {award.number: award for award in awards}
    items = {item.number: item for item in store.items_of(session, [purchase.id])[purchase.id]}
    bought: dict[tuple[OrganisationId, OrganisationId], list[Share]] = {}
    for share in shares:
        bought.setdefault((share.member_id, of[share.number].supplier_id), []).append(share)
    quotes = {
        quote.id: quote
        for quote in store.quotes_after(
            session, purchase.id, party=purchase.organisation_id, after=None, limit=None
        )
    }
    orders = {}
    for (member_id, supplier_id), own in bought.items():
        quote = quotes[of[own[0].number].quote_id]
        agreed = Agreed(
            title=purchase.title,
            text=f"Share of purchasing list {purchase.id}",
            currency=purchase.currency,
            lines=_lines(own, items),
            lead_days=quote.lead_days,
            valid_until=quote.valid_until,
            needed_by=_needed_by(own, items),
        )
        order = deals.order_agreed(
            session=session,
            clock=clock,
            buyer_id=member_id,
            supplier_id=supplier_id,
            agreed=agreed,
        )
        orders[member_id, supplier_id] = order.id
    return orders


def _lines(shares: Sequence[Share], items: Mapping[int, Item]) -> tuple[AgreedLine, ...]:
    return tuple(
        AgreedLine(
            items[share.number].description,
            share.quantity,
            items[share.number].unit,
            share.amount_minor,
        )
        for share in shares
    )


def _needed_by(shares: Sequence[Share], items: Mapping[int, Item]) -> datetime | None:
    dates = (items[share.number].needed_by for share in shares)
    return min((one for one in dates if one is not None), default=None)
