"""The life of a booking: held → confirmed → started → finished, or cancelled, expired, no-show."""

from services.booking.domain.joint import (
    LEGS_MAX,
    Joint,
    JointState,
    JointVersionMismatchError,
    LegAsked,
    Part,
    PartOfJointError,
    check_alone,
    check_joint_version,
)
from services.booking.domain.life import (
    ACTIVE,
    TRANSITIONS,
    Booking,
    BookingState,
    HoldExpiredError,
    TransitionRefusedError,
    VersionMismatchError,
    check_version,
    confirmed,
    moved,
)
from services.booking.domain.risk import (
    Risk,
    risk_of,
    with_risk,
)
from services.booking.domain.slots import (
    MINUTES_MAX,
    SlotInvalidError,
    asked_interval,
    check_rule,
    occupied,
)

__all__ = [
    "ACTIVE",
    "LEGS_MAX",
    "MINUTES_MAX",
    "TRANSITIONS",
    "Booking",
    "BookingState",
    "HoldExpiredError",
    "Joint",
    "JointState",
    "JointVersionMismatchError",
    "LegAsked",
    "Part",
    "PartOfJointError",
    "Risk",
    "SlotInvalidError",
    "TransitionRefusedError",
    "VersionMismatchError",
    "asked_interval",
    "check_alone",
    "check_joint_version",
    "check_rule",
    "check_version",
    "confirmed",
    "moved",
    "occupied",
    "risk_of",
    "with_risk",
]
