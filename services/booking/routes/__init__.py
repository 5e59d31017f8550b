"""HTTP of booking: of one slot, or of several as one."""

from typing import Final

from fastapi import APIRouter

from services.booking.routes import bookings, feeds, joints, launching, rebooking, terms, waiting

ROUTERS: Final[tuple[APIRouter, ...]] = (
    bookings.router,
    feeds.router,
    joints.router,
    launching.router,
    rebooking.router,
    terms.router,
    waiting.router,
)
