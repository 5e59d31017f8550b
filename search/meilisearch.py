"""The search port on a Meilisearch server: typo-tolerant, eventually consistent with the record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final
from uuid import UUID

from meilisearch import Client
from meilisearch.models.task import TaskInfo

from marketplace.directions.domain import FacetFilter
from search.port import (
    COUNTED_MAX,
    FACET_VALUES_MAX,
    FacetCounts,
    Filters,
    Hit,
    SearchDocument,
    Source,
)

INDEX_NAME: Final = "nonagon-offers"
TASK_TIMEOUT_MS: Final = 30_000
TASK_POLL_MS: Final = 20
REQUEST_TIMEOUT_S: Final = 10
INDEX_SETTINGS: Final[Mapping[str, Any]] = {
    "searchableAttributes": ["title", "title_zh", "words"],
    "filterableAttributes": [
        "source",
        "direction",
        "kinds",
        "processes",
        "materials",
        "certificates",
        "attributes",
    ],
    "displayedAttributes": ["id", "organisation_id", "source", "title", "title_zh"],
    "faceting": {"maxValuesPerFacet": FACET_VALUES_MAX, "sortFacetValuesBy": {"*": "count"}},
    "pagination": {"maxTotalHits": COUNTED_MAX},
    "rankingRules": ["words", "typo", "attribute", "proximity", "sort", "exactness"],
}
_ATTRIBUTES: Final[Mapping[str, str]] = {
    "source": "source",
    "direction": "direction",
    "kind": "kinds",
    "process": "processes",
    "material": "materials",
    "certificate": "certificates",
}


class IndexTaskFailedError(RuntimeError):
    """The server took a change and then could not apply it."""


class MeilisearchIndex:
    """Documents in the index ``nonagon-offers``; every change is waited for."""

    def __init__(self, url: str, *, key: str | None = None, name: str = INDEX_NAME) -> None:
        self._client = Client(url, key, timeout=REQUEST_TIMEOUT_S)
        self._index = self._client.index(name)
        self._name = name

    def prepare(self) -> None:
        """Create the index with its settings; nothing changes when it is there."""
        self._client.create_index(self._name, {"primaryKey": "id"})
        self._done(self._index.update_settings(dict(INDEX_SETTINGS)))

    def upsert(self, documents: Sequence[SearchDocument]) -> None:
        if documents:
            self._done(self._index.add_documents([record(document) for document in documents]))

    def delete(self, ids: Sequence[UUID]) -> None:
        self._done(self._index.delete_documents([str(document_id) for document_id in ids]))

    def search(self, query: str, filters: Filters, *, limit: int) -> list[Hit]:
        found = self._index.search(query, search_options(filters, limit=limit))
        return [
            Hit(
                UUID(hit["id"]),
                UUID(hit["organisation_id"]),
                hit["title"],
                hit["title_zh"],
                Source(hit["source"]),
            )
            for hit in found["hits"]
        ]

    def facets(self, query: str, filters: Filters) -> FacetCounts:
        """Counted by the server over every hit; it tells of numbers too."""
        asked = search_options(filters, limit=0) | {"facets": ["*"]}
        found = self._index.search(query, asked)
        names = {attribute: name for name, attribute in _ATTRIBUTES.items()}
        counts = {
            names.get(name, name): counts
            for name, counts in found["facetDistribution"].items()
            if counts
        }
        return FacetCounts(counts, found["estimatedTotalHits"], is_complete=True)

    def clear(self) -> None:
        self.prepare()
        self._done(self._index.delete_all_documents())

    def _done(self, task: TaskInfo) -> None:
        finished = self._client.wait_for_task(
            task.task_uid, timeout_in_ms=TASK_TIMEOUT_MS, interval_in_ms=TASK_POLL_MS
        )
        if finished.status != "succeeded":
            raise IndexTaskFailedError(f"{finished.type} {finished.status}: {finished.error}")


def record(document: SearchDocument) -> dict[str, Any]:
    """The document as the server keeps it."""
    return {
        **asdict(replace(document, attributes={})),
        "attributes": dict(document.attributes),
        "source": document.source.value,
        "id": str(document.id),
        "organisation_id": str(document.organisation_id),
    }


def search_options(filters: Filters, *, limit: int) -> dict[str, Any]:
    """The parameters of a search: every word must occur, every filter must hold."""
    held = [
        f"{attribute} = {_literal(value)}"
        for name, attribute in _ATTRIBUTES.items()
        if (value := getattr(filters, name)) is not None
    ]
    held += [clause for facet in filters.facets for clause in _clauses(facet)]
    return {"limit": limit, "matchingStrategy": "all", "filter": held}


def _clauses(facet: FacetFilter) -> Iterator[str]:
    asked = (("=", facet.value), (">=", facet.low), ("<=", facet.high))
    for sign, value in asked:
        if value is not None:
            yield f"attributes.{facet.name} {sign} {_literal(value)}"


def _literal(value: str | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
