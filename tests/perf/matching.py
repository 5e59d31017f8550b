"""``make bench NAME=matching``: the columnar engine beside what a user would match with instead.

The same market and demands for all, answers compared before anything is timed. Batches are timed in
interleaved rounds, medians shown; peers may use every core, ours uses one. Single demands arrive on
a fixed timetable and are timed from when they were due, so that a slow answer delays the next
(no coordinated omission).
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from services.matching.engine import layout as at
from services.matching.engine.columnar import ColumnarEngine
from services.matching.engine.encoding import EncodedBatch, EncodedRequirement
from services.matching.ranking import PRICE_ALONE, Ranking
from services.runtime.embedded.postgres import EmbeddedPostgres
from tests.perf.matching_gist import PostgresGist
from tests.perf.matching_market import (
    KINDS,
    NOW,
    RANKING,
    Array,
    Demands,
    Machines,
    demands,
    machines,
    requirement,
    snapshot,
)
from tests.perf.matching_peers import (
    LIMIT,
    Answer,
    DuckDb,
    NumbaScan,
    NumpyMasks,
    Partitions,
    Peer,
    Postgres,
    Roaring,
)
from tests.perf.report import Bar, Report, finish
from tests.support.servers import PostgresServer

OURS: Final = "columnar engine"
SEED: Final = 20261122
FLIPS: Final = 1_000_000
DISTURBING_FLIPS_PER_S: Final = 10_000
ARRIVALS_PER_S: Final = 1_000
BATCH_BARS: Final = {
    "DuckDB": 150.0, "PostgreSQL prepared": 300.0, "pyroaring": 20.0, "numba scan": 20.0,
}  # fmt: skip
P50_BAR, P99_BAR, GROWTH_BAR, FLIPS_BAR = 100.0, 50.0, 2.0, 1_000_000.0
LOSS_BAR, COMPOSITE_BAR = 0.1, 3.0


@dataclass(frozen=True)
class Size:
    machines: int
    grown: int
    batch: int
    rounds: int
    singles: int
    gist: int


QUICK: Final = Size(machines=100_000, grown=200_000, batch=4_000, rounds=5, singles=500, gist=50)
FULL: Final = Size(
    machines=100_000, grown=1_000_000, batch=10_000, rounds=7, singles=5_000, gist=500
)
OWN_REPEATS: Final = 10
"""Our batch takes milliseconds: repeated within a round, so that the clock is not measured."""
PAIRS: Final = 30
"""Rounds of what compares us with ourselves."""


class Ours:
    name, cores = OURS, 1

    def __init__(
        self, engine: ColumnarEngine, asked: Demands, ranking: Ranking = PRICE_ALONE
    ) -> None:
        self._engine = engine
        wanted = [requirement(asked, index, ranking) for index in range(len(asked))]
        began = time.perf_counter()
        self.encoded = [engine.encode(one, limit=LIMIT, now=NOW) for one in wanted]
        self.encode_us = (time.perf_counter() - began) / len(asked) * 1e6
        self._batches: dict[int, EncodedBatch] = {}

    def answer(self, index: int) -> Answer:
        return self._machines(self._engine.search(self.encoded[index], limit=LIMIT))

    def answer_all(self, count: int) -> list[Answer]:
        found, counts = self.search_all(count)
        return [self._machines(found[index, :filled]) for index, filled in enumerate(counts)]

    def _machines(self, found: Array) -> Answer:
        """Machines are resources, numbered alike."""
        numbers: Answer = self._engine.resource_numbers(found[:, at.F_ROW]).tolist()
        return numbers

    def search_one(self, asked: EncodedRequirement) -> Array:
        return self._engine.search(asked, limit=LIMIT)

    def search_all(self, count: int) -> tuple[Array, Array]:
        if count not in self._batches:
            self._batches[count] = EncodedBatch.of(self.encoded[:count])
        return self._engine.search_many(self._batches[count], limit=LIMIT)

    def repeat_all(self, count: int) -> None:
        for _ in range(OWN_REPEATS):
            self.search_all(count)


@dataclass
class Timed:
    """Seconds of each round, per demand, by the name of who answered."""

    batch: dict[str, list[float]] = field(default_factory=dict)
    single_us: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def per_second(self, name: str) -> float:
        return 1 / median(self.batch[name])

    def alone_us(self, name: str) -> dict[str, float]:
        """Percentiles of single demands, medians of the rounds; none where none came singly."""
        rounds = self.single_us.get(name, [])
        return {key: median(one[key] for one in rounds) for key in (rounds[0] if rounds else ())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer demands and machines")
    size = QUICK if parser.parse_args().quick else FULL
    console = Console(stderr=True)
    held, asked = machines(size.machines, SEED), demands(size.batch, SEED + 1)
    engine, build_s, build_mib = built(held)
    ours = Ours(engine, asked)
    facts: dict[str, Any] = {
        "machines": size.machines, "seed": SEED, "build_s": round(build_s, 1),
        "build_mib": round(build_mib), "encode_us": round(ours.encode_us, 1), "cores": ours.cores,
    }  # fmt: skip
    ranked = Ours(engine, asked, RANKING)
    with tempfile.TemporaryDirectory(prefix="nonagon-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with EmbeddedPostgres(folder / "database") as server:
            databases = PostgresServer(server)
            postgres = Postgres(databases.clone(), held, asked)
            console.print(postgres.plan(0))
            parts = Partitions(held, asked)
            peers: list[Peer] = [
                postgres, DuckDb(held, asked), Roaring(parts), NumbaScan(parts), NumpyMasks(parts),
            ]  # fmt: skip
            identical = agree(ours, peers, size.batch, console)
            identical &= agree_ranked(ranked, NumpyMasks(parts), size.batch, console)
            timed = measured(ours, peers, size, console)
            postgres.close()
            gist = PostgresGist(databases.clone(), held, asked)
            console.print(gist.plan(0))
            identical &= agree(ours, [gist], size.gist, console)
            facts["gin_and_gist_us"] = arriving(gist.answer, size.gist)
            gist.close()
    facts["us_by_kind"] = by_kind(engine, ours, asked, size)
    facts["composite"] = round(compared(ours, ranked, size), 2)
    facts["loss_under_flips"] = round(loss_under_flips(engine, ours, size), 4)
    facts["gb_per_s"] = roofline(engine, ours, asked, size)
    facts["flips_per_s"] = round(flips(engine, size.machines))
    facts |= growth(ours, size, console)
    return finish(shown(timed, peers, facts, asked, identical=identical, console=console))


def built(held: Machines) -> tuple[ColumnarEngine, float, float]:
    """The engine, how long it took to build and how much memory it added, in MiB."""
    market = snapshot(held)
    before, began = _resident_mib(), time.perf_counter()
    engine = ColumnarEngine(market)
    return engine, time.perf_counter() - began, _resident_mib() - before


def agree(ours: Ours, peers: Sequence[Peer], count: int, console: Console) -> bool:
    """Whether everybody names the same machines in the same order; this also warms everybody."""
    expected = ours.answer_all(count)
    identical = True
    for peer in peers:
        given = peer.answer_all(count)
        wrong = [index for index in range(count) if given[index] != expected[index]]
        console.print(f"{peer.name}: {count - len(wrong)} of {count} answers alike")
        for index in wrong[:3]:
            console.print(f"  demand {index}: {given[index]} instead of {expected[index]}")
        identical = identical and not wrong
    return identical


def agree_ranked(ranked: Ours, masks: NumpyMasks, count: int, console: Console) -> bool:
    """Whether numpy names the same machines by generalised cost."""
    given = ranked.answer_all(count)
    wrong = [index for index in range(count) if given[index] != masks.answer_ranked(index, RANKING)]
    console.print(f"numpy masks, by generalised cost: {count - len(wrong)} of {count} alike")
    return not wrong


def measured(ours: Ours, peers: Sequence[Peer], size: Size, console: Console) -> Timed:
    """Ours is timed beside each peer, for the machine is not as fast in every second."""
    timed, encoded = Timed(), ours.encoded
    singles = min(size.singles, size.batch)

    def time_ours() -> None:
        seconds = timed_s(lambda: ours.repeat_all(size.batch))
        timed.batch.setdefault(OURS, []).append(seconds / OWN_REPEATS / size.batch)

    def time_ours_alone() -> None:
        took = arriving(lambda index: ours.search_one(encoded[index]), singles)
        timed.single_us.setdefault(OURS, []).append(took)

    for number in range(size.rounds):
        for peer in peers if number % 2 else list(reversed(peers)):
            time_ours()
            seconds = timed_s(partial(peer.answer_all, size.batch))
            timed.batch.setdefault(peer.name, []).append(seconds / size.batch)
            if not isinstance(peer, DuckDb):
                time_ours_alone()
                took = arriving(peer.answer, singles)
                timed.single_us.setdefault(peer.name, []).append(took)
        console.print(f"round {number + 1} of {size.rounds}")
    return timed


def arriving(answer: Callable[[int], object], count: int) -> dict[str, float]:
    """p50 and p99 in µs from when each demand was due, one every millisecond, to its answer."""
    took = np.empty(count)
    began = time.perf_counter() + 0.01
    for index in range(count):
        due = began + index / ARRIVALS_PER_S
        while time.perf_counter() < due:
            pass
        answer(index)
        took[index] = time.perf_counter() - due
    return {
        f"p{percent}": round(float(np.percentile(took, percent)) * 1e6, 1) for percent in (50, 99)
    }


def paired(one: Callable[[], object], other: Callable[[], object]) -> float:
    """How much longer ``other`` takes, medians of interleaved rounds."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(PAIRS):
        for arm in (0, 1) if number % 2 else (1, 0):
            took[arm].append(timed_s((one, other)[arm]))
    return median(took[1]) / median(took[0])


