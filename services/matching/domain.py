"""What a demand asks in numbers, what a listing answers to each constraint, and the ranked result.

Integers throughout: money in minor units, tolerances in µm, envelopes in mm, durations in minutes,
distances in metres on the great circle. Equal inputs give equal results on every engine.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import ClassVar, Final
from uuid import UUID

from services.capacity.domain import Provenance, Visibility
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import DemandId, MatchId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.matching.ranking import EARTH_RADIUS_M, MINUTES_PER_HOUR, PRICE_ALONE, Ranking

CANDIDATES_MAX = 200
NEAR_MISSES_MAX = 5
RELAXATIONS_MAX = 8
AXES = 3
LATITUDE_MAX = 90
LONGITUDE_MAX = 180


class RequirementInvalidError(DomainError):
    code: ClassVar[str] = "requirement-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The requirement cannot be met by anything: {en}; change {field} and retry."
    zh: ClassVar[str] = "该需求无法被任何资源满足：{zh}；请修改 {field} 后重试。"


class PriceInvalidError(DomainError):
    code: ClassVar[str] = "price-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "{field} is {value}; a price must not be negative. Give zero or more."
    zh: ClassVar[str] = "{field} 为 {value}；价格不能为负，请填写零或正数。"


class Constraint(StrEnum):
    """What is judged of every listing, in the order shown to people. The codes are stable."""

    PROCESS = "process"
    MATERIAL = "material"
    ENVELOPE = "envelope"
    TOLERANCE = "tolerance"
    CERTIFICATES = "certificates"
    UNITS = "units"
    LOT = "lot"
    HOURS = "hours"
    PLACE = "place"
    PROVENANCE = "provenance"
    BUDGET = "budget"
    WINDOW = "window"
    LIVE = "live"


class Reason(StrEnum):
    """Why a verdict is what it is. The codes are stable."""

    NOT_ASKED = "not-asked"
    MET = "met"
    TOO_SMALL = "too-small"
    TOO_COARSE = "too-coarse"
    TOO_FEW = "too-few"
    TOO_SHORT = "too-short"
    TOO_FAR = "too-far"
    TOO_DEAR = "too-dear"
    UNDECLARED = "undeclared"
    OTHER_CURRENCY = "other-currency"
    NOT_HELD = "not-held"
    EXPIRED = "expired"
    NOT_MEASURED = "not-measured"
    NO_FREE_TIME = "no-free-time"
    OUT_OF_SERVICE = "out-of-service"
    UNOBSERVED = "unobserved"


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the Earth in degrees (WGS 84).

    Raises:
        ValueError: a coordinate out of range.
    """

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (abs(self.latitude) <= LATITUDE_MAX and abs(self.longitude) <= LONGITUDE_MAX):
            raise ValueError(f"no such place: {self.latitude}, {self.longitude}")


def great_circle_m(one: Place, other: Place) -> int:
    """Distance by the haversine formula, rounded to whole metres."""
    lat_one, lat_other = math.radians(one.latitude), math.radians(other.latitude)
    half_lat = (lat_other - lat_one) / 2
    half_lon = math.radians(other.longitude - one.longitude) / 2
    haversine = (
        math.sin(half_lat) ** 2 + math.cos(lat_one) * math.cos(lat_other) * math.sin(half_lon) ** 2
    )
    return round(2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(haversine))))


@dataclass(frozen=True, slots=True, order=True)
class CertificateNeed:
    """A certificate asked for; ``scope`` ``None`` accepts any scope."""

    kind: str
    scope: str | None = None

    @property
    def label(self) -> str:
        """As a step of a relaxation names it."""
        return self.kind if self.scope is None else f"{self.kind} ({self.scope})"


