"""The engines that stand side by side in the suite. A new one joins by standing in ``ENGINES``."""

from dataclasses import replace
from typing import Any

from services.matching.domain import (
    Constraint,
    MatchResult,
    Requirement,
)
from services.matching.engine.columnar import ColumnarEngine
from services.matching.engine.interface import EngineFactory, Snapshot, Viewer
from services.matching.engine.oracle import OracleEngine
from tests.contract.matching.stepping import SteppingEngine
from tests.support.clock import START as NOW

ENGINES: dict[str, EngineFactory] = {
    "oracle": OracleEngine,
    "stepping": SteppingEngine,
    "columnar": ColumnarEngine,
}
EXPLAINING: dict[str, EngineFactory] = {"oracle": OracleEngine, "columnar": ColumnarEngine}
"""Engines that give every verdict with its margin; their whole answers are equal."""
MANY = 100


def ask(
    engine_for: EngineFactory,
    snapshot: Snapshot,
    asked: Requirement,
    *,
    limit: int = MANY,
    viewer: Viewer | None = None,
) -> MatchResult:
    return engine_for(snapshot).match(asked, limit=limit, now=NOW, viewer=viewer)


def essence(result: MatchResult) -> Any:
    """A result without verdicts and the prices of what did not fit."""
    return (
        [replace(one, verdicts=()) for one in result.candidates],
        result.considered,
        result.failures,
        [(one.offer_id, one.resource_id, one.process, one.causes) for one in result.near_misses],
        result.state_hash,
        result.as_of,
    )


def causes_of(result: MatchResult) -> list[tuple[Constraint, ...]]:
    return [one.causes for one in result.near_misses]
