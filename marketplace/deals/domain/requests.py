"""What a buyer asks for: the request, its lines, who is asked, and what is said about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from marketplace.deals.domain.lifecycle import Guard, Party, State
from services.capacity.domain import Visibility
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import DemandId, OrganisationId

TITLE_MAX: Final = 200
TEXT_MAX: Final = 10_000
LINES_MAX: Final = 100
SUPPLIERS_MAX: Final = 50
QUANTITY_MAX: Final = 10**9
CLOSES_WITHIN: Final = timedelta(days=366)
OPEN_TO: Final = frozenset({Visibility.PUBLIC, Visibility.PARK, Visibility.SPACE})
"""Visibilities by which suppliers find a request they were not invited to."""


class DealInvalidError(DomainError):
    code: ClassVar[str] = "deal-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This deal cannot be kept: {en}; change {field}."
    zh: ClassVar[str] = "该询价无法保存：{zh}；请修改 {field}。"


class DealVersionMismatchError(DomainError):
    code: ClassVar[str] = "deal-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.STALE
    en: ClassVar[str] = "Deal {deal_id} is at version {version}, not {expected}; read it again."
    zh: ClassVar[str] = "询价 {deal_id} 的版本为 {version}，而非 {expected}；请重新读取。"


class OwnDealError(DomainError):
    code: ClassVar[str] = "own-deal"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Deal {deal_id} is your own; suppliers quote for it and ask about it."
    zh: ClassVar[str] = "询价 {deal_id} 由贵组织发起；应由供应商报价或提问。"


@dataclass(frozen=True, slots=True)
class Line:
    """``quantity`` of something, in ``unit``, e.g. pieces; what lines of quotes refer to."""

    number: int
    description: str
    quantity: int
    unit: str = "piece"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked for, and until when. ``blind``: suppliers do not learn who else is asked."""

    title: str
    text: str
    lines: tuple[Line, ...]
    currency: str
    closes_at: datetime
    visibility: Visibility
    blind: bool = True
    demand_id: DemandId | None = None
    park: str | None = None
    space_id: UUID | None = None
    needed_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    """A request for quotation (询价) of ``organisation_id``; ``state`` is its own part of the life.

    ``revision`` counts from 1 with every change after publication; quotes are for one revision.
    ``shown_suppliers`` are those invited, unless it is blind.
    """

    id: UUID
    organisation_id: OrganisationId
    terms: Annotated[Terms, CONFIDENTIAL]
    state: State
    revision: int
    version: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None = None
    shown_suppliers: tuple[OrganisationId, ...] = ()

    @property
    def thing(self) -> str:
        return f"Deal {self.id}"

    @property
    def audience(self) -> Audience:
        terms = self.terms
        open_to = terms.visibility in OPEN_TO and self.state is not State.DRAFT
        return Audience(
            organisation_ids=(self.organisation_id,),
            visibility=terms.visibility if open_to else Visibility.ORGANISATION,
            park=terms.park,
            space_id=terms.space_id,
        )

    def is_open(self, now: datetime) -> bool:
        """Whether suppliers may still ask and quote."""
        return self.state is State.PUBLISHED and now < self.terms.closes_at

    def party(self, organisation_id: OrganisationId) -> Party:
        return Party.BUYER if organisation_id == self.organisation_id else Party.SUPPLIER

    def guards(self, now: datetime) -> frozenset[Guard]:
        """What holds of the request itself."""
        return frozenset({Guard.OPEN} if self.is_open(now) else ())


@dataclass(frozen=True, slots=True)
class Bid:
    """The life of a request with one supplier, until the award.

    ``asked_at`` is when the supplier could first see the revision it is at, ``answered_at`` when it
    first quoted or declined.
    """

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    deal_id: UUID
    state: State
    invited: bool
    revision: int
    asked_at: datetime
    updated_at: datetime
    answered_at: datetime | None = None
    reason: str | None = None

    @property
    def thing(self) -> str:
        return f"Bid {self.id}"

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.supplier_id


class MessageKind(StrEnum):
    QUESTION = "question"
    ANSWER = "answer"
    NOTICE = "notice"
    """An answer, or anything else, that the buyer tells all suppliers."""


@dataclass(frozen=True, slots=True)
class Message:
    """Said by ``author_id`` in the thread with ``supplier_id``; to all suppliers if ``None``."""

    id: UUID
    organisation_id: OrganisationId
    deal_id: UUID
    supplier_id: OrganisationId | None
    author_id: OrganisationId
    kind: MessageKind
    text: Annotated[str, CONFIDENTIAL]
    created_at: datetime


def check_terms(terms: Terms, *, now: datetime) -> None:
    """Refuse what nobody could quote for.

    Raises:
        DealInvalidError: it says which field is wrong.
    """
    needs_place = {Visibility.PARK: terms.park, Visibility.SPACE: terms.space_id}
    checks = (
        (now < terms.closes_at <= now + CLOSES_WITHIN, "closes_at",
         f"it closes at {terms.closes_at.isoformat()}, not within {CLOSES_WITHIN.days} days",
         f"截止时间 {terms.closes_at.isoformat()} 不在 {CLOSES_WITHIN.days} 天之内"),
        (terms.needed_by is None or terms.needed_by > now, "needed_by",
         "it is needed in the past", "需求时间已过"),
        (needs_place.get(terms.visibility, "") is not None, "visibility",
         f"the {terms.visibility} it is open to is not named", "未指明开放的园区或产业链空间"),
        (terms.visibility is not Visibility.NDA and terms.visibility is not Visibility.PRIVATE,
         "visibility", "it is open to all of a community, or to whom is invited",
         "可见范围须为社区或受邀供应商"),
        (bool(terms.lines) or terms.demand_id is not None, "lines",
         "it asks for nothing", "未写明需求"),
        ([line.number for line in terms.lines] == list(range(1, len(terms.lines) + 1)), "lines",
         "its lines are not numbered from 1", "明细行未从 1 连续编号"),
    )  # fmt: skip
    for holds, field, en, zh in checks:
        if not holds:
            raise DealInvalidError(field=field, en=en, zh=zh)


def check_version(deal: Deal, expected: int | None) -> None:
    """Refuse a change based on an older reading; ``None`` asks for no check.

    Raises:
        DealVersionMismatchError: the deal has moved on since.
    """
    if expected is not None and expected != deal.version:
        raise DealVersionMismatchError(deal_id=deal.id, version=deal.version, expected=expected)


def check_supplier(deal: Deal, organisation_id: OrganisationId) -> None:
    """Refuse a buyer who acts as a supplier of its own request.

    Raises:
        OwnDealError: it is.
    """
    if deal.organisation_id == organisation_id:
        raise OwnDealError(deal_id=deal.id)


def completeness(terms: Terms, suppliers: Sequence[OrganisationId]) -> frozenset[Guard]:
    """Whether there is something to quote for and somebody who may."""
    asked = bool(terms.lines) and (terms.visibility in OPEN_TO or bool(suppliers))
    return frozenset({Guard.COMPLETE} if asked else ())


def changed(deal: Deal, *, now: datetime, **facts: object) -> Deal:
    """``deal`` with ``facts``, at its next version."""
    return replace(deal, version=deal.version + 1, updated_at=now, **facts)  # type: ignore[arg-type]
