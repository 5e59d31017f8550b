"""Use cases of members: add quantities, leave, see one's share, confirm or decline it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.purchasing import store
from marketplace.purchasing.domain.lists import (
    AGREED,
    GuestRole,
    Item,
    Part,
    PartState,
    PurchaseList,
    State,
    check_quantities,
)
from marketplace.purchasing.domain.pricing import LinePrice, cost
from marketplace.purchasing.domain.sharing import Award, bill
from marketplace.purchasing.handlers.lists import owned, visible
from marketplace.purchasing.handlers.telling import tell_part
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.runtime.clock import Clock


class NoPartError(DomainError):
    code: ClassVar[str] = "purchase-no-part"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Your organisation has no part in purchasing list {purchase_id}; add quantities first."
    )
    zh: ClassVar[str] = "贵组织未参与集采清单 {purchase_id}；请先添加需求数量。"


class PartStateError(DomainError):
    code: ClassVar[str] = "purchase-part-not-in-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your part in purchasing list {purchase_id} is {state}, not {wanted}."
    zh: ClassVar[str] = "贵组织在集采清单 {purchase_id} 中的状态为 {state}，而非 {wanted}。"


class OtherSideError(DomainError):
    code: ClassVar[str] = "purchase-other-side"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Of purchasing list {purchase_id} your organisation is a {side}; nobody buys and supplies"
        " by one list."
    )
    zh: ClassVar[str] = "贵组织在集采清单 {purchase_id} 中为 {side}；不能既采购又供货。"


class LimitTooLowError(DomainError):
    code: ClassVar[str] = "purchase-limit-too-low"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Your share of purchasing list {purchase_id} comes to {due} minor units even if everybody"
        " confirms, above the {limit} you agree to; decline it, or agree to more."
    )
    zh: ClassVar[str] = (
        "即使全部成员确认，贵组织在集采清单 {purchase_id} 中的份额也需 {due}，高于上限 {limit}；"
        "请放弃或提高上限。"
    )


@dataclass(frozen=True, slots=True)
class ShareLine:
    """A member's part of an item: what it comes to, and why; ``supplier_id`` none: not awarded.

    ``amount_minor`` is exact once ordered; before, the most it comes to if all who have not
    declined confirm.
    """

    number: int
    quantity: int
    pooled: int
    supplier_id: OrganisationId | None
    amount_minor: int | None
    because: str
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OwnShare:
    """A member's view: what is due if all confirm, if nobody else does, and if it buys alone."""

    purchase: PurchaseList
    part: Part
    lines: tuple[ShareLine, ...]
    due_minor: int
    confirmed_minor: int
    alone_minor: int


def take_part(
    *,
    session: Session,
    clock: Clock,
    member_id: OrganisationId,
    purchase_id: UUID,
    quantities: Sequence[tuple[int, int]],
) -> Part:
    """Add quantities, or change those one added before.

    Raises:
        PurchaseNotFoundError, PurchaseStateError, PurchaseTimeError: as they say.
        OtherSideError: it supplies. PurchaseInvalidError: no such items.
    """
    now = clock.now()
    purchase = visible(session, member_id, purchase_id)
    purchase.check_state("add quantities", State.OPEN)
    purchase.check_until("add quantities", purchase.closes_at, now)
    check_side(session, purchase, member_id, GuestRole.MEMBER)
    items = store.items_of(session, [purchase_id])[purchase_id]
    wanted = check_quantities(quantities, [item.number for item in items])
    former = store.find_part(session, purchase_id, member=member_id, lock=True)
    part = Part(
        id=clock.new_id() if former is None else former.id,
        organisation_id=purchase.organisation_id,
        member_id=member_id,
        list_id=purchase_id,
        state=PartState.JOINED,
        quantities=wanted,
        created_at=now if former is None else former.created_at,
        updated_at=now,
    )
    if former is None:
        store.insert_part(session, part)
    else:
        store.save_part(session, part)
    tell_part(session, clock, former, part)
    return part


def confirm(
    *,
    session: Session,
    clock: Clock,
    member_id: OrganisationId,
    purchase_id: UUID,
    at_most_minor: int,
) -> OwnShare:
    """Agree to buy one's share, for ``at_most_minor`` in all. Others leaving may raise it so far.

    Raises:
        PurchaseNotFoundError, NoPartError, PurchaseStateError, PurchaseTimeError,
        PartStateError: as they say.
        LimitTooLowError: it could not be kept to even if everybody confirmed.
    """
    purchase, part = _answering(session, clock, member_id, purchase_id, "confirm")
    due = _share(session, purchase, part).due_minor
    if due > at_most_minor:
        raise LimitTooLowError(purchase_id=purchase_id, due=due, limit=at_most_minor)
    agreed = replace(
        part, state=PartState.CONFIRMED, at_most_minor=at_most_minor, updated_at=clock.now()
    )
    store.save_part(session, agreed)
    tell_part(session, clock, part, agreed)
    return _share(session, purchase, agreed)


