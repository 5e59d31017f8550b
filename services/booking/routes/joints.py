"""HTTP of joint bookings: several slots held, confirmed and cancelled as one."""

from datetime import timedelta
from uuid import UUID

from fastapi import Request, Response

from services.booking import handlers
from services.booking.domain import Joint
from services.booking.schemas.joints import JointBookingIn, JointBookingOut
from services.contracts.ids import DemandId, JointId
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

router = api_router(prefix="/joint-bookings", tags=["bookings"])


@router.post(
    "",
    status_code=201,
    response_model=JointBookingOut,
    dependencies=[requires(Action.BOOKING_HOLD)],
)
def create_joint_booking(
    asked: JointBookingIn,
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Hold the slots of all legs, or none. Confirm them as one before ``hold_until``."""
    organisation_id = acting_organisation(acting, asked.organisation_id)
    settings = request.app.state.settings

    def work() -> JointBookingOut:
        joint = handlers.hold_jointly(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            legs=[leg.asked() for leg in asked.legs],
            demand_id=DemandId(asked.demand_id) if asked.demand_id else None,
            hold_ttl=timedelta(seconds=settings.hold_ttl_s),
            stale_after=timedelta(seconds=settings.seen_stale_after_s),
            open_max=settings.open_holds_max,
        )
        return JointBookingOut.of(joint)

    return creation.once(asked, work)


@router.get("", response_model=Page[JointBookingOut], dependencies=[requires(Action.BOOKING_READ)])
def list_joint_bookings(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[JointBookingOut] | Response:
    """Joint bookings one made, in order of creation."""
    found = handlers.list_joints(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, JointBookingOut.of, name="joint-bookings")


@router.get("/{joint_id}", dependencies=[requires(Action.BOOKING_READ)])
def read_joint_booking(
    joint_id: UUID, session: SessionDep, response: Response, acting: ActingDep
) -> JointBookingOut:
    """One joint booking with its legs; its ETag is its version."""
    joint = handlers.get_joint(
        session=session, organisation_id=acting.organisation_id, joint_id=JointId(joint_id)
    )
    return _tagged(response, joint)


@router.post("/{joint_id}/confirm", dependencies=[requires(Action.BOOKING_CONFIRM)])
def confirm_joint_booking(
    joint_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> JointBookingOut:
    """Make all legs firm, or none."""
    joint = handlers.confirm_joint(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        joint_id=JointId(joint_id),
        expected_version=version_named(if_match),
    )
    return _tagged(response, joint)


@router.post("/{joint_id}/cancel", dependencies=[requires(Action.BOOKING_CANCEL)])
def cancel_joint_booking(
    joint_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> JointBookingOut:
    """Give back every leg whose work has not begun."""
    joint = handlers.cancel_joint(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        joint_id=JointId(joint_id),
        expected_version=version_named(if_match),
    )
    return _tagged(response, joint)


def _tagged(response: Response, joint: Joint) -> JointBookingOut:
    response.headers["ETag"] = f'"{joint.version}"'
    return JointBookingOut.of(joint)
