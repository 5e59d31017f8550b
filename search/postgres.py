"""The search port on PostgreSQL: an exact index in the transaction of whoever writes."""

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlmodel import Session, text

from marketplace.directions.domain import facet_path
from search.port import Filters, Hit, SearchDocument
from search.words import is_chinese, lexemes, runs, tsquery

_UPSERT: Final = text(
    "INSERT INTO search_document"
    " (id, organisation_id, title, title_zh, haystack, facets, lexemes)"
    " VALUES (:id, :organisation_id, :title, :title_zh, :haystack, cast(:facets AS jsonb),"
    " array_to_tsvector(:lexemes))"
    " ON CONFLICT (id) DO UPDATE SET organisation_id = excluded.organisation_id,"
    " title = excluded.title, title_zh = excluded.title_zh, haystack = excluded.haystack,"
    " facets = excluded.facets, lexemes = excluded.lexemes"
)
_SEARCH: Final = text(
    "SELECT id, organisation_id, title, title_zh FROM search_document"
    " WHERE (:tsquery = '' OR lexemes @@ cast(:tsquery AS tsquery))"
    " AND haystack LIKE ALL (cast(:patterns AS text[]))"
    " AND facets @> cast(:facets AS jsonb)"
    " AND jsonb_path_match(facets, cast(:path AS jsonpath), cast(:values AS jsonb))"
    " ORDER BY lower(title || ' ' || title_zh) LIKE ALL (cast(:titled AS text[])) DESC, id"
    " LIMIT :limit"
)


class PostgresIndex:
    """Documents in ``search_document``; visible to others when ``session`` commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upsert(self, documents: Sequence[SearchDocument]) -> None:
        if documents:
            self._session.connection().execute(_UPSERT, [_row(document) for document in documents])

    def delete(self, ids: Sequence[UUID]) -> None:
        self._session.connection().execute(
            text("DELETE FROM search_document WHERE id = ANY (:ids)"), {"ids": list(ids)}
        )

    def search(self, query: str, filters: Filters, *, limit: int) -> list[Hit]:
        words = runs(query)
        path, values = facet_path(filters.facets, within="$.attributes")
        rows = self._session.connection().execute(
            _SEARCH,
            {
                "tsquery": tsquery(query),
                "patterns": [f"%{word}%" for word in words if is_chinese(word)],
                "titled": [f"%{word}%" for word in words],
                "facets": json.dumps(_wanted(filters)),
                "path": path,
                "values": json.dumps(values),
                "limit": limit,
            },
        )
        return [Hit(row.id, row.organisation_id, row.title, row.title_zh) for row in rows]

    def clear(self) -> None:
        self._session.connection().execute(text("DELETE FROM search_document"))


def _row(document: SearchDocument) -> dict[str, Any]:
    texts = (document.title, document.title_zh, *document.words)
    facets = {
        "direction": [document.direction],
        "kind": document.kinds,
        "process": document.processes,
        "material": document.materials,
        "certificate": document.certificates,
        "attributes": dict(document.attributes),
    }
    return {
        "id": document.id,
        "organisation_id": document.organisation_id,
        "title": document.title,
        "title_zh": document.title_zh,
        "haystack": "\n".join(texts).casefold(),
        "facets": json.dumps(facets),
        "lexemes": sorted(lexemes(texts)),
    }


def _wanted(filters: Filters) -> dict[str, list[Any]]:
    asked = {
        "direction": filters.direction,
        "kind": filters.kind,
        "process": filters.process,
        "material": filters.material,
        "certificate": filters.certificate,
    }
    return {name: [value] for name, value in asked.items() if value is not None}
