"""HTTP of bookings at risk and of calendars: what else there is, taking it, what is booked."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.booking import handlers
from services.booking.schemas.bookings import BookingOut
from services.booking.schemas.rebooking import ProposalOut, ProposalsOut, RebookIn
from services.contracts.ids import BookingId, OfferId, ResourceId
from services.contracts.policies import Action
from services.runtime.etags import IfMatch, version_named
from services.runtime.routing import api_router
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["bookings"])


@router.get("/bookings/{booking_id}/proposals", dependencies=[requires(Action.BOOKING_MOVE)])
def list_rebooking_proposals(
    booking_id: UUID,
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> ProposalsOut:
    """Other slots for a booking at risk, the soonest first, with what they cost more."""
    found = handlers.propose_others(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        limit=limit,
        stale_after=timedelta(seconds=request.app.state.settings.seen_stale_after_s),
        matcher=request.app.state.matcher,
    )
    return ProposalsOut(items=[ProposalOut.of(one) for one in found])


@router.post(
    "/bookings/{booking_id}/rebook",
    status_code=201,
    response_model=BookingOut,
    dependencies=[requires(Action.BOOKING_MOVE)],
)
def rebook(
    booking_id: UUID,
    asked: RebookIn,
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> Response:
    """Take another slot instead of one at risk, which is given back for nothing."""
    settings = request.app.state.settings
    expected_version = version_named(if_match)

    def work() -> BookingOut:
        booking = handlers.rebook(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            booking_id=BookingId(booking_id),
            resource_id=ResourceId(asked.resource_id),
            offer_id=OfferId(asked.offer_id) if asked.offer_id else None,
            start=asked.start,
            hold_ttl=timedelta(seconds=settings.hold_ttl_s),
            stale_after=timedelta(seconds=settings.seen_stale_after_s),
            expected_version=expected_version,
        )
        return BookingOut.of(booking)

    return creation.once(asked, work)


@router.get(
    "/booking-calendar",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {}}}},
    dependencies=[requires(Action.BOOKING_READ)],
)
def read_calendar(
    session: SessionDep, clock: ClockDep, acting: ActingDep, resource_id: UUID | None = None
) -> Response:
    """What one books and provides, as an iCalendar to subscribe to with an API key."""
    calendar = handlers.calendar_of(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        resource_id=ResourceId(resource_id) if resource_id else None,
    )
    return Response(calendar, media_type="text/calendar; charset=utf-8")
