"""Orders between members that the space may see (协同订单), and whether promises are kept."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.contracts.ids import OrganisationId


class Promise(StrEnum):
    NONE = "none"
    """No day was agreed."""
    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class ChainOrder:
    """``organisation_id`` buys. Neither prices nor papers are told."""

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    space_id: UUID
    order_id: UUID
    state: str
    at_risk: bool
    needed_by: datetime | None
    linked_at: datetime
    updated_at: datetime
    accepted_at: datetime | None = None

    def promise(self, now: datetime) -> Promise:
        """Kept when it was accepted in time; broken when it was not, or time is over."""
        if self.needed_by is None:
            return Promise.NONE
        if self.accepted_at is not None:
            return Promise.KEPT if self.accepted_at <= self.needed_by else Promise.BROKEN
        return Promise.OPEN if now <= self.needed_by else Promise.BROKEN
