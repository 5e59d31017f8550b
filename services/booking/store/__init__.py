"""The SQL of booking."""

from services.booking.store.bookings import (
    bookings_after,
    find_booking,
    insert_booking,
    lock_active,
    lock_booking,
    lock_flagged_by,
    lock_overdue,
    lock_overdue_of,
    open_holds,
    resources_with_risk,
    save_booking,
    save_slot,
)
from services.booking.store.joints import (
    find_joint,
    insert_joint,
    joints_after,
    lock_joint,
)
from services.booking.store.terms import find_terms, save_terms

__all__ = [
    "bookings_after",
    "find_booking",
    "find_joint",
    "find_terms",
    "insert_booking",
    "insert_joint",
    "joints_after",
    "lock_active",
    "lock_booking",
    "lock_flagged_by",
    "lock_joint",
    "lock_overdue",
    "lock_overdue_of",
    "open_holds",
    "resources_with_risk",
    "save_booking",
    "save_slot",
    "save_terms",
]
