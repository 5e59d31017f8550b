"""Alembic without an ini file: the schema moves to the newest version when a platform starts."""

import importlib
import re
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlmodel import SQLModel

from services.runtime.database_roles import OWNER, ensure_roles
from services.runtime.db import engine_for
from services.runtime.schema_version import ROOT, SCRIPTS
from services.runtime.tables import Xid8

CONTEXT_ROOTS: Final = ("services", "marketplace", "search")
LOCK_KEY: Final = 0x6E6F6E61676F6E
"""Advisory lock under which one process migrates; "nonagon" in ASCII."""
LOCK_WAIT_S: Final = 60
_PARTITION: Final = r"reservation_\d+"

ischema_names["xid8"] = Xid8  # or reflection would warn of a type it does not know


def upgrade(database_url: str) -> None:
    """Bring the database to the newest version, in one transaction; one process at a time.

    A second process waits for the first and then finds nothing to do.
    """
    engine = engine_for(database_url, pool_max=1, application="migrate")
    try:
        with engine.begin() as connection:
            _lock(connection)
            ensure_roles(database_url)
            connection.execute(text(f"SET LOCAL ROLE {OWNER}"))
            command.upgrade(_config(connection), "head")
    finally:
        engine.dispose()


def revision(database_url: str, message: str) -> None:
    """Write a new version file: what the tables say and the database lacks."""
    import_tables()
    engine = engine_for(database_url, pool_max=1, application="migrate")
    try:
        with engine.begin() as connection:
            command.revision(_config(connection), message=message, autogenerate=True)
    finally:
        engine.dispose()


def differences(database_url: str) -> list[Any]:
    """What separates the database from the tables, as Alembic's directives; empty when nothing."""
    import_tables()
    engine = engine_for(database_url, pool_max=1, application="migrate")
    try:
        with engine.connect() as connection:
            opts = {"compare_server_default": True, "include_name": is_compared}
            context = MigrationContext.configure(connection, opts=opts)
            return list(compare_metadata(context, SQLModel.metadata))
    finally:
        engine.dispose()


def is_compared(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the tables tell of it: partitions follow from the table they are parts of."""
    return not (kind == "table" and re.fullmatch(_PARTITION, name or ""))


def import_tables() -> None:
    """Import every context's ``tables``, module or package, which registers it with SQLModel."""
    for root in CONTEXT_ROOTS:
        modules = (ROOT / root).rglob("tables.py")
        packages = (path.parent for path in (ROOT / root).rglob("tables/__init__.py"))
        for path in sorted([*modules, *packages]):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def _lock(connection: Connection) -> None:
    waiting = text("SELECT set_config('lock_timeout', :wait, true)")
    statement_limit = connection.execute(text("SHOW lock_timeout")).scalar_one()
    connection.execute(waiting, {"wait": f"{LOCK_WAIT_S}s"})
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    connection.execute(waiting, {"wait": statement_limit})


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option(
        "file_template",
        "%%(year)d-%%(month).2d-%%(day).2d-%%(hour).2d%%(minute).2d_%%(slug)s",
    )
    config.set_main_option("timezone", "UTC")
    config.attributes["connection"] = connection
    config.attributes["target_metadata"] = SQLModel.metadata
    config.attributes["include_name"] = is_compared
    return config
