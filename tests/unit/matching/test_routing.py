"""Routes of process chains: exact against trying everything, and what is reported beside them."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from services.capacity.domain import Certificate
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.matching.domain import CertificateNeed, Place, Requirement
from services.matching.engine.interface import FreeGap
from services.matching.engine.oracle import OracleEngine
from services.matching.routing import (
    STEPS_MAX,
    STOPS_MAX,
    Chain,
    ChainInvalidError,
    ChainStep,
    Objective,
    Route,
    Routing,
    Stop,
    bookable,
    route,
)
from services.matching.transport import Transport
from tests.contract.matching.market import (
    DAY,
    NOW_MINUTE,
    SHANGHAI,
    WUHAN,
    capability,
    gap,
    market,
    requirement,
    resource,
)
from tests.support.clock import START as NOW

MINUTE = timedelta(minutes=1)
NEAR = Place(30.6, 114.4)
FAST = Transport(speed_kmh=1_000, handling_minutes=1, unknown_minutes=3)
EARLIEST, CHEAPEST = Objective.EARLIEST, Objective.CHEAPEST
seeds = st.integers(0, 2**32 - 1)


def asked(minutes: int, opens: int = 0, closes: int = 10_000, units: int = 1) -> Requirement:
    window = Interval(NOW + opens * MINUTE, NOW + closes * MINUTE)
    return requirement(minutes=minutes, window=window, units=units)


def stop(number: int, minor: int, *free: FreeGap, place: Place | None = WUHAN) -> Stop:
    return Stop(
        offer_id=OfferId(UUID(int=number)),
        resource_id=ResourceId(UUID(int=number)),
        organisation_id=OrganisationId(UUID(int=number)),
        place=place,
        price=Money(minor),
        free=free or (gap(0, 10_000),),
    )


def step(minutes: int, *stops: Stop, truncated: bool = False, **window: int) -> ChainStep:
    return ChainStep(asked(minutes, **window), stops, truncated)


def drawn_chain(seed: int, *, steps: int, stops: int, span: int) -> Chain:
    """A chain over ``span`` minutes; gaps are short, so that about half of them lead nowhere."""
    draw = random.Random(seed)

    def place() -> Place | None:
        return draw.choice((None, WUHAN, WUHAN, WUHAN, NEAR, NEAR))

    def free() -> Iterator[FreeGap]:
        for _ in range(draw.randint(1, 3)):
            start = draw.randint(0, span)
            length = draw.choice((draw.randint(1, 4), draw.randint(1, span)))
            yield gap(start, min(span, start + length), draw.choice((1, 2, 2)))

    def one_stop() -> Stop:
        number = draw.randint(1, 9)
        made = stop(number, draw.randint(1, 30), *free(), place=place())
        return replace(made, setup=draw.choice((0, 0, 1)), turnaround=draw.choice((0, 0, 3)))

    def one_step() -> ChainStep:
        minutes, opens = draw.randint(1, 3), draw.choice((0, 0, 0, draw.randint(0, span // 3)))
        closes = draw.choice((span, span, span, draw.randint(opens + minutes, span)))
        need = asked(minutes, opens, closes, draw.choice((1, 1, 1, 2)))
        return ChainStep(need, tuple(one_stop() for _ in range(draw.randint(2, stops))))

    chosen = tuple(one_step() for _ in range(draw.randint(1, steps)))
    return Chain(chosen, origin=place(), destination=place())


def begins(chain: Chain) -> int:
    opens = chain.steps[0].requirement.window.start
    return NOW_MINUTE + max(0, (opens - NOW) // MINUTE)


def ends(chain: Chain, transport: Transport, *, every_start: bool) -> Iterator[tuple[int, int]]:
    """Delivery minute and price of every way: each stop, and each start or only the earliest."""

    def slots(number: int, at: Stop, ready: int) -> list[int]:
        need = chain.steps[number].requirement
        opens, closes = (
            (one - NOW) // MINUTE + NOW_MINUTE for one in (need.window.start, need.window.end)
        )
        found = [
            start
            for start in range(max(ready, opens), closes - at.setup - need.minutes + 1)
            if any(
                one.units >= need.units
                and one.start <= start
                and start + at.setup + need.minutes <= one.end
                for one in at.free
            )
        ]
        return found if every_start else found[:1]

    def onwards(
        number: int, here: Place | None, now: int, minor: int, last: Stop | None = None
    ) -> Iterator[tuple[int, int]]:
        if number == len(chain.steps):
            home = 0 if chain.destination is None else transport.minutes(here, chain.destination)
            yield (now + home, minor)
            return
        for at in chain.steps[number].stops:
            is_first_trip_free = number == 0 and chain.origin is None
            trip = 0 if is_first_trip_free else transport.minutes(here, at.place)
            again = last is not None and last.resource_id == at.resource_id
            waits = max(trip, at.turnaround if again else 0)
            for start in slots(number, at, now + waits):
                done = start + at.setup + chain.steps[number].requirement.minutes
                yield from onwards(number + 1, at.place, done, minor + at.price.minor, at)

    return onwards(0, chain.origin, begins(chain), 0)


def best_of(chain: Chain, objective: Objective, *, every_start: bool) -> tuple[int, int] | None:
    found = ends(chain, FAST, every_start=every_start)
    if objective is EARLIEST:
        return min(found, default=None)
    return min(found, key=lambda one: one[::-1], default=None)


def pair(best: Route | None) -> tuple[int, int] | None:
    return (
        None if best is None else ((best.delivered - NOW) // MINUTE + NOW_MINUTE, best.price.minor)
    )


def ask(chain: Chain, objective: Objective = EARLIEST, **options: Any) -> Routing:
    return route(chain, objective=objective, now=NOW, **{"transport": FAST, **options})


@pytest.mark.parametrize("objective", Objective)
class TestExactness:
    @settings(max_examples=120, deadline=None)
    @given(seed=seeds)
    def test_no_way_at_any_start_is_better(self, objective: Objective, seed: int) -> None:
        chain = drawn_chain(seed, steps=3, stops=3, span=24)
        found = ask(chain, objective)
        assert pair(found.best) == best_of(chain, objective, every_start=True)
        event("a route" if found.best else "no route")
        assert found.proven
        assert found.bound == found.value

    @settings(max_examples=100, deadline=None)
    @given(seed=seeds)
    def test_six_steps_are_as_exact(self, objective: Objective, seed: int) -> None:
        chain = drawn_chain(seed, steps=6, stops=4, span=90)
        assert pair(ask(chain, objective).best) == best_of(chain, objective, every_start=False)

    @settings(max_examples=120, deadline=None)
    @given(seed=seeds, front_max=st.integers(1, 2))
    def test_the_bound_holds_whatever_is_dropped(
        self, objective: Objective, seed: int, front_max: int
    ) -> None:
        chain = drawn_chain(seed, steps=6, stops=6, span=90)
        cut, whole = ask(chain, objective, front_max=front_max), ask(chain, objective)
        if whole.value is None:
            assert cut.best is None
            return
        assert cut.bound is not None
        assert cut.bound <= whole.value
        if cut.value is not None:
            assert cut.value >= whole.value
            assert cut.proven == (cut.bound == cut.value)
        assert not cut.proven or cut.value == whole.value
        event(f"proven {cut.proven}")

    @settings(max_examples=100, deadline=None)
    @given(seed=seeds)
    def test_a_route_is_what_its_legs_are(self, objective: Objective, seed: int) -> None:
        chain = drawn_chain(seed, steps=5, stops=3, span=40)
        found = ask(chain, objective)
        if found.best is None:
            return
        check_legs(chain, found.best)
        expected = found.best.lead // MINUTE if objective is EARLIEST else found.best.price.minor
        assert found.value == expected

    @settings(max_examples=40, deadline=None)
    @given(seed=seeds)
    def test_the_order_of_the_stops_changes_nothing(self, objective: Objective, seed: int) -> None:
        chain = drawn_chain(seed, steps=4, stops=4, span=30)
        turned = replace(
            chain, steps=tuple(replace(one, stops=one.stops[::-1]) for one in chain.steps)
        )
        assert pair(ask(turned, objective).best) == pair(ask(chain, objective).best)


def check_legs(chain: Chain, found: Route) -> None:
    assert len(found.legs) == len(chain.steps)
    arrived = NOW + (begins(chain) - NOW_MINUTE) * MINUTE
    for leg, one in zip(found.legs, chain.steps, strict=True):
        assert leg.start >= arrived + leg.transport_minutes * MINUTE
        occupied = leg.setup_minutes + one.requirement.minutes
        assert leg.end - leg.start == occupied * MINUTE
        assert one.requirement.window.contains(Interval(leg.start, leg.end))
        assert any(
            (leg.offer_id, leg.price) == (it.offer_id, it.price)
            and any(is_inside(leg.start, leg.end, free) for free in it.free)
            for it in one.stops
        )
        arrived = leg.end
    assert found.price.minor == sum(leg.price.minor for leg in found.legs)
    assert found.delivered >= arrived


def is_inside(start: datetime, end: datetime, free: FreeGap) -> bool:
    first, last = ((one - NOW) // MINUTE + NOW_MINUTE for one in (start, end))
    return free.start <= first and last <= free.end


class TestRoute:
    def test_turn_mill_harden_measure_over_two_towns(self) -> None:
        chain = Chain(
            (
                step(120, stop(1, 500), stop(2, 300, place=SHANGHAI)),
                step(240, stop(3, 900), stop(4, 800, place=SHANGHAI)),
                step(480, stop(5, 700, gap(2_000, 3_000))),
                step(60, stop(6, 200)),
            ),
            destination=WUHAN,
        )
        soonest = ask(chain, EARLIEST, transport=Transport(speed_kmh=60)).best
        assert soonest is not None
        assert [leg.offer_id.int for leg in soonest.legs] == [2, 4, 5, 6]
        assert soonest.lead == 2_540 * MINUTE
        assert soonest.price == Money(2_000)
        assert [leg.transport_minutes for leg in soonest.legs] == [0, 0, 748, 0]

    def test_the_cheapest_may_be_late_and_the_window_may_forbid_it(self) -> None:
        stops = (stop(1, 900, gap(0, 100)), stop(2, 100, gap(500, 700)))
        chain = Chain((step(60, *stops), step(60, stop(3, 50))))
        assert value_of(ask(chain, CHEAPEST)) == (150, 150)
        tight = Chain((step(60, *stops), step(60, stop(3, 50), closes=200)))
        assert value_of(ask(tight, CHEAPEST)) == (950, 950)
        assert value_of(ask(tight, EARLIEST)) == (120, 120)

    def test_equals_fall_to_the_other_objective(self) -> None:
        waiting = step(10, stop(3, 1, gap(100, 200)))
        chain = Chain((step(10, stop(1, 9), stop(2, 5, gap(50, 60))), waiting))
        found = ask(chain, EARLIEST).best
        assert found is not None
        assert found.price == Money(6)

    def test_no_route_is_proven_too(self) -> None:
        chain = Chain((step(60, stop(1, 1, gap(0, 30))), step(60, stop(2, 1))))
        assert ask(chain) == Routing(None, None, None, proven=True, truncated=())
        nobody = Chain((step(60, stop(1, 1)), step(60)))
        assert ask(nobody, front_max=1).proven

    def test_steps_that_more_could_take_are_told(self) -> None:
        chain = Chain(
            (
                step(5, stop(1, 1)),
                step(5, stop(2, 1), truncated=True),
                step(5, stop(3, 1), truncated=True),
            )
        )
        assert ask(chain).truncated == (1, 2)

    def test_the_part_starts_from_its_origin_and_when_the_first_window_opens(self) -> None:
        chain = Chain((step(10, stop(1, 1, place=NEAR), opens=30),), origin=WUHAN)
        found = ask(chain).best
        assert found is not None
        trip = FAST.minutes(WUHAN, NEAR)
        assert found.legs[0].start == NOW + (30 + trip) * MINUTE
        assert found.lead == (trip + 10) * MINUTE

    def test_many_stops_of_six_steps_are_routed_whole(self) -> None:
        draw = random.Random(3)
        chain = Chain(
            tuple(
                step(30, *(crowded_stop(number, draw) for number in range(20)))
                for _ in range(STEPS_MAX)
            )
        )
        assert all(ask(chain, one).proven for one in Objective)


def crowded_stop(number: int, draw: random.Random) -> Stop:
    starts = [draw.randint(0, 5_000) for _ in range(5)]
    free = (gap(start, start + draw.randint(30, 300)) for start in starts)
    return stop(number, draw.randint(1, 10_000), *free, place=draw.choice((WUHAN, NEAR, SHANGHAI)))


def value_of(found: Routing) -> tuple[int | None, int | None]:
    return (found.value, found.bound)


class TestRefusals:
    @pytest.mark.parametrize("count", [0, STEPS_MAX + 1])
    def test_a_chain_has_one_to_six_steps(self, count: int) -> None:
        with pytest.raises(ChainInvalidError, match=f"it has {count} steps") as refusal:
            Chain((step(5, stop(1, 1)),) * count)
        assert "工序" in refusal.value.text("zh-CN")

    def test_candidates_are_bounded_and_of_one_currency(self) -> None:
        with pytest.raises(ChainInvalidError, match="51 candidates"):
            Chain((step(5, *(stop(1, 1),) * (STOPS_MAX + 1)),))
        euros = replace(stop(2, 1), price=Money(1, "EUR"))
        with pytest.raises(ChainInvalidError, match="several currencies"):
            Chain((step(5, stop(1, 1), euros),))

    def test_transport_moves(self) -> None:
        for wrong in ({"speed_kmh": 0}, {"handling_minutes": -1}, {"unknown_minutes": -1}):
            with pytest.raises(ValueError, match="no such transport"):
                Transport(**wrong)


class TestTransport:
    def test_distance_over_speed_rounded_up_and_handling(self) -> None:
        assert Transport(speed_kmh=60, handling_minutes=60).minutes(WUHAN, SHANGHAI) == 60 + 688
        assert Transport().minutes(WUHAN, WUHAN) == 0
        assert Transport().minutes(WUHAN, None) == 24 * 60


class TestBookable:
    def free(self, need: Requirement | None = None, **facts: Any) -> tuple[FreeGap, ...]:
        need = need or requirement(window=Interval(NOW, NOW + 30 * DAY))
        offered = resource(**facts)
        (found,) = OracleEngine(market(offered)).match(need, limit=1, now=NOW).candidates
        return bookable(need, found, offered, now=NOW)

    def test_notice_horizon_and_live_state_are_off(self) -> None:
        assert self.free(notice_minutes=60, horizon_minutes=600) == (gap(60, 600),)
        assert self.free(state=ResourceState.DOWN) == (gap(24 * 60, 10_000),)

    def test_gaps_too_short_or_with_too_few_units_are_off(self) -> None:
        gaps = (gap(0, 119, 3), gap(200, 320, 2), gap(400, 900, 1))
        need = requirement(window=Interval(NOW, NOW + DAY), units=2)
        assert self.free(need, units=3, gaps=gaps) == (gap(200, 320, 2),)

    @pytest.mark.parametrize(
        ("valid_to", "end"),
        [(None, 10_000), (date(2027, 1, 1), 10_000), (NOW.date(), 900), (date.max, 10_000)],
    )
    def test_days_after_a_certificate_ends_are_off(self, valid_to: date | None, end: int) -> None:
        assert (NOW.hour, NOW.minute) == (9, 0)
        held = capability(certificates=(Certificate("cnas", valid_to=valid_to),))
        need = requirement(
            window=Interval(NOW, NOW + 30 * DAY), certificates=frozenset({CertificateNeed("cnas")})
        )
        assert self.free(need, capabilities=(held,)) == (gap(0, end),)

    @settings(max_examples=40, deadline=None)
    @given(seed=seeds)
    def test_every_slot_in_it_is_an_answer(self, seed: int) -> None:
        draw = random.Random(seed)
        gaps = tuple(gap(start, start + draw.randint(0, 400)) for start in (0, 1_300, 1_700))
        held = Certificate("cnas", valid_to=NOW.date() + draw.choice((0, 1, 2)) * DAY)
        offered = resource(
            gaps=gaps,
            capabilities=(capability(certificates=(held,)),),
            state=draw.choice((None, ResourceState.DOWN)),
            notice_minutes=draw.choice((0, 100)),
        )
        need = requirement(
            window=Interval(NOW, NOW + 3 * DAY), certificates=frozenset({CertificateNeed("cnas")})
        )
        engine = OracleEngine(market(offered))
        for found in engine.match(need, limit=1, now=NOW).candidates:
            free = bookable(need, found, offered, now=NOW)
            for start in range(0, 2_200, 7):
                window = Interval(NOW + start * MINUTE, NOW + (start + need.minutes) * MINUTE)
                at = replace(need, window=window)
                fits = bool(engine.match(at, limit=1, now=NOW).candidates)
                assert fits == any(is_inside(window.start, window.end, one) for one in free)
