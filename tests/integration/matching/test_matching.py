"""Matching over what capacity really knows: listings, live states, gaps, stored answers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from services.capacity.domain import (
    HORIZON_DAYS_MAX,
    CapabilityDeclaration,
    Certificate,
    Provenance,
    Resource,
    Visibility,
)
from services.contracts.ids import DemandId, MatchId, OrganisationId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.contracts.telemetry import ResourceState
from services.matching import handlers, snapshot, store
from services.matching.domain import (
    Aspect,
    Constraint,
    MatchResult,
    Place,
    Rate,
    Requirement,
    Step,
)
from services.matching.engine.oracle import OracleEngine
from tests.contract.matching.market import Draw
from tests.integration.booking.park import HOUR, KINDS, MILLING, STALE, Park, open_park
from tests.support.clock import START, FrozenClock

ASKED = Requirement(
    processes=frozenset({MILLING}), minutes=120, window=Interval(START, START + 72 * HOUR)
)


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return open_park(session, clock)


def match(park: Park, asked: Requirement = ASKED, **options: Any) -> MatchResult:
    choices = {"limit": 10, "stale_after": STALE, **options}
    return handlers.match_requirement(
        session=park.session, clock=park.clock, requirement=asked, **choices
    )


def found(result: MatchResult) -> list[UUID]:
    return [one.resource_id for one in result.candidates]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_matched_held_and_booked_alike(park: Park, kind: str) -> None:
    resource = park.resource(kind, units=4)
    park.offer(resource)
    (candidate,) = match(park, replace(ASKED, units=2)).candidates
    held = park.hold(
        resource, candidate.offer_id, start=candidate.start, minutes=120, units=candidate.units
    )
    assert held.price == candidate.price == Money(48_500)
    assert held.interval == Interval(candidate.start, candidate.end)
    (next_best,) = match(park, replace(ASKED, units=3)).candidates
    assert next_best.start == candidate.end


def test_a_booking_takes_its_slot_out_and_cancelling_puts_it_back(park: Park) -> None:
    machine = park.resource(buffer_before_minutes=10, buffer_after_minutes=30)
    offer_id = park.offer(machine)
    held = park.hold(machine, offer_id, start=START + HOUR, minutes=120)
    assert match(park).candidates[0].start == START + 3 * HOUR + timedelta(minutes=40)
    park.cancel(held.id)
    assert match(park).candidates[0].start == START


def test_every_candidate_can_be_held_as_it_stands(park: Park) -> None:
    seats = park.resource("software_seats", units=3, buffer_after_minutes=15)
    offer_id = park.offer(seats)
    for hour, units in ((1, 2), (2, 1), (5, 3), (9, 1), (10, 2)):
        start = START + hour * HOUR + timedelta(minutes=7)
        park.hold(seats, offer_id, start=start, minutes=50, units=units)
    for units in (1, 2, 3, 1, 1, 2):
        (candidate,) = match(park, replace(ASKED, units=units, minutes=45)).candidates
        park.hold(seats, offer_id, start=candidate.start, minutes=45, units=units)


class TestLiveState:
    def test_a_machine_that_goes_down_is_gone_and_comes_back(self, park: Park) -> None:
        machine = park.resource()
        park.offer(machine)
        soon = replace(ASKED, window=Interval(START, START + 8 * HOUR))
        park.set_state(machine, ResourceState.IDLE)
        assert found(match(park, soon)) == [machine.id]
        park.set_state(machine, ResourceState.DOWN, "E-217")
        gone = match(park, soon)
        assert [one.causes for one in gone.near_misses] == [(Constraint.LIVE,)]
        park.set_state(machine, ResourceState.IDLE)
        assert found(match(park, soon)) == [machine.id]

    def test_measured_means_a_known_state_seen_lately(self, park: Park, clock: FrozenClock) -> None:
        machine = park.resource()
        park.offer(machine)
        strict = replace(ASKED, measured_only=True)
        assert not match(park, strict).candidates
        park.set_state(machine, ResourceState.IDLE)
        clock.advance(STALE)
        (fresh,) = match(park, strict).candidates
        assert (fresh.provenance, fresh.age_s) == (Provenance.MEASURED, 30)
        clock.advance(timedelta(seconds=1))
        (stale,) = match(park).candidates
        assert (stale.provenance, stale.age_s) == (Provenance.DECLARED, 31)
        assert [one.causes for one in match(park, strict).near_misses] == [(Constraint.PROVENANCE,)]


class TestListings:
    def test_a_withdrawn_offer_is_not_matched_and_a_new_publication_is(self, park: Park) -> None:
        machine = park.resource()
        offer_id = park.offer(machine)
        handlers.withdraw_listing(session=park.session, clock=park.clock, offer_id=offer_id)
        assert match(park).considered == 0
        handlers.list_resource(
            session=park.session,
            clock=park.clock,
            offer_id=offer_id,
            resource_id=machine.id,
            rate=Rate(per_hour_minor=100),
            visibility=Visibility.PUBLIC,
        )
        assert [one.price for one in match(park).candidates] == [Money(200)]

    @pytest.mark.parametrize("visibility", [one for one in Visibility if one != "public"])
    def test_what_is_not_public_is_matched_for_its_owner_only(
        self, park: Park, visibility: Visibility
    ) -> None:
        machine = park.resource()
        park.offer(machine, visibility=visibility)
        assert match(park).considered == 0
        assert match(park, viewer=park.buyer).considered == 0
        assert found(match(park, viewer=park.owner)) == [machine.id]

    def test_the_place_is_the_sites(self, park: Park) -> None:
        park.offer(park.resource())
        near = replace(ASKED, place=Place(30.5928, 114.3055), radius_km=1)
        assert match(park, near).candidates[0].distance_m == 0


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32 - 1))
def test_loading_by_process_answers_as_the_whole_market_does(varied: Park, seed: int) -> None:
    asked = Draw(seed).requirement()
    asked = replace(asked, window=Interval(START, START + 40 * HOUR), minutes=asked.minutes * 10)
    whole = snapshot.load(
        session=varied.session,
        clock=varied.clock,
        listings=store.visible_listings(varied.session, viewer=None),
        window=asked.window,
        stale_after=STALE,
    )
    expected = OracleEngine(whole).match(asked, limit=5, now=varied.clock.now())
    answered = match(varied, asked, limit=5)
    plain = replace(answered, state_hash="", relaxations=())
    assert plain == replace(expected, state_hash="")


@pytest.fixture
def varied(park: Park) -> Park:
    """A dozen resources as a random market has them, some booked, some not running."""
    drawn = Draw(7)
    for number in range(12):
        capability = drawn.capability()
        resource = park.resource(
            KINDS[number % len(KINDS)],
            units=drawn.one(1, 2, 3),
            capability=capability,
            minimum_hours=drawn.one(0.5, 2),
            notice_minutes=drawn.one(0, 90),
        )
        rate = replace(drawn.rate(), currency=drawn.one("CNY", "CNY", "EUR"))
        offer_id = park.offer(resource, rate)
        if number % 3 == 0:
            park.hold(resource, offer_id, start=START + 2 * HOUR, minutes=300)
        if number % 4 == 0:
            park.set_state(resource, drawn.one(*ResourceState))
    return park


class TestRelaxations:
    def test_a_short_answer_tells_what_would_gain_suppliers(self, park: Park) -> None:
        park.offer(park.resource(capability=CapabilityDeclaration(MILLING, tolerance_um=20)))
        (found,) = match(park, replace(ASKED, tolerance_um=10)).relaxations
        assert found.steps == (Step(Aspect.TOLERANCE, 10, 20),)
        assert (found.listings, found.organisations, found.price) == (1, 1, Money(24_500))

    def test_an_answer_that_is_full_or_leaves_nobody_out_has_none(self, park: Park) -> None:
        park.offer(park.resource())
        assert match(park).relaxations == ()
        assert match(park).relaxations_complete
        park.offer(park.resource(capability=CapabilityDeclaration(MILLING, tolerance_um=20)))
        assert match(park, replace(ASKED, tolerance_um=10), limit=1).relaxations
        assert match(park, limit=1).relaxations == ()

    def test_it_is_told_when_the_time_to_look_ran_out(
        self, park: Park, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        park.offer(park.resource(capability=CapabilityDeclaration(MILLING, tolerance_um=20)))
        monkeypatch.setattr(handlers, "JUDGED_MAX", 0)
        short = match(park, replace(ASKED, tolerance_um=10))
        assert (short.relaxations, short.relaxations_complete) == ((), False)

    def test_free_time_outside_the_window_is_known_a_fortnight_either_way(self, park: Park) -> None:
        machine = park.resource()
        offer_id = park.offer(machine)
        day = Interval(START + 24 * HOUR, START + 48 * HOUR)
        park.hold(machine, offer_id, start=day.start, minutes=24 * 60)
        (after, before) = match(park, replace(ASKED, window=day)).relaxations
        assert after.steps[0].aspect is Aspect.WINDOW_END
        assert after.earliest_end == day.end + 2 * HOUR
        assert before.steps[0].aspect is Aspect.WINDOW_START
        assert before.earliest_end == day.start

    def test_the_longest_window_is_not_moved_beyond_what_capacity_knows(self, park: Park) -> None:
        park.offer(park.resource(capability=CapabilityDeclaration(MILLING, tolerance_um=20)))
        longest = Interval(START + HOUR, START + HOUR + timedelta(days=HORIZON_DAYS_MAX))
        assert match(park, replace(ASKED, window=longest, tolerance_um=10)).relaxations

    def test_nobody_is_told_of_what_it_may_not_see(self, park: Park) -> None:
        coarse = park.resource(capability=CapabilityDeclaration(MILLING, tolerance_um=20))
        park.offer(coarse, visibility=Visibility.ORGANISATION)
        asked = replace(ASKED, tolerance_um=10)
        assert match(park, asked, viewer=park.buyer).relaxations == ()
        assert len(match(park, asked, viewer=park.owner).relaxations) == 1


class TestStoredMatches:
    def stored(self, park: Park, demand_id: DemandId) -> Any:
        held = Certificate("cnas", "hardness", valid_to=START.date())
        self.listed(park, capability=CapabilityDeclaration(MILLING, certificates=(held,)))
        park.set_state(self.listed(park), ResourceState.DOWN)
        asked = replace(Draw(3).requirement(), window=ASKED.window, processes=frozenset({MILLING}))
        result = match(park, asked)
        assert result.near_misses
        assert result.relaxations
        return handlers.save_match(
            session=park.session,
            clock=park.clock,
            organisation_id=park.buyer,
            demand_id=demand_id,
            requirement=asked,
            result=result,
            took_ms=1.5,
        )

    def listed(self, park: Park, **facts: Any) -> Resource:
        resource = park.resource(**facts)
        park.offer(resource)
        return resource

    def test_a_match_is_read_back_as_it_was_answered(self, park: Park) -> None:
        saved = self.stored(park, DemandId(UUID(int=4)))
        park.session.expire_all()
        own: dict[str, Any] = {"session": park.session, "organisation_id": park.buyer}
        assert handlers.get_match(**own, match_id=saved.id) == saved

    def test_a_match_stored_before_there_were_relaxations_is_read(self, park: Park) -> None:
        saved = self.stored(park, DemandId(UUID(int=4)))
        park.session.execute(text("UPDATE match SET result = result - 'relaxations'"))
        park.session.expire_all()
        read = handlers.get_match(
            session=park.session, organisation_id=park.buyer, match_id=saved.id
        )
        assert read == replace(saved, result=replace(saved.result, relaxations=()))

    def test_the_newest_of_a_demand_comes_first(self, park: Park) -> None:
        one, other = DemandId(UUID(int=4)), DemandId(UUID(int=5))
        saved = [self.stored(park, demand_id) for demand_id in (one, other, one)]
        latest = handlers.list_matches(session=park.session, demand_id=one, limit=5)
        assert [match.id for match in latest] == [saved[2].id, saved[0].id]
        assert handlers.list_matches(session=park.session, demand_id=one, limit=1) == latest[:1]
        each = handlers.latest_match_of_each(session=park.session, demand_ids=[one, other])
        assert {key: match.id for key, match in each.items()} == {
            one: saved[2].id,
            other: saved[1].id,
        }

    def test_an_unknown_match_is_not_found(self, park: Park) -> None:
        with pytest.raises(handlers.MatchNotFoundError):
            handlers.get_match(
                session=park.session, organisation_id=park.buyer, match_id=MatchId(UUID(int=9))
            )

    def test_a_match_is_of_who_asked(self, park: Park) -> None:
        saved = self.stored(park, DemandId(UUID(int=4)))
        with pytest.raises(handlers.MatchNotFoundError):
            handlers.get_match(session=park.session, organisation_id=park.owner, match_id=saved.id)


def test_an_unknown_viewer_sees_what_is_public(park: Park) -> None:
    machine = park.resource()
    park.offer(machine)
    assert found(match(park, viewer=OrganisationId(UUID(int=77)))) == [machine.id]
