"""An introduction (投融资对接): asked for by a team or an investor, shown by the team alone."""

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

CONSENT_MAX: Final = timedelta(days=366)
DOCUMENTS_MAX: Final = 20


class IntroductionMovedError(DomainError):
    code: ClassVar[str] = "introduction-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Introduction {introduction_id} is {state}; {move} is for the {side} of one that is"
        " {source}."
    )
    zh: ClassVar[str] = (
        "对接 {introduction_id} 当前为 {state}；{move} 须由 {side} 在 {source} 时进行。"
    )


class ConsentTimeError(DomainError):
    code: ClassVar[str] = "introduction-consent-time-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The consent ends after {now} and by {latest}, not at {expires_at}."
    zh: ClassVar[str] = "授权须在 {now} 之后、{latest} 之前到期，而非 {expires_at}。"


class IntroductionState(StrEnum):
    ASKED = "asked"
    CONSENTED = "consented"
    REVOKED = "revoked"
    CLOSED = "closed"
    """Declined, or given up, before anything was shown."""


class Side(StrEnum):
    TEAM = "team"
    INVESTOR = "investor"


class Move(StrEnum):
    CONSENT = "consent"
    REVOKE = "revoke"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Rule:
    by: frozenset[Side]
    source: IntroductionState
    target: IntroductionState


LIFE: Final[Mapping[Move, Rule]] = {
    Move.CONSENT: Rule(
        frozenset({Side.TEAM}), IntroductionState.ASKED, IntroductionState.CONSENTED
    ),
    Move.REVOKE: Rule(
        frozenset({Side.TEAM}), IntroductionState.CONSENTED, IntroductionState.REVOKED
    ),
    Move.CLOSE: Rule(frozenset(Side), IntroductionState.ASKED, IntroductionState.CLOSED),
}
"""Who moves an introduction from where to where; a trigger of the database says it too."""


class FigureKind(StrEnum):
    """What of the record may be shown, one by one. The codes are stable."""

    MILESTONES = "milestones"
    """How many milestones its incubator confirmed."""
    SETTLED_VALUE = "settled_value"
    """What escrows paid the team within a year, by currency."""
    OPEN_ESCROW = "open_escrow"
    """What escrows hold for the team, by currency."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """``organisation_id`` is the team, ``incubator_id`` who vouches for the investor."""

    id: UUID
    organisation_id: OrganisationId
    investor_id: OrganisationId
    incubator_id: OrganisationId
    incubated_id: UUID
    approval_id: UUID
    asked_by: Side
    purpose: Annotated[str, CONFIDENTIAL]
    state: IntroductionState
    created_at: datetime
    consented_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.investor_id

    def side(self, organisation_id: OrganisationId) -> Side:
        return Side.TEAM if organisation_id == self.organisation_id else Side.INVESTOR


@dataclass(frozen=True, slots=True)
class Source:
    """A row of the record that counts."""

    id: UUID
    value: int
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A sum over rows: of minor units with a ``currency``, of rows that count without.

    ``rows_sha256`` is the hash of the rows' ids, sorted and joined by line feeds.
    """

    kind: FigureKind
    currency: str | None
    value: int
    rows: int
    rows_sha256: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure or a document that an introduction shows."""

    id: UUID
    organisation_id: OrganisationId
    investor_id: OrganisationId
    introduction_id: UUID
    figure: Annotated[Figure | None, CONFIDENTIAL] = None
    document_id: UUID | None = None


def moved(
    introduction: Introduction, move: Move, by: OrganisationId, *, now: datetime
) -> Introduction:
    """The introduction after ``move``.

    Raises:
        IntroductionMovedError: it is not in such a state, or the other side's to do.
    """
    rule = LIFE[move]
    if introduction.side(by) not in rule.by or introduction.state is not rule.source:
        raise IntroductionMovedError(
            introduction_id=introduction.id,
            state=introduction.state,
            move=move,
            side=" or ".join(sorted(rule.by)),
            source=rule.source,
        )
    if move is Move.CONSENT:
        return replace(introduction, state=rule.target, consented_at=now)
    return replace(introduction, state=rule.target, ended_at=now)


def check_expiry(expires_at: datetime, *, now: datetime) -> datetime:
    """``expires_at``, if it lies ahead and within a year.

    Raises:
        ConsentTimeError: it does not.
    """
    if not now < expires_at <= now + CONSENT_MAX:
        raise ConsentTimeError(now=now, latest=now + CONSENT_MAX, expires_at=expires_at)
    return expires_at


def is_in_force(introduction: Introduction, *, now: datetime) -> bool:
    """Whether the team shows the investor anything."""
    return (
        introduction.state is IntroductionState.CONSENTED
        and introduction.expires_at is not None
        and now < introduction.expires_at
    )


def figures(kind: FigureKind, sources: Iterable[Source]) -> list[Figure]:
    """One figure for each currency, in their order; one of nothing if there is none."""
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        groups[source.currency or ""].append(source)
    if not groups:
        return [_figure(kind, "", [])]
    return [_figure(kind, currency, groups[currency]) for currency in sorted(groups)]


def _figure(kind: FigureKind, currency: str, rows: Sequence[Source]) -> Figure:
    ids = "\n".join(sorted(str(row.id) for row in rows))
    return Figure(
        kind=kind,
        currency=currency or None,
        value=sum(row.value for row in rows),
        rows=len(rows),
        rows_sha256=hashlib.sha256(ids.encode()).hexdigest(),
    )
