"""Keeping an index true: follow what is published one by one, or rebuild it from the record."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar
from uuid import UUID

from sqlmodel import Session

from marketplace.library import handlers as library
from marketplace.library.domain import Item, ItemState
from marketplace.offers.domain import Offer, OfferState
from marketplace.offers.handlers import get_offer, list_offers
from marketplace.taxonomy.domain import Taxonomy
from search.documents import is_findable, is_findable_item, item_document, offer_document
from search.port import SearchDocument, SearchIndex
from services.capacity.handlers import resources_by_id
from services.contracts.ids import OfferId

PAGE: Final = 200
PublishedT = TypeVar("PublishedT", Offer, Item)


def follow_offer(
    *, session: Session, index: SearchIndex, taxonomy: Taxonomy, offer_id: OfferId
) -> None:
    """Make the index say of an offer what the record says now; the order of events is no matter.

    Raises:
        OfferNotFoundError: there is none.
    """
    offer = get_offer(session=session, offer_id=offer_id)
    if is_findable(offer):
        index.upsert([_document(session, offer, taxonomy)])
    else:
        index.delete([offer.id])


def follow_item(*, session: Session, index: SearchIndex, item_id: UUID) -> None:
    """Make the index say of a library item what the record says now.

    Raises:
        ItemNotFoundError: there is none.
    """
    item = library.get_item(session=session, item_id=item_id)
    if is_findable_item(item):
        index.upsert([item_document(item)])
    else:
        index.delete([item.id])


def rebuild(*, session: Session, index: SearchIndex, taxonomy: Taxonomy) -> int:
    """Fill the index anew from the record; how many documents can be found."""
    index.clear()
    count = 0
    for documents in _documents(session, taxonomy):
        index.upsert(documents)
        count += len(documents)
    return count


def _documents(session: Session, taxonomy: Taxonomy) -> Iterator[list[SearchDocument]]:
    """Everything everybody may see, in batches."""

    def offers(after: UUID | None) -> Sequence[Offer]:
        return list_offers(session=session, after=after, limit=PAGE, state=OfferState.PUBLISHED)

    def items(after: UUID | None) -> Sequence[Item]:
        return library.list_items(
            session=session, after=after, limit=PAGE, state=ItemState.PUBLISHED
        )

    for offered in _pages(offers):
        yield [_document(session, one, taxonomy) for one in offered if is_findable(one)]
    for licensed in _pages(items):
        yield [item_document(one) for one in licensed if is_findable_item(one)]


def _pages(
    following: Callable[[UUID | None], Sequence[PublishedT]],
) -> Iterator[Sequence[PublishedT]]:
    after: UUID | None = None
    while page := following(after):
        yield page
        after = page[-1].id


def _document(session: Session, offer: Offer, taxonomy: Taxonomy) -> SearchDocument:
    resources = resources_by_id(session=session, resource_ids=offer.resource_ids)
    return offer_document(offer, resources.values(), taxonomy)
