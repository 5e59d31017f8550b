"""Events of services in parks. Only the two parties hear of them."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class ServiceRequestChanged(Event):
    """A service of a park was asked for, answered, confirmed as done or given up."""

    type: ClassVar[str] = "parks.service-request-changed.v1"

    request_id: UUID
    service_id: UUID
    organisation_id: UUID
    provider_id: UUID
    park: str
    state: str
