"""A risk notice: what it says, and its life draft → submitted → released, by three persons."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.risk.domain.addressing import Addressing
from services.risk.domain.rating import Rating
from services.risk.domain.tlp import OPEN, Tlp

SERIAL_MAX: Final = 99_999
"""Notices of one year."""


class NoticeKind(StrEnum):
    VULNERABILITY = "vulnerability"
    MISCONFIGURATION = "misconfiguration"
    INCIDENT = "incident"
    ADVISORY = "advisory"


class NoticeState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class NoticeSource(StrEnum):
    """Where the first draft came from."""

    WRITTEN = "written"
    REPORT = "report"
    CSV = "csv"
    CSAF = "csaf"


TRANSITIONS: Final[Mapping[NoticeState, frozenset[NoticeState]]] = {
    NoticeState.DRAFT: frozenset({NoticeState.SUBMITTED, NoticeState.WITHDRAWN}),
    NoticeState.SUBMITTED: frozenset(
        {NoticeState.DRAFT, NoticeState.RELEASED, NoticeState.WITHDRAWN}
    ),
    NoticeState.RELEASED: frozenset({NoticeState.WITHDRAWN, NoticeState.SUPERSEDED}),
    NoticeState.WITHDRAWN: frozenset(),
    NoticeState.SUPERSEDED: frozenset(),
}
TOLD: Final = frozenset({NoticeState.RELEASED, NoticeState.WITHDRAWN, NoticeState.SUPERSEDED})
"""States in which those a notice was delivered to go on reading it."""


class NoticeTransitionError(DomainError):
    code: ClassVar[str] = "risk-notice-transition-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Notice {number} is {state} and cannot become {wanted}; read it again to see its life."
    )
    zh: ClassVar[str] = "通报 {number} 当前为 {state}，不能变为 {wanted}；请重新读取其状态。"


class NoticeVersionError(DomainError):
    code: ClassVar[str] = "risk-notice-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Notice {number} is at version {version}, not {expected}; read it again and retry."
    )
    zh: ClassVar[str] = "通报 {number} 的版本为 {version}，而非 {expected}；请重新读取后再试。"


class SecondPersonRequiredError(DomainError):
    code: ClassVar[str] = "second-person-required"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "Notice {number} needs somebody else for this step: who wrote or submitted it can neither"
        " approve nor release it, and who approved it cannot release it."
    )
    zh: ClassVar[str] = (
        "通报 {number} 的这一步须由他人完成：起草或提交者不得批准或发布，批准者不得发布。"
    )


class NotApprovedError(DomainError):
    code: ClassVar[str] = "risk-notice-not-approved"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Notice {number} was not approved yet; another person approves it first."
    zh: ClassVar[str] = "通报 {number} 尚未批准；须先由另一人批准。"


class AlreadyApprovedError(DomainError):
    code: ClassVar[str] = "risk-notice-already-approved"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Notice {number} is approved already; another person releases it now."
    zh: ClassVar[str] = "通报 {number} 已获批准；现须由另一人发布。"


class AddresseesMissingError(DomainError):
    code: ClassVar[str] = "risk-notice-addressees-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Notice {number} is {label} and addressed to nobody; name who must know."
    zh: ClassVar[str] = "通报 {number} 为 {label}，但未指定接收方；请指明须知悉者。"


@dataclass(frozen=True, slots=True)
class Product:
    """An affected product; ``versions`` is a range in words, e.g. ``< 4.2.1``."""

    vendor: str
    name: str
    versions: str = ""
    cpe: str | None = None
    """Common Platform Enumeration 2.2 (``cpe:/``) or 2.3 (``cpe:2.3:``)."""


@dataclass(frozen=True, slots=True)
class Reference:
    url: str
    summary: str = ""


@dataclass(frozen=True, slots=True)
class NoticeContent:
    """What an author writes and two others then stand for."""

    title: str
    title_zh: str
    kind: NoticeKind
    rating: Rating
    tlp: Tlp
    products: tuple[Product, ...] = ()
    identifiers: tuple[str, ...] = ()
    """E.g. ``CVE-2026-12345``, ``CNVD-2026-12345``."""
    embargo_until: datetime | None = None
    description: str = ""
    remediation: str = ""
    references: tuple[Reference, ...] = ()
    addressing: Addressing = field(default_factory=Addressing)
    supersedes_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """``authors``: whoever wrote, changed or submitted it; none of them approves or releases."""

    id: UUID
    year: int
    serial: int
    organisation_id: OrganisationId
    content: NoticeContent
    state: NoticeState
    source: NoticeSource
    authors: frozenset[UUID]
    created_at: datetime
    updated_at: datetime
    approved_by: UUID | None = None
    approved_at: datetime | None = None
    released_by: UUID | None = None
    released_at: datetime | None = None
    delivered_at: datetime | None = None
    """When it went out; never before the embargo ended."""
    withdrawn_reason: str | None = None
    version: int = 1

    @property
    def number(self) -> str:
        return f"RN-{self.year}-{self.serial:05d}"

    @property
    def due_at(self) -> datetime | None:
        """From when on it may go out; ``None`` while it is not released."""
        if self.released_at is None:
            return None
        return max(self.released_at, self.content.embargo_until or self.released_at)


def check_version(notice: Notice, expected: int) -> None:
    """Refuse a step based on an older reading.

    Raises:
        NoticeVersionError: the notice has moved on since.
    """
    if notice.version != expected:
        raise NoticeVersionError(number=notice.number, version=notice.version, expected=expected)


def rewritten(notice: Notice, content: NoticeContent, *, by: UUID, now: datetime) -> Notice:
    """The draft with other content.

    Raises:
        NoticeTransitionError: it is no draft any more.
    """
    if notice.state is not NoticeState.DRAFT:
        raise NoticeTransitionError(number=notice.number, state=notice.state, wanted="changed")
    return replace(
        notice,
        content=content,
        authors=notice.authors | {by},
        updated_at=now,
        version=notice.version + 1,
    )


def submitted(notice: Notice, *, by: UUID, now: datetime) -> Notice:
    """The draft as it is to be released, content and addressees fixed.

    Raises:
        NoticeTransitionError: it is no draft.
        AddresseesMissingError: its label needs addressees and it has none.
    """
    content = notice.content
    if content.tlp not in OPEN and content.addressing.is_empty:
        raise AddresseesMissingError(number=notice.number, label=content.tlp.label)
    changed = _moved(notice, NoticeState.SUBMITTED, now=now)
    return replace(changed, authors=notice.authors | {by})


def returned(notice: Notice, *, now: datetime) -> Notice:
    """A draft again; an approval is void."""
    if notice.state is not NoticeState.SUBMITTED:
        raise NoticeTransitionError(
            number=notice.number, state=notice.state, wanted=NoticeState.DRAFT
        )
    changed = _moved(notice, NoticeState.DRAFT, now=now)
    return replace(changed, approved_by=None, approved_at=None)


def approved(notice: Notice, *, by: UUID, now: datetime) -> Notice:
    """The first of the two steps of a release.

    Raises:
        NoticeTransitionError: it was not submitted.
        SecondPersonRequiredError: ``by`` wrote it.
        AlreadyApprovedError: somebody has.
    """
    if notice.state is not NoticeState.SUBMITTED:
        raise NoticeTransitionError(number=notice.number, state=notice.state, wanted="approved")
    if by in notice.authors:
        raise SecondPersonRequiredError(number=notice.number)
    if notice.approved_by is not None:
        raise AlreadyApprovedError(number=notice.number)
    return replace(
        notice, approved_by=by, approved_at=now, updated_at=now, version=notice.version + 1
    )


def released(notice: Notice, *, by: UUID, now: datetime) -> Notice:
    """The second step.

    Raises:
        NoticeTransitionError: it was not submitted.
        NotApprovedError: the first step is missing.
        SecondPersonRequiredError: ``by`` wrote or approved it.
    """
    changed = _moved(notice, NoticeState.RELEASED, now=now)
    if by in notice.authors or by == notice.approved_by:
        raise SecondPersonRequiredError(number=notice.number)
    if notice.approved_by is None:
        raise NotApprovedError(number=notice.number)
    return replace(changed, released_by=by, released_at=now)


def withdrawn(notice: Notice, *, reason: str, now: datetime) -> Notice:
    return replace(_moved(notice, NoticeState.WITHDRAWN, now=now), withdrawn_reason=reason)


def superseded(notice: Notice, *, now: datetime) -> Notice:
    return _moved(notice, NoticeState.SUPERSEDED, now=now)


def _moved(notice: Notice, to: NoticeState, *, now: datetime) -> Notice:
    if to not in TRANSITIONS[notice.state]:
        raise NoticeTransitionError(number=notice.number, state=notice.state, wanted=to)
    return replace(notice, state=to, updated_at=now, version=notice.version + 1)
