"""Relaxations gain exactly what they say, and no smaller step gains anything."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import combinations, product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from services.capacity.domain import Certificate
from services.contracts.ids import OrganisationId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.matching.domain import (
    RELAXATIONS_MAX,
    Aspect,
    Candidate,
    CertificateNeed,
    Rate,
    Relaxation,
    Requirement,
    RequirementInvalidError,
    Step,
)
from services.matching.engine.interface import Snapshot
from services.matching.engine.oracle import OracleEngine
from services.matching.relaxation import Relaxations, relaxations
from tests.contract.matching.easing import (
    KNOWN,
    Kind,
    ease,
    eased_to,
    is_smaller,
    kind_of,
    take,
    values,
)
from tests.contract.matching.engines import ENGINES, EXPLAINING
from tests.contract.matching.market import (
    DAY,
    MILLING,
    SHANGHAI,
    TURNING,
    WUHAN,
    Draw,
    capability,
    gap,
    identities,
    listing,
    market,
    markets,
    requirement,
    requirements,
    resource,
    seeds,
)
from tests.support.clock import START as NOW

MANY = 20
CROWD = 4
WEEK = Interval(NOW, NOW + 7 * DAY)
ENOUGH = 10**9
HOUR = timedelta(hours=1)

drawn = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def picky(seed: int) -> Requirement:
    """A drawn requirement that asks for more, so that most answers are short."""
    more = Draw(seed)
    plain = more.requirement()
    certificate = more.maybe(0.3, lambda: CertificateNeed("cnas", more.one(None, "hardness")))
    place = plain.place or more.maybe(0.4, lambda: WUHAN)
    return replace(
        plain,
        processes=frozenset({MILLING, TURNING}),
        tolerance_um=more.one(plain.tolerance_um, 9, 10, 20),
        budget_minor=more.one(plain.budget_minor, 1, 500, 2_000),
        place=place,
        radius_km=more.one(0, 20, None) if place else None,
        certificates=plain.certificates | ({certificate} if certificate else set()),
        window=more.one(plain.window, more.window(plain.minutes)),
    )


def crowd(seed: int) -> Snapshot:
    draw = Draw(seed)
    return next(one for one in iter(draw.market, None) if len(one.listings) > CROWD)


crowded = seeds.map(crowd)
demands = st.one_of(requirements, seeds.map(picky), seeds.map(picky))


def of_firms(snapshot: Snapshot) -> Snapshot:
    """``snapshot`` with its listings dealt out to two firms."""
    dealt = (
        replace(one, organisation_id=OrganisationId(UUID(int=number % 2)))
        for number, one in enumerate(snapshot.listings)
    )
    return Snapshot(tuple(dealt), snapshot.resources)


class Market:
    """A market asked in any way, and who fits only then."""

    def __init__(self, snapshot: Snapshot, asked: Requirement) -> None:
        self.engine = OracleEngine(snapshot)
        self.asked = asked
        self.before = self.candidates(asked)
        self.values = values(snapshot, asked)

    def candidates(self, asked: Requirement) -> tuple[Candidate, ...]:
        return self.engine.match(asked, limit=MANY, now=NOW).candidates

    def gained(self, *moves: tuple[Kind, Any]) -> list[Candidate]:
        """Who is gained by ``moves``; a longer booking is asked last."""
        asked = self.asked
        with suppress(RequirementInvalidError):
            for kind, to in sorted(moves, key=lambda one: one[0][0] is Aspect.HOURS):
                asked = ease(asked, kind, to)
            fitted = identities(self.before)
            return [
                one
                for one in self.candidates(asked)
                if (one.offer_id, one.resource_id) not in fitted
            ]
        return []

    def smaller(self, kind: Kind, to: Any) -> list[Any]:
        return [one for one in self.values.get(kind, ()) if is_smaller(kind, one, to)]

    def farthest(self, kind: Kind) -> list[Any]:
        """Values that together gain whatever any of the kind gains."""
        found = self.values[kind]
        if kind[0] is Aspect.HOURS or not found:
            return found
        last = found[0]
        for one in found:
            last = one if is_smaller(kind, last, one) else last
        return [last]

    def gaining(self) -> set[Kind]:
        """The kinds of which some step gains."""
        return {
            kind
            for kind, listed in self.values.items()
            if any(self.gained((kind, to)) for to in listed)
        }

    def gaining_pairs(self) -> set[frozenset[Kind]]:
        return {
            frozenset({one, other})
            for one, other in combinations(self.values, 2)
            if any(
                self.gained((one, to), (other, beside))
                for to in self.farthest(one)
                for beside in self.farthest(other)
            )
        }


def explained(
    snapshot: Snapshot, asked: Requirement, *, limit: int = MANY, **options: Any
) -> tuple[Relaxation, ...]:
    choices = {"known": KNOWN, "judged_max": ENOUGH, **options}
    return relaxations(OracleEngine(snapshot), asked, limit=limit, now=NOW, **choices).found


@settings(drawn, max_examples=30)
@given(snapshot=crowded.map(of_firms), asked=demands)
def test_what_is_told_is_exact_smallest_and_whole(snapshot: Snapshot, asked: Requirement) -> None:
    asking = Market(snapshot, asked)
    found = explained(snapshot, asked)
    for one in found:
        assert one == gains(asking, one)
    singles = [one.steps[0] for one in found if len(one.steps) == 1]
    pairs = [(one.steps[0], one.steps[1]) for one in found if len(one.steps) == 2]
    assert len(singles) in {0, len(found)}
    event(f"{len(singles)} single steps, {len(pairs)} pairs")
    check_singles(asking, singles)
    check_pairs(asking, pairs)
    if len(found) < RELAXATIONS_MAX:
        assert {kind_of(step) for step in singles} == asking.gaining()
        kinds = {frozenset({kind_of(one), kind_of(other)}) for one, other in pairs}
        assert singles or kinds == asking.gaining_pairs()


def gains(asking: Market, told: Relaxation) -> Relaxation:
    """What the steps that were ``told`` really gain."""
    fitted = identities(asking.before)
    after = asking.candidates(take(asking.asked, *told.steps))
    gained = [one for one in after if (one.offer_id, one.resource_id) not in fitted]
    return Relaxation(
        steps=told.steps,
        listings=len(gained),
        organisations=len({one.organisation_id for one in gained}),
        lost=len(set(fitted) - set(identities(after))),
        price=gained[0].price,
        price_before=asking.before[0].price if asking.before else None,
        earliest_end=min(one.end for one in gained),
        earliest_end_before=min((one.end for one in asking.before), default=None),
    )


def check_singles(asking: Market, told: Sequence[Step]) -> None:
    for step in told:
        smaller = asking.smaller(kind_of(step), eased_to(step))
        assert not any(asking.gained((kind_of(step), to)) for to in smaller), step


def check_pairs(asking: Market, told: Sequence[tuple[Step, Step]]) -> None:
    for one, other in told:
        whole = (eased_to(one), eased_to(other))
        smaller = [*asking.smaller(kind_of(one), whole[0]), whole[0]]
        beside = [*asking.smaller(kind_of(other), whole[1]), whole[1]]
        for pair in product(smaller, beside):
            moves = ((kind_of(one), pair[0]), (kind_of(other), pair[1]))
            assert bool(asking.gained(*moves)) == (pair == whole), (one, other)


@drawn
@given(snapshot=markets, asked=demands, limit=st.integers(1, 5))
def test_a_full_answer_is_not_relaxed(snapshot: Snapshot, asked: Requirement, limit: int) -> None:
    full = len(Market(snapshot, asked).before) >= limit
    found = explained(snapshot, asked, limit=limit)
    assert not (full and found)
    assert full or found == explained(snapshot, asked)


@drawn
@given(snapshot=markets, asked=demands, judged_max=st.integers(0, 200))
def test_what_may_be_judged_bounds_the_search_and_nothing_untrue_is_told(
    snapshot: Snapshot, asked: Requirement, judged_max: int
) -> None:
    judged = 0

    class Counting(OracleEngine):
        def match(self, *arguments: Any, **options: Any) -> Any:
            nonlocal judged
            found = super().match(*arguments, **options)
            judged += found.considered
            return found

    answered = relaxations(
        Counting(snapshot), asked, limit=MANY, now=NOW, known=KNOWN, judged_max=judged_max
    )
    found = answered.found
    considered = OracleEngine(snapshot).match(asked, limit=MANY, now=NOW).considered
    assert judged <= judged_max + considered
    if not found or len(found[0].steps) == 1:
        assert set(found) <= set(explained(snapshot, asked))
    if answered.complete:
        assert found == explained(snapshot, asked)
    event(f"complete {answered.complete}")


@pytest.mark.parametrize("name", [name for name in EXPLAINING if name != "oracle"])
@drawn
@given(snapshot=crowded, asked=demands)
def test_every_engine_is_relaxed_alike(name: str, snapshot: Snapshot, asked: Requirement) -> None:
    found = relaxations(
        ENGINES[name](snapshot), asked, limit=MANY, now=NOW, known=KNOWN, judged_max=ENOUGH
    )
    assert found == Relaxations(explained(snapshot, asked))


@settings(drawn, max_examples=2)
@given(snapshot=markets, asked=demands)
def test_an_engine_that_tells_no_verdicts_is_relaxed_alike(
    snapshot: Snapshot, asked: Requirement
) -> None:
    engine = ENGINES["stepping"](snapshot)
    found = relaxations(engine, asked, limit=MANY, now=NOW, known=KNOWN, judged_max=400).found
    whole = explained(snapshot, asked)
    assert found == whole or set(found) < set(whole) or len(whole[0].steps) == 2


def of(number: int, **changes: Any) -> Any:
    """A firm's listing of its own machine."""
    return listing(number, organisation_id=OrganisationId(UUID(int=number)), **changes)


