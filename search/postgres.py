"""The search port on PostgreSQL: an exact index in the transaction of whoever writes.

Titles are asked first and then the rest, each in order of id among the first candidates. Words come
out of the GIN index, always: how frequent the beginning of a word is the planner does not know, and
where it guesses wrong it reads the whole table in the hope of ending early.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlmodel import Session, text

from marketplace.directions.domain import FacetFilter, facet_path
from search.port import (
    COUNTED_MAX,
    FACET_VALUES_MAX,
    WORDS_MAX,
    FacetCounts,
    Filters,
    Hit,
    SearchDocument,
    Source,
)
from search.words import Query, entries, latin_words, query_of, slips, slips_forgiven, tsquery

CORRECTIONS_MAX: Final = 5
CANDIDATES_MAX: Final = 1_000
"""Hits that are put in order: of more, those that the index gives first."""
ALIKE_MAX: Final = 30
SIMILARITY_MIN: Final = 0.25
"""Trigrams two words share, of all they have; one slip in five letters leaves about this much."""

_UPSERT: Final = text(
    "INSERT INTO search_document"
    " (id, organisation_id, source, title, title_zh, haystack, facets, lexemes)"
    " VALUES (:id, :organisation_id, :source, :title, :title_zh, :haystack,"
    " cast(:facets AS jsonb), array_to_tsvector(cast(:lexemes AS text[])))"
    " ON CONFLICT (id) DO UPDATE SET organisation_id = excluded.organisation_id,"
    " source = excluded.source, title = excluded.title, title_zh = excluded.title_zh,"
    " haystack = excluded.haystack, facets = excluded.facets, lexemes = excluded.lexemes"
)
_LEARN: Final = text(
    "INSERT INTO search_word (word) SELECT unnest(cast(:words AS text[]))"
    " ON CONFLICT (word) DO NOTHING"
)
_WORDS_OF: Final = text(
    "SELECT DISTINCT word.word FROM search_document AS document"
    " CROSS JOIN LATERAL unnest(tsvector_to_array(document.lexemes)) AS lexeme(word)"
    " JOIN search_word AS word ON word.word = lexeme.word WHERE document.id = ANY (:ids)"
)
_FORGET: Final = text(
    "DELETE FROM search_word WHERE word = ANY (:words) AND NOT EXISTS (SELECT FROM search_document"
    " WHERE lexemes @@ array_to_tsvector(ARRAY[word])::text::tsquery)"
)
_PLANNED: Final = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('pg_trgm.similarity_threshold', :least, true),"
    " set_config('enable_seqscan', :scans, true), set_config('enable_indexscan', :scans, true)"
)
_ALIKE: Final = text(
    "SELECT asked.word AS asked, found.word FROM unnest(cast(:asked AS text[])) AS asked(word)"
    " CROSS JOIN LATERAL (SELECT word FROM search_word WHERE word % asked.word"
    " ORDER BY similarity(word, asked.word) DESC, word LIMIT :limit) AS found"
    " WHERE NOT EXISTS (SELECT FROM search_word WHERE word LIKE asked.word || '%')"
)
_TITLED: Final = "lexemes @@ cast(:titled AS tsquery)"
_ANYWHERE: Final = "lexemes @@ cast(:lexemes AS tsquery)"
_HIT: Final = "SELECT id, organisation_id, source, title, title_zh FROM"
_CANDIDATES: Final = "(SELECT * FROM search_document WHERE {where} LIMIT :candidates) AS candidate"
_COUNT: Final = (
    "WITH hit AS MATERIALIZED (SELECT facets FROM search_document WHERE {where} LIMIT :counted)"
    " SELECT name, term, count(*) AS hits FROM ("
    " SELECT kept.key AS name, term FROM hit CROSS JOIN jsonb_each(hit.facets - 'attributes')"
    " AS kept CROSS JOIN jsonb_array_elements_text(kept.value) AS listed(term)"
    " UNION ALL SELECT 'attributes.' || said.key, term FROM hit"
    " CROSS JOIN jsonb_each(hit.facets->'attributes') AS said"
    " CROSS JOIN jsonb_array_elements_text(CASE jsonb_typeof(said.value) WHEN 'array'"
    " THEN said.value ELSE jsonb_build_array(said.value) END) AS listed(term)"
    " WHERE jsonb_typeof(said.value) IN ('array', 'string', 'boolean')"
    " UNION ALL SELECT '', '' FROM hit) AS told GROUP BY name, term ORDER BY hits DESC, term"
)


class PostgresIndex:
    """Documents in ``search_document``; visible to others when ``session`` commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upsert(self, documents: Sequence[SearchDocument]) -> None:
        if not documents:
            return
        connection = self._session.connection()
        before = self._words_of([document.id for document in documents])
        connection.execute(_UPSERT, [_row(document) for document in documents])
        words = latin_words(one for document in documents for one in _texts(document))
        connection.execute(_LEARN, {"words": sorted(words)})
        self._forget([word for word in before if word not in words])

    def delete(self, ids: Sequence[UUID]) -> None:
        words = self._words_of(ids)
        self._session.connection().execute(
            text("DELETE FROM search_document WHERE id = ANY (:ids)"), {"ids": list(ids)}
        )
        self._forget(words)

    def search(self, query: str, filters: Filters, *, limit: int) -> list[Hit]:
        asked, corrections = self._understood(query)
        conditions, values = _conditions(asked, filters)
        if not asked.words:
            where = " AND ".join(conditions) or "true"
            return self._hits(f"search_document WHERE {where}", values, limit=limit)
        values |= {
            "titled": tsquery(asked, corrections, titled=True),
            "lexemes": tsquery(asked, corrections),
            "candidates": CANDIDATES_MAX,
        }
        titled = " AND ".join([_TITLED, *conditions])
        hits = self._hits(_CANDIDATES.format(where=titled), values, limit=limit)
        if len(hits) < limit:
            others = " AND ".join([_ANYWHERE, f"NOT {_TITLED}", *conditions])
            left = limit - len(hits)
            hits += self._hits(_CANDIDATES.format(where=others), values, limit=left)
        return hits

    def facets(self, query: str, filters: Filters) -> FacetCounts:
        asked, corrections = self._understood(query)
        conditions, values = _conditions(asked, filters)
        where = " AND ".join([_ANYWHERE] * bool(asked.words) + conditions) or "true"
        values |= {"lexemes": tsquery(asked, corrections), "counted": COUNTED_MAX + 1}
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        rows = self._session.connection().execute(text(_COUNT.format(where=where)), values)
        for row in rows:
            if len(counts[row.name]) < FACET_VALUES_MAX:
                counts[row.name][row.term] = row.hits
        hits = counts.pop("", {"": 0})[""]
        return FacetCounts(counts, min(hits, COUNTED_MAX), is_complete=hits <= COUNTED_MAX)

    def clear(self) -> None:
        self._session.connection().execute(text("DELETE FROM search_document"))
        self._session.connection().execute(text("DELETE FROM search_word"))

    def _hits(self, among: str, values: Mapping[str, Any], *, limit: int) -> list[Hit]:
        asked = text(f"{_HIT} {among} ORDER BY id LIMIT :limit")
        rows = self._session.connection().execute(asked, {**values, "limit": limit})
        return [
            Hit(row.id, row.organisation_id, row.title, row.title_zh, Source(row.source))
            for row in rows
        ]

    def _understood(self, text_asked: str) -> tuple[Query, dict[str, list[str]]]:
        """What is asked, and what a word that begins no word was perhaps meant to be."""
        query = query_of(text_asked)
        query = Query(query.latin[:WORDS_MAX], query.chinese[:WORDS_MAX])
        connection = self._session.connection()
        scans = "off" if query.words else "on"
        connection.execute(_PLANNED, {"least": str(SIMILARITY_MIN), "scans": scans})
        if not query.doubtful:
            return query, {}
        rows = connection.execute(_ALIKE, {"asked": list(query.doubtful), "limit": ALIKE_MAX})
        meant: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for asked, word in rows:
            distance = slips(asked, word)
            if distance <= slips_forgiven(asked):
                meant[asked].append((distance, word))
        return query, {
            asked: [word for _, word in sorted(words)[:CORRECTIONS_MAX]]
            for asked, words in meant.items()
        }

    def _words_of(self, ids: Sequence[UUID]) -> list[str]:
        """The words in the dictionary that these documents have."""
        rows = self._session.connection().execute(_WORDS_OF, {"ids": list(ids)})
        return [row.word for row in rows]

    def _forget(self, words: Sequence[str]) -> None:
        """Drop words that no document has any more: a withdrawn one must leave no trace."""
        if words:
            self._session.connection().execute(_FORGET, {"words": list(words)})