def decline(
    *, session: Session, clock: Clock, member_id: OrganisationId, purchase_id: UUID
) -> OwnShare:
    """Leave: an open list until it closes, an awarded one instead of confirming.

    Raises:
        PurchaseNotFoundError, NoPartError, PurchaseStateError, PurchaseTimeError,
        PartStateError: as they say.
    """
    purchase, part = _answering(session, clock, member_id, purchase_id, "decline", State.OPEN)
    gone = replace(part, state=PartState.DECLINED, updated_at=clock.now())
    store.save_part(session, gone)
    tell_part(session, clock, part, gone)
    return _share(session, purchase, gone)


def get_share(*, session: Session, member_id: OrganisationId, purchase_id: UUID) -> OwnShare:
    """What one's part comes to, at present.

    Raises:
        PurchaseNotFoundError, NoPartError: as they say.
    """
    purchase = visible(session, member_id, purchase_id)
    part = store.find_part(session, purchase_id, member=member_id)
    if part is None:
        raise NoPartError(purchase_id=purchase_id)
    return _share(session, purchase, part)


def list_parts(
    *,
    session: Session,
    organisation_id: OrganisationId,
    purchase_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Part]:
    """The parts of all members, for the lead alone.

    Raises:
        PurchaseNotFoundError: it leads no such list.
    """
    owned(session, organisation_id, purchase_id)
    return store.parts_after(session, purchase_id, after=after, limit=limit)


def check_side(
    session: Session, purchase: PurchaseList, caller: OrganisationId, wanted: GuestRole
) -> None:
    """Refuse a supplier that buys and a buyer that supplies.

    Raises:
        OtherSideError: it stands on the other side.
    """
    sides = {store.guests_of(session, purchase.id).get(caller)}
    if store.quotes_after(session, purchase.id, party=caller, after=None, limit=1) and (
        caller != purchase.organisation_id
    ):
        sides.add(GuestRole.SUPPLIER)
    if caller == purchase.organisation_id or store.find_part(session, purchase.id, member=caller):
        sides.add(GuestRole.MEMBER)
    for side in sides - {None, wanted}:
        raise OtherSideError(purchase_id=purchase.id, side=side)


def _answering(
    session: Session,
    clock: Clock,
    member_id: OrganisationId,
    purchase_id: UUID,
    move: str,
    *also: State,
) -> tuple[PurchaseList, Part]:
    purchase = visible(session, member_id, purchase_id)
    part = store.find_part(session, purchase_id, member=member_id, lock=True)
    if part is None:
        raise NoPartError(purchase_id=purchase_id)
    # Read again under the lock of the part: the worker that settles takes it too.
    purchase = visible(session, member_id, purchase_id)
    purchase.check_state(move, State.AWARDED, *also)
    limit = purchase.closes_at if purchase.confirm_by is None else purchase.confirm_by
    purchase.check_until(move, limit, clock.now())
    if part.state is not PartState.JOINED:
        raise PartStateError(purchase_id=purchase_id, state=part.state, wanted=PartState.JOINED)
    return purchase, part


def _share(session: Session, purchase: PurchaseList, part: Part) -> OwnShare:
    items = {one.number: one for one in store.items_of(session, [purchase.id])[purchase.id]}
    awards = {
        one.number: one for one in store.awards_of(session, [purchase.id]).get(purchase.id, [])
    }
    final = {
        share.number: (share.amount_minor, order_id)
        for share, order_id in store.shares_of(session, purchase.id, member=part.member_id)
    }
    lines = tuple(
        _line(items[number], quantity, awards.get(number), final.get(number))
        for number, quantity in sorted(part.quantities.items())
    )
    prices, own = [award.line for award in awards.values()], part.quantities
    in_it, agreed = part.state in {PartState.JOINED, *AGREED}, part.state in AGREED
    pooled = {n: one.pooled + (0 if in_it else own.get(n, 0)) for n, one in items.items()}
    confirmed = {n: one.confirmed + (0 if agreed else own.get(n, 0)) for n, one in items.items()}
    return OwnShare(
        purchase,
        part,
        lines,
        due_minor=bill(prices, own, pooled) if not final else _sum(lines),
        confirmed_minor=bill(prices, own, confirmed) if not final else _sum(lines),
        alone_minor=bill(prices, own, own),
    )


def _sum(lines: Sequence[ShareLine]) -> int:
    return sum(line.amount_minor or 0 for line in lines)


def _line(
    item: Item, quantity: int, award: Award | None, final: tuple[int, UUID] | None
) -> ShareLine:
    if award is None:
        return ShareLine(item.number, quantity, item.pooled, None, None, "not awarded")
    pooled = item.pooled if award.final_quantity is None else award.final_quantity
    whole = cost(award.line, max(pooled, quantity))
    because = f"{quantity} of {whole.quantity}: {whole.because} = {whole.total_minor}"
    amount = _due(award.line, item.number, quantity, whole.quantity) if final is None else final[0]
    return ShareLine(
        item.number,
        quantity,
        pooled,
        award.supplier_id,
        amount,
        because,
        None if final is None else final[1],
    )


def _due(line: LinePrice, number: int, quantity: int, pooled: int) -> int:
    own: Mapping[int, int] = {number: quantity}
    return bill([line], own, {number: pooled})
