"""Arrays as PostgreSQL's binary protocol takes them, made of whole columns at once.

Source: ``array_recv`` and the ``recv`` functions of each type in PostgreSQL 18.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from struct import Struct
from typing import Any, ClassVar, Final
from uuid import UUID

import numpy as np
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER: Final = Struct("!iiIii")
_LENGTH: Final = Struct("!i")
_NULL: Final = _LENGTH.pack(-1)
_UUID_BYTES: Final = 16
POSTGRES_EPOCH_MINUTE: Final = (
    (datetime(2000, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days * 24 * 60
)
MINUTE_US: Final = 60_000_000


class Column(bytes):
    """An array in binary form; subclasses name its type and that of its elements."""

    oid: ClassVar[int]
    element: ClassVar[int]

    @classmethod
    def _of(cls, count: int, body: bytes) -> "Column":
        return cls(_HEADER.pack(1, 1, cls.element, count, 1) + body)


class Uuids(Column):
    oid, element = 2951, 2950

    @classmethod
    def of(cls, values: Sequence[UUID | None]) -> Column:
        length = _LENGTH.pack(_UUID_BYTES)
        # ``UUID.bytes`` is this too, behind a property that costs as much again.
        parts = [
            _NULL if value is None else length + value.int.to_bytes(_UUID_BYTES, "big")
            for value in values
        ]
        return cls._of(len(values), b"".join(parts))


class Minutes(Column):
    """``timestamptz`` of whole minutes since 1970."""

    oid, element = 1185, 1184

    @classmethod
    def of(cls, values: Sequence[int]) -> Column:
        body = np.empty(len(values), np.dtype([("length", ">i4"), ("value", ">i8")]))
        body["length"] = 8
        body["value"] = (np.array(values, np.int64) - POSTGRES_EPOCH_MINUTE) * MINUTE_US
        return cls._of(len(values), body.tobytes())


class Numbers(Column):
    """``bigint``."""

    oid, element = 1016, 20

    @classmethod
    def of(cls, values: Sequence[int]) -> Column:
        body = np.empty(len(values), np.dtype([("length", ">i4"), ("value", ">i8")]))
        body["length"], body["value"] = 8, values
        return cls._of(len(values), body.tobytes())


class Texts(Column):
    oid, element = 1009, 25

    @classmethod
    def of(cls, values: Sequence[str]) -> Column:
        return cls._of(len(values), _joined([value.encode() for value in values]))


class Octets(Column):
    """``bytea``."""

    oid, element = 1001, 17

    @classmethod
    def of(cls, values: Sequence[bytes]) -> Column:
        return cls._of(len(values), _joined(values))


COLUMNS: Final[tuple[type[Column], ...]] = (Uuids, Minutes, Numbers, Texts, Octets)


def register(connection: psycopg.Connection[Any]) -> None:
    """Let ``connection`` take columns as parameters."""
    for column in COLUMNS:
        connection.adapters.register_dumper(column, _DUMPERS[column])


def _joined(values: Sequence[bytes]) -> bytes:
    pack = _LENGTH.pack
    return b"".join([part for value in values for part in (pack(len(value)), value)])


class _BinaryDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


_DUMPERS: Final = {
    column: type(f"{column.__name__}Dumper", (_BinaryDumper,), {"oid": column.oid})
    for column in COLUMNS
}
