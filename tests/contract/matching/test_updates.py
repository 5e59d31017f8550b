"""The columnar engine changed in place answers as one built anew, and as the oracle does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.capacity.domain import WITHDRAWING, Provenance
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching.engine.columnar import ColumnarEngine
from services.matching.engine.columns import GROUPS_REMEMBERED_MAX
from services.matching.engine.interface import Snapshot
from services.matching.engine.oracle import OracleEngine
from tests.contract.matching.market import (
    DAY,
    FAR,
    PROCESSES,
    Draw,
    joined,
    listing,
    machine,
    requirement,
    seeds,
)
from tests.support.clock import START as NOW

LIMIT = 3
MACHINES, OFFERS = 5, 9
SOON = Interval(NOW + timedelta(minutes=FAR), NOW + DAY)
EASY = (
    requirement(processes=frozenset(PROCESSES), minutes=1, window=SOON),
    requirement(processes=frozenset(PROCESSES), minutes=1, measured_only=True),
)
"""Asked of everything, so that a row in the wrong set of the live ones is missed or seen."""


class Market(RuleBasedStateMachine):
    """One engine, and the objects it should hold."""

    @initialize(seed=seeds)
    def opens(self, seed: int) -> None:
        self.snapshot = Draw(seed).market()
        self.engine = ColumnarEngine(self.snapshot)
        self.draw = Draw(seed + 1)

    def changed(self, **parts: Any) -> None:
        self.snapshot = replace(self.snapshot, **parts)

    def with_resource(self, **changes: Any) -> None:
        drawn = self.draw.one(*self.snapshot.resources.values())
        resources = {**self.snapshot.resources, drawn.id: replace(drawn, **changes)}
        self.changed(resources=resources)
        self.last = drawn.id

    @rule(state=st.sampled_from([None, *ResourceState]), provenance=st.sampled_from(Provenance))
    def observes(self, state: ResourceState | None, provenance: Provenance) -> None:
        self.with_resource(state=state, provenance=provenance, seen_at=NOW)
        self.engine.observe(self.last, state=state, provenance=provenance, seen_at=NOW)

    @rule(count=st.integers(0, 12))
    def books(self, count: int) -> None:
        gaps = tuple(self.draw.gap() for _ in range(count))
        self.with_resource(gaps=gaps)
        self.engine.set_gaps(self.last, gaps)

    @rule(state=st.sampled_from([None, *ResourceState]), count=st.integers(0, 4))
    def changes_a_companion(self, state: ResourceState | None, count: int) -> None:
        """All that need it get the free time and the state they have together."""
        spare = [self.draw.gap() for _ in range(count)]
        known = list(self.snapshot.resources.values())
        for leader in self.draw.some(known, min(2, len(known))):
            gaps = joined(leader.gaps, spare, units=self.draw.one(1, 2))
            joint = replace(
                leader, gaps=gaps, state=state if state in WITHDRAWING else leader.state
            )
            self.changed(resources={**self.snapshot.resources, leader.id: joint})
            self.engine.set_gaps(leader.id, gaps)
            self.engine.observe(
                leader.id, state=joint.state, provenance=joint.provenance, seen_at=joint.seen_at
            )

    @rule()
    def reprices(self) -> None:
        if not self.snapshot.listings:
            return
        index = self.draw.random.randrange(len(self.snapshot.listings))
        listings, rate = list(self.snapshot.listings), self.draw.rate()
        listings[index] = replace(listings[index], rate=rate)
        self.changed(listings=tuple(listings))
        self.engine.set_rate((listings[index].offer_id, listings[index].resource_id), rate)

    @rule(number=st.integers(1, OFFERS))
    def lists(self, number: int) -> None:
        resource_id = self.draw.one(*self.snapshot.resources)
        fresh = self.draw.listing(number, resource_id)
        key = (fresh.offer_id, resource_id)
        others = [one for one in self.snapshot.listings if (one.offer_id, one.resource_id) != key]
        self.changed(listings=(*others, fresh))
        self.engine.put_listing(fresh)

    @rule()
    def withdraws(self) -> None:
        if not self.snapshot.listings:
            return
        gone = self.draw.one(*self.snapshot.listings)
        self.changed(listings=tuple(one for one in self.snapshot.listings if one is not gone))
        self.engine.remove_listing((gone.offer_id, gone.resource_id))

    @rule(number=st.integers(1, MACHINES))
    def registers(self, number: int) -> None:
        fresh = self.draw.resource(number)
        self.changed(resources={**self.snapshot.resources, machine(number): fresh})
        self.engine.put_resource(fresh)

    @rule()
    def learns_many_codes(self) -> None:
        codes = tuple(f"metal.alloy-{self.draw.random.randrange(500)}" for _ in range(20))
        drawn = self.draw.one(*self.snapshot.resources.values())
        capabilities = (replace(drawn.capabilities[0], materials=codes), *drawn.capabilities)
        fresh = replace(drawn, capabilities=capabilities)
        self.changed(resources={**self.snapshot.resources, drawn.id: fresh})
        self.engine.put_resource(fresh)

    @invariant()
    def answers_as_the_oracle(self) -> None:
        oracle = OracleEngine(self.snapshot)
        for asked in (self.draw.requirement(), *EASY):
            viewer = self.draw.maybe(0.5, self.draw.viewer)
            expected = oracle.match(asked, limit=LIMIT, now=NOW, viewer=viewer)
            assert self.engine.match(asked, limit=LIMIT, now=NOW, viewer=viewer) == expected

    @invariant()
    def is_what_it_would_be_built_anew(self) -> None:
        again = ColumnarEngine(self.engine.snapshot())
        assert again.state_hash() == self.engine.state_hash()


TestMarket = Market.TestCase
TestMarket.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_what_overflows_is_answered_too() -> None:
    drawn = Draw(1)
    snapshot = drawn.market()
    dear = listing(1, rate=replace(drawn.rate(), per_hour_minor=10**13), resource_id=machine(1))
    market = Snapshot((dear,), {machine(1): drawn.resource(1)} | dict(snapshot.resources))
    asked = replace(drawn.requirement(), units=10**6)
    engine, oracle = ColumnarEngine(market), OracleEngine(market)
    assert engine.match(asked, limit=1, now=NOW) == oracle.match(asked, limit=1, now=NOW)


def test_what_is_asked_does_not_make_the_engine_grow() -> None:
    engine = ColumnarEngine(Draw(1).market())
    for number in range(GROUPS_REMEMBERED_MAX + 50):
        asked = requirement(processes=frozenset({f"machining.made-up-{number}"}))
        engine.encode(asked, limit=LIMIT, now=NOW)
    assert engine.groups_remembered <= GROUPS_REMEMBERED_MAX
    expected = OracleEngine(engine.snapshot()).match(EASY[0], limit=LIMIT, now=NOW)
    assert engine.match(EASY[0], limit=LIMIT, now=NOW) == expected
