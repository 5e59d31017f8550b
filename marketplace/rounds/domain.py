"""A round: who may pool what in it, what it decides by, and how each demand comes out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.capacity.domain import Visibility
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import BookingId, DemandId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval

TITLE_MAX: Final = 200
LASTS_MAX: Final = timedelta(days=60)
DEMANDS_OF_A_FIRM_MAX: Final = 100
CREDIT_MAX: Final = 10**9
WINDOWS_MAX: Final = 1_000
HOLD_FOR: Final = timedelta(hours=24)
"""How long a winner has to confirm; never longer than until the slot begins."""


class RoundState(StrEnum):
    OPEN = "open"
    HOLDING = "holding"
    """Decided; slots are being held for the winners."""
    CLOSED = "closed"


class Method(StrEnum):
    """How a round was decided."""

    SLOTS = "slots"
    """No two demands fit into the same stretch of free time: assignment, proven optimal."""
    HOURS = "hours"
    """Stretches hold several demands: a plan and a bound that no plan can beat."""


class Outcome(StrEnum):
    WAITING = "waiting"
    PLANNED = "planned"
    DISPLACED = "displaced"
    LEFT_OUT = "left_out"
    HELD = "held"
    UNSERVED = "unserved"


ONGOING: Final = frozenset({Outcome.PLANNED, Outcome.DISPLACED, Outcome.LEFT_OUT})
"""Decided, but not yet come to a booking or to nothing."""


class Reason(StrEnum):
    """Why a demand was not served. The codes are stable."""

    NO_CANDIDATE = "no-candidate"
    CONTENDED = "contended"
    SLOT_TAKEN = "slot-taken"
    DEMAND_OVER = "demand-over"


LOST: Final = frozenset({Reason.CONTENDED, Reason.SLOT_TAKEN})
"""Could have been served: the windows that a firm waits count these only."""


class RoundClosedError(DomainError):
    code: ClassVar[str] = "round-closed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Round {round_id} closed for demands at {closes_at}; join an open one of /rounds."
    )
    zh: ClassVar[str] = "撮合轮次 {round_id} 已于 {closes_at} 截止；请加入 /rounds 中开放的轮次。"


class RoundEndInvalidError(DomainError):
    code: ClassVar[str] = "round-end-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "A round closes within {days} days from now, not at {closes_at}; change it."
    zh: ClassVar[str] = "轮次须在 {days} 天内截止，而非 {closes_at}；请修改。"


class RoundPlaceInvalidError(DomainError):
    code: ClassVar[str] = "round-place-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "A round is of one park or of one chain space; name one of the two."
    zh: ClassVar[str] = "轮次只能属于一个园区或一个产业链空间；请只指定其一。"


class DemandUnfitError(DomainError):
    code: ClassVar[str] = "demand-unfit"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Demand {demand_id} cannot join round {round_id}: {en}."
    zh: ClassVar[str] = "需求 {demand_id} 无法加入轮次 {round_id}：{zh}。"


@dataclass(frozen=True, slots=True)
class FairnessTerms:
    """Windows a firm waits without credit; credit in minor units for each one more, and at most."""

    patience_windows: int = 2
    credit_per_window_minor: int = 2_000
    credit_max_minor: int = 20_000


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What a round came to, in minor units of its currency. Totals only: no firm is named.

    ``bound_minor``: no assignment of the round costs less. ``gap_minor``: by how much the decision
    may miss the best one under the fairness terms, 0 when it is proven optimal.
    ``cost_of_fairness_minor``: what the terms made it dearer by. ``faults``: what the independent
    check found wrong with the decision. ``held`` and ``unserved`` count once the round is closed.
    """

    method: Method
    state_hash: str
    demands: int
    planned: int
    cost_minor: int
    bound_minor: int
    gap_minor: int
    cost_of_fairness_minor: int
    faults: tuple[str, ...]
    held: int = 0
    unserved: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """``organisation_id`` opened it, for its park, its chain space, or everybody."""

    id: UUID
    organisation_id: OrganisationId
    title: str
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    process: str | None
    currency: str
    closes_at: datetime
    terms: FairnessTerms
    state: RoundState
    created_at: datetime
    result: RoundResult | None = None

    @property
    def audience(self) -> Audience:
        return Audience(
            organisation_ids=(self.organisation_id,),
            visibility=self.visibility,
            park=self.park,
            space_id=self.space_id,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """The free time a demand won: of a resource under an offer, within a stretch of it."""

    offer_id: OfferId
    resource_id: ResourceId
    within: Interval


@dataclass(frozen=True, slots=True)
class Entry:
    """A demand pooled in a round; ``options`` counts the suppliers that fitted.

    ``scarcity_minor`` is the price signal: by how much the time it wanted most would have to be
    dearer for nobody else to want it.
    """

    id: UUID
    round_id: UUID
    organisation_id: OrganisationId
    demand_id: DemandId
    outcome: Outcome
    created_at: datetime
    updated_at: datetime
    place: int = 0
    reason: Reason | None = None
    choice: Choice | None = None
    options: int | None = None
    booking_id: BookingId | None = None
    price_minor: Annotated[int | None, CONFIDENTIAL] = None
    scarcity_minor: Annotated[int | None, CONFIDENTIAL] = None


@dataclass(frozen=True, slots=True)
class Turn:
    """How one closed round ended for a firm: it was ``served``, or ``lost`` what it could have."""

    served: bool
    lost: bool


def windows_waited(turns: Iterable[Turn]) -> int:
    """Rounds lost since the firm was last served; ``turns`` come newest first."""
    waited = 0
    for turn in turns:
        if turn.served:
            break
        waited += turn.lost
    return waited


def check_end(closes_at: datetime, *, now: datetime) -> None:
    """Refuse a round that is over at once, or never.

    Raises:
        RoundEndInvalidError: it is.
    """
    if not now < closes_at <= now + LASTS_MAX:
        raise RoundEndInvalidError(days=LASTS_MAX.days, closes_at=closes_at.isoformat())


def check_open(one: Round, *, now: datetime) -> None:
    """Refuse to change who is in a round that is being decided, or was.

    Raises:
        RoundClosedError: it is closed.
    """
    if one.state is not RoundState.OPEN or one.closes_at <= now:
        raise RoundClosedError(round_id=one.id, closes_at=one.closes_at.isoformat())
