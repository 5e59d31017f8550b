"""Use cases of purchasing lists: draft, fill, open, invite, withdraw, read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.purchasing import store
from marketplace.purchasing.domain.lists import (
    GuestRole,
    Item,
    ItemTerms,
    Part,
    PartState,
    PurchaseInvalidError,
    PurchaseList,
    State,
    Terms,
    check_terms,
)
from marketplace.purchasing.domain.pricing import QuoteState
from marketplace.purchasing.domain.sharing import Award
from marketplace.purchasing.handlers.telling import tell_list
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class PurchaseNotFoundError(DomainError):
    code: ClassVar[str] = "purchase-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no purchasing list {purchase_id} that you may see; list /purchases."
    )
    zh: ClassVar[str] = "没有您可见的集采清单 {purchase_id}；请查看 /purchases。"


@dataclass(frozen=True, slots=True)
class Seen:
    """A list with its items, and with the awards the viewer may see."""

    purchase: PurchaseList
    items: tuple[Item, ...]
    awards: tuple[Award, ...] = ()

    @property
    def id(self) -> UUID:
        return self.purchase.id


def create_purchase(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    terms: Terms,
    members: Sequence[OrganisationId],
    suppliers: Sequence[OrganisationId],
) -> Seen:
    """Draft a list; the lead's own quantities are its own part.

    Raises:
        PurchaseInvalidError: nobody could fill it.
        OrganisationNotFoundError: there is no such member or supplier.
    """
    now = clock.now()
    check_terms(terms, now=now)
    purchase = PurchaseList(
        id=clock.new_id(),
        organisation_id=organisation_id,
        title=terms.title,
        text=terms.text,
        currency=terms.currency,
        closes_at=terms.closes_at,
        quotes_until=terms.quotes_until,
        visibility=terms.visibility,
        park=terms.park,
        space_id=terms.space_id,
        state=State.DRAFT,
        version=1,
        created_at=now,
        updated_at=now,
    )
    store.insert_list(session, purchase)
    _fill(session, clock, purchase, terms.items)
    _invite(session, purchase, members, suppliers)
    note(session, subject_kind="purchase_list", subject_id=purchase.id, after=purchase)
    return seen(session, purchase)


def fill_purchase(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    purchase_id: UUID,
    items: Sequence[ItemTerms],
    expected_version: int | None = None,
) -> Seen:
    """Replace the items of a draft.

    Raises:
        PurchaseNotFoundError, PurchaseStateError, PurchaseVersionMismatchError: as they say.
        PurchaseInvalidError: an item is needed too early.
    """
    purchase = locked(session, organisation_id, purchase_id, expected_version)
    purchase.check_state("change its items", State.DRAFT)
    _check_needed(purchase, items)
    changed = purchase.changed(now=clock.now())
    store.save_list(session, changed)
    _fill(session, clock, changed, items)
    return seen(session, changed)


def open_purchase(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    purchase_id: UUID,
    expected_version: int | None = None,
) -> Seen:
    """Let members add quantities and suppliers quote.

    Raises:
        PurchaseNotFoundError, PurchaseStateError, PurchaseVersionMismatchError: as they say.
        PurchaseTimeError, PurchaseInvalidError: its time is over, or it lists nothing.
    """
    purchase = locked(session, organisation_id, purchase_id, expected_version)
    purchase.check_state("open", State.DRAFT)
    purchase.check_until("open", purchase.closes_at, clock.now())
    if not store.items_of(session, [purchase_id]):
        raise PurchaseInvalidError(field="items", en="it lists nothing", zh="清单为空")
    return _moved(session, clock, purchase, State.OPEN)


def invite(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    purchase_id: UUID,
    members: Sequence[OrganisationId],
    suppliers: Sequence[OrganisationId],
) -> Seen:
    """Invite more members and suppliers; who is invited stays what it was invited as.

    Raises:
        PurchaseNotFoundError, PurchaseStateError, PurchaseInvalidError: as they say.
        OrganisationNotFoundError: there is no such member or supplier.
    """
    purchase = locked(session, organisation_id, purchase_id)
    purchase.check_state("invite", State.DRAFT, State.OPEN)
    _invite(session, purchase, members, suppliers)
    changed = purchase.changed(now=clock.now())
    store.save_list(session, changed)
    tell_list(session, clock, purchase, changed)
    return seen(session, changed)


def withdraw_purchase(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    purchase_id: UUID,
    expected_version: int | None = None,
) -> Seen:
    """Give a list up before it is awarded.

    Raises:
        PurchaseNotFoundError, PurchaseStateError, PurchaseVersionMismatchError: as they say.
    """
    purchase = locked(session, organisation_id, purchase_id, expected_version)
    purchase.check_state("withdraw", State.DRAFT, State.OPEN)
    store.set_quotes(session, purchase_id, QuoteState.LOST)
    return _moved(session, clock, purchase, State.WITHDRAWN)


def get_purchase(*, session: Session, viewer: OrganisationId, purchase_id: UUID) -> Seen:
    """A list one leads, is invited to, takes part in, or finds open.

    Raises:
        PurchaseNotFoundError: there is none such.
    """
    return seen(session, visible(session, viewer, purchase_id))


def list_purchases(
    *, session: Session, viewer: OrganisationId, after: UUID | None, limit: int
) -> list[Seen]:
    """A page of the lists one may see, in order of drafting."""
    reach = identity.reach(session=session, organisation_id=viewer)
    found = store.lists_after(session, viewer=viewer, reach=reach, after=after, limit=limit)
    ids = [one.id for one in found]
    items, awards = store.items_of(session, ids), store.awards_of(session, ids)
    return [Seen(one, tuple(items.get(one.id, ())), tuple(awards.get(one.id, ()))) for one in found]


def visible(session: Session, viewer: OrganisationId, purchase_id: UUID) -> PurchaseList:
    reach = identity.reach(session=session, organisation_id=viewer)
    found = store.find_list(session, purchase_id, viewer=viewer, reach=reach)
    if found is None:
        raise PurchaseNotFoundError(purchase_id=purchase_id)
    return found


def owned(session: Session, organisation_id: OrganisationId, purchase_id: UUID) -> PurchaseList:
    """A list of the organisation's own; another's is as good as absent."""
    found = visible(session, organisation_id, purchase_id)
    if found.organisation_id != organisation_id:
        raise PurchaseNotFoundError(purchase_id=purchase_id)
    return found


def locked(
    session: Session,
    organisation_id: OrganisationId,
    purchase_id: UUID,
    expected_version: int | None = None,
) -> PurchaseList:
    found = store.lock_list(session, purchase_id, owner=organisation_id)
    if found is None:
        raise PurchaseNotFoundError(purchase_id=purchase_id)
    found.check_version(expected_version)
    return found


def seen(session: Session, purchase: PurchaseList) -> Seen:
    items = store.items_of(session, [purchase.id]).get(purchase.id, [])
    awards = store.awards_of(session, [purchase.id]).get(purchase.id, [])
    return Seen(purchase, tuple(items), tuple(awards))


def _moved(session: Session, clock: Clock, purchase: PurchaseList, state: State) -> Seen:
    moved = purchase.changed(now=clock.now(), state=state)
    store.save_list(session, moved)
    tell_list(session, clock, purchase, moved)
    return seen(session, moved)


def _check_needed(purchase: PurchaseList, items: Sequence[ItemTerms]) -> None:
    if any(one.needed_by is not None and one.needed_by <= purchase.quotes_until for one in items):
        raise PurchaseInvalidError(
            field="items",
            en="an item is needed before it can be awarded",
            zh="需求时间早于定标时间",
        )


def _fill(
    session: Session, clock: Clock, purchase: PurchaseList, items: Sequence[ItemTerms]
) -> None:
    """The items of a draft, and the lead's own part in them."""
    store.replace_items(
        session,
        purchase,
        [
            Item(number, one.description, one.unit, one.spec, one.needed_by)
            for number, one in enumerate(items, start=1)
        ],
    )
    now, quantities = (
        clock.now(),
        {n: one.quantity for n, one in enumerate(items, 1) if one.quantity},
    )
    former = store.find_part(session, purchase.id, member=purchase.organisation_id, lock=True)
    if former is not None:
        store.save_part(session, replace(former, quantities=quantities, updated_at=now))
    elif quantities:
        part = Part(
            id=clock.new_id(),
            organisation_id=purchase.organisation_id,
            member_id=purchase.organisation_id,
            list_id=purchase.id,
            state=PartState.JOINED,
            quantities=quantities,
            created_at=now,
            updated_at=now,
        )
        store.insert_part(session, part)


def _invite(
    session: Session,
    purchase: PurchaseList,
    members: Sequence[OrganisationId],
    suppliers: Sequence[OrganisationId],
) -> None:
    known = store.guests_of(session, purchase.id)
    asked = {GuestRole.MEMBER: set(members), GuestRole.SUPPLIER: set(suppliers)}
    twice = asked[GuestRole.MEMBER] & asked[GuestRole.SUPPLIER]
    if twice or purchase.organisation_id in set(members) | set(suppliers):
        raise PurchaseInvalidError(
            field="members",
            en="nobody both buys and supplies, and the lead needs no invitation",
            zh="同一企业不能既参与采购又供货；牵头企业无需邀请",
        )
    for role, guests in asked.items():
        new = sorted(guests - known.keys())
        for guest in new:
            identity.get_organisation(session=session, organisation_id=guest)
        store.insert_guests(session, purchase, new, role)
