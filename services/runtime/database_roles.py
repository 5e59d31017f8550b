"""The roles of the database: who owns the tables, and what each door may do with them.

No role that serves requests owns a table, is a superuser or may bypass row security. The roles
exist once per server; without a password they cannot log in but a login may be a member of them.
"""

from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg import sql

OWNER: Final = "nonagon_owner"
"""Owns every table; nobody logs in as it."""
MIGRATOR: Final = "nonagon_migrator"
APP: Final = "nonagon_app"
"""The HTTP door: what row security shows the caller."""
WORKER: Final = "nonagon_worker"
"""Worker and ingest: every organisation's rows, for work that belongs to none."""
REGION: Final = "nonagon_region"
"""Regional boards: aggregates only."""

SERVING: Final = (APP, WORKER, REGION)
ROLES: Final = (OWNER, MIGRATOR, *SERVING)

_CREATE: Final = """
DO $$ BEGIN
  CREATE ROLE {role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
_ADOPTED: Final = """
SELECT c.relname, c.relkind FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'S')
   AND c.relowner <> to_regrole(%(owner)s)
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                      AND d.deptype IN ('a', 'i', 'e') AND c.relkind = 'S')
"""


def ensure_roles(database_url: str) -> None:
    """Create the roles that are missing, and give what is in the schema to the owner.

    The login must be allowed to create roles, unless all of them exist already.

    Raises:
        psycopg.errors.InsufficientPrivilege: it is not; see docs/how-to/own-servers.md.
    """
    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        missing = _missing(connection)
        for role in missing:
            connection.execute(sql.SQL(_CREATE).format(role=sql.Identifier(role)))
        if missing:
            connection.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(OWNER), sql.Identifier(MIGRATOR))
            )
        _give_to_owner(connection)


def enable_logins(database_url: str, passwords: Mapping[str, str]) -> None:
    """Let each role of ``passwords`` log in with its password."""
    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        for role, password in passwords.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(password)
                )
            )


def _missing(connection: psycopg.Connection) -> list[str]:
    found = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)]
    )
    known = {row[0] for row in found}
    return [role for role in ROLES if role not in known]


def _give_to_owner(connection: psycopg.Connection) -> None:
    owner = sql.Identifier(OWNER)
    row = connection.execute(
        "SELECT current_database(), d.datdba = to_regrole(%s)"
        "  FROM pg_database d WHERE d.datname = current_database()",
        [OWNER],
    ).fetchone()
    assert row is not None, "a connection is to a database"
    name, owned = row
    if not owned:
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), owner)
        )
    for relation, kind in connection.execute(_ADOPTED, {"owner": OWNER}).fetchall():
        noun = sql.SQL({"v": "VIEW", "m": "MATERIALIZED VIEW", "S": "SEQUENCE"}.get(kind, "TABLE"))
        connection.execute(
            sql.SQL("ALTER {} {} OWNER TO {}").format(noun, sql.Identifier(relation), owner)
        )