def told(snapshot: Snapshot, asked: Requirement, **options: Any) -> list[list[tuple[Any, ...]]]:
    found = explained(snapshot, asked, known=WEEK, **options)
    return [[(it.aspect, it.asked, it.eased) for it in one.steps] for one in found]


class TestSingleSteps:
    def test_a_looser_tolerance_gains_firms_and_days(self) -> None:
        soon, late = (gap(0, 1_000),), (gap(3 * 24 * 60, 9_000),)
        snapshot = market(
            resource(1, capabilities=(capability(tolerance_um=6),), gaps=late),
            resource(2, capabilities=(capability(tolerance_um=9),), gaps=soon),
            resource(3, capabilities=(capability(tolerance_um=9),), gaps=late),
            resource(4, capabilities=(capability(tolerance_um=12),), gaps=soon),
            listings=[of(1), of(2, rate=Rate(8_000)), of(3), of(4)],
        )
        (found,) = explained(snapshot, requirement(tolerance_um=6), known=WEEK)
        assert [(it.aspect, it.asked, it.eased) for it in found.steps] == [(Aspect.TOLERANCE, 6, 9)]
        assert (found.listings, found.organisations, found.lost) == (2, 2, 0)
        assert (found.price, found.price_before) == (Money(16_000), Money(20_000))
        assert found.earliest_end == NOW + 2 * HOUR
        assert found.earlier == 3 * DAY

    def test_what_is_undeclared_is_gained_only_by_asking_no_longer(self) -> None:
        undeclared = market(resource(capabilities=(capability(tolerance_um=None),)))
        nowhere = market(resource(), listings=[listing(place=None)])
        near = requirement(place=WUHAN, radius_km=20)
        assert told(undeclared, requirement(tolerance_um=6)) == [[(Aspect.TOLERANCE, 6, None)]]
        assert told(nowhere, near) == [[(Aspect.RADIUS, 20_000, None)]]

    def test_the_radius_goes_to_the_next_supplier_in_whole_kilometres(self) -> None:
        snapshot = market(resource(), listings=[listing(place=SHANGHAI)])
        asked = requirement(place=WUHAN, radius_km=20)
        assert told(snapshot, asked) == [[(Aspect.RADIUS, 20_000, 688_000)]]

    def test_the_window_moves_to_the_earliest_end_or_the_latest_start(self) -> None:
        asked = requirement(window=Interval(NOW + 10 * HOUR, NOW + 12 * HOUR))
        later = market(resource(gaps=(gap(630, 5_000),)))
        earlier = market(resource(gaps=(gap(0, 630),)))
        assert told(later, asked) == [[(Aspect.WINDOW_END, iso(12 * HOUR), iso(12.5 * HOUR))]]
        assert told(earlier, asked) == [[(Aspect.WINDOW_START, iso(10 * HOUR), iso(8.5 * HOUR))]]

    def test_a_window_never_starts_before_now_nor_ends_after_what_is_known(self) -> None:
        asked = requirement(window=Interval(NOW + HOUR, NOW + 5 * HOUR))
        past = market(resource(gaps=(gap(-500, 0), gap(30, 100))))
        beyond = market(resource(gaps=(gap(8 * 24 * 60, 9 * 24 * 60),)))
        assert told(past, asked) == told(beyond, asked) == []

    def test_a_machine_that_is_down_is_gained_after_its_near_slots(self) -> None:
        asked = requirement(window=Interval(NOW, NOW + 8 * HOUR))
        snapshot = market(resource(state=ResourceState.DOWN))
        assert told(snapshot, asked) == [[(Aspect.WINDOW_END, iso(8 * HOUR), iso(26 * HOUR))]]

    def test_the_budget_goes_to_the_next_price(self) -> None:
        snapshot = market(
            resource(1), resource(2), listings=[of(1), of(2, rate=Rate(10_000, setup_minor=1))]
        )
        asked = requirement(budget_minor=5_000)
        assert told(snapshot, asked) == [[(Aspect.BUDGET, 5_000, 20_000)]]

    def test_one_certificate_the_material_and_declared_time_are_given_up(self) -> None:
        held = (Certificate("iso-9001"),)
        asked = requirement(
            certificates=frozenset(
                {CertificateNeed("iso-9001"), CertificateNeed("cnas", "hardness")}
            )
        )
        certified = market(resource(capabilities=(capability(certificates=held),)))
        assert told(certified, asked) == [[(Aspect.CERTIFICATE, "cnas (hardness)", None)]]
        other = requirement(materials=frozenset({"polymer", "polymer.abs"}))
        assert told(market(resource()), other) == [
            [(Aspect.MATERIAL, "polymer, polymer.abs", None)]
        ]
        assert told(market(resource()), requirement(measured_only=True)) == [
            [(Aspect.MEASURED_ONLY, "measured", None)]
        ]

    def test_fewer_units_and_a_longer_booking(self) -> None:
        pool = market(resource(units=3, gaps=(gap(0, 10_000, 3), gap(0, 90, 9))))
        assert told(pool, requirement(units=5)) == [[(Aspect.UNITS, 5, 3)]]
        minimums = market(*(resource(n, minimum_minutes=m) for n, m in enumerate((240, 180), 1)))
        assert told(minimums, requirement()) == [[(Aspect.HOURS, 120, 180)]]

    def test_a_larger_lot(self) -> None:
        lots = market(*(resource(n, minimum_quantity=m) for n, m in enumerate((80, 50), 1)))
        assert told(lots, requirement(quantity=20)) == [[(Aspect.QUANTITY, 20, 50)]]

    def test_a_longer_booking_tells_who_it_loses(self) -> None:
        snapshot = market(
            resource(1, gaps=(gap(0, 150),)), resource(2, minimum_minutes=180),
            listings=[of(1), of(2)],
        )  # fmt: skip
        (found,) = explained(snapshot, requirement(), known=Interval(NOW, NOW + 5 * DAY))
        assert (found.listings, found.lost) == (1, 1)

    def test_a_minimum_that_gains_nobody_is_passed_over(self) -> None:
        snapshot = market(
            resource(1, minimum_minutes=180, gaps=()), resource(2, minimum_minutes=300)
        )
        assert told(snapshot, requirement()) == [[(Aspect.HOURS, 120, 300)]]

    def test_a_process_an_envelope_and_a_currency_never_give_way(self) -> None:
        assert told(market(resource()), requirement(envelope_mm=(900, 1, 1))) == []
        assert told(market(resource()), requirement(processes=frozenset({"casting"}))) == []
        assert told(market(resource()), requirement(currency="EUR", budget_minor=1)) == []


