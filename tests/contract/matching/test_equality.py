"""Engines agree on drawn markets, and their answers have the properties an answer must have."""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts.intervals import Interval
from services.matching.domain import (
    MatchResult,
    Requirement,
)
from services.matching.engine.interface import EngineFactory, Snapshot, Viewer
from services.matching.engine.oracle import OracleEngine
from tests.contract.matching.engines import (
    ENGINES,
    EXPLAINING,
    ask,
    essence,
)
from tests.contract.matching.market import (
    MILLING,
    TURNING,
    identities,
    markets,
    requirements,
    viewers,
    without_gap,
)

thorough = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@thorough
@given(snapshot=markets, asked=requirements, limit=st.integers(1, 8), viewer=viewers)
@pytest.mark.parametrize("name", [name for name in ENGINES if name != "oracle"])
def test_every_engine_answers_as_the_oracle(
    name: str, snapshot: Snapshot, asked: Requirement, limit: int, viewer: Viewer | None
) -> None:
    expected = ask(OracleEngine, snapshot, asked, limit=limit, viewer=viewer)
    found = ask(ENGINES[name], snapshot, asked, limit=limit, viewer=viewer)
    assert essence(found) == essence(expected)
    if name in EXPLAINING:
        assert found == expected


class TestProperties:
    @thorough
    @given(snapshot=markets, asked=requirements, limit=st.integers(1, 8), seed=st.integers(0, 99))
    def test_order_of_the_input_changes_nothing(
        self,
        explaining: EngineFactory,
        snapshot: Snapshot,
        asked: Requirement,
        limit: int,
        seed: int,
    ) -> None:
        turned = shuffled(snapshot, random.Random(seed))
        assert explaining(turned).state_hash() == explaining(snapshot).state_hash()
        again = ask(explaining, turned, asked, limit=limit)
        assert again == ask(explaining, snapshot, asked, limit=limit)

    @thorough
    @given(snapshot=markets, asked=requirements, number=st.integers(0, 20))
    def test_relaxing_a_constraint_never_loses_a_candidate(
        self, explaining: EngineFactory, snapshot: Snapshot, asked: Requirement, number: int
    ) -> None:
        easier = RELAXATIONS[number % len(RELAXATIONS)](asked)
        before = identities(ask(explaining, snapshot, asked).candidates)
        after = identities(ask(explaining, snapshot, easier).candidates)
        assert set(before) <= set(after)

    @thorough
    @given(snapshot=markets, asked=requirements, data=st.data())
    def test_withdrawing_a_gap_never_adds_a_candidate_nor_makes_one_earlier(
        self, explaining: EngineFactory, snapshot: Snapshot, asked: Requirement, data: st.DataObject
    ) -> None:
        gaps = [(one.id, i) for one in snapshot.resources.values() for i in range(len(one.gaps))]
        if not gaps:
            return
        smaller = without_gap(snapshot, *data.draw(st.sampled_from(gaps)))
        before = starts(ask(explaining, snapshot, asked))
        after = starts(ask(explaining, smaller, asked))
        assert all(key in before and start >= before[key] for key, start in after.items())

    @thorough
    @given(snapshot=markets, asked=requirements)
    def test_every_listing_of_a_process_is_accounted_for(
        self, explaining: EngineFactory, snapshot: Snapshot, asked: Requirement
    ) -> None:
        result = ask(explaining, snapshot, asked)
        missed = result.considered - len(result.candidates)
        assert len(result.near_misses) == min(missed, 5)
        assert sum(one.rejected_alone for one in result.failures) <= missed


RELAXATIONS: tuple[Callable[[Requirement], Requirement], ...] = (
    lambda asked: replace(asked, materials=frozenset()),
    lambda asked: replace(asked, envelope_mm=None),
    lambda asked: replace(asked, tolerance_um=None),
    lambda asked: replace(asked, certificates=frozenset()),
    lambda asked: replace(asked, units=1, budget_minor=None),
    lambda asked: replace(asked, budget_minor=None),
    lambda asked: replace(asked, radius_km=None),
    lambda asked: replace(asked, measured_only=False, quantity=asked.quantity + 1),
    lambda asked: replace(asked, processes=asked.processes | {MILLING, TURNING}),
    lambda asked: replace(
        asked, window=Interval(asked.window.start, asked.window.end + timedelta(hours=1))
    ),
    lambda asked: replace(
        asked, window=Interval(asked.window.start - timedelta(hours=1), asked.window.end)
    ),
)


def starts(result: MatchResult) -> dict[Any, Any]:
    return {(one.offer_id, one.resource_id): one.start for one in result.candidates}


def shuffled(snapshot: Snapshot, generator: random.Random) -> Snapshot:
    def turned(things: Iterable[Any]) -> tuple[Any, ...]:
        listed = list(things)
        generator.shuffle(listed)
        return tuple(listed)

    return Snapshot(
        turned(snapshot.listings),
        {
            one.id: replace(one, gaps=turned(one.gaps))
            for one in turned(snapshot.resources.values())
        },
    )
