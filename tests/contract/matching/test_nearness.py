"""Demands ranked by cost among many rows: those too far away for their price are left out."""

import random
from itertools import product

import pytest

from services.matching.domain import Place, Rate, Requirement
from services.matching.engine.columnar import ColumnarEngine
from services.matching.engine.interface import OfferedResource, Snapshot
from services.matching.engine.oracle import OracleEngine
from services.matching.ranking import WEIGHT_MAX, Ranking
from tests.contract.matching.market import identities, listing, market, requirement, resource
from tests.support.clock import START as NOW

MILLS = 400
LIMIT = 3
HERE = Place(30.0, 114.0)
CORNERS = (HERE, Place(33.5, 110.2), Place(-33.0, -70.6))


def _mill(number: int, drawn: random.Random) -> OfferedResource:
    return resource(number, reliability=drawn.choice((None, 0, 400, 900, 1_000)))


def _crowd(drawn: random.Random) -> Snapshot:
    listings = [
        listing(
            number,
            rate=Rate(per_hour_minor=drawn.randint(9_000, 14_000)),
            place=Place(HERE.latitude + drawn.uniform(-5, 5), HERE.longitude + drawn.uniform(-5, 5))
            if number % 9
            else None,
        )
        for number in range(1, MILLS + 1)
    ]
    return market(*(_mill(number, drawn) for number in range(1, MILLS + 1)), listings=listings)


def _asked() -> list[Requirement]:
    weights = product((1, 40, 300, WEIGHT_MAX), (0, 5_000, WEIGHT_MAX), CORNERS)
    return [
        requirement(
            place=place,
            ranking=Ranking(
                per_km_minor=per_km, unreliability_minor=unreliability, per_hour_minor=50
            ),
        )
        for per_km, unreliability, place in weights
    ]


@pytest.fixture
def crowd() -> Snapshot:
    return _crowd(random.Random(11))


def test_whoever_is_left_out_would_not_have_ranked(crowd: Snapshot) -> None:
    oracle, engine = OracleEngine(crowd), ColumnarEngine(crowd)

    for asked in _asked():
        expected = oracle.match(asked, limit=LIMIT, now=NOW).candidates
        found = engine.match(asked, limit=LIMIT, now=NOW).candidates
        assert [(one.cost, one.start) for one in found] == [
            (one.cost, one.start) for one in expected
        ], asked.ranking
        assert identities(found) == identities(expected), asked.ranking


def test_what_became_reliable_or_moved_is_no_longer_left_out(crowd: Snapshot) -> None:
    engine, drawn = ColumnarEngine(crowd), random.Random(12)
    changed = _crowd(drawn)
    for one in changed.resources.values():
        engine.put_resource(one)
    for offered in changed.listings:
        engine.put_listing(offered)
    oracle = OracleEngine(changed)

    for asked in _asked():
        assert identities(engine.match(asked, limit=LIMIT, now=NOW).candidates) == identities(
            oracle.match(asked, limit=LIMIT, now=NOW).candidates
        ), asked.ranking
