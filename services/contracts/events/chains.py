"""Events of chain spaces. Only the members of the space hear of them."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class WeeksChanged(Event):
    """A member gave figures of some weeks, or newer versions of them."""

    type: ClassVar[str] = "chains.weeks-changed.v1"

    space_id: UUID
    organisation_id: UUID
    partner_id: UUID
    kind: str
    weeks: tuple[str, ...]


class DemandOverCapacity(Event):
    """In a week more is wanted than agreed (``over_agreed``) or possible (``over_maximum``)."""

    type: ClassVar[str] = "chains.demand-over-capacity.v1"

    space_id: UUID
    customer_id: UUID
    supplier_id: UUID
    week: str
    state: str
    over_agreed: int
    over_maximum: int


class ProductRecorded(Event):
    """A product was made, measured, shipped, serviced or retired."""

    type: ClassVar[str] = "chains.product-recorded.v1"

    space_id: UUID
    product_id: UUID
    organisation_id: UUID
    kind: str
    position: int
