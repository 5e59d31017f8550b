"""``make bench NAME=matching-agreement``: as many drawn cases as the suite has no time for.

Fresh markets asked once each, and one market after another changed thousands of times, every answer
compared with the oracle's; at the end each market is built anew and must have the same hash. No
times are promised: the bars are counts.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from rich.console import Console
from rich.progress import track

from services.capacity.domain import Provenance
from services.contracts.telemetry import ResourceState
from services.matching.engine.columnar import ColumnarEngine
from services.matching.engine.oracle import OracleEngine
from tests.contract.matching.market import Draw
from tests.contract.matching.test_updates import MACHINES, OFFERS, Market
from tests.perf.report import Bar, Report, finish
from tests.support.clock import START as NOW

SEED: Final = 20261122
PAIRS_BAR, UPDATES_BAR = 10_000, 100_000
UPDATES_PER_MARKET: Final = 1_000
UPDATES_PER_QUESTION: Final = 10
LIMIT: Final = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the cases")
    share = 10 if parser.parse_args().quick else 1
    console, began = Console(stderr=True), time.perf_counter()
    pairs, updates = PAIRS_BAR // share, UPDATES_BAR // share
    wrong = sum(
        not agrees(SEED + number) for number in track(range(pairs), "pairs", console=console)
    )
    told = [
        changed(SEED + number)
        for number in track(range(updates // UPDATES_PER_MARKET), "markets", console=console)
    ]
    wrong += sum(one["wrong"] for one in told)
    questions = sum(one["questions"] for one in told)
    return finish(
        Report(
            bench="matching-agreement",
            ours={
                "pairs": pairs, "updates": updates, "questions_between": questions,
                "rebuilt_alike": sum(one["rebuilt_alike"] for one in told), "wrong": wrong,
                "seed": SEED, "seconds": round(time.perf_counter() - began),
            },
            peers={},
            ratios={},
            identical=wrong == 0 and all(one["rebuilt_alike"] for one in told),
            bars=[
                Bar("demand and state pairs", pairs, PAIRS_BAR // share, holds=wrong == 0),
                Bar("updates", updates, UPDATES_BAR // share, holds=wrong == 0),
            ],
        )
    )  # fmt: skip


def agrees(seed: int) -> bool:
    """Whether a drawn market answers a drawn demand as the oracle does, verdicts included."""
    draw = Draw(seed)
    snapshot, asked, viewer = draw.market(), draw.requirement(), draw.maybe(0.5, draw.viewer)
    expected = OracleEngine(snapshot).match(asked, limit=LIMIT, now=NOW, viewer=viewer)
    found = ColumnarEngine(snapshot).match(asked, limit=LIMIT, now=NOW, viewer=viewer)
    return found == expected


def changed(seed: int) -> dict[str, Any]:
    """One market changed ``UPDATES_PER_MARKET`` times."""
    market, choose, wrong = Market(), random.Random(seed), 0
    market.opens(seed=seed)
    changes: list[Callable[[], None]] = [
        lambda: market.observes(
            state=choose.choice([None, *ResourceState]), provenance=choose.choice([*Provenance])
        ),
        lambda: market.books(count=choose.randint(0, 12)),
        market.reprices,
        lambda: market.lists(number=choose.randint(1, OFFERS)),
        market.withdraws,
        lambda: market.registers(number=choose.randint(1, MACHINES)),
    ]
    for number in range(UPDATES_PER_MARKET):
        choose.choice(changes)()
        if number % UPDATES_PER_QUESTION == 0:
            try:
                market.answers_as_the_oracle()
            except AssertionError:
                wrong += 1
    again = ColumnarEngine(market.engine.snapshot())
    return {
        "wrong": wrong,
        "questions": UPDATES_PER_MARKET // UPDATES_PER_QUESTION,
        "rebuilt_alike": again.state_hash() == market.engine.state_hash(),
    }


if __name__ == "__main__":
    sys.exit(main())
