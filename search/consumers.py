"""Follows what is published, so that it can be found."""

from typing import Any

from sqlmodel import Session

from marketplace.taxonomy.domain import Taxonomy
from search.backend import IndexFor
from search.indexing import follow_item, follow_offer
from services.contracts.events.library import ItemChanged
from services.contracts.events.marketplace import OfferPublished, OfferWithdrawn
from services.contracts.ids import OfferId
from services.runtime.clock import Clock
from services.runtime.consumers import Consumer


class _Follow:
    def __init__(self, index_for: IndexFor, taxonomy: Taxonomy) -> None:
        self._index_for = index_for
        self._taxonomy = taxonomy

    def offer(
        self, *, session: Session, clock: Clock, event: OfferPublished | OfferWithdrawn
    ) -> None:
        del clock  # the record says when; the index does not keep it
        follow_offer(
            session=session,
            index=self._index_for(session),
            taxonomy=self._taxonomy,
            offer_id=OfferId(event.offer_id),
        )

    def item(self, *, session: Session, clock: Clock, event: ItemChanged) -> None:
        del clock  # as above
        follow_item(session=session, index=self._index_for(session), item_id=event.item_id)


def consumers(index_for: IndexFor, taxonomy: Taxonomy) -> tuple[Consumer[Any], ...]:
    """What the worker runs to keep the index of ``index_for`` true."""
    follow = _Follow(index_for, taxonomy)
    return (
        Consumer("search-offer-published", OfferPublished, follow.offer),
        Consumer("search-offer-withdrawn", OfferWithdrawn, follow.offer),
        Consumer("search-item-changed", ItemChanged, follow.item),
    )
