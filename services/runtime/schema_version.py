"""Which schema a database is at and which this code wants, without importing Alembic for it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.contracts.deferred import Deferred

if TYPE_CHECKING:
    import psycopg
else:
    psycopg = Deferred("psycopg")

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPTS: Final = ROOT / "deploy" / "migrations"
_REVISION: Final = re.compile(r'^(revision|down_revision) = "([^"]+)"$', re.MULTILINE)


def newest_version() -> str | None:
    """The version that no other builds on; ``None`` before there is any."""
    named: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for path in (SCRIPTS / "versions").glob("*.py"):
        for kind, version in _REVISION.findall(path.read_text(encoding="utf-8")):
            named[kind].add(version)
    heads = named["revision"] - named["down_revision"]
    assert len(heads) <= 1, f"versions branch: {sorted(heads)}"
    return heads.pop() if heads else None


def current_version(database_url: str) -> str | None:
    """The version the database is at; ``None`` when it was never migrated.

    Raises:
        psycopg.OperationalError: the server cannot be reached.
    """
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return None if row is None else str(row[0])
