"""The tables of the PostgreSQL backend."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Field, SQLModel


class SearchDocumentRow(SQLModel, table=True):
    """``haystack`` is every word, folded; ``lexemes`` index it, those of titles twice.

    ``facets`` are lists by name; ``attributes`` in them are what the document's source says.
    """

    __tablename__: ClassVar[str] = "search_document"
    __table_args__ = (
        Index("ix_search_document_lexemes", "lexemes", postgresql_using="gin"),
        Index("ix_search_document_facets", "facets", postgresql_using="gin"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    source: str
    title: str
    title_zh: str
    haystack: str
    facets: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    lexemes: str = Field(sa_column=Column(TSVECTOR, nullable=False))


class SearchWordRow(SQLModel, table=True):
    """A Latin word some document has: what a slip is corrected to, found by its trigrams."""

    __tablename__: ClassVar[str] = "search_word"
    __table_args__ = (
        Index(
            "ix_search_word_trigrams",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
        ),
    )

    word: str = Field(primary_key=True)
