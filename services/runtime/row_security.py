"""Row security as migrations write it: who reads and who writes the rows of a table.

Source of the recipe: PostgreSQL 18, "Row Security Policies" (5.9). Settings are wrapped in
subselects so that they are read once per statement, not once per row.
"""

from collections.abc import Iterator
from typing import Final

from services.runtime.database_roles import APP, WORKER

_ORGANISATION: Final = "(SELECT nullif(current_setting('app.org', true), '')::uuid)"
OWN: Final = f"organisation_id = {_ORGANISATION}"
"""The row is of the organisation the transaction works for."""
MANAGES: Final = "(SELECT current_setting('app.manages', true) = 'on')"
"""The caller sees what is private within its organisation."""
_ACTOR: Final = "(SELECT nullif(current_setting('app.actor', true), '')::uuid)"
SELF: Final = f"person_id = {_ACTOR}"
"""The row is the caller's own."""
PRESENTED: Final = (
    "token_hash = (SELECT decode(nullif(current_setting('app.credential', true), ''), 'hex'))"
)
"""The row is of the credential that came with the request."""


SIGNING_IN: Final = "email = (SELECT nullif(current_setting('app.email', true), ''))"
"""The row is of the address somebody signs in with."""


def actor(column: str) -> str:
    """The person or service account in ``column`` is the caller."""
    return f"{column} = {_ACTOR}"


def own(column: str) -> str:
    """The organisation in ``column`` is the one the transaction works for."""
    return f"{column} = {_ORGANISATION}"


def platform(*roles: str) -> str:
    """The caller holds one of the platform's roles, e.g. ``audit_admin``."""
    listed = ", ".join(f"'{role}'" for role in roles)
    return f"(SELECT current_setting('app.platform', true) IN ({listed}))"


VISIBLE: Final = f"""(
    ({OWN} AND (visibility <> 'private' OR {MANAGES}))
    OR visibility = 'public'
    OR (visibility = 'park' AND park = ANY(
        (SELECT string_to_array(current_setting('app.parks', true), ','))::text[]))
    OR (visibility = 'space' AND space_id = ANY(
        (SELECT string_to_array(nullif(current_setting('app.spaces', true), ''), ','))::uuid[]))
)"""
"""The row's ``visibility``, ``park`` and ``space_id`` let the caller see it."""
IN_SPACE: Final = """(space_id = ANY(
    (SELECT string_to_array(nullif(current_setting('app.spaces', true), ''), ','))::uuid[]))"""
"""The caller leads the chain space in ``space_id`` or is a member of it."""
IN_PARK: Final = """(park = ANY(
    (SELECT string_to_array(current_setting('app.parks', true), ','))::text[]))"""
"""The caller operates the park in ``park`` or was admitted to it."""
SHOWN: Final = """(id = ANY(
    (SELECT string_to_array(nullif(current_setting('app.shown', true), ''), ','))::uuid[]))"""
"""The one look-up under way is shown the row: it comes with what the caller may see."""
OF_VISIBLE_RESOURCE: Final = "EXISTS (SELECT FROM resource WHERE resource.id = resource_id)"
"""The caller sees the resource: the policies of ``resource`` decide."""


def protect(
    table: str,
    *,
    read: str | None,
    write: str | None = None,
    insert: str | None = None,
    privileges: str = "SELECT, INSERT, UPDATE, DELETE",
) -> Iterator[str]:
    """Statements that make row security of ``table`` binding for everybody, its owner included.

    Args:
        table: its name.
        read: which rows requests see; ``None``: they see none.
        write: which rows requests change; ``None``: they change none.
        insert: which rows requests add; as ``write`` if not given.
        privileges: what requests may do at all; nothing when neither read nor written.
    """
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {WORKER}"
    yield f"CREATE POLICY {table}_worker ON {table} TO {WORKER} USING (true) WITH CHECK (true)"
    inserted = insert or write
    if read is not None or inserted is not None:
        yield f"GRANT {privileges} ON {table} TO {APP}"
    if read is not None:
        yield f"CREATE POLICY {table}_read ON {table} FOR SELECT TO {APP} USING ({read})"
    if inserted is not None:
        yield f"CREATE POLICY {table}_insert ON {table} FOR INSERT TO {APP} WITH CHECK ({inserted})"
    if write is not None:
        yield (
            f"CREATE POLICY {table}_update ON {table} FOR UPDATE TO {APP}"
            f" USING ({write}) WITH CHECK ({write})"
        )
        yield f"CREATE POLICY {table}_delete ON {table} FOR DELETE TO {APP} USING ({write})"
