"""Items of the library (资源库条目), versions, licences (许可) and counted downloads. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from marketplace.directions.domain import Direction, Engagement
from services.capacity.domain import Visibility
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

TITLE_MAX: Final = 200
ABSTRACT_MAX: Final = 5_000
CHANGELOG_MAX: Final = 5_000
LABEL_MAX: Final = 40
ATTRIBUTION_MAX: Final = 500
ABOUT_MAX: Final = 2_000
FILES_MAX: Final = 20
FEE_MAX: Final = 10**12
TERM_DAYS_MAX: Final = 3_660
DOWNLOADS_MAX: Final = 10_000
MINUTES_SAVED_MAX: Final = 1_000_000
ITEM: Final = "library_item"
LICENCE: Final = "library_licence"
ACCESS_STAYS_OPEN: Final = timedelta(hours=24)
"""How long the files of one counted download can be fetched again."""


class NotLicensableError(DomainError):
    code: ClassVar[str] = "direction-not-licensable"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Direction {direction!r} licenses nothing; publish the item in one whose ways to engage"
        " name license."
    )
    zh: ClassVar[str] = "方向 {direction!r} 不提供许可；请选择支持 license 的方向。"


class ItemStateError(DomainError):
    code: ClassVar[str] = "library-item-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Library item {item_id} is {state}; {move} needs one that is {wanted}."
    zh: ClassVar[str] = "资源库条目 {item_id} 当前为 {state}；{move} 要求其为 {wanted}。"


class ItemVersionMismatchError(DomainError):
    code: ClassVar[str] = "library-item-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Library item {item_id} is at revision {revision}, not {expected}; read it again and retry."
    )
    zh: ClassVar[str] = (
        "资源库条目 {item_id} 的修订号为 {revision}，而非 {expected}；请重新读取后再试。"
    )


class TermsIncompleteError(DomainError):
    code: ClassVar[str] = "licence-terms-incomplete"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Terms of kind {terms} {wanted}."
    zh: ClassVar[str] = "类型为 {terms} 的许可条款：{wanted_zh}。"


class DownloadsInvalidError(DomainError):
    code: ClassVar[str] = "licence-downloads-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Item {item_id} is licensed {terms}; name a number of downloads where each is paid, and"
        " none elsewhere."
    )
    zh: ClassVar[str] = "条目 {item_id} 的许可方式为 {terms}；仅按次付费时须给出下载次数。"


class LicenceClosedError(DomainError):
    code: ClassVar[str] = "licence-opens-nothing"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Licence {licence_id} opens nothing now: {cause}."
    zh: ClassVar[str] = "许可 {licence_id} 目前无法使用：{cause_zh}。"


class ItemState(StrEnum):
    DRAFT = "draft"
    """草稿: of its owner alone until a first version is there."""
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    """撤回: granted to nobody any more; who holds a licence keeps reading."""


class TermsKind(StrEnum):
    FREE = "free"
    """免费署名: free with attribution."""
    PER_DOWNLOAD = "per_download"
    """按次付费: so much for each download."""
    PER_TERM = "per_term"
    """按组织按期限: so much for an organisation and a time."""


class LicenceState(StrEnum):
    UNPAID = "unpaid"
    """待付款: opens nothing."""
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what an item is licensed, as data: ``fee`` for each download or for ``days``.

    ``attribution`` says how to cite it; ``nda``: only who signed an agreement may have it.
    """

    kind: TermsKind
    fee: Money | None = None
    days: int | None = None
    attribution: str | None = None
    nda: bool = False

    def check(self) -> None:
        """Let terms pass that say what they must and nothing else.

        Raises:
            TermsIncompleteError: they do not.
        """
        if (self.fee is None) is (self.kind is not TermsKind.FREE):
            raise TermsIncompleteError(
                terms=self.kind,
                wanted="name a fee if and only if they are not free",
                wanted_zh="当且仅当并非免费时须给出费用",
            )
        if (self.days is None) is (self.kind is TermsKind.PER_TERM):
            raise TermsIncompleteError(
                terms=self.kind,
                wanted="name a number of days if and only if they are for a term",
                wanted_zh="当且仅当按期限许可时须给出天数",
            )
        if self.kind is TermsKind.FREE and not self.attribution:
            raise TermsIncompleteError(
                terms=self.kind, wanted="say how to cite the item", wanted_zh="须说明署名方式"
            )


