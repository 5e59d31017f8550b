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
    resources_with_risk,
    save_booking,
)
from services.booking.store.joints import (
    find_joint,
    insert_joint,
    joints_after,
    lock_joint,
)

__all__ = [
    "bookings_after",
    "find_booking",
    "find_joint",
    "insert_booking",
    "insert_joint",
    "joints_after",
    "lock_active",
    "lock_booking",
    "lock_flagged_by",
    "lock_joint",
    "lock_overdue",
    "lock_overdue_of",
    "resources_with_risk",
    "save_booking",
]
