"""The table of the PostgreSQL backend."""

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlmodel import Field, SQLModel


class SearchDocumentRow(SQLModel, table=True):
    """``haystack`` is every word, folded; ``lexemes`` index it; ``facets`` are lists by name.

    ``attributes`` in them are what the offer says.
    """

    __tablename__: ClassVar[str] = "search_document"
    __table_args__ = (
        Index("ix_search_document_lexemes", "lexemes", postgresql_using="gin"),
        Index("ix_search_document_facets", "facets", postgresql_using="gin"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID
    title: str
    title_zh: str
    haystack: str
    facets: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    lexemes: str = Field(sa_column=Column(TSVECTOR, nullable=False))
