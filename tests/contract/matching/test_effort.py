"""How much a search has to look through, and that a bound lets it stop."""

from services.matching.domain import Rate
from services.matching.engine import layout as at
from services.matching.engine.columnar import ColumnarEngine
from tests.contract.matching.market import listing, market, requirement, resource
from tests.support.clock import START as NOW

MACHINES = 20 * at.WORD


def crowd() -> ColumnarEngine:
    """Machines of one process, each dearer than the one before."""
    numbers = range(1, MACHINES + 1)
    listings = [listing(one, rate=Rate(per_hour_minor=10_000 + one)) for one in numbers]
    return ColumnarEngine(market(*map(resource, numbers), listings=listings))


def test_whoever_found_enough_stops_at_the_bound() -> None:
    engine = crowd()
    assert engine.effort == (0, 0)

    found = engine.match(requirement(), limit=3, now=NOW)

    examined, stopped = engine.effort
    assert len(found.candidates) == 3
    assert stopped == 1
    assert 0 < examined < MACHINES


def test_what_nothing_fits_is_looked_for_to_the_end() -> None:
    engine = crowd()
    asked = engine.encode(requirement(tolerance_um=1), limit=3, now=NOW)

    assert len(engine.search(asked, limit=3)) == 0

    examined, stopped = engine.effort
    assert stopped == 0
    assert examined >= MACHINES


def test_it_adds_up_whatever_is_asked_for() -> None:
    engine = crowd()
    asked = engine.encode(requirement(), limit=1, now=NOW)
    engine.search(asked, limit=1)
    once = engine.effort

    engine.search(asked, limit=1)
    engine.search(asked, limit=50)

    assert engine.effort == (3 * once[0], 3 * once[1])
