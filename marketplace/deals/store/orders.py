"""Orders with their lines and milestones, deliveries and inspections."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Uuid, cast
from sqlmodel import Session, col, or_, select

from marketplace.deals.domain.inspecting import Characteristic, Finding, Inspection, Sampled
from marketplace.deals.domain.lifecycle import State
from marketplace.deals.domain.orders import Delivery, Milestone, Order, OrderLine
from marketplace.deals.tables import (
    DeliveryRow,
    InspectionRow,
    MilestoneRow,
    OrderLineRow,
    OrderRow,
)
from services.contracts.ids import BookingId, JointId, OrganisationId

_SAMPLED: Final = TypeAdapter(tuple[Sampled, ...])
_CHARACTERISTICS: Final = TypeAdapter(tuple[Characteristic, ...])
_FINDINGS: Final = TypeAdapter(tuple[Finding, ...])
_PARTS: Final = frozenset({"lines", "milestones"})
_CHANGING: Final = (
    "state", "at_risk", "escrow_id", "funded_at", "released_minor", "refunded_minor", "passed",
    "version", "updated_at",
)  # fmt: skip


def insert_order(session: Session, order: Order) -> None:
    own = {name: value for name, value in asdict(order).items() if name not in _PARTS}
    session.add(OrderRow(**own | {"booking_ids": list(order.booking_ids)}))
    session.flush()
    whose: dict[str, Any] = {
        "organisation_id": order.organisation_id,
        "supplier_id": order.supplier_id,
        "order_id": order.id,
    }
    session.add_all(OrderLineRow(**asdict(line), **whose) for line in order.lines)
    session.add_all(MilestoneRow(**asdict(one), **whose) for one in order.milestones)
    session.flush()


def save_order(session: Session, order: Order) -> None:
    """What an order itself changes; its lines and milestones are saved one by one."""
    row = session.get_one(OrderRow, order.id)
    for name in _CHANGING:
        if getattr(row, name) != getattr(order, name):
            setattr(row, name, getattr(order, name))
    session.flush()


def save_bookings(session: Session, order: Order) -> None:
    """Which bookings an order is worked on by; for the worker alone."""
    session.get_one(OrderRow, order.id).booking_ids = list(order.booking_ids)
    session.flush()


def save_line(session: Session, line: OrderLine) -> None:
    row = session.get_one(OrderLineRow, line.id)
    row.delivered, row.accepted = line.delivered, line.accepted
    session.flush()


def save_milestone(session: Session, milestone: Milestone) -> None:
    session.get_one(MilestoneRow, milestone.id).released_at = milestone.released_at
    session.flush()


def find_order(
    session: Session, order_id: UUID, *, party: OrganisationId | None, lock: bool = False
) -> Order | None:
    """The order ``party`` buys or supplies; anybody's for ``None``."""
    query = select(OrderRow).where(col(OrderRow.id) == order_id)
    if party is not None:
        query = query.where(_of(party))
    return _one(session, query, lock=lock)


def lock_by_booking(session: Session, booking_id: UUID) -> Order | None:
    of_it = col(OrderRow.booking_ids).op("@>")(cast([booking_id], ARRAY(Uuid)))
    return _one(session, select(OrderRow).where(of_it), lock=True)


def lock_by_escrow(session: Session, escrow_id: UUID) -> Order | None:
    return _one(session, select(OrderRow).where(col(OrderRow.escrow_id) == escrow_id), lock=True)


