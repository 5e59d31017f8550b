"""What a user would match with instead, each in its strongest formulation for the same question.

Every peer answers a batch with the machine numbers of the ten cheapest, cheapest first. Those that
can also answer one demand at a time; all data lies in memory, every index is warm.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Protocol

import duckdb
import numba
import numpy as np
import psycopg
from pyroaring import BitMap

from services.matching.ranking import EARTH_RADIUS_M, PERMILLE, Ranking
from tests.perf.matching_market import (
    CERTIFICATES,
    HOUR,
    MATERIALS,
    PROCESSES,
    TOLERANCES,
    Array,
    Demands,
    Machines,
    unit_vectors,
)

LIMIT: Final = 10
DUCKDB_BATCH: Final = 500
EVERYWHERE: Final = -2.0
EDGE_STEPS: Final = 16
Answer = list[int]


class Peer(Protocol):
    name: str
    cores: int

    def answer(self, index: int) -> Answer:
        """The machines for demand ``index``."""

    def answer_all(self, count: int) -> list[Answer]:
        """The machines for the first ``count`` demands."""


def nearness(asked: Demands) -> Array:
    """The least dot product of unit vectors within each radius ``(n,)``."""
    angle = asked.radius_km * 1_000 / EARTH_RADIUS_M
    return np.where(asked.radius_km == 0, EVERYWHERE, np.cos(angle))


def dearest(asked: Demands) -> Array:
    """The highest rate per hour each budget allows ``(n,)``."""
    caps: Array = asked.budget * HOUR // asked.minutes
    return caps


class Partitions:
    """Machines of each process in the order of price, with what is asked of them."""

    def __init__(self, held: Machines, asked: Demands) -> None:
        self.held, self.asked = held, asked
        self.points, self.near = unit_vectors(held.place), nearness(asked)
        self.wanted, self.cap = unit_vectors(asked.place), dearest(asked)
        order = np.argsort(held.rate, kind="stable")
        self.rows = [order[held.process[order] == number] for number in range(PROCESSES)]

    def mask(self, index: int, rows: Array) -> Array:
        """Which of ``rows`` fit, the most selective question first."""
        held, asked = self.held, self.asked
        certificates = asked.certificates[index]
        rows = rows[(held.certificates[rows] & certificates) == certificates]
        rows = rows[held.tolerance[rows] <= asked.tolerance[index]]
        rows = rows[(held.materials[rows] >> asked.material[index]) & 1 == 1]
        rows = rows[(held.envelope[rows] >= asked.envelope[index]).all(axis=1)]
        rows = rows[held.live[rows]]
        rows = rows[self.points[rows] @ self.wanted[index] >= self.near[index]]
        gaps = held.gaps[rows]
        free = np.minimum(gaps[:, :, 1], asked.end[index]) - np.maximum(
            gaps[:, :, 0], asked.start[index]
        )
        fitting: Array = rows[(free >= asked.minutes[index]).any(axis=1)]
        return fitting


class NumpyMasks:
    name, cores = "numpy masks", 1

    def __init__(self, parts: Partitions) -> None:
        self._parts = parts

    def answer(self, index: int) -> Answer:
        parts = self._parts
        rows = parts.rows[parts.asked.process[index]]
        rows = rows[parts.held.rate[rows] <= parts.cap[index]]
        return [int(row) for row in parts.mask(index, rows)[:LIMIT]]

    def answer_ranked(self, index: int, ranking: Ranking) -> Answer:
        """The machines of the least generalised cost."""
        held, asked = self._parts.held, self._parts.asked
        rows = self._parts.rows[asked.process[index]]
        rows = rows[held.rate[rows] <= self._parts.cap[index]]
        rows = self._parts.mask(index, rows)
        minutes, start = asked.minutes[index], asked.start[index]
        opens = np.maximum(held.gaps[rows, :, 0], start)
        last = np.minimum(held.gaps[rows, :, 1], asked.end[index])
        ends = np.where(opens + minutes <= last, opens + minutes, 1 << 40).min(axis=1)
        price = (2 * held.rate[rows] * minutes + HOUR) // (2 * HOUR)
        cost = (
            price
            + ranking.per_km_minor * _metres(held.place[rows], asked.place[index]) // 1_000
            + ranking.per_hour_minor * ends // HOUR
            + ranking.unreliability_minor * (PERMILLE - held.reliability[rows]) // PERMILLE
        )
        order = np.lexsort((rows, price, cost))
        best: Answer = rows[order[:LIMIT]].tolist()
        return best

    def answer_all(self, count: int) -> list[Answer]:
        return [self.answer(index) for index in range(count)]


def _metres(places: Array, here: Array) -> Array:
    """Great circles by the haversine formula, in whole metres ``(n,)``."""
    there, here = np.radians(places), np.radians(here)
    half = (there - here) / 2
    haversine = (
        np.sin(half[:, 0]) ** 2 + np.cos(here[0]) * np.cos(there[:, 0]) * np.sin(half[:, 1]) ** 2
    )
    metres: Array = np.rint(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(haversine))).astype(np.int64)
    return metres


@numba.njit(nogil=True, cache=True)
def _scan(
    rows: Array, rate: Array, materials: Array, certificates: Array, envelope: Array,
    tolerance: Array, live: Array, points: Array, gaps: Array, material: int, needs: int,
    edges: Array, finest: int, wanted: Array, near: float, minutes: int, start: int, end: int,
    cap: int, found: Array,
) -> int:  # fmt: skip
    count = 0
    for row in rows:
        if rate[row] > cap:
            break
        if (
            not (materials[row] >> material) & 1
            or certificates[row] & needs != needs
            or tolerance[row] > finest
            or not live[row]
            or envelope[row, 2] < edges[2]
            or envelope[row, 1] < edges[1]
            or envelope[row, 0] < edges[0]
        ):
            continue
        dot = points[row, 0] * wanted[0] + points[row, 1] * wanted[1] + points[row, 2] * wanted[2]
        if dot < near:
            continue
        for gap in range(gaps.shape[1]):
            if min(gaps[row, gap, 1], end) - max(gaps[row, gap, 0], start) >= minutes:
                found[count] = row
                count += 1
                break
        if count == len(found):
            break
    return count


class NumbaScan:
    """The same columns read row by row in the order of price, stopping at the tenth."""

    name, cores = "numba scan", 1

    def __init__(self, parts: Partitions) -> None:
        self._parts, self._found = parts, np.empty(LIMIT, np.int64)

    def answer(self, index: int) -> Answer:
        parts, held, asked = self._parts, self._parts.held, self._parts.asked
        count = _scan(
            parts.rows[asked.process[index]], held.rate, held.materials, held.certificates,
            held.envelope, held.tolerance, held.live, parts.points, held.gaps,
            asked.material[index], asked.certificates[index], asked.envelope[index],
            asked.tolerance[index], parts.wanted[index], parts.near[index], asked.minutes[index],
            asked.start[index], asked.end[index], parts.cap[index], self._found,
        )  # fmt: skip
        machines: Answer = self._found[:count].tolist()
        return machines

    def answer_all(self, count: int) -> list[Answer]:
        return [self.answer(index) for index in range(count)]


class Roaring:
    """Bitmaps of every property, ids in the order of price; what is left is verified one by one."""

    name, cores = "pyroaring", 1

    def __init__(self, parts: Partitions) -> None:
        self._parts = parts
        held = parts.held
        self._rows = np.concatenate(parts.rows)
        process, tolerance = held.process[self._rows], held.tolerance[self._rows]
        self._process = [_bitmap(process == one) for one in range(PROCESSES)]
        self._tolerance = {one: _bitmap(tolerance <= one) for one in TOLERANCES}
        self._live = _bitmap(held.live[self._rows])
        self._materials = _bitmaps(held.materials[self._rows], MATERIALS)
        self._certificates = _bitmaps(held.certificates[self._rows], CERTIFICATES)
        edges = held.envelope[self._rows]
        self._steps = np.quantile(edges, np.linspace(0, 1, EDGE_STEPS), axis=0, method="lower")
        self._edges = [
            [_bitmap(edges[:, axis] >= step) for step in self._steps[:, axis]] for axis in range(3)
        ]

    def answer(self, index: int) -> Answer:
        parts, asked = self._parts, self._parts.asked
        needs = int(asked.certificates[index])
        held = [self._certificates[bit] for bit in range(CERTIFICATES) if needs >> bit & 1]
        for axis, edge in enumerate(asked.envelope[index]):
            step = int(np.searchsorted(self._steps[:, axis], edge, side="right")) - 1
            if step > 0:
                held.append(self._edges[axis][step])
        left = BitMap.intersection(
            self._process[asked.process[index]],
            self._materials[asked.material[index]],
            self._tolerance[int(asked.tolerance[index])],
            self._live,
            *held,
        )
        return list(islice(self._verified(index, left, int(parts.cap[index])), LIMIT))

    def _verified(self, index: int, left: BitMap, cap: int) -> Iterator[int]:
        parts = self._parts
        for place in left:
            row = self._rows[place]
            if parts.held.rate[row] > cap:
                return
            if _fits(parts, index, row):
                yield int(row)

    def answer_all(self, count: int) -> list[Answer]:
        return [self.answer(index) for index in range(count)]


def _fits(parts: Partitions, index: int, row: int) -> bool:
    held, asked = parts.held, parts.asked
    if (held.envelope[row] < asked.envelope[index]).any():
        return False
    if parts.points[row] @ parts.wanted[index] < parts.near[index]:
        return False
    start, end, minutes = asked.start[index], asked.end[index], asked.minutes[index]
    return any(min(gap[1], end) - max(gap[0], start) >= minutes for gap in held.gaps[row])


def _bitmap(held: Array) -> BitMap:
    made = BitMap(np.flatnonzero(held).astype(np.uint32))
    made.run_optimize()
    return made


def _bitmaps(masks: Array, bits: int) -> list[BitMap]:
    return [_bitmap((masks >> bit) & 1 == 1) for bit in range(bits)]


MACHINE_COLUMNS: Final = (
    "proc", "price", "mid", "materials", "certs", "e0", "e1", "e2", "tol", "live", "ux", "uy", "uz",
)  # fmt: skip
DEMAND_COLUMNS: Final = (
    "id", "proc", "cap", "material", "certs", "e0", "e1", "e2", "tol", "ux", "uy", "uz", "near",
    "s", "e", "minutes",
)  # fmt: skip
FITS: Final = """
  m.proc = d.proc AND m.price <= d.cap AND m.materials & d.material <> 0
  AND m.certs & d.certs = d.certs AND m.e0 >= d.e0 AND m.e1 >= d.e1 AND m.e2 >= d.e2
  AND m.tol <= d.tol AND m.live AND m.ux * d.ux + m.uy * d.uy + m.uz * d.uz >= d.near
  AND EXISTS (SELECT 1 FROM gap g WHERE g.m = m.mid
              AND least(g.e, d.e) - greatest(g.s, d.s) >= d.minutes)"""


def machine_rows(held: Machines) -> Iterator[tuple[Any, ...]]:
    points = unit_vectors(held.place).tolist()
    columns = zip(
        held.process.tolist(), held.rate.tolist(), range(len(held)), held.materials.tolist(),
        held.certificates.tolist(), held.envelope.tolist(), held.tolerance.tolist(),
        held.live.tolist(), points, strict=True,
    )  # fmt: skip
    for process, rate, number, materials, certificates, edges, tolerance, live, point in columns:
        yield process, rate, number, materials, certificates, *edges, tolerance, live, *point


def gap_rows(held: Machines) -> Iterator[tuple[int, int, int]]:
    for number, gaps in enumerate(held.gaps.tolist()):
        yield from ((number, start, end) for start, end in gaps if start < end)


def demand_rows(asked: Demands) -> list[tuple[Any, ...]]:
    points, near, caps = unit_vectors(asked.place), nearness(asked), dearest(asked)
    columns = (
        np.arange(len(asked)), asked.process, caps, 1 << asked.material, asked.certificates,
        *asked.envelope.T, asked.tolerance, *points.T, near, asked.start, asked.end, asked.minutes,
    )  # fmt: skip
    return list(zip(*(column.tolist() for column in columns), strict=True))


class Postgres:
    """An index-only scan in the order of price that stops at the tenth; prepared, one backend.

    A batch is one statement: the demands are a table, each joined to its ten by LATERAL.
    """

    name, cores = "PostgreSQL prepared", 1

    def __init__(self, url: str, held: Machines, asked: Demands) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._rows = demand_rows(asked)
        execute = self._connection.execute
        execute("CREATE SCHEMA bench")
        execute("SET search_path = bench")
        execute(f"CREATE TABLE machine ({typed_columns(MACHINE_COLUMNS)})")
        execute("CREATE TABLE gap (m bigint, s bigint, e bigint)")
        execute(f"CREATE TABLE demand ({typed_columns(DEMAND_COLUMNS)})")
        self._fill("machine", machine_rows(held))
        self._fill("gap", gap_rows(held))
        self._fill("demand", self._rows)
        payload = ", ".join(MACHINE_COLUMNS[3:])
        execute(f"CREATE INDEX ON machine (proc, price, mid) INCLUDE ({payload})")
        execute("CREATE INDEX ON gap (m, s) INCLUDE (e)")
        execute("CREATE INDEX ON demand (id)")
        for table in ("machine", "gap", "demand"):
            execute(f"VACUUM ANALYZE {table}")
        execute("SET max_parallel_workers_per_gather = 0")
        asked_as = ", ".join(f"%b::{type_of(name)} AS {name}" for name in DEMAND_COLUMNS)
        self._one = (
            f"SELECT m.mid FROM (SELECT {asked_as}) d JOIN machine m ON {FITS}"
            f" ORDER BY m.price, m.mid LIMIT {LIMIT}"
        )
        self._all = (
            "SELECT d.id, array(SELECT m.mid FROM machine m WHERE "
            f"{FITS} ORDER BY m.price, m.mid LIMIT {LIMIT}) FROM demand d WHERE d.id < %s"
        )

    def _fill(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with self._connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def answer(self, index: int) -> Answer:
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(self._one, self._rows[index], prepare=True)
            return [mid for (mid,) in cursor]

    def answer_all(self, count: int) -> list[Answer]:
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(self._all, (count,), prepare=True)
            found: dict[int, Answer] = dict(cursor.fetchall())
        return [found[index] for index in range(count)]

    def plan(self, index: int) -> str:
        """How a single demand is answered."""
        rows = self._connection.execute(f"EXPLAIN {self._one}", self._rows[index]).fetchall()
        return "\n".join(str(line) for (line,) in rows)

    def close(self) -> None:
        self._connection.close()


class DuckDb:
    """Demands hash-joined to machines on the process, in batches, on as many threads as there are.

    Its peer is the set-based answer of an analytical engine: one demand alone is not its business.
    """

    name, cores = "DuckDB", 2

    def __init__(self, held: Machines, asked: Demands) -> None:
        self._connection = duckdb.connect()
        self._connection.execute(f"SET threads = {self.cores}")
        tables = {
            "machine": dict(zip(MACHINE_COLUMNS, _columns(machine_rows(held)), strict=True)),
            "gap": dict(zip(("m", "s", "e"), _columns(gap_rows(held)), strict=True)),
            "demand": dict(zip(DEMAND_COLUMNS, _columns(demand_rows(asked)), strict=True)),
        }
        for name, columns in tables.items():
            self._connection.register(f"given_{name}", columns)
            self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given_{name}")
        self._all = (
            "SELECT d.id, list(m.mid ORDER BY m.price)[1:10] FROM demand d JOIN machine m ON "
            f"{FITS} WHERE d.id >= ? AND d.id < ? GROUP BY d.id"
        )

    def answer(self, index: int) -> Answer:
        return self._batch(index, index + 1)[index]

    def answer_all(self, count: int) -> list[Answer]:
        found: dict[int, Answer] = {}
        for first in range(0, count, DUCKDB_BATCH):
            found |= self._batch(first, min(count, first + DUCKDB_BATCH))
        return [found[index] for index in range(count)]

    def _batch(self, first: int, end: int) -> dict[int, Answer]:
        rows = self._connection.execute(self._all, (first, end)).fetchall()
        found: dict[int, Answer] = {index: [] for index in range(first, end)}
        return found | dict(rows)


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[Array]:
    return [np.array(column) for column in zip(*rows, strict=True)]


def typed_columns(columns: Sequence[str]) -> str:
    return ", ".join(f"{name} {type_of(name)}" for name in columns)


def type_of(name: str) -> str:
    if name == "live":
        return "boolean"
    return "float8" if name in {"ux", "uy", "uz", "near"} else "bigint"
