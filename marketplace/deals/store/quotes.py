"""Quotes."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func
from sqlmodel import Session, col, or_, select, update

from marketplace.deals.domain.quoting import MilestoneTerm, Quote, QuoteLine, QuoteState, Slot
from marketplace.deals.tables import QuoteRow
from services.contracts.ids import JointId, OrganisationId

_LINES: Final = TypeAdapter(tuple[QuoteLine, ...])
_SLOTS: Final = TypeAdapter(tuple[Slot, ...])
_MILESTONES: Final = TypeAdapter(tuple[MilestoneTerm, ...])


def insert_quote(session: Session, quote: Quote) -> None:
    documents = {
        "lines": _LINES.dump_python(quote.lines, mode="json"),
        "slots": _SLOTS.dump_python(quote.slots, mode="json"),
        "milestones": _MILESTONES.dump_python(quote.milestones, mode="json"),
    }
    session.add(QuoteRow(**{**asdict(quote), **documents}))
    session.flush()


def next_version(session: Session, bid_id: UUID) -> int:
    asked = select(func.max(QuoteRow.version)).where(col(QuoteRow.bid_id) == bid_id)
    return (session.exec(asked).one() or 0) + 1


def set_state(
    session: Session, state: QuoteState, *, bid_ids: Iterable[UUID], but: UUID | None = None
) -> None:
    """Give the live quotes of bids, except ``but``, another state."""
    change = update(QuoteRow).where(
        col(QuoteRow.bid_id).in_(list(bid_ids)), col(QuoteRow.state) == QuoteState.SUBMITTED
    )
    if but is not None:
        change = change.where(col(QuoteRow.id) != but)
    session.exec(change.values(state=state.value))


def save_hold(session: Session, quote: Quote) -> None:
    session.exec(
        update(QuoteRow)
        .where(col(QuoteRow.id) == quote.id)
        .values(joint_id=quote.joint_id, hold_until=quote.hold_until)
    )


def live_quotes(session: Session, bid_ids: Iterable[UUID]) -> dict[UUID, Quote]:
    """The quote of each bid that may be relied on, by bid."""
    query = select(QuoteRow).where(
        col(QuoteRow.bid_id).in_(list(bid_ids)), col(QuoteRow.state) == QuoteState.SUBMITTED
    )
    rows = session.exec(query, execution_options={"populate_existing": True})
    return {row.bid_id: _quote(row) for row in rows}


def find_quote(session: Session, quote_id: UUID, *, party: OrganisationId) -> Quote | None:
    query = select(QuoteRow).where(col(QuoteRow.id) == quote_id, _of(party))
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _quote(row)


def quotes_after(
    session: Session,
    *,
    party: OrganisationId,
    deal_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[Quote]:
    query = select(QuoteRow).where(_of(party))
    if deal_id is not None:
        query = query.where(col(QuoteRow.deal_id) == deal_id)
    if after is not None:
        query = query.where(col(QuoteRow.id) > after)
    return [_quote(row) for row in session.exec(query.order_by(col(QuoteRow.id)).limit(limit))]


def overdue_bids(session: Session, *, now: datetime, limit: int) -> list[UUID]:
    """Bids whose live quote, or the hold of its slots, is over."""
    query = (
        select(QuoteRow.bid_id)
        .where(
            col(QuoteRow.state) == QuoteState.SUBMITTED,
            or_(col(QuoteRow.valid_until) <= now, col(QuoteRow.hold_until) <= now),
        )
        .order_by(col(QuoteRow.bid_id))
        .limit(limit)
    )
    return list(session.exec(query))


def _of(party: OrganisationId) -> Any:
    return or_(col(QuoteRow.organisation_id) == party, col(QuoteRow.supplier_id) == party)


def _quote(row: QuoteRow) -> Quote:
    return Quote(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        supplier_id=OrganisationId(row.supplier_id),
        deal_id=row.deal_id,
        bid_id=row.bid_id,
        revision=row.revision,
        version=row.version,
        state=QuoteState(row.state),
        currency=row.currency,
        lines=_LINES.validate_python(row.lines),
        total_minor=row.total_minor,
        lead_days=row.lead_days,
        valid_until=row.valid_until,
        slots=_SLOTS.validate_python(row.slots),
        milestones=_MILESTONES.validate_python(row.milestones),
        note=row.note,
        created_at=row.created_at,
        joint_id=None if row.joint_id is None else JointId(row.joint_id),
        hold_until=row.hold_until,
    )
