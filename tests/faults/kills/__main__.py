"""``python -m tests.faults.kills [--quick]``: what is acknowledged outlives every kill.

Sixteen writers book, give back late and settle between cost centres over HTTP while PostgreSQL, the
matcher with its writer, HTTP, NATS and the worker are killed in turns. The last line is one JSON
object; the exit code is 1 if anything acknowledged is lost, twice or unpaid.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.runtime.clock import SystemClock
from tests.faults.kills.asking import Client, UnansweredError
from tests.faults.kills.judging import Findings, judge
from tests.faults.kills.market import Market, founded
from tests.faults.kills.money import MoneyFindings, judge_money, waiting
from tests.faults.kills.plan import FULL, QUICK, Kill, plan
from tests.faults.kills.record import Record
from tests.faults.kills.running import WRITTEN, RunningPlatform
from tests.faults.kills.writing import Writer, repeat
from tests.support.waiting import eventually

WRITERS: Final = 16
STOPPED_WITHIN_S: Final = 120.0
DRAINED_WITHIN_S: Final = 120.0
REPEATED_MAX: Final = 400
"""Keys that are sent once more when all is over."""
SHOWN_MAX: Final = 10

console = Console(stderr=True)


@dataclass(slots=True)
class Run:
    """What a run did and found."""

    record: Record
    killed: Counter[str] = field(default_factory=Counter)
    back_s: dict[str, list[float]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0
    drained_s: float = 0.0
    slots: dict[int, dict[str, int]] = field(default_factory=dict)
    """By process of the matcher: slots its writer had written, and answered how, at last."""
    ledger_check: dict[str, Any] = field(default_factory=dict)
    money: MoneyFindings | None = None

    @property
    def writer(self) -> Counter[str]:
        """Slots the durable writer wrote, at least, and its answers; what it declines or does not
        answer in time, the request's own transaction does."""
        return sum(map(Counter, self.slots.values()), Counter())

    def look_at_writer(self, platform: RunningPlatform) -> None:
        pid, counts = platform.slots_of_writer()
        if counts:
            self.slots[pid] = counts

    def wrong(self, findings: Findings, planned: Mapping[str, int]) -> list[str]:
        """Everything that must not be, in words."""
        too_few = Counter(planned) - self.killed
        missing = [f"{name} was not killed {count} times" for name, count in too_few.items()]
        record = self.record
        return [
            *self.broken,
            *missing,
            *record.faults,
            *record.two_outcomes,
            *(f"unanswered: {what}" for what in record.unanswered),
            *(f"lost: {what}" for what in findings.lost),
            *(f"overlap: {what}" for what in findings.overlaps),
            *(f"reservations: {what}" for what in findings.unreserved),
            *(f"made without an answer: {what}" for what in findings.made_twice),
            *(f"ledger: {currency} {off}" for currency, off in findings.ledger.items()),
            *(f"ledger: {breach}" for breach in self.ledger_check.get("breaches", ())),
            *(self.money.told() if self.money else ()),
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the kills")
    parser.add_argument("--seed", type=int, default=5, help="which order of kills")
    asked = parser.parse_args(arguments)
    counts = QUICK if asked.quick else FULL
    with tempfile.TemporaryDirectory(prefix="nonagon-kills-") as folder:
        Path(folder).chmod(0o711)
        run, findings = rehearse(Path(folder) / "state", counts, Random(asked.seed))
    wrong = run.wrong(findings, counts)
    show(run, findings, wrong)
    sys.stdout.write(json.dumps(summary(run, findings, wrong, seed=asked.seed)) + "\n")
    return 1 if wrong else 0


def rehearse(state_dir: Path, counts: Mapping[str, int], random: Random) -> tuple[Run, Findings]:
    """Kill as often as ``counts`` says while sixteen write, then look at what is left."""
    run, began = Run(Record()), time.monotonic()
    with RunningPlatform(state_dir) as platform:
        endpoints = platform.await_ready()
        market = founded(endpoints.http_url, run.record, buyers=WRITERS)
        with writing(endpoints.http_url, market, run, random):
            kill_all(platform, plan(counts, random), run)
        repeat_some(endpoints.http_url, run.record, random)
        run.look_at_writer(platform)
        run.seconds = time.monotonic() - began
        await_drained(endpoints.database_url, run)
        run.money = judge_money(endpoints.database_url, run.record)
        run.ledger_check = platform.ledger_check()
        return run, judge(endpoints.database_url, run.record.bookings)


def await_drained(database_url: str, run: Run) -> None:
    """Until every event is published and every charge is in the ledger, or for too long."""
    began = time.monotonic()
    try:
        eventually(
            lambda: not any(waiting(database_url)), within=DRAINED_WITHIN_S, what="nothing waits"
        )
    except AssertionError as error:
        events, charges = waiting(database_url)
        run.broken.append(f"{error}: {events} events, {charges} charges")
    run.drained_s = time.monotonic() - began


@contextmanager
def writing(address: str, market: Market, run: Run, random: Random) -> Iterator[None]:
    """Writers at work; in the end each is answered what it has asked."""
    stop = threading.Event()
    writers = [
        Writer(
            address=address,
            record=run.record,
            buyer=buyer,
            listings=market.listings,
            now=SystemClock().now(),
            random=Random(random.random()),
            stop=stop,
        )
        for buyer in market.buyers
    ]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stop.set()
        deadline = time.monotonic() + STOPPED_WITHIN_S
        for writer in writers:
            writer.join(max(0.0, deadline - time.monotonic()))
        run.broken += [f"{writer.name} hangs" for writer in writers if writer.is_alive()]


def kill_all(platform: RunningPlatform, kills: Sequence[Kill], run: Run) -> None:
    """One after the other, each when everything works again."""
    with _progress() as progress:
        task = progress.add_task("kills", total=len(kills), said="")
        for kill in kills:
            time.sleep(kill.after_s)
            run.look_at_writer(platform)
            try:
                seconds = platform.seconds_until_back(platform.kill(kill.name))
            except AssertionError as error:
                run.broken.append(f"{kill.name}: {error}"[-2_000:])
                return
            run.killed[kill.name] += 1
            run.back_s.setdefault(kill.name, []).append(seconds)
            written = f"{run.record.acknowledgements} acknowledged"
            said = f"{kill.name} back in {seconds:.1f} s, {written}"
            progress.update(task, advance=1, said=said)


def repeat_some(address: str, record: Record, random: Random) -> None:
    """Send creations of the whole run again."""
    known = list(record.bookings.values())
    client = Client(address, record)
    try:
        for booking in random.sample(known, min(REPEATED_MAX, len(known))):
            client.token = booking.token
            repeat(client, record, booking)
    except UnansweredError as error:
        record.gave_up(str(error))
    finally:
        client.close()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
        console=console,
    )


