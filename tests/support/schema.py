"""The schema every test database is cloned from."""

import importlib
from pathlib import Path

from sqlalchemy import text
from sqlmodel import SQLModel

from services.runtime.db import engine_for

ROOT = Path(__file__).resolve().parents[2]
CONTEXT_ROOTS = ("services", "marketplace")


def import_tables() -> None:
    """Import every context's ``tables`` module, which registers it with SQLModel's metadata."""
    for root in CONTEXT_ROOTS:
        for path in sorted((ROOT / root).glob("*/tables.py")):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def create_schema(database_url: str) -> None:
    """Fill an empty database with everything the contexts keep."""
    import_tables()
    engine = engine_for(database_url, pool_max=1, application="schema")
    with engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS btree_gist"))
        SQLModel.metadata.create_all(connection)
    engine.dispose()
