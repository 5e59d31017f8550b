"""The roles of the database: who owns the tables, and what each door may do with them.

No role that serves requests owns a table, is a superuser or may bypass row security. The roles
exist once per server; without a password they cannot log in but a login may be a member of them.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from services.contracts.deferred import Deferred
from services.contracts.errors import DomainError, ErrorKind

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql
else:
    psycopg = Deferred("psycopg")
    sql = Deferred("psycopg.sql")

OWNER: Final = "nonagon_owner"
"""Owns every table; nobody logs in as it."""
MIGRATOR: Final = "nonagon_migrator"
"""Changes the schema, and appoints the platform's administrators."""
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


class DatabaseRolesMissingError(DomainError):
    code: ClassVar[str] = "database-roles-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "Login {login} may not set up the roles of the database ({cause}). Let an administrator"
        " create them as docs/how-to/own-servers.md shows, then migrate again."
    )
    zh: ClassVar[str] = (
        "登录角色 {login} 无权建立数据库角色（{cause}）。"
        "请由管理员按 docs/how-to/own-servers.md 创建后再次迁移。"
    )


def ensure_roles(database_url: str) -> None:
    """Create the roles that are missing, and give what is in the schema to the owner.

    The login must be allowed to create roles, unless all of them exist already.

    Raises:
        DatabaseRolesMissingError: it is not.
    """
    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        try:
            _create_missing(connection)
            _give_to_owner(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise DatabaseRolesMissingError(
                login=connection.info.user, cause=str(error).partition("\n")[0]
            ) from error


def enable_logins(database_url: str, passwords: Mapping[str, str]) -> None:
    """Let each role of ``passwords`` log in with its password."""
    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        for role, password in passwords.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(password)
                )
            )


def _create_missing(connection: "psycopg.Connection") -> None:
    missing = _missing(connection)
    for role in missing:
        connection.execute(sql.SQL(_CREATE).format(role=sql.Identifier(role)))
    if missing:
        connection.execute(
            sql.SQL("GRANT {}, {} TO {}").format(*map(sql.Identifier, (OWNER, WORKER, MIGRATOR)))
        )


def _missing(connection: "psycopg.Connection") -> list[str]:
    found = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)]
    )
    known = {row[0] for row in found}
    return [role for role in ROLES if role not in known]


def _give_to_owner(connection: "psycopg.Connection") -> None:
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
