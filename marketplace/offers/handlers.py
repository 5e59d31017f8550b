"""Use cases of offers: publish, withdraw, read, price."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.directions.domain import Directions, Engagement, FacetFilter
from marketplace.offers import store
from marketplace.offers.domain import (
    Completeness,
    Offer,
    OfferState,
    OfferVersion,
    ResourceNotOwnedError,
    check_version,
    check_visibility,
    completeness,
    edited,
    engagement,
    withdrawn,
)
from marketplace.offers.pricing import PriceRule
from marketplace.offers.promotion import (
    Promotion,
    PromotionNotAskedError,
    PromotionPendingError,
    PromotionState,
    check_internal,
    reviewed,
)
from services.capacity import handlers as capacity
from services.capacity.domain import Resource, Visibility
from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.marketplace import OfferPublished, OfferWithdrawn
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.identity import handlers as identity
from services.matching import handlers as matching
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class OfferNotFoundError(DomainError):
    code: ClassVar[str] = "offer-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no offer {offer_id}; list the offers under /api/v1/offers."
    zh: ClassVar[str] = "没有要约 {offer_id}；可在 /api/v1/offers 查看全部要约。"


def publish_offer(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    directions: Directions,
    direction: int,
    title: str,
    title_zh: str,
    resource_ids: Sequence[ResourceId],
    price: PriceRule,
    visibility: Visibility | None = None,
    attributes: Mapping[str, Any] = MappingProxyType({}),
    engage: Engagement | None = None,
) -> Offer:
    """Put resources on the market under one price rule; what is booked is matched from now on.

    Without a visibility it has the usual one of its direction, without ``engage`` it is booked
    where its direction books.

    Raises:
        UnknownDirectionError, VisibilityNotInDirectionError, KindNotInDirectionError,
        AttributeUnknownError, AttributeMissingError, AttributeInvalidError,
        EngagementNotInDirectionError: what the direction does not open, or let be said.
        PriceNotBookableError: a price that cannot be matched exactly.
        OrganisationNotFoundError, ResourceNotFoundError: nobody or nothing to offer.
        ResourceNotOwnedError: a resource is somebody else's.
        OfferTooWideError: a resource is visible to fewer.
        OfferPlacelessError: visible in a park or space the resources do not share.
    """
    now = clock.now()
    identity.get_organisation(session=session, organisation_id=organisation_id)
    distinct = tuple(dict.fromkeys(resource_ids))
    resources = [_owned(session, resource_id, organisation_id) for resource_id in distinct]
    opened = directions.numbered(direction)
    visibility = visibility or opened.usual_visibility
    check_visibility(visibility, resources)
    opened.check_visibility(visibility)
    opened.check_attributes({resource.kind for resource in resources}, attributes)
    offer = Offer(
        id=OfferId(clock.new_id()),
        organisation_id=organisation_id,
        direction=direction,
        title=title,
        title_zh=title_zh,
        resource_ids=distinct,
        price=price,
        visibility=visibility,
        state=OfferState.PUBLISHED,
        version=1,
        created_at=now,
        updated_at=now,
        park=resources[0].park,
        space_id=resources[0].space_id,
        engage=engagement(opened, engage),
        attributes=attributes,
    )
    store.insert_offer(session, offer)
    _list(session, clock, offer)
    return offer


def _list(session: Session, clock: Clock, offer: Offer) -> None:
    """Let matching know of what is booked, and everybody who may hear of the offer."""
    now = clock.now()
    for resource_id in offer.resource_ids if offer.is_bookable else ():
        matching.list_resource(
            session=session,
            clock=clock,
            offer_id=offer.id,
            resource_id=resource_id,
            rate=offer.price.rate(),
            visibility=offer.visibility,
        )
    published = OfferPublished(
        id=clock.new_id(),
        occurred_at=now,
        offer_id=offer.id,
        organisation_id=offer.organisation_id,
        audience=offer.audience,
    )
    emit(session, published, now=now)


def edit_offer(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    offer_id: OfferId,
    directions: Directions,
    title: str,
    title_zh: str,
    price: PriceRule,
    attributes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Offer:
    """Give an offer its next version; what was booked under an older one keeps its price.

    Raises:
        OfferNotFoundError: the organisation has none with that id.
        OfferVersionMismatchError: it moved on since it was read.
        OfferWithdrawnError: it is off the market.
        AttributeUnknownError, AttributeMissingError, AttributeInvalidError: what its direction
            does not let be said.
        PriceNotBookableError: a price that cannot be matched exactly.
    """
    current = _own(session, organisation_id, offer_id, for_update=True)
    check_version(current, expected_version)
    resources = capacity.resources_by_id(session=session, resource_ids=current.resource_ids)
    kinds = {resource.kind for resource in resources.values()}
    directions.numbered(current.direction).check_attributes(kinds, attributes)
    offer = edited(
        current,
        title=title,
        title_zh=title_zh,
        price=price,
        attributes=attributes,
        now=clock.now(),
    )
    store.update_terms(session, offer)
    _list(session, clock, offer)
    return offer


def get_completeness(
    *,
    session: Session,
    organisation_id: OrganisationId,
    offer_id: OfferId,
    directions: Directions,
) -> Completeness:
    """How much of what could be said of an own offer is said, and what is missing.

    Raises:
        OfferNotFoundError: the organisation has none with that id.
        UnknownDirectionError: its direction is not open any more.
    """
    offer = _own(session, organisation_id, offer_id)
    resources = capacity.resources_by_id(session=session, resource_ids=offer.resource_ids)
    direction = directions.numbered(offer.direction)
    return completeness(offer, direction, list(resources.values()))


def list_versions(
    *, session: Session, organisation_id: OrganisationId, offer_id: OfferId, limit: int
) -> list[OfferVersion]:
    """What an own offer said and says, the newest first.

    Raises:
        OfferNotFoundError: the organisation has none with that id.
    """
    return store.versions(session, _own(session, organisation_id, offer_id).id, limit=limit)


def withdraw_offer(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, offer_id: OfferId
) -> Offer:
    """Take an offer off the market. Bookings made under it stand.

    Raises:
        OfferNotFoundError: the organisation has none with that id.
        OfferWithdrawnError: it already is.
    """
    now = clock.now()
    offer = withdrawn(_own(session, organisation_id, offer_id, for_update=True), now=now)
    store.update_state(session, offer)
    matching.withdraw_listing(session=session, clock=clock, offer_id=offer_id)
    told = OfferWithdrawn(
        id=clock.new_id(),
        occurred_at=now,
        offer_id=offer.id,
        organisation_id=offer.organisation_id,
        audience=offer.audience,
    )
    emit(session, told, now=now)
    return offer


def stop_sharing(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    park: str | None = None,
    space_id: UUID | None = None,
) -> None:
    """Take what a firm shared in a park or chain space back, unless it is in there after all.

    Bookings stand, as for a withdrawn offer.
    """
    reach = identity.reach(session=session, organisation_id=organisation_id)
    if reach.includes(park=park, space_id=space_id):
        return
    capacity.stop_sharing(
        session=session, organisation_id=organisation_id, park=park, space_id=space_id
    )
    matching.stop_sharing(
        session=session,
        clock=clock,
        organisation_id=organisation_id,
        park=park,
        space_id=space_id,
    )
    store.narrow_offers(session, organisation_id, park=park, space_id=space_id, now=clock.now())


def ask_promotion(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    offer_id: OfferId,
    reason: str,
    directions: Directions,
) -> Promotion:
    """Ask that an offer only the own firm sees be shown to everybody, resources and all.

    Raises:
        OfferNotFoundError: the organisation has none with that id.
        OfferWithdrawnError, OfferNotInternalError, PromotionPendingError: it cannot be asked for.
        VisibilityNotInDirectionError: the direction has nothing public.
    """
    offer = _own(session, acting.organisation_id, offer_id, for_update=True)
    check_internal(offer)
    directions.numbered(offer.direction).check_visibility(Visibility.PUBLIC)
    pending = store.promotion_asked(session, offer.id)
    if pending is not None:
        raise PromotionPendingError(offer_id=offer.id, at=pending.asked_at)
    promotion = Promotion(
        id=clock.new_id(),
        organisation_id=offer.organisation_id,
        offer_id=offer.id,
        offer_version=offer.version,
        state=PromotionState.ASKED,
        reason=reason,
        asked_by=_person(acting),
        asked_at=clock.now(),
    )
    store.insert_promotion(session, promotion)
    note(session, subject_kind="offer_promotion", subject_id=promotion.id, after=promotion)
    return promotion


def review_promotion(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    offer_id: OfferId,
    approve: bool,
    remark: str,
) -> Promotion:
    """Promote an offer somebody else asked for, as its next version, or decline.

    Raises:
        OfferNotFoundError: the organisation has none with that id.
        PromotionNotAskedError, PromotionByAskerError, PromotionStaleError, OfferWithdrawnError,
        OfferNotInternalError: it cannot be reviewed so.
    """
    offer = _own(session, acting.organisation_id, offer_id, for_update=True)
    asked = store.promotion_asked(session, offer.id)
    if asked is None:
        raise PromotionNotAskedError(offer_id=offer.id)
    done, public = reviewed(
        asked, offer, approve=approve, remark=remark, by=_person(acting), now=clock.now()
    )
    store.update_promotion(session, done)
    note(session, subject_kind="offer_promotion", subject_id=done.id, before=asked, after=done)
    if approve:
        capacity.show_to_everybody(
            session=session,
            clock=clock,
            organisation_id=offer.organisation_id,
            resource_ids=offer.resource_ids,
        )
        store.update_terms(session, public)
        _list(session, clock, public)
    return done


def list_promotions(
    *,
    session: Session,
    organisation_id: OrganisationId,
    offer_id: OfferId,
    after: UUID | None,
    limit: int,
) -> list[Promotion]:
    """What was asked and decided of an own offer, in its order.

    Raises:
        OfferNotFoundError: the organisation has none with that id.
    """
    offer = _own(session, organisation_id, offer_id)
    return store.promotions_after(session, offer.id, after=after, limit=limit)


def _person(acting: Acting) -> UUID:
    assert acting.principal.id is not None, "the policies let persons pass only"
    return acting.principal.id


def get_offer(*, session: Session, offer_id: OfferId) -> Offer:
    """The offer ``offer_id``, on the market or not.

    Raises:
        OfferNotFoundError: there is none.
    """
    offer = store.offer(session, offer_id)
    if offer is None:
        raise OfferNotFoundError(offer_id=offer_id)
    return offer


def list_offers(
    *,
    session: Session,
    after: UUID | None,
    limit: int,
    organisation_id: OrganisationId | None = None,
    state: OfferState | None = None,
    direction: int | None = None,
    facets: Sequence[FacetFilter] = (),
) -> list[Offer]:
    """Offers in the order of their ids, from just after ``after``."""
    return store.offers_after(
        session,
        after=after,
        limit=limit,
        organisation_id=organisation_id,
        state=state,
        direction=direction,
        facets=facets,
    )


def _own(
    session: Session,
    organisation_id: OrganisationId,
    offer_id: OfferId,
    *,
    for_update: bool = False,
) -> Offer:
    """An offer of the organisation; another's is as good as absent."""
    offer = store.offer(session, offer_id, for_update=for_update)
    if offer is None or offer.organisation_id != organisation_id:
        raise OfferNotFoundError(offer_id=offer_id)
    return offer


def _owned(session: Session, resource_id: ResourceId, owner: OrganisationId) -> Resource:
    resource = capacity.get_resource(session=session, resource_id=resource_id)
    if resource.organisation_id != owner:
        raise ResourceNotOwnedError(resource_id=resource_id, organisation_id=owner)
    return resource
