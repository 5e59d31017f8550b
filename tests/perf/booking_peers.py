"""One transaction per booking, at its strongest: one prepared statement that commits by itself.

The client is ``pgbench``, written in C, so nothing of the ratio is the language of a client. What
is asked stands in a table, read by a sequence; each statement writes the rows the writer writes.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from services.booking.writing import documents
from services.booking.writing.messages import SCOPE
from tests.perf.booking_market import (
    BUYERS,
    PROVIDERS,
    SLOT_MINUTES,
    Asked,
    BookingMarket,
)

CONNECTIONS: Final = (1, 2, 4, 8, 16)
TABLES: Final = ("reservation", "booking", "outbox_event", "idempotency_key")
SCRIPT: Final = """
WITH asked AS MATERIALIZED (
  SELECT * FROM asked_{name} WHERE n = (SELECT nextval('asked_{name}_n'))
), reserved AS (
  INSERT INTO reservation (booking_id, resource_id, organisation_id, booked_by, unit, during)
  SELECT booking_id, resource_id, provider_id, buyer_id, 0, during FROM asked
  ON CONFLICT DO NOTHING RETURNING booking_id
), won AS MATERIALIZED (
  SELECT asked.* FROM asked JOIN reserved USING (booking_id)
), claimed AS (
  INSERT INTO idempotency_key
         (organisation_id, scope, key, request_hash, status, body, created_at)
  SELECT buyer_id, '{scope}', key, request_hash, 201, body, now() FROM won
), booked AS (
  INSERT INTO booking (id, organisation_id, provider_id, resource_id, offer_id, during, units,
         setup_minutes, state, hold_until, price_minor, currency, at_risk, created_at, updated_at,
         version)
  SELECT booking_id, buyer_id, provider_id, resource_id, offer_id, during, 1, 0, 'held',
         now() + interval '15 minutes', price_minor, 'CNY', false, now(), now(), 1 FROM won
)
INSERT INTO outbox_event (event_id, subject, payload, created_at)
SELECT event_id, '{subject}', payload, now() FROM won;
"""


@dataclass(frozen=True)
class PeerRun:
    """Transactions a second, and how many of their bookings got their slot."""

    tried_per_s: float
    accepted_per_s: float
    connections: int


class OneByOne:
    """The peer on one database.

    Args:
        database_url: as the administrator.
        pgbench: the program.
        folder: where its scripts go.
    """

    def __init__(self, database_url: str, pgbench: Path, folder: Path) -> None:
        self._url = database_url
        self._pgbench = pgbench
        self._folder = folder

    def prepare(self, market: BookingMarket, asked: Asked, name: str) -> None:
        """Store what is asked, with everything ready to be written."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(
                f"CREATE UNLOGGED TABLE raw_{name} (n int, resource_id uuid, provider_id uuid,"
                " buyer_id uuid, offer_id uuid, price_minor bigint, slot int)"
            )
            with connection.cursor().copy(f"COPY raw_{name} FROM STDIN") as copy:
                for n, (machine, slot) in enumerate(
                    zip(asked.machine.tolist(), asked.slot.tolist(), strict=True), start=1
                ):
                    copy.write_row(
                        (
                            n,
                            market.resource(machine),
                            market.provider(machine),
                            f"{1 + PROVIDERS + n % BUYERS:032x}",
                            market.offer(machine),
                            market.rate(machine).per_hour_minor // 2,
                            slot,
                        )
                    )
            connection.execute(
                _ASKED.format(name=name), {"began": market.began, "step": SLOT_MINUTES}
            )
            connection.execute(f"CREATE UNIQUE INDEX ON asked_{name} (n)")
            connection.execute(f"CREATE SEQUENCE asked_{name}_n CACHE 50")
            connection.execute(f"VACUUM ANALYZE asked_{name}")
        script = SCRIPT.format(name=name, scope=SCOPE, subject=documents.SUBJECT)
        (self._folder / f"{name}.sql").write_text(script)

    def run(self, name: str, *, connections: int, seconds: int) -> PeerRun:
        """Book for so long, from where the last run ended."""
        before = self._count()
        with psycopg.connect(self._url, autocommit=True) as admin, keys_row_by_row(admin):
            done = self._measured(name, connections, seconds)
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        assert found is not None, done.stdout
        tried = float(found.group(1))
        count = re.search(r"actually processed: (\d+)", done.stdout)
        assert count is not None, done.stdout
        accepted = (self._count() - before) / int(count.group(1)) if int(count.group(1)) else 0.0
        return PeerRun(tried, tried * accepted, connections)

    def _measured(
        self, name: str, connections: int, seconds: int
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [
                str(self._pgbench), "--no-vacuum", "--protocol=prepared",
                f"--file={self._folder / f'{name}.sql'}", f"--client={connections}",
                f"--jobs={min(2, connections)}", f"--time={seconds}", self._url,
            ],
            check=True, capture_output=True, text=True,
        )  # fmt: skip

    def all(self, name: str, count: int) -> None:
        """Book the first ``count`` that are asked, whatever it takes."""
        subprocess.run(
            [
                str(self._pgbench), "--no-vacuum", "--protocol=prepared",
                f"--file={self._folder / f'{name}.sql'}", "--client=1",
                f"--transactions={count}", self._url,
            ],
            check=True, capture_output=True,
        )  # fmt: skip

    def _count(self) -> int:
        with psycopg.connect(self._url) as connection:
            row = connection.execute("SELECT count(*) FROM reservation").fetchone()
            assert row is not None
            return int(row[0])


