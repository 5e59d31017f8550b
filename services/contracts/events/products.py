"""Events of configurable products and their orders."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class ProductChanged(Event):
    """A product, or its next version, can be configured from now on; or it was withdrawn."""

    type: ClassVar[str] = "products.product-changed.v1"

    product_id: UUID
    organisation_id: UUID
    state: str
    version: int


class ProductOrderChanged(Event):
    """An order of a configured product was held, confirmed, worked on, paid from or given up."""

    type: ClassVar[str] = "products.order-changed.v1"

    order_id: UUID
    product_id: UUID
    organisation_id: UUID
    maker_id: UUID
    state: str
