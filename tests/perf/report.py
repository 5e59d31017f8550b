"""How a benchmark ends: a table for people, then one line of JSON for machines."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise of an issue: ``value`` must reach ``bar``."""

    name: str
    value: float
    bar: float
    holds: bool


@dataclass(frozen=True, slots=True)
class Report:
    """``ours`` and ``peers`` hold the same figures; ``identical``: all stored the same data."""

    bench: str
    ours: Mapping[str, Any]
    peers: Mapping[str, Mapping[str, Any]]
    ratios: Mapping[str, float]
    identical: bool
    bars: Sequence[Bar] = field(default_factory=tuple)


def finish(report: Report) -> int:
    """Print the report's line; the exit code is 1 when results differ or a bar is missed."""
    sys.stdout.write(json.dumps(asdict(report), ensure_ascii=False) + "\n")
    return 0 if report.identical and all(bar.holds for bar in report.bars) else 1
