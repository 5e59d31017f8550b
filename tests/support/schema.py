"""The schema as the table classes tell it, to compare that of the migrations with."""

from sqlalchemy import text
from sqlmodel import SQLModel

from services.runtime.db import engine_for
from services.runtime.migrations import import_tables


def create_schema(database_url: str) -> None:
    """Fill an empty database with everything the contexts keep."""
    import_tables()
    engine = engine_for(database_url, pool_max=1, application="schema")
    with engine.begin() as connection:
        for extension in ("btree_gist", "pg_trgm"):
            connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {extension}"))
        SQLModel.metadata.create_all(connection)
    engine.dispose()