def compared(ours: Ours, ranked: Ours, size: Size) -> float:
    """How much longer a demand takes by generalised cost than by price."""
    return paired(lambda: ours.repeat_all(size.batch), lambda: ranked.repeat_all(size.batch))


def by_kind(engine: ColumnarEngine, ours: Ours, asked: Demands, size: Size) -> dict[str, float]:
    """Median µs of a demand of each kind, in batches of that kind."""
    took = {}
    for number, name in enumerate(KINDS):
        chosen = [ours.encoded[index] for index in np.flatnonzero(asked.kind == number)]
        batch = EncodedBatch.of(chosen)
        seconds = [timed_s(partial(engine.search_many, batch, limit=LIMIT))
                   for _ in range(OWN_REPEATS * size.rounds)]  # fmt: skip
        took[name] = round(median(seconds) / len(chosen) * 1e6, 3)
    return took


def timed_s(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def loss_under_flips(engine: ColumnarEngine, ours: Ours, size: Size) -> float:
    """The share of matching lost while 10,000 states a second are written by the same thread.

    Machines go down and come back, so that all answers are the same before and after.
    """
    draw = np.random.default_rng(SEED)
    numbers = draw.integers(0, size.machines, FLIPS)
    down, ones = np.zeros(FLIPS, np.int64), np.ones(FLIPS, np.int64)
    known = [engine.state_code(number) for number in range(size.machines)]
    states = np.array(known, np.int64)
    done = 0

    def disturbed() -> None:
        nonlocal done
        began = time.perf_counter()
        for _ in range(OWN_REPEATS):
            ours.search_all(size.batch)
            due = int((time.perf_counter() - began) * DISTURBING_FLIPS_PER_S) // 2
            chosen = numbers[done : done + due]
            engine.observe_many(chosen, down[: len(chosen)], ones[: len(chosen)])
            engine.observe_many(chosen, states[chosen], ones[: len(chosen)])
            done, began = (done + due) % (FLIPS // 2), time.perf_counter()

    return paired(lambda: ours.repeat_all(size.batch), disturbed) - 1


def roofline(engine: ColumnarEngine, ours: Ours, asked: Demands, size: Size) -> dict[str, float]:
    """GB/s of bit sets read for demands that nothing fits, and of an AND over half a MiB.

    Such demands read sets and little else; the half MiB stays in the second cache.
    """
    chosen = [ours.encoded[index] for index in np.flatnonzero(asked.kind == KINDS.index("none"))]
    batch = EncodedBatch.of(chosen)
    read = sum(engine.bit_set_bytes(one) for one in chosen)
    one, other = np.ones(1 << 15, np.uint64), np.ones(1 << 15, np.uint64)
    np.bitwise_and(one, other, out=one)
    rounds = OWN_REPEATS * size.rounds
    own = median(timed_s(lambda: engine.search_many(batch, limit=LIMIT)) for _ in range(rounds))
    bare = median(timed_s(lambda: np.bitwise_and(one, other, out=one)) for _ in range(rounds))
    return {"ours": round(read / own / 1e9, 1), "and": round(2 * one.nbytes / bare / 1e9, 1)}


def flips(engine: ColumnarEngine, count: int) -> float:
    """Live states written per second, one core, states drawn anew for random machines."""
    draw = np.random.default_rng(SEED)
    numbers = draw.integers(0, count, FLIPS)
    states = draw.integers(0, 2, FLIPS)
    measured_ones = np.ones(FLIPS, np.int64)
    engine.observe_many(numbers[:1], states[:1], measured_ones[:1])
    began = time.perf_counter()
    engine.observe_many(numbers, states, measured_ones)
    return FLIPS / (time.perf_counter() - began)


def growth(small: Ours, size: Size, console: Console) -> dict[str, Any]:
    """How much longer a demand takes in the grown market, in interleaved rounds, and which do."""
    console.print(f"building {size.grown:,} machines")
    held, asked = machines(size.grown, SEED), demands(size.batch, SEED + 1)
    engine = built(held)[0]
    grown = Ours(engine, asked)
    longer = paired(lambda: small.repeat_all(size.batch), lambda: grown.repeat_all(size.batch))
    return {
        "growth": round(longer, 2),
        "grown_us_by_kind": by_kind(engine, grown, asked, size),
        "grown_gb_per_s": roofline(engine, grown, asked, size),
    }


def shown(
    timed: Timed,
    peers: Sequence[Peer],
    facts: Mapping[str, Any],
    asked: Demands,
    *,
    identical: bool,
    console: Console,
) -> Report:
    table = Table(title=f"{facts['machines']:,} machines, the ten cheapest that fit")
    for heading in ("engine", "cores", "demands/s in a batch", "ours is", "one: p50 µs", "p99 µs"):
        table.add_column(heading, justify="right")
    own, alone = timed.per_second(OURS), timed.alone_us(OURS)
    cores = {OURS: 1} | {peer.name: peer.cores for peer in peers}
    for name in timed.batch:
        rate, single = timed.per_second(name), timed.alone_us(name)
        cells = (f"{rate:,.0f}", f"{own / rate:,.1f}×")
        times = (str(single.get("p50", "-")), str(single.get("p99", "-")))
        table.add_row(name, str(cores[name]), *cells, *times)
    console.print(table)
    ratios = {name: round(own / timed.per_second(name), 1) for name in timed.batch if name != OURS}
    prepared = timed.alone_us("PostgreSQL prepared")
    ratios |= {
        "single p50 to PostgreSQL": round(prepared["p50"] / alone["p50"], 1),
        "single p99 to PostgreSQL": round(prepared["p99"] / alone["p99"], 1),
    }
    kinds = {name: int((asked.kind == number).sum()) for number, name in enumerate(KINDS)}
    return Report(
        bench="matching",
        ours={"demands_per_s": round(own), "single_us": alone, "demands": kinds, **facts},
        peers={
            peer.name: {
                "demands_per_s": round(timed.per_second(peer.name)),
                "single_us": timed.alone_us(peer.name) or None,
                "cores": peer.cores,
            }
            for peer in peers
        },
        ratios=ratios,
        identical=identical,
        bars=[*_batch_bars(ratios), *_other_bars(ratios, facts)],
    )


def _batch_bars(ratios: Mapping[str, float]) -> list[Bar]:
    return [
        Bar(f"batch: times {name}", ratios[name], bar, ratios[name] >= bar)
        for name, bar in BATCH_BARS.items()
    ]


def _other_bars(ratios: Mapping[str, float], facts: Mapping[str, Any]) -> list[Bar]:
    p50, p99 = ratios["single p50 to PostgreSQL"], ratios["single p99 to PostgreSQL"]
    return [
        Bar("single: p50 of PostgreSQL over ours", p50, P50_BAR, p50 >= P50_BAR),
        Bar("single: p99 of PostgreSQL over ours", p99, P99_BAR, p99 >= P99_BAR),
        Bar("time per demand in the grown market", facts["growth"], GROWTH_BAR,
            facts["growth"] <= GROWTH_BAR),
        Bar("share lost under 10,000 states a second", facts["loss_under_flips"], LOSS_BAR,
            facts["loss_under_flips"] <= LOSS_BAR),
        Bar("time by generalised cost over price alone", facts["composite"], COMPOSITE_BAR,
            facts["composite"] <= COMPOSITE_BAR),
        Bar("live states per second", facts["flips_per_s"], FLIPS_BAR,
            facts["flips_per_s"] >= FLIPS_BAR),
    ]  # fmt: skip


def _resident_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


if __name__ == "__main__":
    sys.exit(main())