def show(run: Run, findings: Findings, wrong: Sequence[str]) -> None:
    """For people."""
    table = Table("killed", "times", "back in, median", "at most")
    for name, seconds in run.back_s.items():
        row = (f"{statistics.median(seconds):.2f} s", f"{max(seconds):.2f} s")
        table.add_row(name, str(run.killed[name]), *row)
    console.print(table)
    for outcome, count in sorted(run.record.outcomes.items()):
        console.print(f"{count:8d} {outcome}")
    console.print(
        f"{len(run.record.bookings)} bookings, {run.record.acknowledgements} acknowledgements in"
        f" {run.seconds:.0f} s, {run.writer[WRITTEN]} written by the durable writer, drained after"
        f" {run.drained_s:.1f} s; {len(findings.lost)} lost, {len(findings.overlaps)} overlaps"
    )
    for what in wrong[:SHOWN_MAX]:
        console.print(f"[red]wrong[/red] {what}", highlight=False)


def summary(run: Run, findings: Findings, wrong: Sequence[str], *, seed: int) -> dict[str, Any]:
    """For machines."""
    back = {
        name: {"median": round(statistics.median(seconds), 2), "max": round(max(seconds), 2)}
        for name, seconds in run.back_s.items()
    }
    return {
        "faults": "kills",
        "seed": seed,
        "seconds": round(run.seconds, 1),
        "kills": dict(run.killed),
        "acknowledged": run.record.acknowledgements,
        "bookings": len(run.record.bookings),
        "by_writer": run.writer[WRITTEN],
        "writer": dict(run.writer),
        "lost": len(findings.lost),
        "overlaps": len(findings.overlaps),
        "unreserved": len(findings.unreserved),
        "made_twice": len(findings.made_twice) + len(run.record.two_outcomes),
        "ledger_sum": findings.ledger_sum,
        "ledger_sound": bool(run.ledger_check.get("sound")),
        "charges": sum(one.charge_minor > 0 for one in run.record.bookings.values()),
        "internal_bookings": len(run.record.internal),
        "money_wrong": len(run.money.told()) if run.money else 0,
        "drained_s": round(run.drained_s, 1),
        "back_s": back,
        "wrong": len(wrong),
    }


if __name__ == "__main__":
    sys.exit(main())
