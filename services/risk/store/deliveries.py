"""Deliveries: written by the worker, read and acknowledged by who received them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, func, or_, select, update
from sqlmodel.sql.expression import SelectOfScalar

from services.contracts.ids import OrganisationId
from services.risk.domain.delivery import Delivery
from services.risk.domain.notice import NoticeState
from services.risk.domain.viewing import Viewer
from services.risk.tables import DeliveryRow, NoticeRow


def insert_deliveries(session: Session, deliveries: Sequence[Delivery]) -> None:
    session.add_all(
        DeliveryRow(
            id=one.id,
            notice_id=one.notice_id,
            author_id=one.author_id,
            organisation_id=one.organisation_id,
            person_ids=sorted(one.person_ids),
            delivered_at=one.delivered_at,
            due_at=one.due_at,
        )
        for one in deliveries
    )
    session.flush()


def mark_read(
    session: Session, notice_ids: Sequence[UUID], viewer: Viewer, *, now: datetime
) -> None:
    """The first reading counts."""
    session.exec(
        update(DeliveryRow)
        .where(
            col(DeliveryRow.notice_id).in_(notice_ids),
            col(DeliveryRow.read_at).is_(None),
            *received(viewer, now),
        )
        .values(read_at=now)
    )


def lock_received(
    session: Session, notice_id: UUID, viewer: Viewer, *, now: datetime
) -> Delivery | None:
    query = (
        select(DeliveryRow)
        .where(col(DeliveryRow.notice_id) == notice_id, *received(viewer, now))
        .with_for_update()
    )
    found = _found(session, query)
    return found[0] if found else None


def save_acknowledged(session: Session, delivery: Delivery) -> None:
    session.exec(
        update(DeliveryRow)
        .where(col(DeliveryRow.id) == delivery.id)
        .values(
            read_at=delivery.read_at,
            acknowledged_at=delivery.acknowledged_at,
            acknowledged_by=delivery.acknowledged_by,
        )
    )


def deliveries_of_notice(
    session: Session, notice_id: UUID, *, after: UUID | None, limit: int
) -> list[Delivery]:
    """A page by id; whether the caller may see them is decided on the notice."""
    query = select(DeliveryRow).where(col(DeliveryRow.notice_id) == notice_id)
    return _page(session, query, after=after, limit=limit)


def deliveries_received(
    session: Session,
    viewer: Viewer,
    *,
    now: datetime,
    after: UUID | None,
    limit: int,
    open_only: bool,
) -> list[Delivery]:
    query = select(DeliveryRow).where(*received(viewer, now))
    if open_only:
        query = query.where(col(DeliveryRow.acknowledged_at).is_(None))
    return _page(session, query, after=after, limit=limit)


def lock_overdue(session: Session, *, now: datetime, limit: int) -> list[Delivery]:
    """Deliveries of what still stands that nobody acknowledged in time and nobody was told of."""
    query = (
        select(DeliveryRow)
        .join(NoticeRow, col(NoticeRow.id) == col(DeliveryRow.notice_id))
        .where(
            col(NoticeRow.state) == NoticeState.RELEASED,
            col(DeliveryRow.acknowledged_at).is_(None),
            col(DeliveryRow.escalated_at).is_(None),
            col(DeliveryRow.due_at) <= now,
        )
        .order_by(col(DeliveryRow.due_at), col(DeliveryRow.id))
        .limit(limit)
        .with_for_update(of=DeliveryRow, skip_locked=True)
    )
    return _found(session, query)


def save_escalated(session: Session, delivery_ids: Sequence[UUID], *, now: datetime) -> None:
    session.exec(
        update(DeliveryRow).where(col(DeliveryRow.id).in_(delivery_ids)).values(escalated_at=now)
    )


def received(viewer: Viewer, now: datetime) -> tuple[Any, ...]:
    """Deliveries to the caller's organisation that the caller may read."""
    return (
        col(DeliveryRow.organisation_id) == viewer.organisation_id,
        col(DeliveryRow.delivered_at) <= now,
        or_(
            func.cardinality(DeliveryRow.person_ids) == 0,
            col(DeliveryRow.person_ids).contains([viewer.actor_id]),
        ),
    )


def _page(
    session: Session, query: SelectOfScalar[DeliveryRow], *, after: UUID | None, limit: int
) -> list[Delivery]:
    if after is not None:
        query = query.where(col(DeliveryRow.id) > after)
    return _found(session, query.order_by(col(DeliveryRow.id)).limit(limit))


def _found(session: Session, query: SelectOfScalar[DeliveryRow]) -> list[Delivery]:
    rows = session.exec(query, execution_options={"populate_existing": True})
    return [_delivery(row) for row in rows]


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        id=row.id,
        notice_id=row.notice_id,
        author_id=OrganisationId(row.author_id),
        organisation_id=OrganisationId(row.organisation_id),
        person_ids=frozenset(row.person_ids),
        delivered_at=row.delivered_at,
        due_at=row.due_at,
        read_at=row.read_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        escalated_at=row.escalated_at,
    )