def iso(after: timedelta) -> str:
    return (NOW + after).isoformat().replace("+00:00", "Z")


class TestOrder:
    def test_most_listings_for_the_smallest_relative_step_come_first(self) -> None:
        coarse = (capability(tolerance_um=20),)
        snapshot = market(
            resource(1, capabilities=coarse), resource(2, capabilities=coarse), resource(3),
            resource(4),
            listings=[of(1), of(2), of(3, rate=Rate(12_000)), of(4, place=SHANGHAI)],
        )  # fmt: skip
        asked = requirement(tolerance_um=20, place=WUHAN, radius_km=600, budget_minor=20_000)
        tight = replace(asked, tolerance_um=10)
        all_but = market(
            *(replace(one, capabilities=(capability(tolerance_um=t),))
              for one, t in zip(snapshot.resources.values(), (20, 20, 10, 10), strict=True)),
            listings=snapshot.listings,
        )  # fmt: skip
        assert [one[0][0] for one in told(all_but, tight)] == [
            Aspect.RADIUS,  # one for 89/600
            Aspect.BUDGET,  # one for 1/5
            Aspect.TOLERANCE,  # two for 1/1
        ]

    def test_at_most_eight_are_told(self) -> None:
        kinds = [f"kind-{number}" for number in range(12)]
        needs = frozenset(map(CertificateNeed, kinds))
        lacking = [
            resource(
                number,
                capabilities=(
                    capability(certificates=tuple(Certificate(k) for k in kinds if k != kind)),
                ),
            )
            for number, kind in enumerate(kinds, 1)
        ]
        found = told(market(*lacking), requirement(certificates=needs))
        assert [one[0][1] for one in found] == sorted(kinds)[:RELAXATIONS_MAX]