@dataclass(frozen=True, slots=True)
class Rate:
    """What a listed resource costs, in minor units of ``currency``.

    Raises:
        PriceInvalidError: an amount is negative.
    """

    per_hour_minor: int
    setup_minor: int = 0
    minimum_minor: int = 0
    currency: str = "CNY"

    def __post_init__(self) -> None:
        for field in ("per_hour_minor", "setup_minor", "minimum_minor"):
            if getattr(self, field) < 0:
                raise PriceInvalidError(field=field, value=getattr(self, field))

    def quote(self, *, minutes: int, units: int) -> Money:
        """Hours × units × rate, rounded half up, plus set-up once; never below the minimum.

        ``minutes`` are those of the work: set-up has its own price, however long it takes.
        """
        hours = Fraction(minutes * units, MINUTES_PER_HOUR)
        price = Money(self.per_hour_minor, self.currency).times(hours)
        total = price + Money(self.setup_minor, self.currency)
        return Money(max(total.minor, self.minimum_minor), self.currency)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a demand asks.

    ``processes`` holds every acceptable code (the demand's own and its descendants), ``materials``
    likewise (the demand's own and its ancestors; empty asks for none). ``minutes`` are of work,
    without any resource's set-up; ``quantity`` counts pieces. ``tolerance_um`` is ±;
    ``nominal_mm`` is the size it was asked at as a grade, which nothing is judged by.
    Candidates are ranked in one ``currency``; a listing in another fails on budget.

    Raises:
        RequirementInvalidError: nothing could ever satisfy it.
    """

    processes: frozenset[str]
    minutes: int
    window: Interval
    materials: frozenset[str] = frozenset()
    envelope_mm: tuple[int, int, int] | None = None
    tolerance_um: int | None = None
    certificates: frozenset[CertificateNeed] = frozenset()
    units: int = 1
    currency: str = "CNY"
    budget_minor: int | None = None
    place: Place | None = None
    radius_km: int | None = None
    measured_only: bool = False
    nominal_mm: float | None = None
    ranking: Ranking = PRICE_ALONE
    quantity: int = 1

    def __post_init__(self) -> None:
        holds = (
            bool(self.processes),
            self.minutes > 0,
            self.window.duration >= timedelta(minutes=self.minutes),
            self.units > 0,
            self.quantity > 0,
            min(self.envelope_mm or (1,)) > 0,
            (self.tolerance_um or 0) >= 0,
            (self.budget_minor or 0) >= 0,
            (self.radius_km or 0) >= 0,
            self.radius_km is None or self.place is not None,
        )
        if not all(holds):
            field, en, zh = _REQUIREMENT_RULES[holds.index(False)]
            raise RequirementInvalidError(field=field, en=en, zh=zh)


_REQUIREMENT_RULES: Final = (
    ("process", "no process is named", "未指定工艺"),
    ("hours", "the time asked is not positive", "所需时长不是正数"),
    ("window", "the window is shorter than the hours", "时间窗短于所需时长"),
    ("units", "no unit is asked", "所需数量不是正数"),
    ("quantity", "no piece is asked", "所需件数不是正数"),
    ("envelope", "an edge is not positive", "尺寸非正"),
    ("tolerance", "it is negative", "公差为负"),
    ("budget", "it is negative", "预算为负"),
    ("radius", "it is negative", "半径为负"),
    ("place", "a radius needs a place", "指定半径时必须给出地点"),
)
"""In the order in which a requirement tries them."""


Value = int | str | None
"""What was asked or offered, in the unit of its constraint."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one listing answers to one constraint.

    ``margin`` is how much room is left (negative: how much is missing), in the constraint's unit:
    mm for the envelope, µm, days for certificates, units, pieces for the lot, minutes for hours,
    metres for the place,
    minor units for the budget, minutes between the earliest end and the window's for the window.
    """

    constraint: Constraint
    passed: bool
    reason: Reason
    margin: int | None = None
    asked: Value = None
    offered: Value = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listing that fits, with the earliest slot it can give and the verdict of every constraint.

    ``start`` to ``end`` is all that is occupied: the set-up of ``setup_minutes`` first, then the
    minutes asked, which alone are charged by the hour. ``cost`` is what it ranks by: its price and
    what the requirement's ranking adds; ``None`` in answers kept from before there was one.
    ``age_s`` is how long ago its twin was last seen; ``None`` for a resource without one.
    """

    offer_id: OfferId
    resource_id: ResourceId
    organisation_id: OrganisationId
    process: str
    start: datetime
    end: datetime
    units: int
    price: Money
    distance_m: int | None
    provenance: Provenance
    age_s: int | None
    verdicts: tuple[Verdict, ...]
    cost: Money | None = None
    setup_minutes: int = 0


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A listing that does not fit, and the constraints that keep it from fitting."""

    offer_id: OfferId
    resource_id: ResourceId
    organisation_id: OrganisationId
    process: str
    price: Money
    distance_m: int | None
    causes: tuple[Constraint, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many listings one constraint rejected, and how many of them nothing else would have."""

    constraint: Constraint
    rejected: int
    rejected_alone: int


class Aspect(StrEnum):
    """What of a requirement may give way, in the order of search. The codes are stable.

    A process and an envelope never do: another process is another demand, and a part keeps its
    size.
    """

    TOLERANCE = "tolerance"
    RADIUS = "radius"
    WINDOW_END = "window-end"
    WINDOW_START = "window-start"
    BUDGET = "budget"
    CERTIFICATE = "certificate"
    MATERIAL = "material"
    UNITS = "units"
    QUANTITY = "quantity"
    HOURS = "hours"
    MEASURED_ONLY = "measured-only"

    @property
    def constraint(self) -> Constraint:
        """What it asks of a listing."""
        return _CONSTRAINTS[self]


_CONSTRAINTS: Final[Mapping[Aspect, Constraint]] = MappingProxyType(
    {
        Aspect.TOLERANCE: Constraint.TOLERANCE,
        Aspect.RADIUS: Constraint.PLACE,
        Aspect.WINDOW_END: Constraint.WINDOW,
        Aspect.WINDOW_START: Constraint.WINDOW,
        Aspect.BUDGET: Constraint.BUDGET,
        Aspect.CERTIFICATE: Constraint.CERTIFICATES,
        Aspect.MATERIAL: Constraint.MATERIAL,
        Aspect.UNITS: Constraint.UNITS,
        Aspect.QUANTITY: Constraint.LOT,
        Aspect.HOURS: Constraint.HOURS,
        Aspect.MEASURED_ONLY: Constraint.PROVENANCE,
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """One aspect giving way, from what is ``asked`` to ``eased``; ``None``: asked no longer.

    Values are in the unit of the aspect's constraint (a radius in metres); the bounds of a window
    are instants in RFC 3339, UTC.
    """

    aspect: Aspect
    asked: Value
    eased: Value


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The smallest step, or pair of steps, that gains suppliers, and what exactly it gains.

    ``listings`` fit that did not before, of as many ``organisations``; ``lost`` ones no longer do
    (only longer hours lose any). ``price`` is that of the gained listing that ranks first,
    ``earliest_end`` the earliest among the gained. Both have their counterpart among the
    candidates there were, ``None`` where there were none.
    """

    steps: tuple[Step, ...]
    listings: int
    organisations: int
    lost: int
    price: Money
    price_before: Money | None
    earliest_end: datetime
    earliest_end_before: datetime | None

    @property
    def earlier(self) -> timedelta | None:
        """How much earlier than before the work can be done; negative when later."""
        before = self.earliest_end_before
        return None if before is None else before - self.earliest_end


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The answer to a requirement.

    ``considered`` counts the listings of an acceptable process. ``failures``, ``near_misses`` and
    ``relaxations`` are filled only when fewer candidates than asked for were found: they explain a
    short answer. Engines leave the relaxations out; ``services.matching.relaxation`` asks for them,
    and says whether they are complete or the time to look for others ran out.
    """

    candidates: tuple[Candidate, ...]
    considered: int
    failures: tuple[FailureCount, ...]
    near_misses: tuple[NearMiss, ...]
    state_hash: str
    as_of: datetime
    relaxations: tuple[Relaxation, ...] = ()
    relaxations_complete: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """A resource on offer under an offer's rate."""

    offer_id: OfferId
    resource_id: ResourceId
    organisation_id: OrganisationId
    rate: Rate
    visibility: Visibility
    place: Place | None
    park: str | None = None
    space_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class StoredMatch:
    """A match as it was answered, so that it can be explained later."""

    id: MatchId
    organisation_id: OrganisationId
    demand_id: DemandId
    requirement: Requirement
    result: MatchResult
    took_ms: float
    created_at: datetime
