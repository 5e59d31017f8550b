"""Events of the devices context."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class GatewayCredentialRevoked(Event):
    """A gateway's credential holds no more; its connection is to be cut."""

    type: ClassVar[str] = "devices.gateway-credential-revoked.v1"

    organisation_id: UUID
    gateway_id: UUID
    credential_id: UUID
