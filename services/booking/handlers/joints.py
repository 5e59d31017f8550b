"""Use cases of joint bookings: several slots held, confirmed and cancelled as one.

Legs are taken in order of their resources, and so are the locks of everything that changes several
legs: two joint bookings over the same resources do not wait for each other in a circle. Whoever
takes them in another order may still be met in one; then PostgreSQL ends one of both, and a joint
booking is tried again.

* **Held** legs stand or fall together: the buyer confirms or cancels all, they expire at the same
  instant, and when a provider gives its leg back the worker releases the others.
* **Confirmed** legs are bookings like any other; cancelling the whole gives back those not begun.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.booking import store
from services.booking.domain import (
    TRANSITIONS,
    Booking,
    BookingState,
    Joint,
    LegAsked,
    Part,
    check_joint_version,
)
from services.booking.handlers.changing import give_back, make_firm
from services.booking.handlers.holding import hold
from services.booking.handlers.telling import leave
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import DemandId, JointId, OrganisationId
from services.runtime.clock import Clock
from services.runtime.db import all_or_nothing


class JointNotFoundError(DomainError):
    code: ClassVar[str] = "joint-booking-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No joint booking has the id {joint_id}; list /joint-bookings."
    zh: ClassVar[str] = "没有编号为 {joint_id} 的联合预订；请查看 /joint-bookings。"


class _LegError(DomainError):
    """Why one leg could not be held: what holding it alone would have been told.

    ``legs`` lists its number for programs.
    """

    en: ClassVar[str] = "Leg {leg}: {en} Nothing was held; change this leg, or route again."
    zh: ClassVar[str] = "第 {leg} 段：{zh}未预占任何时段；请修改该段或重新规划路线。"


class LegTakenError(_LegError):
    code: ClassVar[str] = "leg-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT


class LegInvalidError(_LegError):
    code: ClassVar[str] = "leg-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID


class LegNotFoundError(_LegError):
    code: ClassVar[str] = "leg-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND


class JointNotConfirmableError(DomainError):
    code: ClassVar[str] = "joint-booking-not-confirmable"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Leg {leg}: {en} No leg of joint booking {joint_id} was confirmed."
    zh: ClassVar[str] = "第 {leg} 段：{zh}联合预订 {joint_id} 的各段均未确认。"


class JointNotCancellableError(DomainError):
    code: ClassVar[str] = "joint-booking-not-cancellable"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Joint booking {joint_id} is {state} and no leg of it can be cancelled any more; read it"
        " again to see its legs."
    )
    zh: ClassVar[str] = "联合预订 {joint_id} 当前为 {state}，已没有可取消的时段；请重新读取其各段。"


_REFUSALS: Final[Mapping[ErrorKind, type[_LegError]]] = MappingProxyType(
    {
        ErrorKind.CONFLICT: LegTakenError,
        ErrorKind.INVALID: LegInvalidError,
        ErrorKind.NOT_FOUND: LegNotFoundError,
    }
)


def hold_jointly(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    legs: Sequence[LegAsked],
    demand_id: DemandId | None,
    hold_ttl: timedelta,
    stale_after: timedelta,
    open_max: int | None = None,
) -> Joint:
    """Take the slots of all ``legs`` until ``hold_ttl`` from now, or none of them.

    Raises:
        LegTakenError: the slot of a leg is not free.
        LegInvalidError: it breaks its resource's rule, is over, or has no price.
        LegNotFoundError: there is no such resource or offer.
        TooManyHoldsError: the organisation would hold more than ``open_max`` slots.
        OrganisationNotFoundError: nobody asks.
    """
    now = clock.now()
    joint_id = JointId(clock.new_id())

    def take(number: int, asked: LegAsked) -> Booking:
        return hold(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            resource_id=asked.resource_id,
            start=asked.start,
            minutes=asked.minutes,
            units=asked.units,
            offer_id=asked.offer_id,
            demand_id=demand_id,
            hold_ttl=hold_ttl,
            stale_after=stale_after,
            part=Part(joint_id, number, now + hold_ttl),
            open_max=open_max,
        )

    def take_all() -> list[Booking]:
        store.insert_joint(
            session,
            joint_id,
            organisation_id=organisation_id,
            demand_id=demand_id,
            legs=len(legs),
            created_at=now,
        )
        return [_taken(number, asked, take) for number, asked in _in_lock_order(legs)]

    held = all_or_nothing(session, take_all)
    in_order = tuple(sorted(held, key=lambda leg: leg.leg or 0))
    return Joint(joint_id, organisation_id, demand_id, in_order, now)


def confirm_joint(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    joint_id: JointId,
    expected_version: int | None = None,
) -> Joint:
    """Make all legs firm, or none.

    Raises:
        JointNotConfirmableError: a leg expired, was given back, is firm already, or its resource
            went out of service.
        JointVersionMismatchError, JointNotFoundError: as they say.
    """
    joint = _locked(session, joint_id, organisation_id, expected_version)
    with session.begin_nested():  # a caller may go on after a refusal
        for leg in joint.legs:
            try:
                make_firm(session=session, clock=clock, booking=leg)
            except DomainError as refusal:
                raise JointNotConfirmableError(
                    leg=leg.leg, legs=[leg.leg], joint_id=joint_id, **_told(refusal)
                ) from refusal
    return get_joint(session=session, organisation_id=organisation_id, joint_id=joint_id)


def cancel_joint(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    joint_id: JointId,
    expected_version: int | None = None,
) -> Joint:
    """Give back every leg whose work has not begun, each by its own terms.

    Raises:
        JointNotCancellableError: there is none.
        JointVersionMismatchError, JointNotFoundError: as they say.
    """
    joint = _locked(session, joint_id, organisation_id, expected_version)
    open_legs = [leg for leg in joint.legs if BookingState.CANCELLED in TRANSITIONS[leg.state]]
    if not open_legs:
        raise JointNotCancellableError(joint_id=joint_id, state=joint.state)
    for leg in open_legs:
        give_back(session=session, clock=clock, booking=leg)
    return get_joint(session=session, organisation_id=organisation_id, joint_id=joint_id)


def release_fallen(*, session: Session, clock: Clock, joint_id: JointId) -> int:
    """Release what is held of a joint booking that lost a leg; returns how many legs that were."""
    joint = store.lock_joint(session, joint_id)
    if joint is None or not joint.is_fallen:
        return 0
    held = [leg for leg in joint.legs if leg.state is BookingState.HELD]
    for leg in held:
        over = leg.is_overdue(clock.now())
        to = BookingState.EXPIRED if over else BookingState.CANCELLED
        leave(session=session, clock=clock, booking=leg, to=to)
    return len(held)


def get_joint(*, session: Session, organisation_id: OrganisationId, joint_id: JointId) -> Joint:
    """The joint booking ``joint_id`` of the organisation that booked it.

    Raises:
        JointNotFoundError: it has none with that id.
    """
    return _own(store.find_joint(session, joint_id), joint_id, organisation_id)


def list_joints(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Joint]:
    """A page of the organisation's joint bookings in order of creation."""
    return store.joints_after(session, after=after, limit=limit, organisation_id=organisation_id)


