"""Joint bookings (联合预订): several bookings held and confirmed all or none."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from services.booking.domain.life import Booking, BookingState
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import DemandId, JointId, OfferId, OrganisationId, ResourceId
from services.contracts.money import Money

LEGS_MAX: Final = 12
"""Bookings of one joint booking."""


class PartOfJointError(DomainError):
    code: ClassVar[str] = "booking-part-of-joint"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} is leg {leg} of joint booking {joint_id}, which is held as a whole;"
        " confirm or cancel /joint-bookings/{joint_id}."
    )
    zh: ClassVar[str] = (
        "预订 {booking_id} 是联合预订 {joint_id} 的第 {leg} 段，联合预订整体预占；"
        "请确认或取消 /joint-bookings/{joint_id}。"
    )


class JointVersionMismatchError(DomainError):
    code: ClassVar[str] = "joint-booking-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Joint booking {joint_id} is at version {version}, not {expected}; read it again and retry."
    )
    zh: ClassVar[str] = (
        "联合预订 {joint_id} 的版本为 {version}，而非 {expected}；请重新读取后再试。"
    )


class JointState(StrEnum):
    """What the legs of a joint booking come to."""

    HELD = "held"
    CONFIRMED = "confirmed"
    STARTED = "started"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    BROKEN = "broken"
    """All legs were confirmed, and some of them were given back since or nobody came."""


@dataclass(frozen=True, slots=True)
class LegAsked:
    """A slot to hold as one leg of a joint booking; as of a booking of its own."""

    resource_id: ResourceId
    offer_id: OfferId | None
    start: datetime
    minutes: int
    units: int


@dataclass(frozen=True, slots=True)
class Part:
    """Which leg, from 1, of which joint booking a booking is; all legs are held until the same."""

    joint_id: JointId
    leg: int
    hold_until: datetime


@dataclass(frozen=True, slots=True)
class Joint:
    """Several bookings of one buyer, in the order asked: held and confirmed all or none.

    Once all legs are confirmed each goes on as any booking does.
    """

    id: JointId
    organisation_id: OrganisationId
    demand_id: DemandId | None
    legs: tuple[Booking, ...]
    created_at: datetime

    @property
    def state(self) -> JointState:
        states = {leg.state for leg in self.legs}
        if states <= {BookingState.HELD, BookingState.CANCELLED, BookingState.EXPIRED}:
            return _unconfirmed(states)
        if states & {BookingState.CANCELLED, BookingState.NO_SHOW}:
            return JointState.BROKEN
        if states == {BookingState.FINISHED}:
            return JointState.FINISHED
        begun = states & {BookingState.STARTED, BookingState.FINISHED}
        return JointState.STARTED if begun else JointState.CONFIRMED

    @property
    def hold_until(self) -> datetime | None:
        return min((leg.hold_until for leg in self.legs if leg.hold_until), default=None)

    @property
    def price(self) -> Money | None:
        """Of all legs together; ``None`` if nothing is paid, or in several currencies."""
        prices = [leg.price for leg in self.legs if leg.price is not None]
        currencies = {price.currency for price in prices}
        if len(currencies) != 1:
            return None
        return Money(sum(price.minor for price in prices), currencies.pop())

    @property
    def version(self) -> int:
        """Grows with every change of a leg."""
        return sum(leg.version for leg in self.legs)

    @property
    def is_fallen(self) -> bool:
        """Whether legs are still held though another was given back or expired."""
        states = {leg.state for leg in self.legs}
        ended = states & {BookingState.CANCELLED, BookingState.EXPIRED}
        return BookingState.HELD in states and bool(ended)


def _unconfirmed(states: set[BookingState]) -> JointState:
    if BookingState.EXPIRED in states:
        return JointState.EXPIRED
    return JointState.CANCELLED if BookingState.CANCELLED in states else JointState.HELD


def check_alone(booking: Booking) -> None:
    """Refuse to change one leg while its joint booking is held.

    Raises:
        PartOfJointError: it is such a leg.
    """
    if booking.joint_id is not None and booking.state is BookingState.HELD:
        raise PartOfJointError(booking_id=booking.id, leg=booking.leg, joint_id=booking.joint_id)


def check_joint_version(joint: Joint, expected: int | None) -> None:
    """Refuse a change based on an older reading; ``None`` asks for no check.

    Raises:
        JointVersionMismatchError: a leg has moved on since.
    """
    if expected is not None and expected != joint.version:
        raise JointVersionMismatchError(joint_id=joint.id, version=joint.version, expected=expected)
