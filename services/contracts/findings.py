"""What a gateway may find wrong with its surroundings, and who takes it; ``services.risk`` does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.contracts.ids import GatewayId, OrganisationId


class FindingKind(StrEnum):
    OPCUA_NONE_ENDPOINT = "opcua_none_endpoint"
    """An OPC UA server lets anybody in without signature and encryption."""
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    UNKNOWN_CLIENT = "unknown_client"
    """Somebody nobody enrolled asked to be let in."""


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """One sighting. ``subject`` names the thing: an endpoint URL, a thumbprint, a client id."""

    organisation_id: OrganisationId
    gateway_id: GatewayId
    kind: FindingKind
    subject: str
    detail: str
    observed_at: datetime


class FindingSink(Protocol):
    """Takes sightings; the same one again only moves its last sighting."""

    def __call__(self, finding: ReportedFinding) -> None: ...
