"""Terms of cancellation: what a resource asks for, as new bookings agree to it."""

from sqlmodel import Session

from services.booking import store
from services.booking.domain import Terms
from services.capacity import handlers as capacity
from services.contracts.ids import OrganisationId, ResourceId
from services.runtime.clock import Clock


def get_terms(*, session: Session, resource_id: ResourceId) -> Terms:
    """The terms a booking of the resource is agreed under now.

    Raises:
        ResourceNotFoundError: there is no such resource to be seen.
    """
    capacity.get_resource(session=session, resource_id=resource_id)
    return store.find_terms(session, resource_id)


def put_terms(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    terms: Terms,
) -> Terms:
    """Change the terms of bookings to come; those agreed already keep theirs.

    Raises:
        ResourceNotFoundError: the organisation has no such resource.
    """
    resource = capacity.get_resource(session=session, resource_id=resource_id)
    if resource.organisation_id != organisation_id:
        raise capacity.ResourceNotFoundError(resource_id=resource_id)
    store.save_terms(session, resource_id, terms, organisation_id=organisation_id, now=clock.now())
    return terms