@dataclass(frozen=True, slots=True)
class Item:
    """``kind`` is one of its direction's kinds of resources, which says what attributes it has.

    ``revision`` counts changes of what is said of it; files come in versions of their own.
    """

    id: UUID
    organisation_id: OrganisationId
    direction: int
    kind: str
    title: str
    title_zh: str
    abstract: str
    abstract_zh: str
    terms: Terms
    visibility: Visibility
    state: ItemState
    revision: int
    created_at: datetime
    updated_at: datetime
    park: str | None = None
    space_id: UUID | None = None
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def audience(self) -> Audience:
        """Who may hear of it."""
        shown = Visibility.PRIVATE if self.state is ItemState.DRAFT else self.visibility
        return Audience(
            organisation_ids=(self.organisation_id,),
            visibility=shown.value,
            park=self.park,
            space_id=self.space_id,
        )


@dataclass(frozen=True, slots=True)
class File:
    """One file of a version: a document of the item's owner, named by its SHA-256."""

    document_id: UUID
    name: str
    media_type: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class ItemVersion:
    """What was published at once; never changed. Withdrawn it is there for licensees only."""

    id: UUID
    organisation_id: OrganisationId
    item_id: UUID
    number: int
    label: str
    changelog: str
    created_at: datetime
    withdrawn_at: datetime | None = None
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Licence:
    """Granted by ``owner_id`` to ``organisation_id`` under ``terms`` as they were then.

    ``downloads`` is what was paid for, ``used`` what of that is gone; ``None`` where not counted.
    """

    id: UUID
    organisation_id: OrganisationId
    owner_id: OrganisationId
    item_id: UUID
    terms: Annotated[Terms, CONFIDENTIAL]
    state: LicenceState
    created_at: datetime
    updated_at: datetime
    downloads: int | None = None
    used: int = 0
    escrow_id: UUID | None = None
    valid_until: datetime | None = None

    @property
    def price(self) -> Money | None:
        """All that is to be paid; ``None`` for nothing."""
        fee = self.terms.fee
        return None if fee is None else Money(fee.minor * (self.downloads or 1), fee.currency)

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.owner_id


@dataclass(frozen=True, slots=True)
class Access:
    """A counted download: who, which version, when, under which licence. Never changed."""

    id: UUID
    organisation_id: OrganisationId
    owner_id: OrganisationId
    item_id: UUID
    version_id: UUID
    licence_id: UUID
    actor_id: UUID | None
    at: datetime

    @property
    def open_until(self) -> datetime:
        return self.at + ACCESS_STAYS_OPEN


@dataclass(frozen=True, slots=True)
class Reuse:
    """What a licensee says it did with an item, and the time that saved, in its own words."""

    id: UUID
    organisation_id: OrganisationId
    owner_id: OrganisationId
    item_id: UUID
    licence_id: UUID
    about: str
    citation: str | None
    minutes_saved: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class VersionUse:
    """Downloads of one version in one month (``2026-03``)."""

    number: int
    month: str
    downloads: int
    licensees: int


@dataclass(frozen=True, slots=True)
class Use:
    """What became of an item: facts counted, and time saved as users stated it."""

    downloads: int
    licensees: int
    licences: int
    reuses: int
    minutes_saved: int
    versions: tuple[VersionUse, ...]


def check_kind(direction: Direction, kind: str, attributes: Mapping[str, Any]) -> None:
    """Refuse an item its direction does not license, or cannot say of it what is said.

    Raises:
        NotLicensableError: the direction licenses nothing.
        KindNotInDirectionError, AttributeUnknownError, AttributeMissingError,
        AttributeInvalidError: as they say.
    """
    if Engagement.LICENSE not in direction.engage:
        raise NotLicensableError(direction=direction.key)
    direction.check_attributes({kind}, attributes)


