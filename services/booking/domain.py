"""The life of a booking: held → confirmed → started → finished, or cancelled, expired, no-show."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, ClassVar, Final

from services.capacity.domain import (
    AVAILABLE,
    HORIZON_DAYS_MAX,
    WITHDRAWING,
    LiveState,
    Resource,
)
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
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

MINUTES_MAX: Final = HORIZON_DAYS_MAX * 24 * 60
LEGS_MAX: Final = 12
"""Bookings of one joint booking."""


class BookingState(StrEnum):
    HELD = "held"
    CONFIRMED = "confirmed"
    STARTED = "started"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NO_SHOW = "no_show"


TRANSITIONS: Final[Mapping[BookingState, frozenset[BookingState]]] = MappingProxyType(
    {
        BookingState.HELD: frozenset(
            {BookingState.CONFIRMED, BookingState.CANCELLED, BookingState.EXPIRED}
        ),
        BookingState.CONFIRMED: frozenset(
            {BookingState.STARTED, BookingState.CANCELLED, BookingState.NO_SHOW}
        ),
        BookingState.STARTED: frozenset({BookingState.FINISHED}),
        BookingState.FINISHED: frozenset(),
        BookingState.CANCELLED: frozenset(),
        BookingState.EXPIRED: frozenset(),
        BookingState.NO_SHOW: frozenset(),
    }
)
ACTIVE: Final = frozenset({BookingState.HELD, BookingState.CONFIRMED, BookingState.STARTED})
"""The states in which a booking occupies its resource."""


class TransitionRefusedError(DomainError):
    code: ClassVar[str] = "booking-transition-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} is {state} and cannot become {wanted}; read it again to see its life."
    )
    zh: ClassVar[str] = "预订 {booking_id} 当前为 {state}，不能变为 {wanted}；请重新读取其状态。"


class HoldExpiredError(DomainError):
    code: ClassVar[str] = "hold-expired"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "The hold {booking_id} expired at {hold_until} and its slot is free again; hold it anew."
    )
    zh: ClassVar[str] = "预占 {booking_id} 已于 {hold_until} 过期，时段已释放；请重新预占。"


class VersionMismatchError(DomainError):
    code: ClassVar[str] = "booking-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Booking {booking_id} is at version {version}, not {expected}; read it again and retry."
    )
    zh: ClassVar[str] = "预订 {booking_id} 的版本为 {version}，而非 {expected}；请重新读取后再试。"


class SlotInvalidError(DomainError):
    code: ClassVar[str] = "slot-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This slot cannot be booked: {en}; change {field} and retry."
    zh: ClassVar[str] = "无法预订该时段：{zh}；请修改 {field} 后重试。"


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


@dataclass(frozen=True, slots=True)
class Booking:
    """``units`` of a resource for ``interval`` (without the resource's buffers).

    The first ``setup_minutes`` of the interval are set-up, the rest is what was asked and is
    charged by the hour.

    ``organisation_id`` books, ``provider_id`` owns the resource.

    ``at_risk_by`` is the companion that ``at_risk_reason`` tells of, ``None`` for the resource
    itself. ``hold_until`` is set while held and stays on what expired; ``price`` is absent when a
    firm books its own resource. ``leg`` is its number, from 1, in the joint booking ``joint_id``.
    """

    id: BookingId
    organisation_id: OrganisationId
    provider_id: OrganisationId
    resource_id: ResourceId
    offer_id: OfferId | None
    demand_id: DemandId | None
    interval: Interval
    units: int
    state: BookingState
    hold_until: datetime | None
    price: Annotated[Money | None, CONFIDENTIAL]
    at_risk_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int = 1
    setup_minutes: int = 0
    at_risk_by: ResourceId | None = None
    joint_id: JointId | None = None
    leg: int | None = None

    @property
    def risky(self) -> ResourceId | None:
        """What puts it at risk."""
        return (self.at_risk_by or self.resource_id) if self.at_risk else None

    @property
    def parties(self) -> frozenset[OrganisationId]:
        return frozenset({self.organisation_id, self.provider_id})

    @property
    def at_risk(self) -> bool:
        return self.at_risk_reason is not None

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    def is_overdue(self, now: datetime) -> bool:
        """Whether this hold has outlived its time; at ``hold_until`` itself it has."""
        return (
            self.state is BookingState.HELD
            and self.hold_until is not None
            and now >= self.hold_until
        )


def asked_interval(*, start: datetime, minutes: int, units: int) -> Interval:
    """The work a client asks for, as if there were no set-up before it.

    Raises:
        SlotInvalidError: not a positive number of minutes and units from a whole minute on.
    """
    if not 0 < minutes <= MINUTES_MAX:
        raise SlotInvalidError(
            field="minutes",
            en=f"{minutes} minutes are not between 1 and {MINUTES_MAX}",
            zh=f"{minutes} 分钟不在 1 至 {MINUTES_MAX} 之间",
        )
    if units < 1:
        raise SlotInvalidError(field="units", en=f"{units} units", zh=f"数量为 {units}")
    if start.tzinfo is None or start.second or start.microsecond:
        raise SlotInvalidError(
            field="start",
            en=f"{start.isoformat()} is not a whole minute with a time zone",
            zh=f"{start.isoformat()} 不是带时区的整分钟",
        )
    return Interval.starting(start, timedelta(minutes=minutes))


def occupied(resource: Resource, work: Interval) -> Interval:
    """The slot that ``work`` takes on ``resource``: set-up begins when the work was asked for."""
    return Interval(work.start, work.end + resource.rule.setup)


def check_rule(
    resource: Resource, interval: Interval, *, units: int, most: int, now: datetime
) -> None:
    """Refuse a slot that the resource's rule forbids whatever is free.

    ``most`` units can be booked at once, with what they need beside them.

    Raises:
        SlotInvalidError: past, too soon, too far ahead, too short or too many units.
    """
    rule = resource.rule
    earliest, latest = now + rule.notice, now + rule.horizon
    checks = (
        (interval.start >= now, "start", "it begins in the past", "开始时间已过"),
        (
            interval.start >= earliest,
            "start",
            f"the resource needs {rule.notice_minutes} minutes of notice",
            f"该资源需提前 {rule.notice_minutes} 分钟预订",
        ),
        (
            interval.end <= latest,
            "start",
            f"the resource is booked at most {rule.horizon_days} days ahead",
            f"该资源最多提前 {rule.horizon_days} 天预订",
        ),
        (
            interval.duration >= rule.shortest,
            "minutes",
            f"the resource is booked for {rule.minimum_hours:g} hours or more",
            f"该资源至少预订 {rule.minimum_hours:g} 小时",
        ),
        (
            units <= most,
            "units",
            f"the resource has {most} units",
            f"该资源共有 {most} 个单元",
        ),
    )
    for holds, field, en, zh in checks:
        if not holds:
            raise SlotInvalidError(field=field, en=en, zh=zh)


def moved(booking: Booking, to: BookingState, *, now: datetime) -> Booking:
    """``booking`` in the state ``to``. Leaving the active states ends any risk.

    Raises:
        TransitionRefusedError: its state does not lead there.
    """
    if to not in TRANSITIONS[booking.state]:
        raise TransitionRefusedError(booking_id=booking.id, state=booking.state, wanted=to)
    return replace(
        booking,
        state=to,
        hold_until=booking.hold_until if to is BookingState.EXPIRED else None,
        at_risk_reason=booking.at_risk_reason if to in ACTIVE else None,
        at_risk_by=booking.at_risk_by if to in ACTIVE else None,
        updated_at=now,
        version=booking.version + 1,
    )


def confirmed(booking: Booking, *, now: datetime) -> Booking:
    """The held ``booking`` made firm.

    Raises:
        HoldExpiredError: the hold is over, whether or not it was cleaned up yet.
        TransitionRefusedError: it is not held.
    """
    if booking.state is BookingState.EXPIRED or booking.is_overdue(now):
        raise HoldExpiredError(booking_id=booking.id, hold_until=booking.hold_until)
    return moved(booking, BookingState.CONFIRMED, now=now)


@dataclass(frozen=True, slots=True)
class Risk:
    """Why a booking may not be kept, and what of its resources is the cause."""

    reason: str
    resource_id: ResourceId


def risk_of(
    booking: Booking, states: Mapping[ResourceId, LiveState], *, near: Interval
) -> Risk | None:
    """What keeps ``booking`` from being relied on; what flagged it stays until that recovers.

    Args:
        booking: an active one.
        states: of whatever it takes and has a twin.
        near: the time that what is out of service gives up.
    """
    if booking.risky is not None and booking.at_risk_reason is not None:
        live = states.get(booking.risky)
        if live is not None and live.state not in AVAILABLE | WITHDRAWING:
            return Risk(booking.at_risk_reason, booking.risky)  # Silence is no recovery.
    if not booking.interval.overlaps(near):
        return None
    by_cause = (booking.risky, booking.resource_id, *sorted(states, key=lambda one: one.bytes))
    for resource_id in by_cause:
        live = None if resource_id is None else states.get(resource_id)
        if live is not None and live.state in WITHDRAWING:
            reason = f"{live.state}: {live.reason}" if live.reason else str(live.state)
            return Risk(reason, live.resource_id)
    return None


def with_risk(booking: Booking, risk: Risk | None, *, now: datetime) -> Booking:
    """``booking`` flagged for ``risk``, or cleared by ``None``; itself when nothing changes."""
    reason = None if risk is None else risk.reason
    by = None if risk is None or risk.resource_id == booking.resource_id else risk.resource_id
    if not booking.is_active or (booking.at_risk_reason, booking.at_risk_by) == (reason, by):
        return booking
    return replace(
        booking,
        at_risk_reason=reason,
        at_risk_by=by,
        updated_at=now,
        version=booking.version + 1,
    )


def check_version(booking: Booking, expected: int | None) -> None:
    """Refuse a change based on an older reading; ``None`` asks for no check.

    Raises:
        VersionMismatchError: the booking has moved on since.
    """
    if expected is not None and expected != booking.version:
        raise VersionMismatchError(
            booking_id=booking.id, version=booking.version, expected=expected
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
