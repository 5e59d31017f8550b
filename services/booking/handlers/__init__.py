"""Use cases of booking."""

from services.booking.handlers.changing import (
    OutOfServiceError,
    cancel,
    confirm,
    expire_overdue,
    finish,
    start,
)
from services.booking.handlers.holding import OfferRequiredError, SlotNotOfferedError, hold
from services.booking.handlers.joints import (
    JointNotCancellableError,
    JointNotConfirmableError,
    JointNotFoundError,
    LegInvalidError,
    LegNotFoundError,
    LegTakenError,
    cancel_joint,
    confirm_joint,
    get_joint,
    hold_jointly,
    list_joints,
    release_fallen,
)
from services.booking.handlers.reading import BookingNotFoundError, get_booking, list_bookings
from services.booking.handlers.risks import flag_at_risk, sweep_at_risk

__all__ = [
    "BookingNotFoundError",
    "JointNotCancellableError",
    "JointNotConfirmableError",
    "JointNotFoundError",
    "LegInvalidError",
    "LegNotFoundError",
    "LegTakenError",
    "OfferRequiredError",
    "OutOfServiceError",
    "SlotNotOfferedError",
    "cancel",
    "cancel_joint",
    "confirm",
    "confirm_joint",
    "expire_overdue",
    "finish",
    "flag_at_risk",
    "get_booking",
    "get_joint",
    "hold",
    "hold_jointly",
    "list_bookings",
    "list_joints",
    "release_fallen",
    "start",
    "sweep_at_risk",
]
