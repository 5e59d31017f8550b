"""An offer: what is published, to whom, in which direction, and its versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Self
from uuid import UUID

from marketplace.directions.domain import Direction, Engagement
from marketplace.offers.pricing import PriceRule
from services.capacity.domain import Resource, Visibility
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import OfferId, OrganisationId, ResourceId

RESOURCES_MAX: Final = 200
TITLE_MAX: Final = 200


class OfferState(StrEnum):
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class OfferWithdrawnError(DomainError):
    code: ClassVar[str] = "offer-withdrawn"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Offer {offer_id} was withdrawn at {at}; publish a new one."
    zh: ClassVar[str] = "要约 {offer_id} 已于 {at} 撤回；请发布新的要约。"


class OfferVersionMismatchError(DomainError):
    code: ClassVar[str] = "offer-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Offer {offer_id} is at version {version}, not {expected}; read it again and retry."
    )
    zh: ClassVar[str] = "要约 {offer_id} 的版本为 {version}，而非 {expected}；请重新读取后再试。"


class EngagementNotInDirectionError(DomainError):
    code: ClassVar[str] = "engagement-not-in-direction"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "In direction {direction!r} an offer cannot be engaged by {engage!r}; choose of: {known}."
    )
    zh: ClassVar[str] = "方向 {direction!r} 的要约不支持方式 {engage!r}；可选：{known}。"


class ResourceNotOwnedError(DomainError):
    code: ClassVar[str] = "resource-not-owned"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "Resource {resource_id} does not belong to organisation {organisation_id};"
        " only its owner can offer it."
    )
    zh: ClassVar[str] = "资源 {resource_id} 不属于组织 {organisation_id}；只有所有者可以发布。"


class OfferPlacelessError(DomainError):
    code: ClassVar[str] = "offer-placeless"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "An offer of visibility {visibility!r} needs resources that are all in one {visibility};"
        " choose such resources, or another visibility."
    )
    zh: ClassVar[str] = (
        "可见范围为 {visibility!r} 的要约要求全部资源同属一个园区或产业链空间；"
        "请更换资源或可见范围。"
    )


class OfferTooWideError(DomainError):
    code: ClassVar[str] = "offer-too-wide"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Resource {resource_id} is visible to {visibility} only, and so may an offer of it be, or"
        " to fewer; offer what different communities see separately."
    )
    zh: ClassVar[str] = (
        "资源 {resource_id} 仅对 {visibility} 可见，其要约的可见范围不得更大；"
        "面向不同群体的资源请分别发布。"
    )


@dataclass(frozen=True, slots=True)
class Offer:
    id: OfferId
    organisation_id: OrganisationId
    direction: int
    title: str
    title_zh: str
    resource_ids: tuple[ResourceId, ...]
    price: Annotated[PriceRule, CONFIDENTIAL]
    visibility: Visibility
    state: OfferState
    version: int
    created_at: datetime
    updated_at: datetime
    park: str | None = None
    space_id: UUID | None = None
    engage: Engagement = Engagement.BOOK
    """Booked by the slot, or asked for a quote."""
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What is said of the resources, by the schemas of its direction."""

    @property
    def is_bookable(self) -> bool:
        return self.engage is Engagement.BOOK

    @property
    def audience(self) -> Audience:
        """Who may hear of it."""
        return Audience(
            organisation_ids=(self.organisation_id,),
            visibility=self.visibility.value,
            park=self.park,
            space_id=self.space_id,
        )


def check_visibility(visibility: Visibility, resources: Sequence[Resource]) -> None:
    """Refuse an offer that shows a resource to more than may see it.

    Raises:
        OfferTooWideError: the first such resource.
        OfferPlacelessError: the park or space it shall be visible in is none, or several.
    """
    first = resources[0]
    for resource in resources:
        together = (resource.park, resource.space_id) == (first.park, first.space_id)
        narrower = _WIDTH[visibility] < _WIDTH[resource.visibility]
        equal = visibility is resource.visibility and (
            together or visibility not in {Visibility.PARK, Visibility.SPACE}
        )
        if not (narrower or equal):
            raise OfferTooWideError(resource_id=resource.id, visibility=resource.visibility)
    places: Mapping[Visibility, set[object]] = {
        Visibility.PARK: {one.park for one in resources},
        Visibility.SPACE: {one.space_id for one in resources},
    }
    named = places.get(visibility, set())
    if None in named or len(named) > 1:
        raise OfferPlacelessError(visibility=visibility.value)


