"""SQL of orders shown to a space."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from marketplace.chains.domain.orders import ChainOrder
from marketplace.chains.tables import ChainOrderRow
from services.contracts.ids import OrganisationId


def insert_order(session: Session, order: ChainOrder) -> ChainOrder:
    """The order, or what was stored of it before."""
    statement = insert(ChainOrderRow).values(**asdict(order)).on_conflict_do_nothing()
    session.connection().execute(statement)
    query = select(ChainOrderRow).where(
        col(ChainOrderRow.space_id) == order.space_id,
        col(ChainOrderRow.order_id) == order.order_id,
    )
    return _order(session.exec(query).one())


def orders_after(
    session: Session, space_id: UUID, *, after: UUID | None, limit: int
) -> list[ChainOrder]:
    query = select(ChainOrderRow).where(col(ChainOrderRow.space_id) == space_id)
    if after is not None:
        query = query.where(col(ChainOrderRow.id) > after)
    rows = session.exec(query.order_by(col(ChainOrderRow.id)).limit(limit))
    return [_order(row) for row in rows]


def follow_order(
    session: Session,
    order_id: UUID,
    *,
    state: str,
    at_risk: bool,
    accepted: bool,
    at: datetime,
) -> None:
    """Bring what spaces see of an order up to ``at``, unless it is newer already."""
    unset = col(ChainOrderRow.accepted_at)
    session.connection().execute(
        update(ChainOrderRow)
        .where(col(ChainOrderRow.order_id) == order_id, col(ChainOrderRow.updated_at) <= at)
        .values(
            state=state,
            at_risk=at_risk,
            updated_at=at,
            accepted_at=case((unset.is_(None), at if accepted else None), else_=unset),
        )
    )


def _order(row: ChainOrderRow) -> ChainOrder:
    return ChainOrder(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        supplier_id=OrganisationId(row.supplier_id),
        space_id=row.space_id,
        order_id=row.order_id,
        state=row.state,
        at_risk=row.at_risk,
        needed_by=row.needed_by,
        linked_at=row.linked_at,
        updated_at=row.updated_at,
        accepted_at=row.accepted_at,
    )
