"""SQL of bookings, single or legs."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import Range
from sqlmodel import Session, col, func, or_, select, text, update
from sqlmodel.sql.expression import SelectOfScalar

from services.booking.domain import (
    ACTIVE,
    LIMITS,
    Booking,
    BookingState,
    Charge,
    ChargeReason,
    Terms,
)
from services.booking.tables import BookingRow, CancellationPolicyRow
from services.contracts.ids import (
    BookingId,
    DemandId,
    JointId,
    OfferId,
    OrganisationId,
    ResourceId,
)
from services.contracts.intervals import Interval
from services.contracts.money import Money

_ACTIVE = sorted(ACTIVE)
_ONE_CHANGES = text("SELECT pg_advisory_xact_lock(hashtextextended('joint:' || :joint, 0))")
_ONE_COUNTS = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('open-holds:' || :organisation, 0))"
)


def insert_booking(session: Session, booking: Booking) -> None:
    price = booking.price
    session.add(
        BookingRow(
            id=booking.id,
            organisation_id=booking.organisation_id,
            provider_id=booking.provider_id,
            resource_id=booking.resource_id,
            offer_id=booking.offer_id,
            demand_id=booking.demand_id,
            during=Range(booking.interval.start, booking.interval.end),
            units=booking.units,
            setup_minutes=booking.setup_minutes,
            price_minor=price.minor if price else None,
            currency=price.currency if price else None,
            created_at=booking.created_at,
            joint_id=booking.joint_id,
            leg=booking.leg,
            replaces_id=booking.replaces_id,
            **asdict(booking.terms),
            **_life(booking),
        )
    )
    session.flush()


def save_booking(session: Session, booking: Booking) -> None:
    """Write how a booking read under lock in this transaction goes on; the rest was agreed."""
    session.exec(
        update(BookingRow).where(col(BookingRow.id) == booking.id).values(**_life(booking))
    )


def save_slot(session: Session, booking: Booking) -> None:
    """Write which slot a booking read under lock has now, and at what price."""
    price = booking.price
    session.exec(
        update(BookingRow)
        .where(col(BookingRow.id) == booking.id)
        .values(
            during=Range(booking.interval.start, booking.interval.end),
            units=booking.units,
            setup_minutes=booking.setup_minutes,
            price_minor=price.minor if price else None,
            currency=price.currency if price else None,
        )
    )


def hand_leg_over(session: Session, former: Booking, to: Booking) -> None:
    """Give ``to`` the place in a joint booking that ``former``, which is over, had till now."""
    for booking_id, place in (
        (former.id, {"joint_id": None, "leg": None}),
        (to.id, {"joint_id": to.joint_id, "leg": to.leg, "version": to.version}),
    ):
        session.exec(update(BookingRow).where(col(BookingRow.id) == booking_id).values(**place))


def open_holds(
    session: Session, organisation_id: OrganisationId, *, now: datetime
) -> tuple[int, datetime | None]:
    """How many slots the organisation holds, and when the first of them runs out.

    Others who count for the same organisation wait until this transaction ends.
    """
    session.connection().execute(_ONE_COUNTS, {"organisation": str(organisation_id)})
    query = select(func.count(), func.min(BookingRow.hold_until)).where(
        col(BookingRow.organisation_id) == organisation_id,
        col(BookingRow.state) == BookingState.HELD,
        col(BookingRow.hold_until) > now,
    )
    count, first = session.exec(query).one()
    return count, first


def find_booking(session: Session, booking_id: BookingId) -> Booking | None:
    found = read(session, select(BookingRow).where(col(BookingRow.id) == booking_id))
    return found[0] if found else None


def lock_booking(session: Session, booking_id: BookingId) -> Booking | None:
    """The booking, changed by nobody else until this transaction ends."""
    query = select(BookingRow).where(col(BookingRow.id) == booking_id).with_for_update()
    found = read(session, query)
    return found[0] if found else None


def lock_overdue_of(
    session: Session, resource_id: ResourceId, *, also: Collection[BookingId], now: datetime
) -> list[Booking]:
    """Overdue holds of one resource, and those among ``also``; waits for who is changing them."""
    concerned = or_(col(BookingRow.resource_id) == resource_id, col(BookingRow.id).in_(also))
    query = (
        select(BookingRow)
        .where(*_overdue(now), concerned)
        .order_by(col(BookingRow.id))
        .with_for_update()
    )
    return read(session, query)


def lock_overdue(session: Session, *, now: datetime, limit: int) -> list[Booking]:
    """The oldest overdue holds that nobody else is changing."""
    query = (
        select(BookingRow)
        .where(*_overdue(now))
        .order_by(col(BookingRow.hold_until), col(BookingRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return read(session, query)


def lock_active(
    session: Session, ids: Collection[BookingId], *, overlapping: Interval
) -> list[Booking]:
    """Those of ``ids`` that occupy their resources during ``overlapping``, locked in id order."""
    query = select(BookingRow).where(
        col(BookingRow.id).in_(ids),
        col(BookingRow.state).in_(_ACTIVE),
        _during_overlaps(overlapping),
    )
    return read(session, query.order_by(col(BookingRow.id)).with_for_update())


def lock_flagged_by(session: Session, resource_id: ResourceId) -> list[Booking]:
    """Active bookings that the resource puts at risk, locked in id order."""
    query = select(BookingRow).where(
        col(BookingRow.at_risk), col(BookingRow.state).in_(_ACTIVE), _risky() == resource_id
    )
    return read(session, query.order_by(col(BookingRow.id)).with_for_update())


def resources_with_risk(session: Session) -> set[ResourceId]:
    """Resources that put an active booking at risk."""
    query = (
        select(_risky())
        .where(col(BookingRow.at_risk), col(BookingRow.state).in_(_ACTIVE))
        .distinct()
    )
    return {ResourceId(one) for one in session.exec(query)}


def bookings_after(
    session: Session,
    *,
    after: BookingId | None,
    limit: int,
    party: OrganisationId | None,
    organisation_id: OrganisationId | None,
    resource_ids: Sequence[ResourceId] | None,
    states: Sequence[BookingState] | None,
    at_risk: bool | None,
    overlapping: Interval | None,
) -> list[Booking]:
    """A page in id order, which is the order of creation."""
    conditions: list[Any] = []
    if after is not None:
        conditions.append(col(BookingRow.id) > after)
    if party is not None:
        conditions.append(
            or_(col(BookingRow.organisation_id) == party, col(BookingRow.provider_id) == party)
        )
    if organisation_id is not None:
        conditions.append(col(BookingRow.organisation_id) == organisation_id)
    if resource_ids is not None:
        conditions.append(col(BookingRow.resource_id).in_(resource_ids))
    if states is not None:
        conditions.append(col(BookingRow.state).in_(states))
    if at_risk is not None:
        conditions.append(col(BookingRow.at_risk) == at_risk)
    if overlapping is not None:
        conditions.append(_during_overlaps(overlapping))
    query = select(BookingRow).where(*conditions).order_by(col(BookingRow.id)).limit(limit)
    return read(session, query)


def _overdue(now: datetime) -> tuple[Any, Any]:
    return col(BookingRow.state) == BookingState.HELD, col(BookingRow.hold_until) <= now


def _risky() -> Any:
    """The resource that puts a flagged booking at risk."""
    return func.coalesce(col(BookingRow.at_risk_resource_id), col(BookingRow.resource_id))


def _during_overlaps(interval: Interval) -> Any:
    return col(BookingRow.during).op("&&")(Range(interval.start, interval.end))


def bookings_of_calendar(
    session: Session,
    *,
    party: OrganisationId,
    resource_id: ResourceId | None,
    overlapping: Interval,
    limit: int,
) -> list[Booking]:
    """Bookings of ``party`` during ``overlapping``, whatever became of them; earliest first."""
    query = select(BookingRow).where(
        or_(col(BookingRow.organisation_id) == party, col(BookingRow.provider_id) == party),
        _during_overlaps(overlapping),
    )
    if resource_id is not None:
        query = query.where(col(BookingRow.resource_id) == resource_id)
    in_order = query.order_by(func.lower(BookingRow.during), col(BookingRow.id))
    return read(session, in_order.limit(limit))


def serialise(session: Session, joint_id: JointId) -> None:
    """Wait for whoever changes the joint booking, whose legs may be other ones afterwards."""
    session.connection().execute(_ONE_CHANGES, {"joint": str(joint_id)})


def read(session: Session, query: SelectOfScalar[BookingRow]) -> list[Booking]:
    # A row this session has read before may have changed since: always take what the server says.
    rows = session.exec(query, execution_options={"populate_existing": True})
    return [_booking(row) for row in rows]


def _life(booking: Booking) -> dict[str, Any]:
    return {
        "state": booking.state.value,
        "hold_until": booking.hold_until,
        "at_risk": booking.at_risk,
        "at_risk_reason": booking.at_risk_reason,
        "at_risk_resource_id": booking.at_risk_by,
        "updated_at": booking.updated_at,
        "version": booking.version,
        "charge_minor": booking.charge.amount.minor if booking.charge else None,
        "charge_reason": booking.charge.reason.value if booking.charge else None,
    }


def _booking(row: BookingRow) -> Booking:
    start, end = row.during.lower, row.during.upper
    assert start is not None, "ck_booking_during_bounded"
    assert end is not None, "ck_booking_during_bounded"
    price = None
    if row.price_minor is not None and row.currency is not None:
        price = Money(row.price_minor, row.currency)
    return Booking(
        id=BookingId(row.id),
        organisation_id=OrganisationId(row.organisation_id),
        provider_id=OrganisationId(row.provider_id),
        resource_id=ResourceId(row.resource_id),
        offer_id=OfferId(row.offer_id) if row.offer_id else None,
        demand_id=DemandId(row.demand_id) if row.demand_id else None,
        interval=Interval(start, end),
        units=row.units,
        state=BookingState(row.state),
        hold_until=row.hold_until,
        price=price,
        at_risk_reason=row.at_risk_reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
        setup_minutes=row.setup_minutes,
        at_risk_by=ResourceId(row.at_risk_resource_id) if row.at_risk_resource_id else None,
        joint_id=JointId(row.joint_id) if row.joint_id else None,
        leg=row.leg,
        terms=terms_of(row),
        charge=_charge(row),
        replaces_id=BookingId(row.replaces_id) if row.replaces_id else None,
    )


def terms_of(row: BookingRow | CancellationPolicyRow) -> Terms:
    return Terms(**{name: getattr(row, name) for name in LIMITS})


def _charge(row: BookingRow) -> Charge | None:
    if row.charge_minor is None or row.charge_reason is None or row.currency is None:
        return None
    return Charge(Money(row.charge_minor, row.currency), ChargeReason(row.charge_reason))
