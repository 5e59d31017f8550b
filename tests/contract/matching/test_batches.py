"""Demands asked together, in processes so large that their rows are asked for ahead."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from services.matching.domain import Place, Rate, Requirement
from services.matching.engine import layout as at
from services.matching.engine.columnar import ColumnarEngine
from services.matching.engine.interface import Snapshot, instant_of
from services.matching.engine.lanes import LANES
from services.matching.engine.oracle import OracleEngine
from services.matching.engine.sieve import AHEAD, ROWS_AHEAD, WARM_WORDS
from tests.contract.matching.market import (
    MILLING,
    TURNING,
    capability,
    gap,
    listing,
    market,
    requirement,
    resource,
)
from tests.support.clock import START as NOW

LIMIT = 4
MILLS = (WARM_WORDS + LANES) * at.WORD
LATHES = 30
FINEST_UM = 5
"""So fine are only a few."""
HERE = Place(30.0, 114.0)
FOREIGN = "machining.forging"


def _offered(number: int, drawn: random.Random) -> tuple[Any, Any]:
    fine = number % (MILLS // 12) == 0
    process = MILLING if number <= MILLS else TURNING
    kind = capability(process=process, tolerance_um=FINEST_UM if fine else drawn.randint(10, 90))
    start = drawn.randrange(0, 5_000)
    free = (gap(start, start + drawn.randrange(60, 600)),)
    place = Place(HERE.latitude + drawn.uniform(-4, 4), HERE.longitude + drawn.uniform(-4, 4))
    rate = Rate(per_hour_minor=drawn.randint(5_000, 20_000), setup_minor=drawn.choice((0, 9_000)))
    return resource(number, capabilities=(kind,), gaps=free), listing(
        number, rate=rate, place=place
    )


def crowd() -> Snapshot:
    """Two processes, one of them larger than any cache is trusted with; one in dollars alone."""
    drawn = random.Random(7)
    offered = [_offered(number, drawn) for number in range(1, MILLS + LATHES + 1)]
    abroad = MILLS + LATHES + 1
    forge = resource(abroad, capabilities=(capability(process=FOREIGN),))
    dollars = Rate(per_hour_minor=9_000, currency="USD")
    return market(
        *(one for one, _ in offered),
        forge,
        listings=[*(one for _, one in offered), listing(abroad, rate=dollars)],
    )


def demands() -> list[Requirement]:
    """What many, few and no machines fit, in turn."""
    near = {"place": HERE, "radius_km": 120}
    several = frozenset({MILLING, TURNING})
    kinds = [
        requirement(),
        requirement(tolerance_um=FINEST_UM),
        requirement(tolerance_um=1),
        requirement(tolerance_um=12, **near),
        requirement(processes=frozenset({FOREIGN})),
        requirement(processes=several, tolerance_um=FINEST_UM),
        requirement(budget_minor=18_000),
        requirement(processes=frozenset({TURNING})),
        requirement(minutes=590, budget_minor=120_000),
        requirement(processes=frozenset({"machining.unheard-of"})),
        requirement(tolerance_um=11, minutes=400),
    ]
    assert len(kinds) > 2 * AHEAD
    return kinds


def together(engine: ColumnarEngine, asked: Sequence[Requirement]) -> list[list[Any]]:
    """Who answers each, at which price, from when on."""
    asking = engine.asking(limit=LIMIT, now=NOW)
    found, counts = engine.search_many(
        engine.encode_many((one, asking) for one in asked), limit=LIMIT
    )
    return [
        [
            (offer.offer_id, int(row[at.F_PRICE]), instant_of(int(row[at.F_START])))
            for offer, row in zip(engine.listings(rows[:, at.F_ROW]), rows, strict=True)
        ]
        for rows in (one[:count] for one, count in zip(found, counts, strict=True))
    ]


def one_by_one(snapshot: Snapshot, asked: Iterable[Requirement]) -> list[list[Any]]:
    oracle = OracleEngine(snapshot)
    answers = (oracle.match(one, limit=LIMIT, now=NOW).candidates for one in asked)
    return [[(one.offer_id, one.price.minor, one.start) for one in found] for found in answers]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return crowd()


@pytest.fixture(scope="module")
def engine(snapshot: Snapshot) -> ColumnarEngine:
    return ColumnarEngine(snapshot)


def test_many_few_and_none_are_found_as_if_asked_alone(
    engine: ColumnarEngine, snapshot: Snapshot
) -> None:
    asked = demands()
    expected = one_by_one(snapshot, asked)
    assert {0, LIMIT} <= {len(one) for one in expected}
    assert MILLS > ROWS_AHEAD

    for order in (asked, asked[::-1], asked[:1], []):
        assert together(engine, order) == [expected[asked.index(one)] for one in order]


def test_what_changed_between_two_batches_is_seen(snapshot: Snapshot) -> None:
    engine, asked = ColumnarEngine(snapshot), demands()
    first = together(engine, asked)
    gone = {offer for found in first for offer, _, _ in found[:1]}
    changed = {one.resource_id for one in snapshot.listings if one.offer_id in gone}
    listings = list(snapshot.listings)
    dear = listings[-2]
    listings[-2] = replace(dear, rate=replace(dear.rate, per_hour_minor=1))

    for one in changed:
        engine.set_gaps(one, ())
    engine.set_rate((dear.offer_id, dear.resource_id), listings[-2].rate)

    booked = {
        key: replace(one, gaps=()) if key in changed else one
        for key, one in snapshot.resources.items()
    }
    now = together(engine, asked)
    assert now != first
    assert now == one_by_one(Snapshot(tuple(listings), booked), asked)
