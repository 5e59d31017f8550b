"""From what is published to the document it is found by."""

from collections.abc import Iterable

from marketplace.library.domain import Item, ItemState
from marketplace.offers.domain import Offer, OfferState
from marketplace.taxonomy.domain import Taxonomy, TermT, Tree
from search.port import SearchDocument, Source
from services.capacity.domain import Resource, Visibility


def is_findable(offer: Offer) -> bool:
    """Only what everybody may see is indexed."""
    return offer.state is OfferState.PUBLISHED and offer.visibility is Visibility.PUBLIC


def is_findable_item(item: Item) -> bool:
    """Only what everybody may see is indexed."""
    return item.state is ItemState.PUBLISHED and item.visibility is Visibility.PUBLIC


def offer_document(
    offer: Offer, resources: Iterable[Resource], taxonomy: Taxonomy
) -> SearchDocument:
    """The document of ``offer``: found by its titles, its resources and what they can do."""
    offered = list(resources)
    capabilities = [capability for resource in offered for capability in resource.capabilities]
    processes = {capability.process for capability in capabilities}
    materials = {code for capability in capabilities for code in capability.materials}
    certificates = {held.kind for capability in capabilities for held in capability.certificates}
    words = [name for resource in offered for name in (resource.name, resource.name_zh)]
    words += _words(taxonomy.processes, processes)
    words += _words(taxonomy.materials, materials)
    words += _words(taxonomy.certificates, certificates)
    return SearchDocument(
        id=offer.id,
        organisation_id=offer.organisation_id,
        title=offer.title,
        title_zh=offer.title_zh,
        words=tuple(dict.fromkeys(words)),
        direction=offer.direction,
        kinds=tuple(sorted({resource.kind for resource in offered})),
        processes=_with_ancestors(taxonomy.processes, processes),
        materials=_with_ancestors(taxonomy.materials, materials),
        certificates=tuple(sorted(certificates)),
        attributes=offer.attributes,
    )


def item_document(item: Item) -> SearchDocument:
    """The document of a library item: found by its titles, its abstracts and what it is named."""
    named = [value for value in item.attributes.values() if isinstance(value, str)]
    return SearchDocument(
        id=item.id,
        organisation_id=item.organisation_id,
        title=item.title,
        title_zh=item.title_zh,
        words=tuple(one for one in (item.abstract, item.abstract_zh, *named) if one),
        direction=item.direction,
        kinds=(item.kind,),
        attributes=item.attributes,
        source=Source.LIBRARY,
    )


def _words(tree: Tree[TermT], codes: Iterable[str]) -> list[str]:
    return [word for code in sorted(codes) if code in tree for word in tree[code].words]


def _with_ancestors(tree: Tree[TermT], codes: Iterable[str]) -> tuple[str, ...]:
    above = (tree.with_ancestors(code) for code in codes if code in tree)
    return tuple(sorted(set[str]().union(*above)))