class TestPairs:
    def test_a_pair_is_told_from_both_ends_when_neither_alone_gains(self) -> None:
        snapshot = market(
            resource(1, capabilities=(capability(tolerance_um=20),)),
            resource(2, capabilities=(capability(tolerance_um=30),)),
            listings=[of(1, rate=Rate(9_000)), of(2, rate=Rate(6_000))],
        )
        assert told(snapshot, requirement(tolerance_um=10, budget_minor=10_000)) == [
            [(Aspect.TOLERANCE, 10, 20), (Aspect.BUDGET, 10_000, 18_000)],
            [(Aspect.TOLERANCE, 10, 30), (Aspect.BUDGET, 10_000, 12_000)],
        ]

    def test_a_longer_booking_may_need_a_longer_window(self) -> None:
        asked = requirement(window=Interval(NOW, NOW + 2 * HOUR))
        assert told(market(resource(minimum_minutes=180)), asked) == [
            [(Aspect.WINDOW_END, iso(2 * HOUR), iso(3 * HOUR)), (Aspect.HOURS, 120, 180)]
        ]

    def test_three_things_that_miss_are_not_told(self) -> None:
        asked = requirement(tolerance_um=1, budget_minor=1, materials=frozenset({"polymer"}))
        assert told(market(resource()), asked) == []
