"""SQL of joint bookings."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.booking.domain import Booking, Joint
from services.booking.store.bookings import read, serialise
from services.booking.tables import BookingRow, JointRow
from services.contracts.ids import DemandId, JointId, OrganisationId


def insert_joint(
    session: Session,
    joint_id: JointId,
    *,
    organisation_id: OrganisationId,
    demand_id: DemandId | None,
    legs: int,
    created_at: datetime,
) -> None:
    """Open a joint booking; its ``legs`` bookings follow in the same transaction."""
    session.add(
        JointRow(
            id=joint_id,
            organisation_id=organisation_id,
            demand_id=demand_id,
            legs=legs,
            created_at=created_at,
        )
    )
    session.flush()


def find_joint(session: Session, joint_id: JointId) -> Joint | None:
    row = session.get(JointRow, joint_id)
    return None if row is None else _joints(session, [row])[0]


def lock_joint(session: Session, joint_id: JointId) -> Joint | None:
    """The joint booking, no leg of which anybody else changes until this transaction ends.

    Legs are locked in order of resources, as holding takes them: nobody waits in a circle.
    """
    row = session.get(JointRow, joint_id)
    if row is None:
        return None
    serialise(session, joint_id)
    locked = _legs_of([joint_id]).order_by(col(BookingRow.resource_id), col(BookingRow.id))
    return _joint(row, read(session, locked.with_for_update()))


def joints_after(
    session: Session, *, after: UUID | None, limit: int, organisation_id: OrganisationId
) -> list[Joint]:
    """A page in id order, which is the order of creation."""
    query = select(JointRow).where(col(JointRow.organisation_id) == organisation_id)
    if after is not None:
        query = query.where(col(JointRow.id) > after)
    return _joints(session, session.exec(query.order_by(col(JointRow.id)).limit(limit)).all())


def _joints(session: Session, rows: Sequence[JointRow]) -> list[Joint]:
    legs: dict[UUID | None, list[Booking]] = defaultdict(list)
    for leg in read(session, _legs_of([row.id for row in rows])):
        legs[leg.joint_id].append(leg)
    return [_joint(row, legs[row.id]) for row in rows]


def _legs_of(joint_ids: Sequence[UUID]) -> SelectOfScalar[BookingRow]:
    return select(BookingRow).where(col(BookingRow.joint_id).in_(joint_ids))


def _joint(row: JointRow, legs: Sequence[Booking]) -> Joint:
    return Joint(
        id=JointId(row.id),
        organisation_id=OrganisationId(row.organisation_id),
        demand_id=DemandId(row.demand_id) if row.demand_id else None,
        legs=tuple(sorted(legs, key=lambda leg: leg.leg or 0)),
        created_at=row.created_at,
    )
