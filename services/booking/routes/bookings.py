"""HTTP of bookings: hold, read, confirm, cancel, start, finish."""

from datetime import UTC, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.booking import handlers
from services.booking.domain import Booking, BookingState
from services.booking.routes.writer import at_writer
from services.booking.schemas.bookings import BookingIn, BookingOut, MoveIn, UnitsIn
from services.contracts.ids import BookingId, DemandId, OfferId, OrganisationId, ResourceId
from services.contracts.policies import Action
from services.runtime.etags import IfMatch, version_named
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    SessionDep,
    acting_organisation,
    requires,
)

router = api_router(prefix="/bookings", tags=["bookings"])


@router.post(
    "",
    status_code=201,
    response_model=BookingOut,
    dependencies=[requires(Action.BOOKING_HOLD)],
)
def create_booking(
    asked: BookingIn,
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Hold a free slot. Confirm it before ``hold_until``, or it is free again."""
    organisation_id = acting_organisation(acting, asked.organisation_id)
    settings = request.app.state.settings

    def work() -> BookingOut:
        booking = handlers.hold(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            resource_id=ResourceId(asked.resource_id),
            start=asked.start.astimezone(UTC),
            minutes=asked.minutes,
            units=asked.units,
            offer_id=OfferId(asked.offer_id) if asked.offer_id else None,
            demand_id=DemandId(asked.demand_id) if asked.demand_id else None,
            hold_ttl=timedelta(seconds=settings.hold_ttl_s),
            stale_after=timedelta(seconds=settings.seen_stale_after_s),
            open_max=settings.open_holds_max,
        )
        return BookingOut.of(booking)

    return creation.once(asked, work, elsewhere=at_writer(request, session, acting, asked))


@router.get("", response_model=Page[BookingOut], dependencies=[requires(Action.BOOKING_READ)])
def list_bookings(
    session: SessionDep,
    page: PageDep,
    acting: ActingDep,
    organisation_id: Annotated[UUID | None, Query(description="who booked")] = None,
    resource_id: UUID | None = None,
    state: Annotated[list[BookingState] | None, Query()] = None,
    at_risk: Annotated[bool | None, Query()] = None,
) -> Page[BookingOut] | Response:
    """Bookings one made or provides for, in order of creation."""
    found = handlers.list_bookings(
        session=session,
        after=BookingId(page.after) if page.after else None,
        limit=page.fetch,
        party=acting.organisation_id,
        organisation_id=OrganisationId(organisation_id) if organisation_id else None,
        resource_ids=[ResourceId(resource_id)] if resource_id else None,
        states=state,
        at_risk=at_risk,
    )
    return page.answer(found, BookingOut.of, name="bookings")


@router.get("/{booking_id}", dependencies=[requires(Action.BOOKING_READ)])
def read_booking(
    booking_id: UUID, session: SessionDep, response: Response, acting: ActingDep
) -> BookingOut:
    """One booking; its ETag is its version."""
    booking = handlers.get_booking(
        session=session,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
    )
    return tagged(response, booking)


@router.post("/{booking_id}/confirm", dependencies=[requires(Action.BOOKING_CONFIRM)])
def confirm_booking(
    booking_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> BookingOut:
    """Make a hold firm."""
    booking = handlers.confirm(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        expected_version=version_named(if_match),
    )
    return tagged(response, booking)


@router.post("/{booking_id}/cancel", dependencies=[requires(Action.BOOKING_CANCEL)])
def cancel_booking(
    booking_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> BookingOut:
    """Give a held or confirmed slot back."""
    booking = handlers.cancel(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        expected_version=version_named(if_match),
    )
    return tagged(response, booking)


@router.post("/{booking_id}/start", dependencies=[requires(Action.BOOKING_WORK)])
def start_booking(
    booking_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> BookingOut:
    """Note that the work has begun."""
    booking = handlers.start(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        expected_version=version_named(if_match),
    )
    return tagged(response, booking)


@router.post("/{booking_id}/finish", dependencies=[requires(Action.BOOKING_WORK)])
def finish_booking(
    booking_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> BookingOut:
    """Note that the work is done."""
    booking = handlers.finish(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        expected_version=version_named(if_match),
    )
    return tagged(response, booking)


@router.post("/{booking_id}/no-show", dependencies=[requires(Action.BOOKING_WORK)])
def report_no_show(
    booking_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> BookingOut:
    """Note that nobody came; possible once the grace of its terms is over."""
    booking = handlers.no_show(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        expected_version=version_named(if_match),
    )
    return tagged(response, booking)


@router.post("/{booking_id}/reschedule", dependencies=[requires(Action.BOOKING_MOVE)])
def reschedule_booking(
    booking_id: UUID,
    asked: MoveIn,
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> BookingOut:
    """Move a booking to another slot of its resource; if that is taken it keeps its own."""
    booking = handlers.reschedule(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        start=asked.start,
        minutes=asked.minutes,
        units=asked.units,
        stale_after=timedelta(seconds=request.app.state.settings.seen_stale_after_s),
        expected_version=version_named(if_match),
    )
    return tagged(response, booking)


@router.post("/{booking_id}/release", dependencies=[requires(Action.BOOKING_MOVE)])
def release_units(
    booking_id: UUID,
    asked: UnitsIn,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> BookingOut:
    """Give back some of a booking's units; it keeps the others."""
    booking = handlers.release_units(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        units=asked.units,
        expected_version=version_named(if_match),
    )
    return tagged(response, booking)


def tagged(response: Response, booking: Booking) -> BookingOut:
    response.headers["ETag"] = f'"{booking.version}"'
    return BookingOut.of(booking)
