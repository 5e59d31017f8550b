"""SQL of purchasing lists, parts, quotes, awards and shares."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, exists, func
from sqlmodel import Session, and_, col, delete, or_, select, update

from marketplace.purchasing.domain.lists import (
    GuestRole,
    Item,
    Part,
    PartState,
    PurchaseList,
    State,
)
from marketplace.purchasing.domain.pricing import LinePrice, QuoteState, TieredQuote
from marketplace.purchasing.domain.sharing import Award, Share
from marketplace.purchasing.tables import (
    PurchaseAwardRow,
    PurchaseGuestRow,
    PurchaseItemRow,
    PurchaseListRow,
    PurchasePartRow,
    PurchaseQuoteRow,
    PurchaseShareRow,
)
from services.capacity.domain import Visibility
from services.contracts.ids import OrganisationId
from services.identity.domain import Reach

_FRESH: Final = {"populate_existing": True}
_LINES: Final = TypeAdapter(tuple[LinePrice, ...])
_LINE: Final = TypeAdapter(LinePrice)


def insert_list(session: Session, purchase: PurchaseList) -> None:
    session.add(PurchaseListRow(**asdict(purchase)))
    session.flush()


def save_list(session: Session, purchase: PurchaseList) -> None:
    row = session.get_one(PurchaseListRow, purchase.id)
    for name, value in asdict(purchase).items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    session.flush()


def replace_items(session: Session, purchase: PurchaseList, items: Iterable[Item]) -> None:
    session.exec(delete(PurchaseItemRow).where(col(PurchaseItemRow.list_id) == purchase.id))
    session.add_all(
        PurchaseItemRow(
            **asdict(item), list_id=purchase.id, organisation_id=purchase.organisation_id
        )
        for item in items
    )
    session.flush()


def items_of(session: Session, list_ids: Iterable[UUID]) -> dict[UUID, list[Item]]:
    query = select(PurchaseItemRow).where(col(PurchaseItemRow.list_id).in_(list(list_ids)))
    rows = session.exec(
        query.order_by(col(PurchaseItemRow.list_id), col(PurchaseItemRow.number)),
        execution_options=_FRESH,
    )
    found: dict[UUID, list[Item]] = {}
    for row in rows:
        facts = row.model_dump(exclude={"list_id", "organisation_id"})
        found.setdefault(row.list_id, []).append(Item(**facts))
    return found


def find_list(
    session: Session, list_id: UUID, *, viewer: OrganisationId, reach: Reach
) -> PurchaseList | None:
    """The list, if ``viewer`` with its ``reach`` may see it."""
    query = select(PurchaseListRow).where(
        col(PurchaseListRow.id) == list_id, _seen_by(viewer, reach)
    )
    row = session.exec(query, execution_options=_FRESH).one_or_none()
    return None if row is None else _list(row)


def lock_list(session: Session, list_id: UUID, *, owner: OrganisationId) -> PurchaseList | None:
    query = select(PurchaseListRow).where(
        col(PurchaseListRow.id) == list_id, col(PurchaseListRow.organisation_id) == owner
    )
    row = session.exec(query.with_for_update(), execution_options=_FRESH).one_or_none()
    return None if row is None else _list(row)


def lock_due(session: Session, *, now: datetime) -> PurchaseList | None:
    """An awarded list whose members have all answered, or whose time to confirm is over."""
    open_part = exists().where(
        col(PurchasePartRow.list_id) == col(PurchaseListRow.id),
        col(PurchasePartRow.state) == PartState.JOINED,
    )
    query = (
        select(PurchaseListRow)
        .where(
            col(PurchaseListRow.state) == State.AWARDED,
            or_(col(PurchaseListRow.confirm_by) <= now, ~open_part),
        )
        .order_by(col(PurchaseListRow.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.exec(query, execution_options=_FRESH).one_or_none()
    return None if row is None else _list(row)


def lists_after(
    session: Session, *, viewer: OrganisationId, reach: Reach, after: UUID | None, limit: int
) -> list[PurchaseList]:
    query = select(PurchaseListRow).where(_seen_by(viewer, reach))
    if after is not None:
        query = query.where(col(PurchaseListRow.id) > after)
    rows = session.exec(query.order_by(col(PurchaseListRow.id)).limit(limit))
    return [_list(row) for row in rows]


def _seen_by(viewer: OrganisationId, reach: Reach) -> ColumnElement[bool]:
    """What row security says too."""
    row, visibility = PurchaseListRow, col(PurchaseListRow.visibility)
    found = or_(
        visibility == Visibility.PUBLIC,
        and_(visibility == Visibility.PARK, col(row.park).in_(reach.parks)),
        and_(visibility == Visibility.SPACE, col(row.space_id).in_(reach.spaces)),
        _takes_part(PurchaseGuestRow.list_id, PurchaseGuestRow.guest_id, viewer),
        _takes_part(PurchasePartRow.list_id, PurchasePartRow.member_id, viewer),
        _takes_part(PurchaseQuoteRow.list_id, PurchaseQuoteRow.supplier_id, viewer),
    )
    return or_(col(row.organisation_id) == viewer, and_(col(row.state) != State.DRAFT, found))


def _takes_part(list_id: Any, party: Any, viewer: OrganisationId) -> ColumnElement[bool]:
    return exists().where(col(list_id) == col(PurchaseListRow.id), col(party) == viewer)


def insert_guests(
    session: Session, purchase: PurchaseList, guests: Iterable[OrganisationId], role: GuestRole
) -> None:
    session.add_all(
        PurchaseGuestRow(
            list_id=purchase.id,
            guest_id=guest,
            organisation_id=purchase.organisation_id,
            role=role.value,
        )
        for guest in guests
    )
    session.flush()


def guests_of(session: Session, list_id: UUID) -> dict[OrganisationId, GuestRole]:
    """Those invited, as far as the caller may know of them."""
    rows = session.exec(select(PurchaseGuestRow).where(col(PurchaseGuestRow.list_id) == list_id))
    return {OrganisationId(row.guest_id): GuestRole(row.role) for row in rows}


def insert_part(session: Session, part: Part) -> None:
    session.add(PurchasePartRow(**_part_facts(part)))
    session.flush()


def save_part(session: Session, part: Part) -> None:
    row = session.get_one(PurchasePartRow, part.id)
    for name, value in _part_facts(part).items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    session.flush()


def find_part(
    session: Session, list_id: UUID, *, member: OrganisationId, lock: bool = False
) -> Part | None:
    query = select(PurchasePartRow).where(
        col(PurchasePartRow.list_id) == list_id, col(PurchasePartRow.member_id) == member
    )
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    return None if row is None else _part(row)


def lock_parts(session: Session, list_id: UUID) -> list[Part]:
    query = (
        select(PurchasePartRow)
        .where(col(PurchasePartRow.list_id) == list_id)
        .order_by(col(PurchasePartRow.id))
        .with_for_update()
    )
    return [_part(row) for row in session.exec(query, execution_options=_FRESH)]


def parts_after(
    session: Session, list_id: UUID, *, after: UUID | None, limit: int | None
) -> list[Part]:
    query = select(PurchasePartRow).where(col(PurchasePartRow.list_id) == list_id)
    if after is not None:
        query = query.where(col(PurchasePartRow.id) > after)
    rows = session.exec(query.order_by(col(PurchasePartRow.id)).limit(limit))
    return [_part(row) for row in rows]


def insert_quote(session: Session, quote: TieredQuote) -> None:
    lines = {"lines": _LINES.dump_python(quote.lines, mode="json")}
    session.add(PurchaseQuoteRow(**asdict(quote) | lines))
    session.flush()


def next_version(session: Session, list_id: UUID, supplier_id: OrganisationId) -> int:
    asked = select(func.max(PurchaseQuoteRow.version)).where(
        col(PurchaseQuoteRow.list_id) == list_id,
        col(PurchaseQuoteRow.supplier_id) == supplier_id,
    )
    return (session.exec(asked).one() or 0) + 1


def set_quotes(
    session: Session,
    list_id: UUID,
    state: QuoteState,
    *,
    supplier: OrganisationId | None = None,
    ids: Iterable[UUID] | None = None,
) -> int:
    """Give live quotes of a list another state; how many there were."""
    change = update(PurchaseQuoteRow).where(
        col(PurchaseQuoteRow.list_id) == list_id,
        col(PurchaseQuoteRow.state) == QuoteState.SUBMITTED,
    )
    if supplier is not None:
        change = change.where(col(PurchaseQuoteRow.supplier_id) == supplier)
    if ids is not None:
        change = change.where(col(PurchaseQuoteRow.id).in_(list(ids)))
    return session.exec(change.values(state=state.value)).rowcount


def live_quotes(session: Session, list_id: UUID) -> list[TieredQuote]:
    """Those that may be awarded, as far as the caller sees them."""
    query = select(PurchaseQuoteRow).where(
        col(PurchaseQuoteRow.list_id) == list_id,
        col(PurchaseQuoteRow.state) == QuoteState.SUBMITTED,
    )
    rows = session.exec(query.order_by(col(PurchaseQuoteRow.id)), execution_options=_FRESH)
    return [_quote(row) for row in rows]


def quotes_after(
    session: Session,
    list_id: UUID,
    *,
    party: OrganisationId,
    after: UUID | None,
    limit: int | None,
) -> list[TieredQuote]:
    """All for the lead; for others their own."""
    query = select(PurchaseQuoteRow).where(
        col(PurchaseQuoteRow.list_id) == list_id,
        or_(
            col(PurchaseQuoteRow.organisation_id) == party,
            col(PurchaseQuoteRow.supplier_id) == party,
        ),
    )
    if after is not None:
        query = query.where(col(PurchaseQuoteRow.id) > after)
    rows = session.exec(
        query.order_by(col(PurchaseQuoteRow.id)).limit(limit), execution_options=_FRESH
    )
    return [_quote(row) for row in rows]


def insert_awards(session: Session, awards: Iterable[Award]) -> None:
    session.add_all(
        PurchaseAwardRow(**asdict(award) | {"line": _LINE.dump_python(award.line, mode="json")})
        for award in awards
    )
    session.flush()


def awards_of(session: Session, list_ids: Iterable[UUID]) -> dict[UUID, list[Award]]:
    """As far as the caller sees them: a supplier its own."""
    query = select(PurchaseAwardRow).where(col(PurchaseAwardRow.list_id).in_(list(list_ids)))
    rows = session.exec(
        query.order_by(col(PurchaseAwardRow.list_id), col(PurchaseAwardRow.number)),
        execution_options=_FRESH,
    )
    found: dict[UUID, list[Award]] = {}
    for row in rows:
        facts = row.model_dump() | {"line": _LINE.validate_python(row.line)}
        found.setdefault(row.list_id, []).append(Award(**facts))
    return found


def save_final(session: Session, award: Award) -> None:
    row = session.get_one(PurchaseAwardRow, award.id)
    row.final_quantity, row.final_minor = award.final_quantity, award.final_minor
    session.flush()


def insert_shares(
    session: Session, purchase: PurchaseList, shares: Iterable[tuple[Share, UUID]]
) -> None:
    """Each with the order it became part of."""
    session.add_all(
        PurchaseShareRow(
            **asdict(share),
            list_id=purchase.id,
            organisation_id=purchase.organisation_id,
            order_id=order_id,
        )
        for share, order_id in shares
    )
    session.flush()


def shares_of(
    session: Session, list_id: UUID, *, member: OrganisationId
) -> Sequence[tuple[Share, UUID]]:
    query = select(PurchaseShareRow).where(
        col(PurchaseShareRow.list_id) == list_id, col(PurchaseShareRow.member_id) == member
    )
    return [
        (
            Share(OrganisationId(row.member_id), row.number, row.quantity, row.amount_minor),
            row.order_id,
        )
        for row in session.exec(query.order_by(col(PurchaseShareRow.number)))
    ]


def _list(row: PurchaseListRow) -> PurchaseList:
    facts = row.model_dump()
    facts |= {"visibility": Visibility(row.visibility), "state": State(row.state)}
    return PurchaseList(**facts)


def _part_facts(part: Part) -> dict[str, Any]:
    quantities = {str(number): quantity for number, quantity in part.quantities.items()}
    return asdict(part) | {"quantities": quantities, "state": part.state.value}


def _part(row: PurchasePartRow) -> Part:
    quantities = {int(number): quantity for number, quantity in row.quantities.items()}
    return Part(**row.model_dump() | {"quantities": quantities, "state": PartState(row.state)})


def _quote(row: PurchaseQuoteRow) -> TieredQuote:
    lines = _LINES.validate_python(row.lines)
    return TieredQuote(**row.model_dump() | {"lines": lines, "state": QuoteState(row.state)})
