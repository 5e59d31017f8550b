"""Deals, bids and messages."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists
from sqlmodel import Session, and_, col, or_, select

from marketplace.deals.domain.lifecycle import State
from marketplace.deals.domain.requests import Bid, Deal, Line, Message, MessageKind, Terms
from marketplace.deals.tables import BidRow, DealRow, MessageRow
from services.capacity.domain import Visibility
from services.contracts.ids import DemandId, OrganisationId
from services.identity.domain import Reach


def insert_deal(session: Session, deal: Deal) -> None:
    session.add(DealRow(**_facts(deal)))
    session.flush()


def save_deal(session: Session, deal: Deal) -> None:
    row = session.get_one(DealRow, deal.id)
    for name, value in _facts(deal).items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    session.flush()


def find_deal(
    session: Session, deal_id: UUID, *, viewer: OrganisationId, reach: Reach
) -> Deal | None:
    """The deal, if ``viewer`` with its ``reach`` may see it."""
    query = select(DealRow).where(col(DealRow.id) == deal_id, _seen_by(viewer, reach))
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _deal(row)


def lock_deal(session: Session, deal_id: UUID, *, owner: OrganisationId) -> Deal | None:
    """The deal of ``owner`` under lock."""
    query = (
        select(DealRow)
        .where(col(DealRow.id) == deal_id, col(DealRow.organisation_id) == owner)
        .with_for_update()
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _deal(row)


def deals_after(
    session: Session,
    *,
    viewer: OrganisationId,
    reach: Reach,
    after: UUID | None,
    limit: int,
    own: bool,
) -> list[Deal]:
    """A page in order of id; ``own`` leaves out what others ask for."""
    query = select(DealRow).where(
        col(DealRow.organisation_id) == viewer if own else _seen_by(viewer, reach)
    )
    if after is not None:
        query = query.where(col(DealRow.id) > after)
    return [_deal(row) for row in session.exec(query.order_by(col(DealRow.id)).limit(limit))]


def lock_due_deals(session: Session, *, now: datetime, limit: int) -> list[Deal]:
    """Open deals past their time with no quote that could still be awarded."""
    live = exists().where(
        col(BidRow.deal_id) == col(DealRow.id),
        col(BidRow.state).in_([State.QUOTED, State.SHORTLISTED, State.SLOT_HELD]),
    )
    query = (
        select(DealRow)
        .where(col(DealRow.state) == State.PUBLISHED, col(DealRow.closes_at) <= now, ~live)
        .order_by(col(DealRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_deal(row) for row in session.exec(query)]


def _seen_by(viewer: OrganisationId, reach: Reach) -> ColumnElement[bool]:
    """What row security says too."""
    visibility = col(DealRow.visibility)
    taking_part = exists().where(
        col(BidRow.deal_id) == col(DealRow.id),
        col(BidRow.supplier_id) == viewer,
        col(BidRow.state) != State.DRAFT,
    )
    found = or_(
        visibility == Visibility.PUBLIC,
        and_(visibility == Visibility.PARK, col(DealRow.park).in_(reach.parks)),
        and_(visibility == Visibility.SPACE, col(DealRow.space_id).in_(reach.spaces)),
        taking_part,
    )
    return or_(
        col(DealRow.organisation_id) == viewer, and_(col(DealRow.state) != State.DRAFT, found)
    )


def insert_bid(session: Session, bid: Bid) -> None:
    session.add(BidRow(**asdict(bid)))
    session.flush()


def save_bid(session: Session, bid: Bid) -> None:
    row = session.get_one(BidRow, bid.id)
    for name in ("state", "revision", "reason", "asked_at", "answered_at", "updated_at"):
        if getattr(row, name) != getattr(bid, name):
            setattr(row, name, getattr(bid, name))
    session.flush()


def bids_of(
    session: Session, deal_ids: Iterable[UUID], *, viewer: OrganisationId
) -> dict[UUID, list[Bid]]:
    """The bids of each deal that ``viewer`` is a party to."""
    query = select(BidRow).where(
        col(BidRow.deal_id).in_(list(deal_ids)),
        or_(
            col(BidRow.organisation_id) == viewer,
            and_(col(BidRow.supplier_id) == viewer, col(BidRow.state) != State.DRAFT),
        ),
    )
    found: dict[UUID, list[Bid]] = {}
    for row in session.exec(query.order_by(col(BidRow.id))):
        found.setdefault(row.deal_id, []).append(_bid(row))
    return found


def lock_bids(session: Session, deal_id: UUID) -> list[Bid]:
    """All bids of an own deal, locked in order of their ids."""
    query = (
        select(BidRow)
        .where(col(BidRow.deal_id) == deal_id)
        .order_by(col(BidRow.id))
        .with_for_update()
    )
    rows = session.exec(query, execution_options={"populate_existing": True})
    return [_bid(row) for row in rows]


def lock_bid_of(session: Session, deal_id: UUID, supplier_id: OrganisationId) -> Bid | None:
    query = (
        select(BidRow)
        .where(
            col(BidRow.deal_id) == deal_id,
            col(BidRow.supplier_id) == supplier_id,
            col(BidRow.state) != State.DRAFT,
        )
        .with_for_update()
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _bid(row)


def lock_bid(session: Session, bid_id: UUID) -> Bid:
    query = select(BidRow).where(col(BidRow.id) == bid_id).with_for_update()
    return _bid(session.exec(query, execution_options={"populate_existing": True}).one())


def insert_message(session: Session, message: Message) -> None:
    session.add(MessageRow(**asdict(message)))
    session.flush()


def messages_after(
    session: Session, deal: Deal, *, viewer: OrganisationId, after: UUID | None, limit: int
) -> list[Message]:
    """What ``viewer`` may read of what was said about a deal it sees, in order."""
    query = select(MessageRow).where(col(MessageRow.deal_id) == deal.id)
    if viewer != deal.organisation_id:
        query = query.where(
            or_(col(MessageRow.supplier_id) == viewer, col(MessageRow.supplier_id).is_(None))
        )
    if after is not None:
        query = query.where(col(MessageRow.id) > after)
    rows = session.exec(query.order_by(col(MessageRow.id)).limit(limit))
    return [
        Message(
            id=row.id,
            organisation_id=OrganisationId(row.organisation_id),
            deal_id=row.deal_id,
            supplier_id=None if row.supplier_id is None else OrganisationId(row.supplier_id),
            author_id=OrganisationId(row.author_id),
            kind=MessageKind(row.kind),
            text=row.text,
            created_at=row.created_at,
        )
        for row in rows
    ]


def _facts(deal: Deal) -> dict[str, Any]:
    terms = deal.terms
    return {
        "id": deal.id,
        "organisation_id": deal.organisation_id,
        "title": terms.title,
        "text": terms.text,
        "lines": [asdict(line) for line in terms.lines],
        "currency": terms.currency,
        "closes_at": terms.closes_at,
        "needed_by": terms.needed_by,
        "visibility": terms.visibility.value,
        "park": terms.park,
        "space_id": terms.space_id,
        "blind": terms.blind,
        "shown_suppliers": list(deal.shown_suppliers),
        "demand_id": terms.demand_id,
        "state": deal.state.value,
        "revision": deal.revision,
        "version": deal.version,
        "created_at": deal.created_at,
        "updated_at": deal.updated_at,
        "published_at": deal.published_at,
    }


def _deal(row: DealRow) -> Deal:
    terms = Terms(
        title=row.title,
        text=row.text,
        lines=tuple(Line(**line) for line in row.lines),
        currency=row.currency,
        closes_at=row.closes_at,
        visibility=Visibility(row.visibility),
        blind=row.blind,
        demand_id=None if row.demand_id is None else DemandId(row.demand_id),
        park=row.park,
        space_id=row.space_id,
        needed_by=row.needed_by,
    )
    return Deal(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        terms=terms,
        state=State(row.state),
        revision=row.revision,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        published_at=row.published_at,
        shown_suppliers=_organisations(row.shown_suppliers),
    )


def _organisations(ids: Sequence[UUID]) -> tuple[OrganisationId, ...]:
    return tuple(OrganisationId(one) for one in ids)


def _bid(row: BidRow) -> Bid:
    return Bid(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        supplier_id=OrganisationId(row.supplier_id),
        deal_id=row.deal_id,
        state=State(row.state),
        invited=row.invited,
        revision=row.revision,
        asked_at=row.asked_at,
        updated_at=row.updated_at,
        answered_at=row.answered_at,
        reason=row.reason,
    )