_WIDTH: Final = {
    Visibility.PRIVATE: 0,
    Visibility.ORGANISATION: 1,
    Visibility.NDA: 2,
    Visibility.SPACE: 2,
    Visibility.PARK: 2,
    Visibility.PUBLIC: 3,
}


@dataclass(frozen=True, slots=True)
class OfferVersion:
    """What an offer said from ``since`` until its next version."""

    version: int
    title: str
    title_zh: str
    price: Annotated[PriceRule, CONFIDENTIAL]
    attributes: Mapping[str, Any]
    since: datetime
    visibility: Visibility | None = None
    """To whom; not known of those from before it was kept."""

    @classmethod
    def of(cls, offer: Offer) -> Self:
        return cls(
            offer.version,
            offer.title,
            offer.title_zh,
            offer.price,
            offer.attributes,
            offer.updated_at,
            offer.visibility,
        )


def edited(
    offer: Offer,
    *,
    title: str,
    title_zh: str,
    price: PriceRule,
    attributes: Mapping[str, Any],
    now: datetime,
) -> Offer:
    """The next version of ``offer``. What is offered, where and to whom stays.

    Raises:
        OfferWithdrawnError: it is off the market.
    """
    if offer.state is OfferState.WITHDRAWN:
        raise OfferWithdrawnError(offer_id=offer.id, at=offer.updated_at)
    return replace(
        offer,
        title=title,
        title_zh=title_zh,
        price=price,
        attributes=attributes,
        version=offer.version + 1,
        updated_at=now,
    )


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing an offer could still say, and what it is called."""

    name: str
    label: str
    label_zh: str


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of what could be said of an offer is said (完整度)."""

    percent: int
    missing: tuple[Lack, ...]


def completeness(offer: Offer, direction: Direction, resources: Sequence[Resource]) -> Completeness:
    """What ``offer`` says, of the attributes of its kinds and what its resources can do.

    Resources have capabilities or not, and are counted once together.
    """
    kinds = {resource.kind for resource in resources}
    missing = [
        Lack(one.name, one.label, one.label_zh)
        for one in direction.missing(kinds, offer.attributes)
    ]
    if not all(resource.capabilities for resource in resources):
        missing.append(_CAPABILITIES)
    known = len(direction.missing(kinds, {})) + 1
    return Completeness((known - len(missing)) * 100 // known, tuple(missing))


_CAPABILITIES: Final = Lack("capabilities", "Capabilities of every resource", "各资源的能力")


def check_version(offer: Offer, expected: int | None) -> None:
    """Refuse a change based on an older reading; ``None`` asks for no check.

    Raises:
        OfferVersionMismatchError: the offer has moved on since.
    """
    if expected is not None and expected != offer.version:
        raise OfferVersionMismatchError(offer_id=offer.id, version=offer.version, expected=expected)


def engagement(direction: Direction, asked: Engagement | None) -> Engagement:
    """How an offer of ``direction`` is engaged: as asked, else by booking where that is usual.

    Raises:
        EngagementNotInDirectionError: the direction, or an offer, does not know it.
    """
    known = [one for one in _ENGAGED if one in direction.engage]
    if not known or (asked is not None and asked not in known):
        raise EngagementNotInDirectionError(
            direction=direction.key, engage=asked or Engagement.BOOK, known=", ".join(known) or "–"
        )
    return asked or known[0]


_ENGAGED: Final = (Engagement.BOOK, Engagement.REQUEST)


def withdrawn(offer: Offer, *, now: datetime) -> Offer:
    """``offer`` taken off the market.

    Raises:
        OfferWithdrawnError: it already was.
    """
    if offer.state is OfferState.WITHDRAWN:
        raise OfferWithdrawnError(offer_id=offer.id, at=offer.updated_at)
    return replace(offer, state=OfferState.WITHDRAWN, version=offer.version + 1, updated_at=now)
