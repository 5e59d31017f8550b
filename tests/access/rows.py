"""Rows written straight into tables: what is not said is filled in by the column's type."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from psycopg.types.range import TimestamptzRange

from services.runtime.clock import SystemClock

START = datetime.now(UTC).replace(second=0, microsecond=0)  # noqa: TID251 - policies compare with now()
HOUR = TimestamptzRange(START + timedelta(hours=1), START + timedelta(hours=2))
_CLOCK = SystemClock()


class Column(NamedTuple):
    name: str
    type: str
    is_given: bool
    """The table fills it itself, or it may be null."""


class Rows:
    """Writes as the all-powerful owner of the test's database."""

    def __init__(self, database_url: str) -> None:
        self.connection = psycopg.connect(database_url, autocommit=True)
        self._columns = cache(self._read_columns)
        self._drawn = 0

    def close(self) -> None:
        self.connection.close()

    def new_id(self) -> UUID:
        return _CLOCK.new_id()

    def insert(self, table: str, marker: str, **known: Any) -> dict[str, Any]:
        """The row of ``table`` as it was written; ``marker`` stands in every text not given."""
        row = dict(known)
        types = {column.name: column.type for column in self._columns(table)}
        for column in self._columns(table):
            if column.name not in row and not column.is_given:
                row[column.name] = self._filler(column, marker)
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Placeholder, row)),
        )
        written = {
            name: Jsonb(value) if types[name] == "jsonb" else value for name, value in row.items()
        }
        self.connection.execute(statement, written)
        return row

    def remove(self, table: str, **key: Any) -> None:
        """Remove a row as a client does, with whatever goes along."""
        self.connection.execute(self._removal(table, key), key)

    def delete(self, table: str, **key: Any) -> None:
        """Remove a row and leave whatever refers to it, as no client could."""
        with self.connection.transaction():
            self.connection.execute("SET LOCAL session_replication_role = replica")
            self.connection.execute(self._removal(table, key), key)

    @staticmethod
    def _removal(table: str, key: Mapping[str, Any]) -> sql.Composed:
        condition = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in key
        )
        return sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table), condition)

    def tables(self) -> list[str]:
        """Every table but the migrations' own."""
        found = self.connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND relname <> 'alembic_version' ORDER BY relname"
        )
        return [row[0] for row in found]

    def column_names(self, table: str) -> list[str]:
        return [column.name for column in self._columns(table)]

    def has_table(self, table: str) -> bool:
        return bool(self._columns(table))

    def _read_columns(self, table: str) -> list[Column]:
        found = self.connection.execute(
            "SELECT column_name, CASE data_type WHEN 'ARRAY' THEN 'array' ELSE data_type END,"
            "       is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES'"
            "         OR is_generated = 'ALWAYS'"
            "  FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s",
            [table],
        )
        return [Column(*row) for row in found]

    def _filler(self, column: Column, marker: str) -> Any:
        self._drawn += 1
        fillers: Mapping[str, Any] = {
            "array": [],
            "bigint": 1,
            "boolean": False,
            "bytea": self._drawn.to_bytes(32, "big"),
            "character varying": f"{marker}{self._drawn}",
            "double precision": 1.0,
            "integer": 1,
            "jsonb": {},
            "text": f"{marker}{self._drawn}",
            "timestamp with time zone": START,
            "tsvector": "",
            "tstzrange": HOUR,
            "uuid": self.new_id(),
        }
        assert column.type in fillers, f"say how to fill {column}"
        return fillers[column.type]