def _conditions(asked: Query, filters: Filters) -> tuple[list[str], dict[str, Any]]:
    """What must hold beside the words, as SQL, and its values."""
    ranges = tuple(one for one in filters.facets if one.value is None)
    terms = [one for one in filters.facets if one.value is not None]
    conditions, values = list[str](), dict[str, Any]()
    if asked.contained:
        conditions.append("haystack LIKE ALL (cast(:patterns AS text[]))")
        values["patterns"] = [f"%{word}%" for word in asked.contained]
    if wanted := _wanted(filters):
        conditions.append("facets @> cast(:facets AS jsonb)")
        values["facets"] = json.dumps(wanted)
    for place, term in enumerate(terms):
        conditions.append(
            f"(facets @> cast(:term{place} AS jsonb) OR facets @> cast(:list{place} AS jsonb))"
        )
        values |= {
            f"term{place}": _said(term, term.value),
            f"list{place}": _said(term, [term.value]),
        }
    if ranges:
        conditions.append(
            "jsonb_path_match(facets, cast(:path AS jsonpath), cast(:bounds AS jsonb))"
        )
        path, bounds = facet_path(ranges, within="$.attributes")
        values |= {"path": path, "bounds": json.dumps(bounds)}
    return conditions, values


def _said(term: FacetFilter, value: object) -> str:
    return json.dumps({"attributes": {term.name: value}})


def _texts(document: SearchDocument) -> tuple[str, ...]:
    return (document.title, document.title_zh, *document.words)


def _row(document: SearchDocument) -> dict[str, Any]:
    facets = {
        "source": [document.source.value],
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
        "source": document.source.value,
        "title": document.title,
        "title_zh": document.title_zh,
        "haystack": "\n".join(_texts(document)).casefold(),
        "facets": json.dumps(facets),
        "lexemes": entries((document.title, document.title_zh), document.words),
    }


def _wanted(filters: Filters) -> dict[str, list[Any]]:
    asked = {
        "source": filters.source,
        "direction": filters.direction,
        "kind": filters.kind,
        "process": filters.process,
        "material": filters.material,
        "certificate": filters.certificate,
    }
    return {name: [value] for name, value in asked.items() if value is not None}
