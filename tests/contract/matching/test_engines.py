"""What every engine promises. A new engine joins by standing in ``ENGINES``."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.capacity.domain import Certificate, Provenance
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.matching.domain import (
    CertificateNeed,
    Constraint,
    Place,
    Rate,
    Requirement,
)
from services.matching.engine.interface import EngineFactory, FreeGap, Snapshot
from tests.contract.matching.engines import (
    ask,
    causes_of,
)
from tests.contract.matching.market import (
    DAY,
    SHANGHAI,
    STEEL,
    TURNING,
    WUHAN,
    capability,
    gap,
    identities,
    listing,
    machine,
    market,
    offer,
    requirement,
    resource,
)
from tests.support.clock import START as NOW


class TestFit:
    def test_one_that_meets_everything_is_found_with_slot_price_and_distance(
        self, engine_for: EngineFactory
    ) -> None:
        asked = requirement(
            materials=frozenset({STEEL}),
            envelope_mm=(300, 100, 100),
            tolerance_um=30,
            place=SHANGHAI,
            budget_minor=20_000,
        )
        (found,) = ask(engine_for, market(resource(gaps=(gap(90, 500),))), asked).candidates
        assert (found.offer_id, found.resource_id) == (offer(1), machine(1))
        assert (found.start, found.end) == (
            NOW + timedelta(minutes=90),
            NOW + timedelta(minutes=210),
        )
        assert found.price == Money(20_000)
        assert found.distance_m is not None
        assert 685_000 < found.distance_m < 695_000

    @pytest.mark.parametrize(
        ("edges", "fits"),
        [((400, 300, 200), True), ((200, 400, 300), True), ((401, 1, 1), False),
         ((301, 301, 1), False), ((201, 201, 201), False)],
    )  # fmt: skip
    def test_a_part_may_be_turned(
        self, engine_for: EngineFactory, edges: tuple[int, int, int], *, fits: bool
    ) -> None:
        result = ask(engine_for, market(resource()), requirement(envelope_mm=edges))
        assert bool(result.candidates) is fits
        assert causes_of(result) == ([] if fits else [(Constraint.ENVELOPE,)])

    @pytest.mark.parametrize(
        ("change", "asked", "cause"),
        [
            ({"materials": ()}, {"materials": frozenset({STEEL})}, Constraint.MATERIAL),
            ({"materials": ("wood",)}, {"materials": frozenset({STEEL})}, Constraint.MATERIAL),
            ({"tolerance_um": 31}, {"tolerance_um": 30}, Constraint.TOLERANCE),
            ({"tolerance_um": None}, {"tolerance_um": 30}, Constraint.TOLERANCE),
            ({"tolerance_um": None}, {"tolerance_um": 65_535}, Constraint.TOLERANCE),
            ({"tolerance_um": None}, {"tolerance_um": 10**6}, Constraint.TOLERANCE),
            ({"tolerance_um": 65_536}, {"tolerance_um": 65_535}, Constraint.TOLERANCE),
            ({"envelope_mm": None}, {"envelope_mm": (1, 1, 1)}, Constraint.ENVELOPE),
        ],
    )
    def test_a_capability_that_falls_short_is_a_near_miss(
        self, engine_for: EngineFactory, change: Any, asked: Any, cause: Constraint
    ) -> None:
        offered = resource(capabilities=(capability(**change),))
        result = ask(engine_for, market(offered), requirement(**asked))
        assert result.candidates == ()
        assert causes_of(result) == [(cause,)]

    def test_limits_themselves_are_met(self, engine_for: EngineFactory) -> None:
        asked = requirement(tolerance_um=20, budget_minor=20_000, units=1, minutes=120)
        exact = resource(gaps=(gap(0, 120),), minimum_minutes=120)
        window = Interval(NOW, NOW + timedelta(minutes=120))
        assert ask(engine_for, market(exact), replace(asked, window=window)).candidates

    @pytest.mark.parametrize(
        ("gaps", "opens"),
        [
            ((gap(0, 70_000), gap(80_000, 90_000)), 66_000),
            ((gap(0, 10), gap(20, 70_000), gap(80_000, 90_000)), 66_000),
            ((gap(0, 10), gap(70_000, 70_300), gap(80_000, 90_000)), 70_000),
            ((gap(0, 10), gap(20, 30), gap(66_010, 66_200), gap(80_000, 90_000)), 66_010),
        ],
    )
    def test_the_earliest_of_long_and_far_free_time_is_found(
        self, engine_for: EngineFactory, gaps: tuple[FreeGap, ...], opens: int
    ) -> None:
        """Longer than a compact row tells, and farther away."""
        window = Interval(NOW + timedelta(minutes=66_000), NOW + timedelta(minutes=99_000))
        offered = resource(gaps=gaps, horizon_minutes=200_000)
        (found,) = ask(engine_for, market(offered), requirement(window=window)).candidates
        assert found.start == NOW + timedelta(minutes=opens)

    def test_one_capability_must_meet_everything(self, engine_for: EngineFactory) -> None:
        fine = capability(tolerance_um=5, materials=("polymer",))
        coarse = capability(tolerance_um=90)
        asked = requirement(tolerance_um=10, materials=frozenset({STEEL}))
        result = ask(engine_for, market(resource(capabilities=(fine, coarse))), asked)
        assert result.candidates == ()
        assert causes_of(result) == [(Constraint.MATERIAL,)]

    def test_other_processes_are_not_considered(self, engine_for: EngineFactory) -> None:
        result = ask(engine_for, market(resource()), requirement(processes=frozenset({TURNING})))
        assert (result.candidates, result.considered, result.near_misses) == ((), 0, ())

    @pytest.mark.parametrize("state", [ResourceState.UNKNOWN, None, ResourceState.EXECUTING])
    def test_measured_only_needs_a_measured_resource(
        self, engine_for: EngineFactory, state: ResourceState | None
    ) -> None:
        asked = requirement(measured_only=True)
        declared = market(resource(state=state))
        measured = market(resource(state=state, provenance=Provenance.MEASURED))
        assert causes_of(ask(engine_for, declared, asked)) == [(Constraint.PROVENANCE,)]
        assert len(ask(engine_for, measured, asked).candidates) == 1

    def test_another_currency_never_competes_on_price(self, engine_for: EngineFactory) -> None:
        cheap = listing(rate=Rate(per_hour_minor=1, currency="EUR"))
        result = ask(engine_for, market(resource(), listings=[cheap]), requirement())
        assert causes_of(result) == [(Constraint.BUDGET,)]

    def test_without_a_position_a_radius_fails_and_no_radius_passes(
        self, engine_for: EngineFactory
    ) -> None:
        nowhere = market(resource(), listings=[listing(place=None)])
        asked = requirement(place=WUHAN)
        assert ask(engine_for, nowhere, asked).candidates[0].distance_m is None
        near = replace(asked, radius_km=20_000)
        assert causes_of(ask(engine_for, nowhere, near)) == [(Constraint.PLACE,)]


class TestCertificates:
    def expires(self, valid_to: date | None, **changes: Any) -> Snapshot:
        held = Certificate("cnas", scope="hardness", valid_to=valid_to)
        return market(resource(capabilities=(capability(certificates=(held,)),), **changes))

    asked = requirement(certificates=frozenset({CertificateNeed("cnas", "hardness")}))

    def test_last_day_of_validity_is_good(self, engine_for: EngineFactory) -> None:
        assert ask(engine_for, self.expires(NOW.date()), self.asked).candidates

    def test_expiry_before_the_slot_ends_fails(self, engine_for: EngineFactory) -> None:
        tomorrow = self.expires(NOW.date(), gaps=(gap(24 * 60, 48 * 60),))
        assert causes_of(ask(engine_for, tomorrow, self.asked)) == [(Constraint.CERTIFICATES,)]

    def test_no_expiry_is_for_ever(self, engine_for: EngineFactory) -> None:
        assert ask(engine_for, self.expires(None), self.asked).candidates

    @pytest.mark.parametrize(
        "need", [CertificateNeed("cma", "hardness"), CertificateNeed("cnas", "tensile")]
    )
    def test_other_kind_or_scope_is_not_held(
        self, engine_for: EngineFactory, need: CertificateNeed
    ) -> None:
        asked = replace(self.asked, certificates=frozenset({need}))
        result = ask(engine_for, self.expires(None), asked)
        assert causes_of(result) == [(Constraint.CERTIFICATES,)]

    def test_no_scope_asked_accepts_any(self, engine_for: EngineFactory) -> None:
        asked = replace(self.asked, certificates=frozenset({CertificateNeed("cnas")}))
        assert ask(engine_for, self.expires(None), asked).candidates

    def test_expired_verdict_names_the_date(self, explaining: EngineFactory) -> None:
        result = ask(explaining, self.expires(date(2026, 2, 27)), self.asked)
        (verdict,) = [one for one in result.near_misses[0].verdicts if not one.passed]
        assert verdict.offered == "cnas (hardness) 2026-02-27"
        assert verdict.margin == -3


class TestSlot:
    def start(
        self, engine_for: EngineFactory, asked: Requirement | None = None, **changes: Any
    ) -> int | None:
        """Minutes from now to the slot found."""
        result = ask(engine_for, market(resource(**changes)), asked or requirement())
        if not result.candidates:
            return None
        return (result.candidates[0].start - NOW) // timedelta(minutes=1)

    def test_earliest_gap_that_is_long_enough_wins(self, engine_for: EngineFactory) -> None:
        gaps = (gap(700, 900), gap(0, 119), gap(300, 420))
        assert self.start(engine_for, gaps=gaps) == 300

    def test_touching_gaps_do_not_join(self, engine_for: EngineFactory) -> None:
        assert self.start(engine_for, gaps=(gap(0, 60), gap(60, 120))) is None

    def test_a_pool_needs_all_units_in_one_gap(self, engine_for: EngineFactory) -> None:
        gaps = (gap(0, 120, 1), gap(0, 119, 2), gap(200, 400, 2))
        assert self.start(engine_for, requirement(units=2), units=2, gaps=gaps) == 200

    def test_notice_moves_the_start(self, engine_for: EngineFactory) -> None:
        assert self.start(engine_for, notice_minutes=45) == 45

    def test_horizon_ends_the_search(self, engine_for: EngineFactory) -> None:
        assert self.start(engine_for, horizon_minutes=120) == 0
        assert self.start(engine_for, horizon_minutes=119) is None

    def test_starts_are_whole_minutes_inside_the_window(self, engine_for: EngineFactory) -> None:
        opening = NOW + timedelta(minutes=10, seconds=1)
        asked = requirement(window=Interval(opening, opening + timedelta(minutes=121)))
        assert self.start(engine_for, asked) == 11
        tight = requirement(window=Interval(opening, opening + timedelta(minutes=120)))
        assert self.start(engine_for, tight) is None

    @pytest.mark.parametrize(
        "state", [ResourceState.DOWN, ResourceState.OFF, ResourceState.MAINTENANCE]
    )
    def test_out_of_service_gives_nothing_for_a_day(
        self, engine_for: EngineFactory, state: ResourceState
    ) -> None:
        assert self.start(engine_for, state=state) == 24 * 60

    def test_out_of_service_alone_explains_a_window_it_emptied(
        self, engine_for: EngineFactory
    ) -> None:
        soon = requirement(window=Interval(NOW, NOW + timedelta(hours=8)))
        withdrawn = market(resource(state=ResourceState.DOWN, gaps=()))
        kept = market(resource(state=ResourceState.DOWN))
        assert causes_of(ask(engine_for, withdrawn, soon)) == [(Constraint.LIVE,)]
        assert causes_of(ask(engine_for, kept, soon)) == [(Constraint.LIVE,)]

    def test_out_of_service_does_not_explain_a_far_window(self, engine_for: EngineFactory) -> None:
        far = requirement(window=Interval(NOW + 2 * DAY, NOW + 3 * DAY))
        busy = market(resource(state=ResourceState.DOWN, gaps=()))
        assert causes_of(ask(engine_for, busy, far)) == [(Constraint.WINDOW,)]

    def test_an_unknown_state_withdraws_nothing(self, engine_for: EngineFactory) -> None:
        assert self.start(engine_for, state=ResourceState.UNKNOWN) == 0


class TestOrder:
    def order(
        self, engine_for: EngineFactory, snapshot: Snapshot, asked: Requirement | None = None
    ) -> list[int]:
        found = ask(engine_for, snapshot, asked or requirement(place=WUHAN)).candidates
        return [one.offer_id.int - offer(0).int for one in found]

    def test_price_comes_first_then_distance_then_start(self, engine_for: EngineFactory) -> None:
        near, far = WUHAN, SHANGHAI
        late = (gap(500, 900),)
        snapshot = market(
            resource(1), resource(2), resource(3), resource(4, gaps=late),
            listings=[
                listing(1, rate=Rate(per_hour_minor=200), place=near),
                listing(2, rate=Rate(per_hour_minor=100), place=far),
                listing(3, rate=Rate(per_hour_minor=100), place=near),
                listing(4, rate=Rate(per_hour_minor=100), place=near),
            ],
        )  # fmt: skip
        assert self.order(engine_for, snapshot) == [3, 4, 2, 1]

    def test_unknown_distance_comes_last(self, engine_for: EngineFactory) -> None:
        snapshot = market(
            resource(1), resource(2), listings=[listing(1, place=None), listing(2, place=SHANGHAI)]
        )
        assert self.order(engine_for, snapshot) == [2, 1]

    def test_ties_fall_to_resource_then_offer(self, engine_for: EngineFactory) -> None:
        snapshot = market(
            resource(1), resource(2),
            listings=[
                listing(3, resource_id=machine(2)),
                listing(9, resource_id=machine(1)),
                listing(4, resource_id=machine(1)),
            ],
        )  # fmt: skip
        assert self.order(engine_for, snapshot) == [4, 9, 3]

    def test_limit_cuts_the_tail(self, engine_for: EngineFactory) -> None:
        snapshot = market(resource(1), resource(2), resource(3))
        whole = ask(engine_for, snapshot, requirement(), limit=3)
        for limit in (1, 2, 3):
            cut = ask(engine_for, snapshot, requirement(), limit=limit)
            assert cut.candidates == whole.candidates[:limit]


class TestShortAnswers:
    def test_counts_say_what_each_constraint_rejects_alone(self, engine_for: EngineFactory) -> None:
        coarse = (capability(tolerance_um=90),)
        snapshot = market(
            resource(1, capabilities=coarse), resource(2, capabilities=coarse, gaps=()),
            resource(3, gaps=()), resource(4, capabilities=coarse),
        )  # fmt: skip
        result = ask(engine_for, snapshot, requirement(tolerance_um=30))
        counted = {one.constraint: (one.rejected, one.rejected_alone) for one in result.failures}
        assert counted == {Constraint.TOLERANCE: (3, 2), Constraint.WINDOW: (2, 1)}
        assert identities(result.near_misses)[-1] == (offer(2), machine(2))

    def test_nothing_is_said_when_enough_was_found(self, engine_for: EngineFactory) -> None:
        snapshot = market(resource(1), resource(2, gaps=()))
        enough = ask(engine_for, snapshot, requirement(), limit=1)
        short = ask(engine_for, snapshot, requirement(), limit=2)
        assert (enough.failures, enough.near_misses) == ((), ())
        assert len(short.near_misses) == 1

    def test_at_most_five_near_misses_nearest_first(self, engine_for: EngineFactory) -> None:
        hopeless = [resource(n, gaps=(), minimum_minutes=999) for n in range(1, 5)]
        near = [resource(n, gaps=()) for n in range(5, 9)]
        result = ask(engine_for, market(*hopeless, *near), requirement())
        assert [len(one) for one in causes_of(result)] == [1, 1, 1, 1, 2]


class TestMargins:
    def margins(self, explaining: EngineFactory, asked: Requirement) -> dict[Constraint, Any]:
        (found,) = ask(explaining, market(resource(units=3)), asked).candidates
        assert [one.constraint for one in found.verdicts] == list(Constraint)
        assert all(one.passed for one in found.verdicts)
        return {one.constraint: one.margin for one in found.verdicts}

    def test_room_left_is_told_in_the_unit_of_each_constraint(
        self, explaining: EngineFactory
    ) -> None:
        asked = requirement(
            envelope_mm=(150, 290, 300),
            tolerance_um=30,
            units=1,
            budget_minor=25_000,
            place=Place(WUHAN.latitude + 1, WUHAN.longitude),
            radius_km=200,
            window=Interval(NOW, NOW + timedelta(hours=5)),
        )
        margins = self.margins(explaining, asked)
        assert margins[Constraint.ENVELOPE] == 10
        assert margins[Constraint.TOLERANCE] == 10
        assert margins[Constraint.UNITS] == 2
        assert margins[Constraint.HOURS] == 90
        assert margins[Constraint.BUDGET] == 5_000
        assert margins[Constraint.PLACE] == 200_000 - 111_195
        assert margins[Constraint.WINDOW] == 180

    def test_a_window_without_room_tells_how_much_is_missing(
        self, explaining: EngineFactory
    ) -> None:
        result = ask(explaining, market(resource(gaps=(gap(0, 50), gap(60, 150)))), requirement())
        (verdict,) = [one for one in result.near_misses[0].verdicts if not one.passed]
        assert (verdict.constraint, verdict.offered, verdict.margin) == (
            Constraint.WINDOW, 90, -30,
        )  # fmt: skip
