"""Demand and capacity of partners in ISO weeks (周度需求与能力), and the gap between them.

Source: ISO 8601-1 for weeks; Catena-X CX-0128 (Demand and Capacity Management) for what a week of
demand and of capacity says.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.contracts.intervals import Interval

WEEK_PATTERN: Final = r"^2[01][0-9]{2}-W(0[1-9]|[1-4][0-9]|5[0-3])$"
"""Texts of weeks sort as the weeks do."""
WEEKS_MAX: Final = 104
QUANTITY_MAX: Final = 10**15
ITEM_MAX: Final = 200
UNIT_MAX: Final = 20
_MINUTE: Final = timedelta(minutes=1)


class NoSuchWeekError(DomainError):
    code: ClassVar[str] = "no-such-week"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "{week!r} is no ISO week; write it like 2026-W53, in a year that has it."
    zh: ClassVar[str] = "{week!r} 不是有效的 ISO 周；请写成 2026-W53，且该年须有此周。"


class BoundsCrossedError(DomainError):
    code: ClassVar[str] = "bounds-crossed"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Week {week}: {lowest} ≤ {quantity} ≤ {highest} does not hold."
    zh: ClassVar[str] = "{week} 周：{lowest} ≤ {quantity} ≤ {highest} 不成立。"


class WeekTwiceError(DomainError):
    code: ClassVar[str] = "week-twice"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Week {week} is given twice; say each week once."
    zh: ClassVar[str] = "{week} 周出现两次；每周只能给出一次。"


class FigureKind(StrEnum):
    DEMAND = "demand"
    """需求: of a customer, to its supplier."""
    CAPACITY = "capacity"
    """能力: of a supplier, for its customer."""


class Source(StrEnum):
    DECLARED = "declared"
    """Stated by the member."""
    PLANNED = "planned"
    """Added up from the free time of its resources, not all of which is measured."""
    MEASURED = "measured"
    """Added up from measured gaps alone."""


class GapState(StrEnum):
    UNANSWERED = "unanswered"
    """The supplier has not said what it can do."""
    UNUSED = "unused"
    """The customer has not asked for anything."""
    COVERED = "covered"
    OVER_AGREED = "over_agreed"
    """More than agreed, not more than the supplier could do at most."""
    OVER_MAXIMUM = "over_maximum"


ALARMING: Final = (GapState.OVER_AGREED, GapState.OVER_MAXIMUM)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whole units. Of a demand: the least, the wanted, the most that would be taken.

    Of a capacity: what is there without effort (actual), what is agreed, the maximum.
    """

    lowest: int
    quantity: int
    highest: int


@dataclass(frozen=True, slots=True)
class Line:
    """What a series of weeks is about."""

    kind: FigureKind
    partner_id: OrganisationId
    item: Annotated[str, CONFIDENTIAL]
    """A material, a part, or the code of a process."""
    unit: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One version of one week. A later version stands beside it; none is changed."""

    id: UUID
    organisation_id: OrganisationId
    space_id: UUID
    line: Line
    week: str
    bounds: Annotated[Bounds, CONFIDENTIAL]
    source: Source
    version: int
    created_at: datetime

    @property
    def customer_id(self) -> OrganisationId:
        is_demand = self.line.kind is FigureKind.DEMAND
        return self.organisation_id if is_demand else self.line.partner_id

    @property
    def supplier_id(self) -> OrganisationId:
        is_demand = self.line.kind is FigureKind.DEMAND
        return self.line.partner_id if is_demand else self.organisation_id


@dataclass(frozen=True, slots=True)
class WeekGap:
    """Demand of a customer against the capacity of a supplier in one week, in whole units."""

    customer_id: OrganisationId
    supplier_id: OrganisationId
    item: str
    unit: str
    week: str
    demand: Bounds | None
    capacity: Bounds | None

    @property
    def over_agreed(self) -> int | None:
        """What is wanted beyond the agreed capacity; ``None``: one side has not spoken."""
        if self.demand is None or self.capacity is None:
            return None
        return max(0, self.demand.quantity - self.capacity.quantity)

    @property
    def over_maximum(self) -> int | None:
        """What is wanted beyond all the supplier could do."""
        if self.demand is None or self.capacity is None:
            return None
        return max(0, self.demand.quantity - self.capacity.highest)

    @property
    def unavoidable(self) -> int | None:
        """What is missing even when both sides bend as far as they said."""
        if self.demand is None or self.capacity is None:
            return None
        return max(0, self.demand.lowest - self.capacity.highest)

    @property
    def spare(self) -> int | None:
        """Agreed capacity that nobody wants."""
        if self.demand is None or self.capacity is None:
            return None
        return max(0, self.capacity.quantity - self.demand.quantity)

    @property
    def state(self) -> GapState:
        if self.capacity is None:
            return GapState.UNANSWERED
        if self.demand is None:
            return GapState.UNUSED
        if self.over_maximum:
            return GapState.OVER_MAXIMUM
        return GapState.OVER_AGREED if self.over_agreed else GapState.COVERED


def week_of(day: date) -> str:
    """The ISO week a day is in; its year is not always the day's."""
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02}"


