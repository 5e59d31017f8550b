"""The peer of ``end_to_end``: find and book as one transaction of one statement, in the server."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from services.booking.writing import documents
from services.booking.writing.messages import SCOPE
from tests.perf.booking_market import BUYERS, PROVIDERS, SLOT_MINUTES, BookingMarket
from tests.perf.booking_peers import keys_row_by_row

TRIES: Final = 8
_OFFERS: Final = """
CREATE TABLE peer_offer (process int, per_hour bigint, resource_id uuid, provider_id uuid,
                         offer_id uuid, PRIMARY KEY (process, per_hour, resource_id)
                         INCLUDE (provider_id, offer_id))
"""
_FUNCTION: Final = """
CREATE FUNCTION find_and_book(wanted int, first int, buyer uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  chosen record; booking_id uuid := uuidv7(); told uuid := uuidv7(); price bigint;
  opens timestamptz := {began}::timestamptz + first * {step} * interval '1 minute';
BEGIN
  FOR attempt IN 1..{tries} LOOP
    SELECT o.*, tstzrange(s.at, s.at + {step} * interval '1 minute') AS during INTO chosen
      FROM peer_offer o, LATERAL (
        SELECT opens + n * {step} * interval '1 minute' AS at
          FROM generate_series(0, {slots} - 1) AS n
         WHERE NOT EXISTS (
           SELECT FROM reservation r WHERE r.resource_id = o.resource_id AND r.unit = 0
              AND r.during && tstzrange(opens + n * {step} * interval '1 minute',
                                        opens + (n + 1) * {step} * interval '1 minute'))
         ORDER BY n LIMIT 1) AS s
     WHERE o.process = wanted ORDER BY o.process, o.per_hour, o.resource_id LIMIT 1;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO reservation (booking_id, resource_id, organisation_id, booked_by, unit, during)
    VALUES (booking_id, chosen.resource_id, chosen.provider_id, buyer, 0, chosen.during)
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
      price := chosen.per_hour * {step} / 60;
      INSERT INTO booking (id, organisation_id, provider_id, resource_id, offer_id, during, units,
             setup_minutes, state, hold_until, price_minor, currency, at_risk, created_at,
             updated_at, version)
      VALUES (booking_id, buyer, chosen.provider_id, chosen.resource_id, chosen.offer_id,
             chosen.during, 1, 0, 'held', now() + interval '15 minutes', price, 'CNY', false,
             now(), now(), 1);
      INSERT INTO outbox_event (event_id, subject, payload, created_at)
      VALUES (told, {subject}, jsonb_build_object('id', told, 'occurred_at', now(), 'audience',
             jsonb_build_object('organisation_ids',
             jsonb_build_array(buyer, chosen.provider_id), 'visibility', 'organisation', 'park',
             null, 'space_id', null), 'booking_id', booking_id, 'resource_id', chosen.resource_id,
             'organisation_id', buyer, 'state', 'held', 'at_risk', false, 'at_risk_reason', null,
             'start', lower(chosen.during), 'end', upper(chosen.during), 'units', 1), now());
      INSERT INTO idempotency_key
             (organisation_id, scope, key, request_hash, status, body, created_at)
      VALUES (buyer, {scope}, booking_id::text, sha256('a demand'), 201, convert_to(
             jsonb_build_object('id', booking_id, 'organisation_id', buyer, 'provider_id',
             chosen.provider_id, 'resource_id', chosen.resource_id, 'offer_id', chosen.offer_id,
             'demand_id', null, 'start', lower(chosen.during), 'end', upper(chosen.during), 'units',
             1, 'setup_minutes', 0, 'state', 'held', 'price', price, 'created_at', now(),
             'updated_at', now(), 'version', 1)::text, 'utf8'), now());
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END $$
"""
_SCRIPT: Final = """
\\set process random(0, :processes - 1)
\\set first random(0, :slots - 1)
\\set buyer random({first_buyer}, {last_buyer})
SELECT find_and_book(:process, :first, lpad(to_hex(CAST(:buyer AS int)), 32, '0')::uuid);
"""


class SelectAndInsert:
    """The peer on one database, as the administrator."""

    def __init__(
        self, admin: psycopg.Connection[Any], database_url: str, pgbench: Path, folder: Path
    ) -> None:
        self._admin = admin
        self._url = database_url
        self._pgbench = pgbench
        self._script = folder / "find-and-book.sql"

    def prepare(self, market: BookingMarket, window_slots: int) -> None:
        self._admin.execute(_OFFERS)
        with self._admin.cursor().copy("COPY peer_offer FROM STDIN") as copy:
            for one in range(market.machines):
                copy.write_row(
                    (
                        one % market.processes,
                        market.rate(one).per_hour_minor,
                        market.resource(one),
                        market.provider(one),
                        market.offer(one),
                    )
                )
        self._admin.execute("VACUUM ANALYZE peer_offer")
        literals = {
            "began": market.began, "step": SLOT_MINUTES, "tries": TRIES, "slots": window_slots,
            "subject": documents.SUBJECT, "scope": SCOPE,
        }  # fmt: skip
        self._admin.execute(
            sql.SQL(_FUNCTION).format(**{key: sql.Literal(one) for key, one in literals.items()})
        )
        first = 1 + PROVIDERS
        self._script.write_text(_SCRIPT.format(first_buyer=first, last_buyer=first + BUYERS - 1))

    def one_by_one(self, demands: Sequence[tuple[int, int]]) -> None:
        """Each in turn, in its own transaction."""
        buyer = f"{1 + PROVIDERS:032x}"
        for process, first in demands:
            self._admin.execute("SELECT find_and_book(%s, %s, %s)", (process, first, buyer))

    def run(self, connections: int, seconds: int, processes: int, slots: int) -> float:
        """Slots held a second."""
        before = self._count()
        with keys_row_by_row(self._admin):
            done = subprocess.run(
                [
                    str(self._pgbench), "--no-vacuum", "--protocol=prepared",
                    f"--file={self._script}",
                    f"--client={connections}", f"--jobs={min(2, connections)}", f"--time={seconds}",
                    f"--define=processes={processes}", f"--define=slots={slots}", self._url,
                ],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        count = re.search(r"actually processed: (\d+)", done.stdout)
        assert found is not None, done.stdout
        assert count is not None, done.stdout
        return float(found.group(1)) * (self._count() - before) / max(1, int(count.group(1)))

    def _count(self) -> int:
        row = self._admin.execute("SELECT count(*) FROM booking").fetchone()
        assert row is not None
        return int(row[0])
