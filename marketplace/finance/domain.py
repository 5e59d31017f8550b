"""Applications for financing (融资申请), consents (授权) and the evidence they show."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

PURPOSE_MAX: Final = 2_000
REMARK_MAX: Final = 1_000
RECIPIENTS_MAX: Final = 20
TERM_MONTHS_MAX: Final = 360
RATE_MAX: Final = 10_000
AMOUNT_MAX: Final = 10**15
CONSENT_MAX: Final = timedelta(days=366)
EVIDENCE_SPAN: Final = timedelta(days=366)


class FinancingRefusedError(DomainError):
    code: ClassVar[str] = "financing-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Application {application_id} is {state}; {move} is for the {party} of one that is"
        " {sources}."
    )
    zh: ClassVar[str] = (
        "融资申请 {application_id} 当前为 {state}；{move} 须由 {party} 在 {sources} 时进行。"
    )


class ConsentTimeError(DomainError):
    code: ClassVar[str] = "consent-time-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "A consent ends after {now} and by {latest}, not at {expires_at}."
    zh: ClassVar[str] = "授权须在 {now} 之后、{latest} 之前到期，而非 {expires_at}。"


class FinancingKind(StrEnum):
    WORKING_CAPITAL = "working_capital"
    """流动资金."""
    EQUIPMENT_LEASE = "equipment_lease"
    """融资租赁."""
    IP_PLEDGE = "ip_pledge"
    """知识产权质押."""
    ORDER_FINANCE = "order_finance"
    """订单融资."""
    RISK_POOL = "risk_pool"
    """风险共担资金池."""


class State(StrEnum):
    REQUESTED = "requested"
    UNDER_REVIEW = "under_review"
    OFFERED = "offered"
    DECLINED = "declined"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class Party(StrEnum):
    APPLICANT = "applicant"
    RECIPIENT = "recipient"


class Move(StrEnum):
    REVIEW = "review"
    OFFER = "offer"
    DECLINE = "decline"
    ACCEPT = "accept"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Rule:
    by: Party
    sources: tuple[State, ...]
    target: State


LIFE: Final[Mapping[Move, Rule]] = {
    Move.REVIEW: Rule(Party.RECIPIENT, (State.REQUESTED,), State.UNDER_REVIEW),
    Move.OFFER: Rule(Party.RECIPIENT, (State.UNDER_REVIEW,), State.OFFERED),
    Move.DECLINE: Rule(
        Party.RECIPIENT, (State.REQUESTED, State.UNDER_REVIEW), State.DECLINED
    ),
    Move.ACCEPT: Rule(Party.APPLICANT, (State.OFFERED,), State.ACCEPTED),
    Move.WITHDRAW: Rule(
        Party.APPLICANT, (State.REQUESTED, State.UNDER_REVIEW, State.OFFERED), State.WITHDRAWN
    ),
}  # fmt: skip
"""Who moves an application from where to where; a trigger of the database says it too."""
RUNNING: Final = LIFE[Move.WITHDRAW].sources


@dataclass(frozen=True, slots=True)
class Terms:
    """What a recipient offers: a sum, a rate in hundredths of a percent a year, months."""

    amount_minor: int
    rate: int
    months: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every recipient alike."""

    kind: FinancingKind
    amount: Money
    months: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Application:
    """One request as one recipient sees it; ``request_id`` is common to all of a request.

    Recipients do not learn of each other. ``remark`` is the last word of whoever moved it.
    """

    id: UUID
    organisation_id: OrganisationId
    recipient_id: OrganisationId
    request_id: UUID
    asked: Annotated[Asked, CONFIDENTIAL]
    state: State
    version: int
    created_at: datetime
    updated_at: datetime
    offer: Annotated[Terms | None, CONFIDENTIAL] = None
    remark: Annotated[str | None, CONFIDENTIAL] = None

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.recipient_id

    def party(self, organisation_id: OrganisationId) -> Party:
        is_applicant = organisation_id == self.organisation_id
        return Party.APPLICANT if is_applicant else Party.RECIPIENT


class Item(StrEnum):
    """What may be consented to, one by one. The codes are stable."""

    SETTLED_VALUE = "settled_value"
    """What escrows paid the applicant, by month and currency."""
    ON_TIME = "on_time"
    """How many of its booked jobs ended by the end of their slot."""
    DISPUTES = "disputes"
    """How many of its orders ended by a dispute."""
    OPEN_ESCROW = "open_escrow"
    """What escrows hold for the applicant, by currency."""
    INVOICED_VALUE = "invoiced_value"
    """What it invoiced and buyers confirmed, less credit notes, by month and currency."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The applicant lets one recipient see ``items`` as of ``created_at``, until it ends."""

    id: UUID
    organisation_id: OrganisationId
    recipient_id: OrganisationId
    application_id: UUID
    items: tuple[Item, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A row of the ledger or of deals that counts: ``period`` groups rows into figures."""

    id: UUID
    value: int
    period: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A sum over rows: of minor units with a ``currency``, of rows that count without.

    ``rows_sha256`` is the hash of the rows' ids, sorted and joined by line feeds: who has the rows
    can tell whether they are the ones.
    """

    item: Item
    period: str | None
    currency: str | None
    value: int
    rows: int
    rows_sha256: str


@dataclass(frozen=True, slots=True)
class Evidence:
    id: UUID
    organisation_id: OrganisationId
    recipient_id: OrganisationId
    consent_id: UUID
    as_of: datetime
    figure: Annotated[Figure, CONFIDENTIAL]


def moved(
    application: Application, move: Move, by: OrganisationId, *, now: datetime
) -> Application:
    """The application after ``move``.

    Raises:
        FinancingRefusedError: it is not in such a state, or the other side's to do.
    """
    rule = LIFE[move]
    if application.party(by) is not rule.by or application.state not in rule.sources:
        raise FinancingRefusedError(
            application_id=application.id,
            state=application.state,
            move=move,
            party=rule.by,
            sources=", ".join(rule.sources),
        )
    version = application.version + 1
    return replace(application, state=rule.target, version=version, updated_at=now)


def check_expiry(expires_at: datetime, *, now: datetime) -> datetime:
    """``expires_at``, if it lies ahead and within a year.

    Raises:
        ConsentTimeError: it does not.
    """
    if not now < expires_at <= now + CONSENT_MAX:
        raise ConsentTimeError(now=now, latest=now + CONSENT_MAX, expires_at=expires_at)
    return expires_at


def figures(item: Item, sources: Iterable[Source]) -> list[Figure]:
    """One figure for each period and currency, in their order; one of nothing if there is none."""
    groups: dict[tuple[str, str], list[Source]] = defaultdict(list)
    for source in sources:
        groups[source.period or "", source.currency or ""].append(source)
    if not groups:
        return [_figure(item, "", "", [])]
    return [_figure(item, *key, groups[key]) for key in sorted(groups)]


def _figure(item: Item, period: str, currency: str, rows: Sequence[Source]) -> Figure:
    ids = "\n".join(sorted(str(row.id) for row in rows))
    return Figure(
        item=item,
        period=period or None,
        currency=currency or None,
        value=sum(row.value for row in rows),
        rows=len(rows),
        rows_sha256=hashlib.sha256(ids.encode()).hexdigest(),
    )