def check_revision(item: Item, expected: int | None) -> None:
    """Refuse a change based on an older reading; ``None`` asks for no check.

    Raises:
        ItemVersionMismatchError: the item has moved on since.
    """
    if expected is not None and expected != item.revision:
        raise ItemVersionMismatchError(item_id=item.id, revision=item.revision, expected=expected)


def check_not_withdrawn(item: Item, move: str) -> None:
    """Refuse ``move`` for an item that is off the market.

    Raises:
        ItemStateError: it is.
    """
    if item.state is ItemState.WITHDRAWN:
        raise ItemStateError(
            item_id=item.id, state=item.state, move=move, wanted="draft, published"
        )


def edited(
    item: Item,
    *,
    title: str,
    title_zh: str,
    abstract: str,
    abstract_zh: str,
    terms: Terms,
    attributes: Mapping[str, Any],
    now: datetime,
) -> Item:
    """The next revision; licences keep the terms they were granted under.

    Raises:
        ItemStateError: it is withdrawn.
        TermsIncompleteError: as it says.
    """
    check_not_withdrawn(item, "edit")
    terms.check()
    return replace(
        item,
        title=title,
        title_zh=title_zh,
        abstract=abstract,
        abstract_zh=abstract_zh,
        terms=terms,
        attributes=attributes,
        revision=item.revision + 1,
        updated_at=now,
    )


def moved(item: Item, state: ItemState, *, now: datetime) -> Item:
    return replace(item, state=state, revision=item.revision + 1, updated_at=now)


def granted(
    item: Item,
    *,
    licence_id: UUID,
    organisation_id: OrganisationId,
    downloads: int | None,
    now: datetime,
) -> Licence:
    """A licence of ``item`` as its terms are now: active at once when nothing is to be paid.

    Raises:
        ItemStateError: the item is not published.
        DownloadsInvalidError: a number of downloads where none is paid for, or none where it is.
    """
    if item.state is not ItemState.PUBLISHED:
        raise ItemStateError(
            item_id=item.id, state=item.state, move="license", wanted=ItemState.PUBLISHED
        )
    terms = item.terms
    if (downloads is None) is (terms.kind is TermsKind.PER_DOWNLOAD):
        raise DownloadsInvalidError(item_id=item.id, terms=terms.kind)
    licence = Licence(
        id=licence_id,
        organisation_id=organisation_id,
        owner_id=item.organisation_id,
        item_id=item.id,
        terms=terms,
        state=LicenceState.UNPAID,
        created_at=now,
        updated_at=now,
        downloads=downloads,
    )
    return licence if licence.price else activated(licence, now=now)


def activated(licence: Licence, *, now: datetime) -> Licence:
    """The licence once it is paid; its term begins."""
    days = licence.terms.days
    return replace(
        licence,
        state=LicenceState.ACTIVE,
        valid_until=None if days is None else now + timedelta(days=days),
        updated_at=now,
    )


def ended(licence: Licence, *, now: datetime) -> Licence:
    """The licence given up."""
    return replace(licence, state=LicenceState.ENDED, updated_at=now)


def check_open(licence: Licence, *, now: datetime) -> None:
    """Refuse a licence that is unpaid, over or used up.

    Raises:
        LicenceClosedError: it is.
    """
    causes: Sequence[tuple[bool, str, str]] = (
        (licence.state is LicenceState.UNPAID, "it is not paid; fund its escrow", "尚未付款"),
        (licence.state is LicenceState.ENDED, "it was given up", "已放弃"),
        (
            licence.valid_until is not None and licence.valid_until <= now,
            f"it ended at {licence.valid_until}",
            f"已于 {licence.valid_until} 到期",
        ),
        (
            licence.downloads is not None and licence.used >= licence.downloads,
            f"all {licence.downloads} downloads are used",
            f"{licence.downloads} 次下载已用完",
        ),
    )
    for is_closed, cause, cause_zh in causes:
        if is_closed:
            raise LicenceClosedError(licence_id=licence.id, cause=cause, cause_zh=cause_zh)
