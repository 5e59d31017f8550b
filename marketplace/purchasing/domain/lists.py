"""Purchasing lists (集采清单): items, members' parts in them, and the lives of both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.capacity.domain import Visibility
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

TITLE_MAX: Final = 200
TEXT_MAX: Final = 10_000
SPEC_MAX: Final = 2_000
UNIT_MAX: Final = 40
ITEMS_MAX: Final = 200
GUESTS_MAX: Final = 200
QUANTITY_MAX: Final = 10**9
WITHIN: Final = timedelta(days=366)


class PurchaseInvalidError(DomainError):
    code: ClassVar[str] = "purchase-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This purchasing list cannot be kept: {en}; change {field}."
    zh: ClassVar[str] = "该集采清单无法保存：{zh}；请修改 {field}。"


class PurchaseStateError(DomainError):
    code: ClassVar[str] = "purchase-not-in-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Purchasing list {purchase_id} is {state}; to {move} it must be {wanted}."
    zh: ClassVar[str] = "集采清单 {purchase_id} 当前为 {state}；{move} 须在 {wanted} 时进行。"


class PurchaseTimeError(DomainError):
    code: ClassVar[str] = "purchase-not-in-time"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Purchasing list {purchase_id}: to {move} is possible {when} {limit}; it is {now}."
    )
    zh: ClassVar[str] = "集采清单 {purchase_id}：{move} 的时限为 {when} {limit}；现在是 {now}。"


class PurchaseVersionMismatchError(DomainError):
    code: ClassVar[str] = "purchase-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.STALE
    en: ClassVar[str] = (
        "Purchasing list {purchase_id} is at version {version}, not {expected}; read it again."
    )
    zh: ClassVar[str] = "集采清单 {purchase_id} 的版本为 {version}，而非 {expected}；请重新读取。"


class State(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    """Members add quantities until ``closes_at``, suppliers quote until ``quotes_until``."""
    AWARDED = "awarded"
    """Members confirm their shares until ``confirm_by``."""
    ORDERED = "ordered"
    FAILED = "failed"
    """Nobody confirmed."""
    WITHDRAWN = "withdrawn"


class PartState(StrEnum):
    JOINED = "joined"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    LEFT_OUT = "left_out"
    """It did not confirm in time, or its share rose above what it agreed to."""
    ORDERED = "ordered"


COUNTED: Final = (PartState.JOINED, PartState.CONFIRMED, PartState.ORDERED)
"""Parts that count into the pooled quantities."""
AGREED: Final = (PartState.CONFIRMED, PartState.ORDERED)


class GuestRole(StrEnum):
    MEMBER = "member"
    SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """What is wanted, in ``unit``; ``quantity`` is the lead's own, and may be none."""

    description: str
    unit: str
    quantity: int = 0
    spec: str = ""
    needed_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """``pooled`` is what all members together want, ``confirmed`` what they agreed to buy."""

    number: int
    description: str
    unit: str
    spec: str
    needed_by: datetime | None
    pooled: int = 0
    confirmed: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """``visibility`` organisation: only who is invited; else whoever sees it may take part."""

    title: str
    text: str
    currency: str
    closes_at: datetime
    quotes_until: datetime
    visibility: Visibility
    items: tuple[ItemTerms, ...] = ()
    park: str | None = None
    space_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PurchaseList:
    """Of ``organisation_id``, who leads it (牵头企业)."""

    id: UUID
    organisation_id: OrganisationId
    title: Annotated[str, CONFIDENTIAL]
    text: Annotated[str, CONFIDENTIAL]
    currency: str
    closes_at: datetime
    quotes_until: datetime
    visibility: Visibility
    park: str | None
    space_id: UUID | None
    state: State
    version: int
    created_at: datetime
    updated_at: datetime
    confirm_by: datetime | None = None

    def check_state(self, move: str, *wanted: State) -> None:
        """Let pass in one of the states.

        Raises:
            PurchaseStateError: it is in another.
        """
        if self.state not in wanted:
            raise PurchaseStateError(
                purchase_id=self.id, state=self.state, move=move, wanted=" or ".join(wanted)
            )

    def check_until(self, move: str, limit: datetime, now: datetime) -> None:
        """Let pass before ``limit``.

        Raises:
            PurchaseTimeError: it is over.
        """
        if now >= limit:
            self._refuse_time(move, "before", limit, now)

    def check_from(self, move: str, limit: datetime, now: datetime) -> None:
        """Let pass from ``limit`` on.

        Raises:
            PurchaseTimeError: it is too early.
        """
        if now < limit:
            self._refuse_time(move, "from", limit, now)

    def _refuse_time(self, move: str, when: str, limit: datetime, now: datetime) -> None:
        raise PurchaseTimeError(
            purchase_id=self.id, move=move, when=when, limit=limit.isoformat(), now=now.isoformat()
        )

    def check_version(self, expected: int | None) -> None:
        """Refuse a change based on an older reading; ``None`` asks for no check.

        Raises:
            PurchaseVersionMismatchError: the list has moved on since.
        """
        if expected is not None and expected != self.version:
            raise PurchaseVersionMismatchError(
                purchase_id=self.id, version=self.version, expected=expected
            )

    def changed(self, *, now: datetime, **facts: object) -> "PurchaseList":
        """With ``facts``, at its next version."""
        return replace(self, version=self.version + 1, updated_at=now, **facts)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Part:
    """What ``member_id`` wants of a list: quantities by item number.

    ``at_most_minor`` is the most it agreed to pay for all of it; ``because`` says why it is left
    out.
    """

    id: UUID
    organisation_id: OrganisationId
    member_id: OrganisationId
    list_id: UUID
    state: PartState
    quantities: Annotated[Mapping[int, int], CONFIDENTIAL]
    created_at: datetime
    updated_at: datetime
    at_most_minor: Annotated[int | None, CONFIDENTIAL] = None
    because: str | None = None


