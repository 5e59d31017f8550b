"""What the live page shows, free of language and HTML; templates and deltas are made from it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.booking.domain import Booking
from services.capacity.domain import Provenance
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.matching.domain import Candidate, FailureCount, NearMiss, Relaxation

Shown = ResourceState | Literal["declared"]

ONLINE: frozenset[ResourceState] = frozenset(ResourceState) - {
    ResourceState.OFF,
    ResourceState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Name:
    """A name as its owner wrote it in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Live:
    """What a resource's twin last told."""

    state: ResourceState
    reason: str | None
    since: datetime
    seen_at: datetime | None
    """None: it has never given a live sign."""
    job_id: str | None = None
    job_predicted_end: datetime | None = None
    part_count: int | None = None


@dataclass(frozen=True, slots=True)
class StateSpan:
    state: ResourceState
    during: Interval


@dataclass(frozen=True, slots=True)
class FreeSpan:
    """A gap: free time and how many units of it are free."""

    during: Interval
    units: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Today:
    """The local day of a resource: when it works, what it did, what is promised and free."""

    day: Interval
    working: tuple[Interval, ...] = ()
    states: tuple[StateSpan, ...] = ()
    booked: tuple[Interval, ...] = ()
    free: tuple[FreeSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """One card of the board; ``live`` is None for a resource without a twin."""

    id: str
    name: Name
    kind: str
    units: int
    timezone: str
    live: Live | None
    today: Today
    free_next_day_h: float
    """Unit hours free in the next 24 hours."""

    @property
    def shown(self) -> Shown:
        return self.live.state if self.live else "declared"


@dataclass(frozen=True, slots=True)
class Firm:
    id: str
    name: Name
    place: Name | None
    resources: tuple[Resource, ...]
    is_verified: bool = False
    """Whether somebody compared its name and credit code with the register (企业认证)."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Whose resource a candidate or near miss is, and the time zone its hours are told in."""

    resource: Name
    firm: Name
    timezone: str


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    offered: Offered
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class ExplainedMiss:
    offered: Offered
    miss: NearMiss


@dataclass(frozen=True, slots=True)
class Match:
    """The newest answer to a demand."""

    at: datetime
    took_ms: float
    considered: int
    candidates: tuple[RankedCandidate, ...] = ()
    failures: tuple[FailureCount, ...] = ()
    misses: tuple[ExplainedMiss, ...] = ()
    id: str = ""
    relaxations: tuple[Relaxation, ...] = ()
    relaxations_complete: bool = True
    nominal_mm: float | None = None
    """The size at which a tolerance was asked as a grade."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What somebody asks for; ``match`` is None until it was matched."""

    id: str
    title: str
    organisation: Name
    process: str
    minutes: int
    window: Interval
    timezone: str
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class BookingLine:
    booking: Booking
    resource: Name
    organisation: Name
    timezone: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Free time taken off the market because of what a machine told."""

    id: str
    resource: Name
    during: Interval
    timezone: str
    cause: str
    withdrawn_at: datetime
    restored_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counters:
    online: int
    executing: int
    idle: int
    down: int
    unknown: int
    free_next_day_h: float
    bookings: int


@dataclass(frozen=True, slots=True)
class Park:
    """Everything on the page at one instant."""

    name: Name
    at: datetime
    timezone: str
    firms: tuple[Firm, ...] = ()
    demands: tuple[Demand, ...] = ()
    bookings: tuple[BookingLine, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    more_resources: bool = False
    """Whether resources beyond the page's limit exist."""
    viewer: Name | None = None
    """The organisation the reader acts for."""

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(resource for firm in self.firms for resource in firm.resources)

    @property
    def counters(self) -> Counters:
        states = [resource.live.state for resource in self.resources if resource.live]
        return Counters(
            online=sum(state in ONLINE for state in states),
            executing=states.count(ResourceState.EXECUTING),
            idle=states.count(ResourceState.IDLE),
            down=states.count(ResourceState.DOWN),
            unknown=states.count(ResourceState.UNKNOWN),
            free_next_day_h=sum(resource.free_next_day_h for resource in self.resources),
            bookings=sum(line.booking.is_active for line in self.bookings),
        )
