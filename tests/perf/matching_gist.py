"""The plan that comes to mind first in PostgreSQL: GIN over codes, GiST over free time.

It fetches and sorts every machine that fits, so it is not PostgreSQL's best; it is shown beside
the ordered index because many would build it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import psycopg

from tests.perf.matching_market import CERTIFICATES, MATERIALS, Demands, Machines
from tests.perf.matching_peers import (
    DEMAND_COLUMNS,
    FITS,
    LIMIT,
    MACHINE_COLUMNS,
    Answer,
    demand_rows,
    gap_rows,
    machine_rows,
    type_of,
    typed_columns,
)

FIRST_CERTIFICATE: Final = 100


class PostgresGist:
    """Codes as an array under GIN (intarray), process and free time under GiST (btree_gist)."""

    name, cores = "PostgreSQL GIN and GiST", 1

    def __init__(self, url: str, held: Machines, asked: Demands) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._rows = demand_rows(asked)
        execute = self._connection.execute
        execute("CREATE SCHEMA gist")
        for extension in ("intarray", "btree_gist"):
            execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        execute("SET search_path = gist, public")
        columns = typed_columns(MACHINE_COLUMNS)
        execute(f"CREATE TABLE machine ({columns}, codes int[], free int8multirange)")
        execute("CREATE TABLE gap (m bigint, s bigint, e bigint)")
        self._fill("machine", _rows(held))
        self._fill("gap", gap_rows(held))
        execute("CREATE INDEX ON machine USING gin (codes gin__int_ops)")
        execute("CREATE INDEX ON machine USING gist (proc, free)")
        execute("CREATE INDEX ON gap (m, s) INCLUDE (e)")
        for table in ("machine", "gap"):
            execute(f"VACUUM ANALYZE {table}")
        execute("SET max_parallel_workers_per_gather = 0")
        given = ", ".join(f"%b::{type_of(name)} AS {name}" for name in DEMAND_COLUMNS)
        self._one = (
            f"SELECT m.mid FROM (SELECT {given}, %b::int[] AS codes) d JOIN machine m ON {FITS}"
            " AND m.codes @> d.codes AND m.free && int8range(d.s, d.e)"
            f" ORDER BY m.price, m.mid LIMIT {LIMIT}"
        )

    def _fill(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with self._connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def answer(self, index: int) -> Answer:
        row = self._rows[index]
        codes = _codes(row[3], row[4])
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(self._one, (*row, codes), prepare=True)
            return [mid for (mid,) in cursor]

    def answer_all(self, count: int) -> list[Answer]:
        return [self.answer(index) for index in range(count)]

    def plan(self, index: int) -> str:
        """How a single demand is answered."""
        row = self._rows[index]
        given = (*row, _codes(row[3], row[4]))
        rows = self._connection.execute(f"EXPLAIN {self._one}", given).fetchall()
        return "\n".join(str(line) for (line,) in rows)

    def close(self) -> None:
        self._connection.close()


def _rows(held: Machines) -> Iterator[tuple[Any, ...]]:
    gaps = held.gaps.tolist()
    for row in machine_rows(held):
        free = ", ".join(f"[{start},{end})" for start, end in gaps[row[2]] if start < end)
        yield (*row, _codes(row[3], row[4]), "{" + free + "}")


def _codes(materials: int, certificates: int) -> list[int]:
    held = [bit for bit in range(MATERIALS) if materials >> bit & 1]
    return held + [
        FIRST_CERTIFICATE + bit for bit in range(CERTIFICATES) if certificates >> bit & 1
    ]
