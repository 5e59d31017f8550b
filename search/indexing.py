"""Keeping an index true: follow offers one by one, or rebuild it from the record."""

from collections.abc import Iterator
from typing import Final

from sqlmodel import Session

from marketplace.offers.domain import Offer, OfferState
from marketplace.offers.handlers import get_offer, list_offers
from marketplace.taxonomy.domain import Taxonomy
from search.documents import is_findable, offer_document
from search.port import SearchDocument, SearchIndex
from services.capacity.handlers import resources_by_id
from services.contracts.ids import OfferId

PAGE: Final = 200


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


def rebuild(*, session: Session, index: SearchIndex, taxonomy: Taxonomy) -> int:
    """Fill the index anew from the record; how many offers can be found."""
    index.clear()
    count = 0
    for page in _pages(session):
        documents = [_document(session, offer, taxonomy) for offer in page if is_findable(offer)]
        index.upsert(documents)
        count += len(documents)
    return count


def _pages(session: Session) -> Iterator[list[Offer]]:
    after: OfferId | None = None
    while page := list_offers(session=session, after=after, limit=PAGE, state=OfferState.PUBLISHED):
        yield page
        after = page[-1].id


def _document(session: Session, offer: Offer, taxonomy: Taxonomy) -> SearchDocument:
    resources = resources_by_id(session=session, resource_ids=offer.resource_ids)
    return offer_document(offer, resources.values(), taxonomy)
