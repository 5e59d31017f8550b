"""Scores of both sides (双向评分) from facts: nobody rates anybody, the record does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.contracts.ids import OrganisationId

SAMPLE_MIN: Final = 3
"""Fewer facts tell of the single deal, not of the organisation: their value is not shown."""


class FactKind(StrEnum):
    """What was seen, once per thing; ``value`` is in the unit of its measure."""

    RESPONDED = "responded"
    """Of a supplier: minutes from being asked to its first quote or refusal."""
    DECIDED = "decided"
    """Of a supplier: 1 its quote was awarded, 0 another's."""
    STARTED = "started"
    """Of a supplier: minutes its booked work began after the slot did; 0 if earlier."""
    FINISHED = "finished"
    """Of a supplier: minutes its booked work ended after the slot did; 0 if earlier."""
    INSPECTED = "inspected"
    """Of a supplier: 1 a delivered lot passed, 0 it was rejected."""
    CLOSED = "closed"
    """Of a buyer: 1 a request that drew quotes was awarded, 0 it was given up or ran out."""
    PAID = "paid"
    """Of a buyer: minutes from the award until the escrow was funded."""
    DISPUTED = "disputed"
    """Of either side of a funded order: 1 it ended by a dispute, 0 without."""


class Statistic(StrEnum):
    MEDIAN = "median"
    PERMILLE = "permille"
    """How many of a thousand facts have the value 1."""
    PERMILLE_ZERO = "permille_zero"
    """How many of a thousand have the value 0."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How facts of one kind become a figure, said in two languages."""

    name: str
    kind: FactKind
    statistic: Statistic
    unit: str
    en: str
    zh: str


MEASURES: Final[Sequence[Measure]] = (
    Measure("response_time", FactKind.RESPONDED, Statistic.MEDIAN, "minutes",
            "median time from being asked to the first quote or refusal",
            "从被询价到首次答复的中位时长"),
    Measure("award_rate", FactKind.DECIDED, Statistic.PERMILLE, "permille",
            "share of decided quotes that were awarded", "已决报价中标比例"),
    Measure("punctual_start", FactKind.STARTED, Statistic.PERMILLE_ZERO, "permille",
            "share of booked work begun no later than its slot", "按时开工的预订比例"),
    Measure("punctual_finish", FactKind.FINISHED, Statistic.PERMILLE_ZERO, "permille",
            "share of booked work finished no later than its slot", "按时完工的预订比例"),
    Measure("lots_passed", FactKind.INSPECTED, Statistic.PERMILLE, "permille",
            "share of inspected lots that passed", "检验合格批次比例"),
    Measure("requests_awarded", FactKind.CLOSED, Statistic.PERMILLE, "permille",
            "share of quoted requests that were awarded", "有报价的询价最终授标比例"),
    Measure("payment_time", FactKind.PAID, Statistic.MEDIAN, "minutes",
            "median time from the award until the escrow was funded", "从授标到托管到账的中位时长"),
    Measure("disputed", FactKind.DISPUTED, Statistic.PERMILLE, "permille",
            "share of funded orders that ended by a dispute", "以争议结束的订单比例"),
)  # fmt: skip
_OF_KIND: Final[Mapping[FactKind, Measure]] = MappingProxyType(
    {measure.kind: measure for measure in MEASURES}
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something seen of ``organisation_id`` in its dealing with ``counterparty_id``.

    ``source_id`` is what it was seen of: there is one fact of a kind of an organisation for it.
    """

    id: UUID
    organisation_id: OrganisationId
    counterparty_id: OrganisationId
    kind: FactKind
    source_id: UUID
    value: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """One figure of an organisation: of ``sample`` facts; no ``value`` when these are too few."""

    measure: Measure
    sample: int
    value: int | None


def scores(facts: Iterable[tuple[FactKind, int]]) -> list[Score]:
    """Every measure of one organisation's facts, in the order of ``MEASURES``."""
    found: dict[FactKind, list[int]] = {kind: [] for kind in _OF_KIND}
    for kind, value in facts:
        found[kind].append(value)
    return [_score(measure, found[measure.kind]) for measure in MEASURES]


def _score(measure: Measure, values: Sequence[int]) -> Score:
    if len(values) < SAMPLE_MIN:
        return Score(measure, len(values), None)
    if measure.statistic is Statistic.MEDIAN:
        return Score(measure, len(values), int(median(values)))
    wanted = 1 if measure.statistic is Statistic.PERMILLE else 0
    return Score(measure, len(values), values.count(wanted) * 1_000 // len(values))
