"""A relaxation applied to a demand asks exactly what was told to gain suppliers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from marketplace.demands.domain import DemandFacts, relaxed
from marketplace.taxonomy.loader import load_taxonomy
from services.contracts.ids import OrganisationId
from services.contracts.intervals import Interval
from services.matching.domain import (
    Aspect,
    CertificateNeed,
    Constraint,
    FailureCount,
    MatchResult,
    Place,
    Requirement,
    Step,
)
from services.matching.ladders import ladders
from tests.support.clock import START

TAXONOMY = load_taxonomy()
DAY = timedelta(days=1)
FACTS = DemandFacts(
    organisation_id=OrganisationId(UUID(int=1)),
    title="Shafts",
    process="machining.milling",
    minutes=120,
    start=START + DAY,
    end=START + 3 * DAY,
    material="metal.steel",
    tolerance_um=6,
    nominal_mm=25,
    certificates=(CertificateNeed("iso-9001"), CertificateNeed("cnas", "hardness")),
    budget_minor=50_000,
    place=Place(30.5, 114.4),
    radius_km=40,
    units=3,
    measured_only=True,
)
LOT_REFUSED = FailureCount(Constraint.LOT, rejected=1, rejected_alone=1)
NOTHING = MatchResult((), 1, (LOT_REFUSED,), (), state_hash="", as_of=START)


def steps() -> Iterator[tuple[Step, Requirement]]:
    """Every aspect on its first and its last rung, and what the engine is asked there."""
    asked = FACTS.requirement(TAXONOMY)
    for ladder in ladders(asked, Interval(START, START + 9 * DAY), NOTHING):
        for rung in {1, ladder.top}:
            yield ladder.step(rung), ladder.eased(asked, rung)
    yield Step(Aspect.HOURS, 120, 240), replace(asked, minutes=240)


@pytest.mark.parametrize("aspect", Aspect)
def test_a_step_changes_what_it_says_and_nothing_else(aspect: Aspect) -> None:
    found = [(step, eased) for step, eased in steps() if step.aspect is aspect]
    assert found
    for step, eased in found:
        assert relaxed(FACTS, [step]).requirement(TAXONOMY) == eased


def test_a_pair_of_steps_is_applied_whole() -> None:
    pair = (Step(Aspect.TOLERANCE, 6, 10), Step(Aspect.BUDGET, 50_000, None))
    found = relaxed(FACTS, pair)
    assert (found.tolerance_um, found.budget_minor) == (10, None)
    assert replace(found, tolerance_um=6, budget_minor=50_000) == FACTS
