"""``make bench NAME=pipeline``: observations per second from OPC UA to committed rows, and delays.

Every contender takes the part counters of the same OPC UA servers into the same PostgreSQL. The
offered rate climbs a ladder, open loop, as far as the machines themselves keep up; a rung is
sustained when every value arrived, in order, and the last was committed within a second of the
end. Delay is from source timestamp to the commit time PostgreSQL recorded, at a rate everybody
sustains. Rounds are interleaved; medians are shown.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import psycopg
from psycopg.sql import SQL
from rich.console import Console
from rich.table import Table

from services.runtime import migrations
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.embedded.postgres import EmbeddedPostgres
from tests.perf.contenders import Contender, Direct, Machines, Nonagon, order, spawn
from tests.perf.report import Report, finish
from tests.support.servers import OPEN_BROKER

MACHINES: Final = 8
LADDER: Final = (1_000, 2_000, 4_000, 8_000, 12_000, 16_000, 24_000)
DELAY_RATE: Final = 500
SOURCE_KEEPS_UP: Final = 0.95
LATE_MAX_S: Final = 1.0
ARRIVED_WITHIN_S: Final = 30.0


@dataclass(slots=True)
class Figures:
    """What one contender reached; a list has one entry a round."""

    sustained: list[int] = field(default_factory=list)
    delays_ms: list[Sequence[float]] = field(default_factory=list)
    complete: bool = True

    def summary(self) -> dict[str, Any]:
        cuts = [quantiles(one, n=100, method="inclusive") for one in self.delays_ms]
        return {
            "observations_per_s": median(self.sustained),
            "delay_ms": {
                f"p{percent}": round(median(cut[percent - 1] for cut in cuts), 1)
                for percent in (50, 95, 99)
            },
            "delay_at_rate": DELAY_RATE,
        }


class Bench:
    """One database, one set of machines, contenders in turn."""

    def __init__(
        self, source: "subprocess.Popen[str]", machines: Machines, server: EmbeddedPostgres
    ) -> None:
        self._source = source
        self._machines = machines
        self._server = server
        self._databases = 0
        self._reached = 0

    def round(self, contender: Contender, figures: Figures, *, seconds: float) -> None:
        """Measure delays, then climb the ladder until a rung is not sustained."""
        url = self._fresh_database()
        contender.start(url, self._machines)
        try:
            delays, late_s, complete, offered = self._offer(contender, url, DELAY_RATE, seconds)
            figures.complete &= complete
            figures.delays_ms.append(delays)
            best = round(offered) if late_s <= LATE_MAX_S else 0
            for rate in LADDER:
                _, late_s, complete, offered = self._offer(contender, url, rate, seconds)
                if not complete or late_s > LATE_MAX_S:
                    break
                best = max(best, round(offered))
                if offered < SOURCE_KEEPS_UP * rate:
                    break
            figures.sustained.append(best)
        finally:
            contender.stop()

    def _offer(
        self, contender: Contender, url: str, rate: int, seconds: float
    ) -> tuple[Sequence[float], float, bool, float]:
        """Delays in ms, seconds the last commit was late, whether all arrived, rate offered."""
        first = self._reached + 1
        answer = order(self._source, rate=rate, seconds=seconds)
        self._reached = answer["reached"]
        expected = len(self._machines) * (self._reached - first + 1)
        rows = self._await_rows(contender, url, first, expected)
        delays = [1000 * (row[3] - row[2]).total_seconds() for row in rows]
        last = max(row[3] for row in rows) - max(row[2] for row in rows)
        complete = self._is_complete(rows, first)
        return delays, last.total_seconds(), complete, answer["offered"]

    def _await_rows(
        self, contender: Contender, url: str, first: int, expected: int
    ) -> list[tuple[str, float, datetime, datetime]]:
        question = SQL(
            "SELECT device, value, source_at, pg_xact_commit_timestamp(xmin)"
            " FROM ({}) AS stored (device, value, source_at, xmin) WHERE value >= {}"
        ).format(contender.rows(), first)
        deadline = time.monotonic() + ARRIVED_WITHIN_S
        with psycopg.connect(url, autocommit=True) as connection:
            while True:
                found = connection.execute(question).fetchall()
                if len(found) >= expected or time.monotonic() > deadline:
                    return found
                time.sleep(0.2)

    def _is_complete(
        self, rows: Sequence[tuple[str, float, datetime, datetime]], first: int
    ) -> bool:
        """Whether each machine's counter is there value by value, in order, none twice."""
        wanted = [float(value) for value in range(first, self._reached + 1)]
        stored: dict[str, list[float]] = {machine["device"]: [] for machine in self._machines}
        for device, value, *_ in rows:
            stored[device].append(value)
        return all(values == wanted for values in stored.values())

    def _fresh_database(self) -> str:
        self._databases += 1
        name = f"bench_{self._databases}"
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(SQL(name)))
        url = self._server.url(name)
        migrations.upgrade(url)
        return url


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of short rungs")
    quick = parser.parse_args().quick
    console = Console(stderr=True)
    rounds, seconds = (1, 3.0) if quick else (3, 8.0)
    with tempfile.TemporaryDirectory(prefix="nonagon-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with (
            EmbeddedPostgres(folder / "database") as server,
            EmbeddedNats(folder / "broker", configuration=OPEN_BROKER) as nats,
        ):
            ours = Nonagon(nats_url=nats.nats_url, mqtt_url=nats.mqtt_url, folder=folder / "edge")
            contenders: list[Contender] = [ours, Direct("copy"), Direct("insert")]
            figures = measured(contenders, server, console, rounds=rounds, seconds=seconds)
    return finish(shown(figures, console))


def measured(
    contenders: Sequence[Contender],
    server: EmbeddedPostgres,
    console: Console,
    *,
    rounds: int,
    seconds: float,
) -> dict[str, Figures]:
    """Figures of each contender, rounds interleaved A B C A B C …"""
    source = spawn("tests.perf.source", str(MACHINES))
    assert source.stdout is not None
    machines: Machines = json.loads(source.stdout.readline())
    bench = Bench(source, machines, server)
    figures = {contender.name: Figures() for contender in contenders}
    try:
        for number in range(rounds):
            for contender in contenders:
                with console.status(f"round {number + 1} of {rounds}: {contender.name}"):
                    bench.round(contender, figures[contender.name], seconds=seconds)
    finally:
        source.terminate()
        source.communicate()
    return figures


def shown(figures: dict[str, Figures], console: Console) -> Report:
    summaries = {name: one.summary() for name, one in figures.items()}
    table = Table("contender", "observations/s sustained", "p50 ms", "p95 ms", "p99 ms")
    for name, one in summaries.items():
        delays = one["delay_ms"]
        table.add_row(
            name,
            f"{one['observations_per_s']:.0f}",
            *(f"{delays[percentile]:.1f}" for percentile in ("p50", "p95", "p99")),
        )
    console.print(table)
    ours = summaries.pop(Nonagon.name)
    return Report(
        bench="pipeline",
        ours=ours,
        peers=summaries,
        ratios={
            name: round(ours["observations_per_s"] / max(one["observations_per_s"], 1.0), 3)
            for name, one in summaries.items()
        },
        identical=all(one.complete for one in figures.values()),
    )


if __name__ == "__main__":
    sys.exit(main())
