"""Handovers of booked logistics: picked up, delivered, confirmed."""

from uuid import UUID

from fastapi import Response

from marketplace.tracking.handlers import handovers
from marketplace.tracking.schemas import HandoverIn, HandoverOut, HandoversOut
from services.contracts.ids import BookingId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["tracking"])


@router.post(
    "/bookings/{booking_id}/handovers",
    status_code=201,
    response_model=HandoverOut,
    dependencies=[requires(Action.HANDOVER_RECORD)],
)
def record_handover(
    booking_id: UUID,
    asked: HandoverIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Say as carrier that the goods were picked up, or delivered."""

    def work() -> HandoverOut:
        made = handovers.record(
            session=session,
            clock=clock,
            carrier_id=acting.organisation_id,
            actor=acting.principal.id,
            booking_id=BookingId(booking_id),
            kind=asked.kind,
            place=asked.place,
            note=asked.note,
        )
        return HandoverOut.of(made)

    return creation.once(asked, work)


@router.get("/bookings/{booking_id}/handovers", dependencies=[requires(Action.HANDOVER_READ)])
def list_handovers(booking_id: UUID, session: SessionDep, acting: ActingDep) -> HandoversOut:
    """What was handed over of a booking; there are two at most."""
    found = handovers.list_handovers(
        session=session, party=acting.organisation_id, booking_id=BookingId(booking_id)
    )
    return HandoversOut(items=[HandoverOut.of(one) for one in found])


@router.post("/handovers/{handover_id}/confirm", dependencies=[requires(Action.HANDOVER_CONFIRM)])
def confirm_handover(
    handover_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> HandoverOut:
    """Confirm as buyer that the goods were handed over so."""
    confirmed = handovers.confirm(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        actor=acting.principal.id,
        handover_id=handover_id,
    )
    return HandoverOut.of(confirmed)