def _in_lock_order(legs: Sequence[LegAsked]) -> list[tuple[int, LegAsked]]:
    """The legs with their numbers, in the order of their resources."""
    numbered = enumerate(legs, start=1)
    return sorted(numbered, key=lambda one: (one[1].resource_id, one[1].start, one[0]))


def _taken(number: int, asked: LegAsked, take: Callable[[int, LegAsked], Booking]) -> Booking:
    try:
        return take(number, asked)
    except DomainError as refusal:
        refused = _REFUSALS.get(refusal.kind)
        if refused is None:
            raise
        raise refused(leg=number, legs=[number], **_told(refusal)) from refusal


def _told(refusal: DomainError) -> dict[str, str]:
    return {"en": refusal.text("en"), "zh": refusal.text("zh")}


def _locked(
    session: Session,
    joint_id: JointId,
    organisation_id: OrganisationId,
    expected_version: int | None,
) -> Joint:
    joint = _own(store.lock_joint(session, joint_id), joint_id, organisation_id)
    check_joint_version(joint, expected_version)
    return joint


def _own(joint: Joint | None, joint_id: JointId, organisation_id: OrganisationId) -> Joint:
    """``joint`` if it is of the one who asks; another's is as good as absent."""
    if joint is None or joint.organisation_id != organisation_id:
        raise JointNotFoundError(joint_id=joint_id)
    return joint
