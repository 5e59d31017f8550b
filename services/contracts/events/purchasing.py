"""Events of pooled purchasing. Who wants how much is in none of them."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class PurchaseChanged(Event):
    """A purchasing list was opened, awarded, ordered or withdrawn, or has failed."""

    type: ClassVar[str] = "purchasing.list-changed.v1"

    purchase_id: UUID
    organisation_id: UUID
    state: str


class PartChanged(Event):
    """A member joined, changed, left, confirmed its share, or was left out; for it and the lead."""

    type: ClassVar[str] = "purchasing.part-changed.v1"

    purchase_id: UUID
    organisation_id: UUID
    member_id: UUID
    state: str


class TieredQuoteGiven(Event):
    """A supplier quoted for a list, or took its quote back; for it and the lead."""

    type: ClassVar[str] = "purchasing.quote-given.v1"

    purchase_id: UUID
    organisation_id: UUID
    supplier_id: UUID
    state: str
