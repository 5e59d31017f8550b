"""Use cases of booking."""

from services.booking.domain import FeedClosedError, FeedNotFoundError, TooManyFeedsError
from services.booking.handlers.calendars import calendar_of
from services.booking.handlers.changing import (
    OutOfServiceError,
    cancel,
    confirm,
    expire_overdue,
    finish,
    no_show,
    start,
)
from services.booking.handlers.feeds import list_feeds, open_feed, read_feed, revoke_feed
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
from services.booking.handlers.rebooking import propose_others, rebook
from services.booking.handlers.risks import flag_at_risk, sweep_at_risk
from services.booking.handlers.terms import get_terms, put_terms
from services.booking.handlers.waiting import (
    EntryNotFoundError,
    TooManyWaitingError,
    get_entry,
    join_waitlist,
    leave_waitlist,
    list_entries,
    look_again,
    promote_next,
    sweep_waitlists,
)

__all__ = [
    "BookingNotFoundError",
    "EntryNotFoundError",
    "FeedClosedError",
    "FeedNotFoundError",
    "JointNotCancellableError",
    "JointNotConfirmableError",
    "JointNotFoundError",
    "LegInvalidError",
    "LegNotFoundError",
    "LegTakenError",
    "OfferRequiredError",
    "OutOfServiceError",
    "SlotNotOfferedError",
    "TooManyFeedsError",
    "TooManyHoldsError",
    "TooManyWaitingError",
    "calendar_of",
    "cancel",
    "cancel_joint",
    "confirm",
    "confirm_joint",
    "expire_overdue",
    "finish",
    "flag_at_risk",
    "get_booking",
    "get_entry",
    "get_joint",
    "get_terms",
    "hold",
    "hold_jointly",
    "join_waitlist",
    "leave_waitlist",
    "list_bookings",
    "list_entries",
    "list_feeds",
    "list_joints",
    "look_again",
    "no_show",
    "open_feed",
    "promote_next",
    "propose_others",
    "put_terms",
    "read_feed",
    "rebook",
    "release_fallen",
    "release_units",
    "reschedule",
    "revoke_feed",
    "start",
    "sweep_at_risk",
    "sweep_waitlists",
]
