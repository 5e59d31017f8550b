"""Use cases of booking."""

from services.booking.handlers.changing import (
    OutOfServiceError,
    cancel,
    confirm,
    expire_overdue,
    finish,
    no_show,
    start,
)
from services.booking.handlers.holding import (
    OfferRequiredError,
    SlotNotOfferedError,
    TooManyHoldsError,
    hold,
)
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
from services.booking.handlers.moving import release_units, reschedule
from services.booking.handlers.reading import BookingNotFoundError, get_booking, list_bookings
from services.booking.handlers.risks import flag_at_risk, sweep_at_risk
from services.booking.handlers.terms import get_terms, put_terms

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
    "TooManyHoldsError",
    "cancel",
    "cancel_joint",
    "confirm",
    "confirm_joint",
    "expire_overdue",
    "finish",
    "flag_at_risk",
    "get_booking",
    "get_joint",
    "get_terms",
    "hold",
    "hold_jointly",
    "list_bookings",
    "list_joints",
    "no_show",
    "put_terms",
    "release_fallen",
    "release_units",
    "reschedule",
    "start",
    "sweep_at_risk",
]
