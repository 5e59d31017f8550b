"""HTTP of launching booked software."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from services.booking.handlers import launching as handlers
from services.booking.launcher.port import Launcher
from services.booking.schemas.launching import (
    LaunchIn,
    LaunchKeysOut,
    LaunchLinkOut,
    LaunchOut,
    LaunchTargetIn,
    LaunchTargetOut,
)
from services.contracts.ids import BookingId, ResourceId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, SessionDep, requires

router = api_router(tags=["bookings"])


def _launcher(request: Request) -> Launcher:
    launcher: Launcher = request.app.state.launcher
    return launcher


LauncherDep = Annotated[Launcher, Depends(_launcher)]


@router.get(
    "/resources/{resource_id}/launch-target", dependencies=[requires(Action.LAUNCH_TARGET_READ)]
)
def read_launch_target(
    resource_id: UUID, session: SessionDep, acting: ActingDep
) -> LaunchTargetOut:
    """Where the software of an own resource is opened."""
    target = handlers.get_target(
        session=session,
        organisation_id=acting.organisation_id,
        resource_id=ResourceId(resource_id),
    )
    return LaunchTargetOut.of(target)


@router.put(
    "/resources/{resource_id}/launch-target", dependencies=[requires(Action.RESOURCE_CHANGE)]
)
def put_launch_target(
    resource_id: UUID,
    asked: LaunchTargetIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> LaunchTargetOut:
    """Say where the software of an own resource is opened, from now on."""
    target = handlers.put_target(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        resource_id=ResourceId(resource_id),
        url_template=asked.url_template,
    )
    return LaunchTargetOut.of(target)


@router.post(
    "/bookings/{booking_id}/launches",
    status_code=201,
    dependencies=[requires(Action.BOOKING_LAUNCH)],
)
def launch_booking(
    booking_id: UUID,
    asked: LaunchIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    launcher: LauncherDep,
    response: Response,
) -> LaunchLinkOut:
    """A link that opens one booked seat, for two minutes and not after the slot.

    Takes no Idempotency-Key: a link is shown once and kept nowhere; asked again, there is another.
    """
    launch, url = handlers.launch(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        seat=asked.seat,
        launcher=launcher,
    )
    response.headers["Cache-Control"] = "no-store"
    return LaunchLinkOut.linked(launch, url)


@router.get(
    "/bookings/{booking_id}/launches",
    response_model=Page[LaunchOut],
    dependencies=[requires(Action.BOOKING_READ)],
)
def list_launches(
    booking_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[LaunchOut] | Response:
    """Who launched which seat of a booking and when, for its two parties."""
    found = handlers.list_launches(
        session=session,
        organisation_id=acting.organisation_id,
        booking_id=BookingId(booking_id),
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, LaunchOut.of, name="launches")


@router.get("/launch-keys", dependencies=[requires(Action.LAUNCH_VERIFY)])
def read_launch_keys(launcher: LauncherDep) -> LaunchKeysOut:
    """The keys by which software verifies the tokens of launch links."""
    return LaunchKeysOut.model_validate(launcher.keys())