def orders_after(
    session: Session, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[Order]:
    query = select(OrderRow).where(_of(party))
    if after is not None:
        query = query.where(col(OrderRow.id) > after)
    rows = session.exec(query.order_by(col(OrderRow.id)).limit(limit)).all()
    return _whole(session, rows)


def insert_delivery(session: Session, delivery: Delivery) -> None:
    session.add(DeliveryRow(**asdict(delivery)))
    session.flush()


def deliveries_after(
    session: Session, order_id: UUID, *, after: UUID | None, limit: int
) -> list[Delivery]:
    query = select(DeliveryRow).where(col(DeliveryRow.order_id) == order_id)
    if after is not None:
        query = query.where(col(DeliveryRow.id) > after)
    return [
        Delivery(
            id=row.id,
            organisation_id=OrganisationId(row.organisation_id),
            supplier_id=OrganisationId(row.supplier_id),
            order_id=row.order_id,
            line=row.line,
            quantity=row.quantity,
            note=row.note,
            at=row.at,
        )
        for row in session.exec(query.order_by(col(DeliveryRow.id)).limit(limit))
    ]


def insert_inspection(session: Session, inspection: Inspection) -> None:
    report = {
        "sampled": _SAMPLED.dump_python(inspection.sampled, mode="json"),
        "characteristics": _CHARACTERISTICS.dump_python(inspection.characteristics, mode="json"),
        "findings": _FINDINGS.dump_python(inspection.findings, mode="json"),
    }
    facts = {name: value for name, value in asdict(inspection).items() if name not in report}
    session.add(InspectionRow(**facts, report=report))
    session.flush()


def inspections_after(
    session: Session, order_id: UUID, *, after: UUID | None, limit: int
) -> list[Inspection]:
    query = select(InspectionRow).where(col(InspectionRow.order_id) == order_id)
    if after is not None:
        query = query.where(col(InspectionRow.id) > after)
    rows = session.exec(query.order_by(col(InspectionRow.id)).limit(limit))
    return [
        Inspection(
            id=row.id,
            organisation_id=OrganisationId(row.organisation_id),
            supplier_id=OrganisationId(row.supplier_id),
            order_id=row.order_id,
            line=row.line,
            lot=row.lot,
            sampled=_SAMPLED.validate_python(row.report["sampled"]),
            characteristics=_CHARACTERISTICS.validate_python(row.report["characteristics"]),
            findings=_FINDINGS.validate_python(row.report["findings"]),
            passed=row.passed,
            inspected_by=OrganisationId(row.inspected_by),
            created_at=row.created_at,
        )
        for row in rows
    ]


def _of(party: OrganisationId) -> Any:
    return or_(col(OrderRow.organisation_id) == party, col(OrderRow.supplier_id) == party)


def _one(session: Session, query: Any, *, lock: bool) -> Order | None:
    asked = query.with_for_update() if lock else query
    row = session.exec(asked, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _whole(session, [row])[0]


def _whole(session: Session, rows: Sequence[OrderRow]) -> list[Order]:
    ids = [row.id for row in rows]
    lines: dict[UUID, list[OrderLine]] = {}
    milestones: dict[UUID, list[Milestone]] = {}
    fresh = {"populate_existing": True}
    of_lines = select(OrderLineRow).where(col(OrderLineRow.order_id).in_(ids))
    for line in session.exec(of_lines.order_by(col(OrderLineRow.number)), execution_options=fresh):
        lines.setdefault(line.order_id, []).append(_line(line))
    of_milestones = select(MilestoneRow).where(col(MilestoneRow.order_id).in_(ids))
    ordered = of_milestones.order_by(col(MilestoneRow.number))
    for one in session.exec(ordered, execution_options=fresh):
        milestones.setdefault(one.order_id, []).append(_milestone(one))
    return [
        _order(row, tuple(lines.get(row.id, ())), tuple(milestones.get(row.id, ()))) for row in rows
    ]


def _line(row: OrderLineRow) -> OrderLine:
    return OrderLine(
        id=row.id,
        number=row.number,
        description=row.description,
        quantity=row.quantity,
        unit=row.unit,
        amount_minor=row.amount_minor,
        delivered=row.delivered,
        accepted=row.accepted,
    )


def _milestone(row: MilestoneRow) -> Milestone:
    return Milestone(
        id=row.id,
        number=row.number,
        title=row.title,
        share=row.share,
        amount_minor=row.amount_minor,
        due_at=row.due_at,
        released_at=row.released_at,
    )


def _order(row: OrderRow, lines: tuple[OrderLine, ...], milestones: tuple[Milestone, ...]) -> Order:
    return Order(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        supplier_id=OrganisationId(row.supplier_id),
        deal_id=row.deal_id,
        bid_id=row.bid_id,
        quote_id=row.quote_id,
        state=State(row.state),
        currency=row.currency,
        total_minor=row.total_minor,
        lines=lines,
        milestones=milestones,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        needed_by=row.needed_by,
        joint_id=None if row.joint_id is None else JointId(row.joint_id),
        booking_ids=tuple(BookingId(one) for one in row.booking_ids),
        at_risk=row.at_risk,
        escrow_id=row.escrow_id,
        funded_at=row.funded_at,
        released_minor=row.released_minor,
        refunded_minor=row.refunded_minor,
        passed=row.passed,
    )
