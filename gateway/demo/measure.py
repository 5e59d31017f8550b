"""What the demo reads from PostgreSQL itself, to check the platform by another way than its API."""

from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Self

import psycopg
from psycopg.sql import SQL

from services.contracts.telemetry import Quality, Signal

_COMMITTED: Final = SQL("pg_xact_commit_timestamp(xmin)")
_INGESTED: Final = SQL("ingested_at")


@dataclass(frozen=True, slots=True)
class Delay:
    """From a machine's source timestamp to the commit in PostgreSQL.

    ``until`` says what was taken for the commit: the server's own commit time, or, where it does
    not track that, the time just before.
    """

    observations: int
    p50_ms: float
    p95_ms: float
    until: str


@dataclass(frozen=True, slots=True)
class StoredJournal:
    """What PostgreSQL holds of one journal epoch."""

    rows: int
    offsets: int
    lowest: int
    highest: int

    def is_exactly(self, made: int) -> bool:
        """Whether offsets 1 to ``made`` are there, each once."""
        if made == 0:
            return self.rows == 0
        return self.rows == self.offsets == made and (self.lowest, self.highest) == (1, made)


class Record:
    """Read-only questions to the database."""

    def __init__(self, database_url: str) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)
        self._connection.execute("SET default_transaction_read_only = on")

    def now(self) -> datetime:
        row = self._connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        found: datetime = row[0]
        return found

    def delay(self, since: datetime) -> Delay:
        """Of observations whose source timestamp lies after ``since``."""
        row = self._connection.execute("SHOW track_commit_timestamp").fetchone()
        tracked = row is not None and row[0] == "on"
        until = _COMMITTED if tracked else _INGESTED
        found = self._connection.execute(
            SQL(
                "SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_ms),"
                " percentile_cont(0.95) WITHIN GROUP (ORDER BY delay_ms) FROM ("
                " SELECT 1000 * extract(epoch FROM {until} - source_at)::float8 AS delay_ms"
                " FROM observation WHERE source_at > %s AND NOT suspect) AS delays"
            ).format(until=until),
            (since,),
        ).fetchone()
        assert found is not None
        count, p50, p95 = found
        return Delay(count, p50 or 0.0, p95 or 0.0, "commit" if tracked else "insert")

    def observations(self) -> int:
        row = self._connection.execute("SELECT count(*) FROM observation").fetchone()
        assert row is not None
        return int(row[0])

    def journal(self, gateway_id: str, epoch: int) -> StoredJournal:
        row = self._connection.execute(
            "SELECT count(*), count(DISTINCT journal_offset), coalesce(min(journal_offset), 0),"
            " coalesce(max(journal_offset), 0) FROM observation"
            " WHERE gateway_id = %s AND epoch = %s",
            (gateway_id, epoch),
        ).fetchone()
        assert row is not None
        return StoredJournal(*row)

    def executions(self, resource_id: str, since: datetime) -> list[str]:
        """Good Execution values of a resource in the order the machine gave them."""
        rows = self._connection.execute(
            "SELECT value_text FROM observation WHERE resource_id = %s AND signal = %s"
            " AND quality = %s AND ingested_at >= %s ORDER BY epoch, journal_offset",
            (resource_id, Signal.EXECUTION.value, Quality.GOOD.value, since),
        ).fetchall()
        return [row[0] for row in rows]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
