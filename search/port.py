"""What a search backend promises; ``tests/contract/search`` holds every backend to it.

* A document is found by any of its words: Latin ones by their beginning, Chinese ones by any part.
* Every word of the query must occur; case does not matter. No words: everything, by filters alone.
* Filters are exact, or a range of numbers, and all must hold. Titles that carry the query come
  before other hits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol
from uuid import UUID

from marketplace.directions.domain import FacetFilter

HITS_MAX: Final = 100
QUERY_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """What is kept of one offer. ``processes`` and ``materials`` include the codes above them."""

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


@dataclass(frozen=True, slots=True)
class Hit:
    id: UUID
    organisation_id: UUID
    title: str
    title_zh: str


class SearchIndex(Protocol):
    """A set of documents, one per id."""

    def upsert(self, documents: Sequence[SearchDocument]) -> None: ...

    def delete(self, ids: Sequence[UUID]) -> None: ...

    def search(self, query: str, filters: Filters, *, limit: int) -> list[Hit]: ...

    def clear(self) -> None: ...