def empty(connection: psycopg.Connection[Any]) -> None:
    """Take away what a run wrote."""
    connection.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    connection.execute("CHECKPOINT")


@contextmanager
def keys_row_by_row(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Let foreign keys be held by the server's own triggers: quicker for single rows."""
    keys = connection.execute(_DECLARED).fetchall()
    triggers = connection.execute(_IN_THEIR_PLACE).fetchall()
    for table, key in keys:
        connection.execute(f"ALTER TABLE {table} ALTER CONSTRAINT {key} ENFORCED")
    for table, trigger in triggers:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    yield
    for table, trigger in triggers:
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")
    for table, key in keys:
        connection.execute(f"ALTER TABLE {table} ALTER CONSTRAINT {key} NOT ENFORCED")


_DECLARED: Final = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
 WHERE contype = 'f' AND NOT conenforced AND conparentid = 0
"""
_IN_THEIR_PLACE: Final = """
SELECT tgrelid::regclass::text, tgname FROM pg_trigger
 WHERE tgname ~ '_refers_' AND NOT tgisinternal
"""
_ASKED: Final = """
CREATE UNLOGGED TABLE asked_{name} AS
SELECT made.*,
       convert_to((jsonb_build_object('id', booking_id, 'organisation_id', buyer_id, 'provider_id',
         provider_id, 'resource_id', resource_id, 'offer_id', offer_id, 'demand_id', null, 'start',
         lower(during), 'end', upper(during), 'units', 1, 'setup_minutes', 0, 'state', 'held',
         'hold_until', now(), 'price', jsonb_build_object('minor', price_minor, 'currency', 'CNY'))
         || jsonb_build_object('at_risk', false, 'at_risk_reason', null, 'at_risk_resource_id',
         null, 'created_at', now(), 'updated_at', now(), 'version', 1, 'joint_id', null, 'leg',
         null))::text, 'utf8') AS body,
       jsonb_build_object('id', event_id, 'occurred_at', now(), 'audience',
         jsonb_build_object('organisation_ids', jsonb_build_array(buyer_id, provider_id),
         'visibility', 'organisation', 'park', null, 'space_id', null), 'booking_id', booking_id,
         'resource_id', resource_id, 'organisation_id', buyer_id, 'state', 'held', 'at_risk', false,
         'at_risk_reason', null, 'start', lower(during), 'end', upper(during), 'units', 1)
         AS payload
  FROM (SELECT n, resource_id, provider_id, buyer_id, offer_id, price_minor,
               uuidv7() AS booking_id, uuidv7() AS event_id, '{name} ' || n AS key,
               sha256('a booking') AS request_hash,
               tstzrange(%(began)s + slot * %(step)s * interval '1 minute',
                         %(began)s + (slot + 1) * %(step)s * interval '1 minute') AS during
          FROM raw_{name} ORDER BY n) AS made
"""
