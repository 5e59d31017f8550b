"""HTTP of the terms that bookings of a resource are agreed under."""

from uuid import UUID

from services.booking import handlers
from services.booking.schemas.terms import TermsIn, TermsOut
from services.contracts.ids import ResourceId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.web import ActingDep, ClockDep, SessionDep, requires

router = api_router(prefix="/resources", tags=["bookings"])


@router.get("/{resource_id}/cancellation-policy", dependencies=[requires(Action.RESOURCE_READ)])
def read_terms(resource_id: UUID, session: SessionDep) -> TermsOut:
    """What giving a booking of the resource back costs, if it is agreed now."""
    return TermsOut.of(handlers.get_terms(session=session, resource_id=ResourceId(resource_id)))


@router.put("/{resource_id}/cancellation-policy", dependencies=[requires(Action.RESOURCE_CHANGE)])
def put_terms(
    resource_id: UUID, asked: TermsIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> TermsOut:
    """Change the terms of bookings to come; those agreed already keep theirs."""
    terms = handlers.put_terms(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        resource_id=ResourceId(resource_id),
        terms=asked.terms(),
    )
    return TermsOut.of(terms)
