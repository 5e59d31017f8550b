"""``/offers``: publish, withdraw, read, price."""

from collections.abc import Callable, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import StringConstraints
from sqlmodel import Session

from marketplace.directions.domain import Engagement
from marketplace.directions.routes import DirectionsDep, FacetsDep
from marketplace.offers import handlers
from marketplace.offers.domain import Offer, OfferState
from marketplace.offers.pricing import MINUTES_PER_HOUR, Asked
from marketplace.offers.schemas import (
    PARTS_MAX,
    CompletenessOut,
    OfferEdit,
    OfferIn,
    OfferOut,
    OfferVersionList,
    OfferVersionOut,
    PriceOut,
    PromotionIn,
    PromotionOut,
    PromotionReview,
)
from services.capacity.domain import QUANTITY_MAX
from services.contracts.documents import Day
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.policies import Action
from services.identity import handlers as identity
from services.runtime.etags import IfMatch, etag, version_named
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    SessionDep,
    acting_organisation,
    requires,
)

MINUTES_MAX = 366 * 24 * 60
UNITS_MAX = 10_000
VERSIONS_MAX = 100

SurchargesDep = Annotated[
    Sequence[Annotated[str, StringConstraints(max_length=40)]],
    Query(max_length=PARTS_MAX, description="keys of the surcharges asked for"),
]

router = api_router(prefix="/offers", tags=["offers"])


@router.post(
    "",
    status_code=201,
    response_model=OfferOut,
    summary="Publish an offer",
    dependencies=[requires(Action.OFFER_PUBLISH)],
)
def publish_offer(
    asked: OfferIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    directions: DirectionsDep,
) -> Response:
    organisation_id = acting_organisation(acting, asked.organisation_id)

    def publish() -> OfferOut:
        offer = handlers.publish_offer(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            directions=directions,
            direction=asked.direction,
            title=asked.title,
            title_zh=asked.title_zh,
            resource_ids=[ResourceId(resource_id) for resource_id in asked.resource_ids],
            price=asked.price.rule(),
            visibility=asked.visibility,
            attributes=asked.attributes,
            engage=Engagement(asked.engage) if asked.engage else None,
        )
        return _shown(session, [offer])(offer)

    return creation.once(asked, publish)


@router.get(
    "",
    response_model=Page[OfferOut],
    summary="Offers, in the order they were made",
    dependencies=[requires(Action.OFFER_READ)],
)
def list_offers(
    session: SessionDep,
    page: PageDep,
    directions: DirectionsDep,
    organisation_id: UUID | None = None,
    state: OfferState | None = None,
    direction: int | None = None,
    attribute: FacetsDep = (),
) -> Page[OfferOut] | Response:
    offers = handlers.list_offers(
        session=session,
        after=page.after,
        limit=page.fetch,
        organisation_id=None if organisation_id is None else OrganisationId(organisation_id),
        state=state,
        direction=direction,
        facets=directions.filters(direction, attribute),
    )
    return page.answer(offers, _shown(session, offers), name="offers")


@router.get("/{offer_id}", summary="One offer", dependencies=[requires(Action.OFFER_READ)])
def get_offer(offer_id: UUID, session: SessionDep, response: Response) -> OfferOut:
    offer = handlers.get_offer(session=session, offer_id=OfferId(offer_id))
    response.headers["ETag"] = etag(offer.version)
    return _shown(session, [offer])(offer)


@router.put(
    "/{offer_id}",
    summary="Give an offer its next version; what is booked keeps its price",
    dependencies=[requires(Action.OFFER_EDIT)],
)
def edit_offer(
    offer_id: UUID,
    asked: OfferEdit,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    directions: DirectionsDep,
    if_match: IfMatch = None,
) -> OfferOut:
    offer = handlers.edit_offer(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        offer_id=OfferId(offer_id),
        directions=directions,
        title=asked.title,
        title_zh=asked.title_zh,
        price=asked.price.rule(),
        attributes=asked.attributes,
        expected_version=version_named(if_match),
    )
    response.headers["ETag"] = etag(offer.version)
    return _shown(session, [offer])(offer)


@router.get(
    "/{offer_id}/completeness",
    summary="How much of what could be said of an own offer is said, and what is missing",
    dependencies=[requires(Action.OFFER_REVIEW)],
)
def get_completeness(
    offer_id: UUID, session: SessionDep, acting: ActingDep, directions: DirectionsDep
) -> CompletenessOut:
    found = handlers.get_completeness(
        session=session,
        organisation_id=acting.organisation_id,
        offer_id=OfferId(offer_id),
        directions=directions,
    )
    return CompletenessOut.model_validate(found)


