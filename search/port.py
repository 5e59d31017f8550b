"""What a search backend promises; ``tests/contract/search`` holds every backend to it.

* A document is found by any of its words: Latin ones by their beginning, Chinese ones by any part.
* Every word of the query must occur; case does not matter. No words: everything, by filters alone.
* Chinese is segmented: the words of a query need not stand together as they were typed.
* A slip in a Latin word of five letters or more is forgiven, two in one of nine or more.
* Filters are exact, or a range of numbers, and all must hold. Titles that carry the query come
  before other hits.
* Only what everybody may see is ever in an index, so that no search and no count tells of more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Protocol
from uuid import UUID

from marketplace.directions.domain import FacetFilter

HITS_MAX: Final = 100
QUERY_MAX: Final = 200
WORDS_MAX: Final = 20
"""Words of a query that count; the rest is not looked at."""
COUNTED_MAX: Final = 1_000
"""Hits that facets are counted over."""
FACET_VALUES_MAX: Final = 100
"""Values told of a facet, the most frequent first."""


class Source(StrEnum):
    """What a document is made from."""

    OFFER = "offer"
    LIBRARY = "library"


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """What is kept of a published thing.

    ``processes`` and ``materials`` include the codes above them.
    """

    id: UUID
    organisation_id: UUID
    title: str
    title_zh: str
    words: tuple[str, ...]
    direction: int
    kinds: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    source: Source = Source.OFFER


@dataclass(frozen=True, slots=True)
class Filters:
    """Exact facets; ``None`` does not filter."""

    direction: int | None = None
    kind: str | None = None
    process: str | None = None
    material: str | None = None
    certificate: str | None = None
    facets: tuple[FacetFilter, ...] = ()
    """Attributes of the direction."""
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    id: UUID
    organisation_id: UUID
    title: str
    title_zh: str
    source: Source = Source.OFFER


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """How many hits have each value of each facet, as far as they were counted.

    ``counts``: by facet (``kind``, ``process``, …, ``attributes.<name>``), then by value as text.
    ``is_complete``: whether every hit was counted, or ``COUNTED_MAX`` of them.
    """

    counts: Mapping[str, Mapping[str, int]]
    counted: int
    is_complete: bool


class SearchIndex(Protocol):
    """A set of documents, one per id."""

    def upsert(self, documents: Sequence[SearchDocument]) -> None: ...

    def delete(self, ids: Sequence[UUID]) -> None: ...

    def search(self, query: str, filters: Filters, *, limit: int) -> list[Hit]: ...

    def facets(self, query: str, filters: Filters) -> FacetCounts: ...

    def clear(self) -> None: ...