def monday_of(week: str) -> date:
    """The first day of a week.

    Raises:
        NoSuchWeekError: no such week, e.g. 2027-W53.
    """
    if re.fullmatch(WEEK_PATTERN.strip("^$"), week, re.ASCII) is None:
        raise NoSuchWeekError(week=week)
    try:
        return date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
    except ValueError:
        raise NoSuchWeekError(week=week) from None


def span_of(week: str) -> Interval:
    """From Monday 00:00 UTC until the next.

    Raises:
        NoSuchWeekError: no such week.
    """
    start = datetime.combine(monday_of(week), time(), tzinfo=UTC)
    return Interval(start, start + timedelta(weeks=1))


def check_weeks(weeks: Iterable[tuple[str, Bounds]]) -> None:
    """Refuse weeks that are none, come twice, or whose bounds cross.

    Raises:
        NoSuchWeekError, WeekTwiceError, BoundsCrossedError: as they say.
    """
    seen: set[str] = set()
    for week, bounds in weeks:
        monday_of(week)
        if week in seen:
            raise WeekTwiceError(week=week)
        seen.add(week)
        if not 0 <= bounds.lowest <= bounds.quantity <= bounds.highest:
            raise BoundsCrossedError(
                week=week,
                lowest=bounds.lowest,
                quantity=bounds.quantity,
                highest=bounds.highest,
            )


def gaps(figures: Iterable[Figure]) -> list[WeekGap]:
    """Each week of each pair of partners, in order; of a version the latest counts."""
    newest: dict[tuple[str, ...], dict[FigureKind, Figure]] = {}
    for figure in figures:
        line = figure.line
        parties = (str(figure.customer_id), str(figure.supplier_id))
        sides = newest.setdefault((line.item, line.unit, *parties, figure.week), {})
        known = sides.get(line.kind)
        if known is None or known.version < figure.version:
            sides[line.kind] = figure
    return [_gap(newest[key]) for key in sorted(newest)]


def _gap(sides: dict[FigureKind, Figure]) -> WeekGap:
    either = next(iter(sides.values()))
    demand, capacity = (sides.get(kind) for kind in FigureKind)
    return WeekGap(
        customer_id=either.customer_id,
        supplier_id=either.supplier_id,
        item=either.line.item,
        unit=either.line.unit,
        week=either.week,
        demand=None if demand is None else demand.bounds,
        capacity=None if capacity is None else capacity.bounds,
    )


def free_minutes(spans: Iterable[tuple[Interval, int]], week: str) -> int:
    """Whole unit-minutes free in the week; where spans overlap, the one with most units counts."""
    within = span_of(week)
    cut = [
        (max(span.start, within.start), min(span.end, within.end), units) for span, units in spans
    ]
    cut = [(start, end, units) for start, end, units in cut if start < end]
    edges = sorted({edge for start, end, _ in cut for edge in (start, end)})
    free = timedelta()
    for begin, end in pairwise(edges):
        free += (end - begin) * max(
            (units for start, stop, units in cut if start <= begin and end <= stop), default=0
        )
    return free // _MINUTE