def check_terms(terms: Terms, *, now: datetime) -> None:
    """Refuse a list nobody could fill.

    Raises:
        PurchaseInvalidError: it says which field is wrong.
    """
    needs_place = {Visibility.PARK: terms.park, Visibility.SPACE: terms.space_id}
    own_only = {Visibility.NDA, Visibility.PRIVATE}
    checks = (
        (now < terms.closes_at <= now + WITHIN, "closes_at",
         f"it closes at {terms.closes_at.isoformat()}, not within {WITHIN.days} days",
         f"截止时间 {terms.closes_at.isoformat()} 不在 {WITHIN.days} 天之内"),
        (terms.closes_at <= terms.quotes_until <= now + WITHIN, "quotes_until",
         "quotes end before quantities are known, or too late", "报价截止早于数量截止或过晚"),
        (needs_place.get(terms.visibility, "") is not None, "visibility",
         f"the {terms.visibility} it is open to is not named", "未指明开放的园区或产业链空间"),
        (terms.visibility not in own_only, "visibility",
         "it is open to all of a community, or to whom is invited", "可见范围须为社区或受邀企业"),
        (all(one.needed_by is None or one.needed_by > terms.quotes_until for one in terms.items),
         "items", "an item is needed before it can be awarded", "需求时间早于定标时间"),
    )  # fmt: skip
    for holds, field, en, zh in checks:
        if not holds:
            raise PurchaseInvalidError(field=field, en=en, zh=zh)


def check_quantities(
    quantities: Sequence[tuple[int, int]], numbers: Iterable[int]
) -> dict[int, int]:
    """By item number, items nothing is wanted of left out.

    Raises:
        PurchaseInvalidError: of an item there is not, or twice of one, or of nothing.
    """
    known, found = set(numbers), {number: quantity for number, quantity in quantities if quantity}
    checks = (
        (
            {number for number, _ in quantities} <= known,
            "an item is not of the list",
            "项目不在清单中",
        ),
        (len(dict(quantities)) == len(quantities), "an item stands in it twice", "项目重复"),
        (bool(found), "nothing is wanted; leave the list instead", "数量均为零；请退出清单"),
    )
    for holds, en, zh in checks:
        if not holds:
            raise PurchaseInvalidError(field="quantities", en=en, zh=zh)
    return found
