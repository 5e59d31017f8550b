"""Who asks in these tests, what each sees, and plain SQL to ask with."""

from typing import Any

from psycopg import sql

from tests.integration.tenancy.world import (
    OF_RESOURCE,
    OTHER_PARK,
    PARK,
    SHARED,
    VISIBILITIES,
    Connection,
    World,
)

OWN = (
    "gateway",
    "gateway_member",
    "twin",
    "demand",
    "match",
    "service_account",
    "invitation",
    "membership",
    "api_key",
    "idempotency_key",
    "quarantine",
    "booking",
    "site",
)
"""Tables of which only the own rows are shown, or those one has a part in."""
TENANT = (*OWN, *SHARED, *OF_RESOURCE)
KEYS = {
    "gateway_member": "gateway_id",
    "twin": "resource_id",
    "listing": "offer_id",
    "membership": "person_id",
    "idempotency_key": "organisation_id",
    "resource_state": "resource_id",
    "working_calendar": "resource_id",
    "state_change": "resource_id",
    "reservation": "booking_id",
}
"""Columns that tell a row of the world from another, where ``id`` does not."""
CALLERS = (
    "nobody",
    "anonymous",
    "managing",
    "member",
    "rival",
    "neighbour",
    "partner",
    "elsewhere",
)


def settings(world: World, caller: str) -> dict[str, Any]:
    """What a transaction for ``caller`` is told."""
    unset = dict.fromkeys(("org", "actor", "manages", "parks", "spaces", "platform"), "")
    told: dict[str, dict[str, Any]] = {
        "anonymous": {},
        "managing": {"org": world.maker.id, "manages": "on"},
        "member": {"org": world.maker.id},
        "rival": {"org": world.rival.id, "manages": "on"},
        "neighbour": {"org": world.neighbour_id, "parks": f"{OTHER_PARK},{PARK}"},
        "partner": {"org": world.partner_id, "spaces": f"{world.space_id}", "manages": "on"},
        "elsewhere": {
            "org": world.operator_id,
            "parks": OTHER_PARK,
            "spaces": world.other_space_id,
            "manages": "on",
        },
    }
    return {} if caller == "nobody" else unset | told[caller]


SEES = {
    "nobody": {"public"},
    "anonymous": {"public"},
    "managing": set(VISIBILITIES),
    "member": set(VISIBILITIES) - {"private"},
    "rival": {"public"},
    "neighbour": {"public", "park"},
    "partner": {"public", "space"},
    "elsewhere": {"public"},
}


def select(connection: Connection, table: str, column: str, **where: Any) -> list[Any]:
    statement = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
    if where:
        statement += sql.SQL(" WHERE ") + _equal(where)
    return [row[0] for row in connection.execute(statement, list(where.values()))]


def update(
    connection: Connection, table: str, changed: dict[str, Any], where: dict[str, Any]
) -> int:
    statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in changed),
        _equal(where),
    )
    return connection.execute(statement, [*changed.values(), *where.values()]).rowcount


def delete(connection: Connection, table: str, where: dict[str, Any]) -> int:
    statement = sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table), _equal(where))
    return connection.execute(statement, list(where.values())).rowcount


def _equal(where: dict[str, Any]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = %s").format(sql.Identifier(column)) for column in where
    )


def place(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """What finds ``row`` again."""
    column = KEYS.get(table, "id")
    return {column: row[column]}
