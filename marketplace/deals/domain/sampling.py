"""Acceptance sampling by attributes (计数抽样检验): which sample a lot needs, how many may fail.

Source: ISO 2859-1:1999 (GB/T 2828.1), tables 1 and 2-A: single sampling, normal inspection, general
inspection level II. Critical defects are accepted in no sample.
"""

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


class Aql(StrEnum):
    """Acceptance quality limit (接收质量限), nonconforming items per hundred."""

    A065 = "0.65"
    A100 = "1.0"
    A150 = "1.5"
    A250 = "2.5"
    A400 = "4.0"


LETTERS: Final = "ABCDEFGHJKLMNPQ"
LOT_UPTO: Final = (
    8, 15, 25, 50, 90, 150, 280, 500, 1_200, 3_200, 10_000, 35_000, 150_000, 500_000,
)  # fmt: skip
"""The largest lot of each letter of general level II; of Q there is none."""
SAMPLE: Final = (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1_250)
_ZERO_AT: Final = {Aql.A065: 5, Aql.A100: 4, Aql.A150: 3, Aql.A250: 2, Aql.A400: 1}
"""Place in LETTERS of the plan that accepts none; the arrows around it point there or beyond."""
_NUMBERS: Final = (1, 2, 3, 5, 7, 10, 14, 21)
"""Acceptance numbers from three letters after it on."""
_ARROWS: Final = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """Inspect ``sample`` items of the lot; it passes with up to ``accept`` nonconforming ones."""

    letter: str
    sample: int
    accept: int


def plan_for(lot: int, aql: Aql) -> Plan:
    """The plan for a lot; where the sample would be as large as the lot, all of it is inspected."""
    place, zero = bisect_left(LOT_UPTO, lot), _ZERO_AT[aql]
    beyond = place - zero
    if beyond < _ARROWS - 1:
        chosen, accept = zero, 0
    else:
        number = min(max(beyond - _ARROWS, 0), len(_NUMBERS) - 1)
        chosen, accept = zero + _ARROWS + number, _NUMBERS[number]
    chosen = min(chosen, len(LETTERS) - 1)
    return Plan(LETTERS[chosen], min(SAMPLE[chosen], lot), accept)


def plan_of(severity: Severity, lot: int, aql: Aql) -> Plan:
    """The plan for defects of ``severity``: critical ones are not accepted, in the same sample."""
    plan = plan_for(lot, aql)
    return Plan(plan.letter, plan.sample, 0) if severity is Severity.CRITICAL else plan
