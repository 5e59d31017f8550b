"""What every engine promises of set-up, lots and resources that are free only together."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.capacity.domain import Certificate, Gap, Provenance, joint_gaps
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.matching.domain import CertificateNeed, Constraint
from services.matching.engine.interface import (
    EngineFactory,
    FreeGap,
    OfferedResource,
    ceil_minute,
    floor_minute,
)
from tests.contract.matching.engines import ENGINES, EXPLAINING, ask, causes_of
from tests.contract.matching.market import (
    capability,
    gap,
    machine,
    market,
    requirement,
    resource,
)
from tests.support.clock import START as NOW

MINUTE = timedelta(minutes=1)
SPAN = 30
"""Minutes over which drawn gaps lie, so that every start can be tried."""


@pytest.fixture(params=ENGINES)
def engine_for(request: pytest.FixtureRequest) -> EngineFactory:
    return ENGINES[request.param]


class TestSetUp:
    def test_lies_with_the_work_in_one_gap_and_is_occupied_too(
        self, engine_for: EngineFactory
    ) -> None:
        gaps = (gap(0, 120), gap(200, 349), gap(400, 600))
        snapshot = market(resource(setup_minutes=30, gaps=gaps))
        (found,) = ask(engine_for, snapshot, requirement()).candidates
        assert (found.start - NOW, found.end - NOW) == (400 * MINUTE, 550 * MINUTE)
        assert (found.price, found.setup_minutes) == (Money(20_000), 30)

    @pytest.mark.parametrize(("minutes", "fits"), [(150, True), (149, False)])
    def test_must_be_over_in_time_for_the_work(
        self, engine_for: EngineFactory, minutes: int, *, fits: bool
    ) -> None:
        asked = requirement(window=Interval(NOW, NOW + minutes * MINUTE))
        result = ask(engine_for, market(resource(setup_minutes=30)), asked)
        assert bool(result.candidates) is fits
        far = ask(engine_for, market(resource(setup_minutes=30, horizon_minutes=minutes)), asked)
        assert bool(far.candidates) is fits

    def test_does_not_count_as_work_against_the_minimum(self, engine_for: EngineFactory) -> None:
        offered = market(resource(setup_minutes=30, minimum_minutes=121))
        assert causes_of(ask(engine_for, offered, requirement())) == [(Constraint.HOURS,)]

    @pytest.mark.parametrize(("setup", "fits"), [(10, True), (11, False)])
    def test_puts_the_day_certificates_are_needed_for_off(
        self, engine_for: EngineFactory, setup: int, *, fits: bool
    ) -> None:
        held = Certificate("cnas", valid_to=NOW.date())
        left = (NOW.replace(hour=23, minute=59) - NOW) // MINUTE + 1
        late = resource(
            setup_minutes=setup,
            gaps=(gap(left - 130, 9_999),),
            capabilities=(capability(certificates=(held,)),),
        )
        asked = requirement(certificates=frozenset({CertificateNeed("cnas")}))
        assert bool(ask(engine_for, market(late), asked).candidates) is fits


class TestLot:
    @pytest.mark.parametrize(("pieces", "fits"), [(49, False), (50, True)])
    def test_of_fewer_pieces_than_the_smallest_is_not_taken_on(
        self, engine_for: EngineFactory, pieces: int, *, fits: bool
    ) -> None:
        offered = market(resource(minimum_quantity=50))
        result = ask(engine_for, offered, requirement(quantity=pieces))
        assert bool(result.candidates) is fits
        assert causes_of(result) == ([] if fits else [(Constraint.LOT,)])

    @pytest.mark.parametrize("name", EXPLAINING)
    def test_tells_how_many_pieces_are_missing(self, name: str) -> None:
        offered = market(resource(minimum_quantity=50))
        result = ask(EXPLAINING[name], offered, requirement(quantity=20))
        (verdict,) = [one for one in result.near_misses[0].verdicts if not one.passed]
        assert (verdict.asked, verdict.offered, verdict.margin) == (20, 50, -30)


def capacity_gap(start: int, end: int, units: int) -> Gap:
    interval = Interval(NOW + start * MINUTE, NOW + end * MINUTE)
    return Gap(machine(1), interval, units, Provenance.DECLARED, None)


drawn_gaps = st.lists(
    st.tuples(st.integers(0, SPAN - 1), st.integers(1, SPAN), st.integers(1, 3)).map(
        lambda drawn: capacity_gap(drawn[0], drawn[0] + drawn[1], drawn[2])
    ),
    max_size=4,
)


def joint(own: list[Gap], companions: list[tuple[list[Gap], int]], **facts: Any) -> OfferedResource:
    """A resource as a snapshot gives it to engines."""
    gaps = (
        FreeGap(ceil_minute(one.interval.start), floor_minute(one.interval.end), one.free_units)
        for one in joint_gaps(own, companions, shortest=MINUTE)
    )
    return resource(minimum_minutes=1, units=3, gaps=tuple(gaps), **facts)


def is_free(gaps: list[Gap], occupied: Interval, units: int) -> bool:
    return any(one.interval.contains(occupied) and one.free_units >= units for one in gaps)


@settings(max_examples=100, deadline=None)
@given(
    own=drawn_gaps,
    companions=st.lists(st.tuples(drawn_gaps, st.integers(1, 2)), max_size=2),
    minutes=st.integers(1, 8),
    setup=st.sampled_from([0, 3]),
    units=st.integers(1, 2),
)
@pytest.mark.parametrize("name", ENGINES)
def test_the_slot_found_is_the_first_in_which_everything_needed_is_free(
    name: str,
    own: list[Gap],
    companions: list[tuple[list[Gap], int]],
    minutes: int,
    setup: int,
    units: int,
) -> None:
    first = None
    for start in range(2 * SPAN):
        occupied = Interval.starting(NOW + start * MINUTE, (setup + minutes) * MINUTE)
        if is_free(own, occupied, units) and all(
            is_free(gaps, occupied, units * each) for gaps, each in companions
        ):
            first = occupied
            break
    asked = requirement(minutes=minutes, units=units)
    found = ask(ENGINES[name], market(joint(own, companions, setup_minutes=setup)), asked)
    slots = [Interval(one.start, one.end) for one in found.candidates]
    assert slots == ([] if first is None else [first])