@router.get(
    "/{offer_id}/versions",
    summary="What an own offer said and says, the newest first",
    dependencies=[requires(Action.OFFER_REVIEW)],
)
def list_versions(
    offer_id: UUID,
    session: SessionDep,
    acting: ActingDep,
    limit: Annotated[int, Query(ge=1, le=VERSIONS_MAX)] = VERSIONS_MAX,
) -> OfferVersionList:
    versions = handlers.list_versions(
        session=session,
        organisation_id=acting.organisation_id,
        offer_id=OfferId(offer_id),
        limit=limit,
    )
    return OfferVersionList(items=[OfferVersionOut.model_validate(one) for one in versions])


@router.get(
    "/{offer_id}/price",
    summary="What time or pieces cost, and by which rules",
    dependencies=[requires(Action.OFFER_READ)],
)
def price_offer(
    offer_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    minutes: Annotated[int, Query(le=MINUTES_MAX)] = MINUTES_PER_HOUR,
    units: Annotated[int, Query(le=UNITS_MAX)] = 1,
    quantity: Annotated[int, Query(le=QUANTITY_MAX, description="pieces")] = 1,
    material: Annotated[str | None, Query(max_length=60)] = None,
    surcharge: SurchargesDep = (),
    day: Annotated[Day | None, Query(description="left out: today, in UTC")] = None,
) -> PriceOut:
    offer = handlers.get_offer(session=session, offer_id=OfferId(offer_id))
    asked = Asked(
        day=day or clock.now().date(),
        minutes=minutes,
        units=units,
        quantity=quantity,
        material=material,
        surcharges=tuple(surcharge),
    )
    return PriceOut.of(offer.price.evaluate(asked))


@router.post(
    "/{offer_id}/withdraw",
    summary="Take an offer off the market; bookings stand",
    dependencies=[requires(Action.OFFER_WITHDRAW)],
)
def withdraw_offer(
    offer_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> OfferOut:
    offer = handlers.withdraw_offer(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        offer_id=OfferId(offer_id),
    )
    return _shown(session, [offer])(offer)


@router.post(
    "/{offer_id}/promotions",
    status_code=201,
    response_model=PromotionOut,
    summary="Ask that an offer of the own firm be promoted to the public market",
    dependencies=[requires(Action.PROMOTION_ASK)],
)
def ask_promotion(
    offer_id: UUID,
    asked: PromotionIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    directions: DirectionsDep,
) -> Response:
    def ask() -> PromotionOut:
        promotion = handlers.ask_promotion(
            session=session,
            clock=clock,
            acting=acting,
            offer_id=OfferId(offer_id),
            reason=asked.reason,
            directions=directions,
        )
        return PromotionOut.model_validate(promotion)

    return creation.once(asked, ask)


@router.get(
    "/{offer_id}/promotions",
    response_model=Page[PromotionOut],
    summary="What was asked and decided of promoting an own offer",
    dependencies=[requires(Action.OFFER_REVIEW)],
)
def list_promotions(
    offer_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PromotionOut] | Response:
    found = handlers.list_promotions(
        session=session,
        organisation_id=acting.organisation_id,
        offer_id=OfferId(offer_id),
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, PromotionOut.model_validate, name="promotions")


@router.post(
    "/{offer_id}/promotions/review",
    summary="Promote an own offer somebody else asked for, resources and all, or decline",
    dependencies=[requires(Action.PROMOTION_DECIDE)],
)
def review_promotion(
    offer_id: UUID, asked: PromotionReview, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> PromotionOut:
    promotion = handlers.review_promotion(
        session=session,
        clock=clock,
        acting=acting,
        offer_id=OfferId(offer_id),
        approve=asked.approve,
        remark=asked.remark,
    )
    return PromotionOut.model_validate(promotion)


def _shown(session: Session, offers: Sequence[Offer]) -> Callable[[Offer], OfferOut]:
    """How each of ``offers`` is shown; whose they are is looked up once for all of them."""
    firms = identity.organisations_by_id(
        session=session, organisation_ids={offer.organisation_id for offer in offers}
    )
    return lambda offer: OfferOut.of(offer, firms[offer.organisation_id].verification)
