"""SQL of the offers context."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, insert, literal
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, cast, col, func, select, update

from marketplace.directions.domain import Engagement, FacetFilter, facet_path
from marketplace.offers.domain import Offer, OfferState, OfferVersion
from marketplace.offers.pricing import MaterialPrice, PriceRule, Surcharge, Tier
from marketplace.offers.promotion import Promotion, PromotionState
from marketplace.offers.tables import OfferFactRow, OfferPromotionRow, OfferRow, OfferVersionRow
from services.capacity.domain import Visibility
from services.contracts.ids import OfferId, OrganisationId, ResourceId


def insert_offer(session: Session, offer: Offer) -> None:
    insert_offers(session, [offer])


def insert_offers(session: Session, offers: Sequence[Offer]) -> None:
    """All at once, with their first versions."""
    connection = session.connection()
    connection.execute(insert(OfferRow), [_values(offer) for offer in offers])
    connection.execute(insert(OfferVersionRow), [_version_values(offer) for offer in offers])


def _values(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.id,
        "organisation_id": offer.organisation_id,
        "direction": offer.direction,
        "title": offer.title,
        "title_zh": offer.title_zh,
        "resource_ids": list(offer.resource_ids),
        "price": _price_document(offer.price),
        "visibility": offer.visibility.value,
        "park": offer.park,
        "space_id": offer.space_id,
        "state": offer.state.value,
        "version": offer.version,
        "created_at": offer.created_at,
        "updated_at": offer.updated_at,
        "engage": offer.engage.value,
        "attributes": dict(offer.attributes),
    }


def update_terms(session: Session, offer: Offer) -> None:
    """The next version of the offer, beside those it had."""
    row = session.get_one(OfferRow, offer.id)
    row.title, row.title_zh = offer.title, offer.title_zh
    row.price = _price_document(offer.price)
    row.attributes = dict(offer.attributes)
    row.visibility = offer.visibility.value
    row.version = offer.version
    row.updated_at = offer.updated_at
    session.flush()
    _insert_version(session, offer)


def versions(session: Session, offer_id: UUID, *, limit: int) -> list[OfferVersion]:
    """The newest first."""
    query = (
        select(OfferVersionRow)
        .where(col(OfferVersionRow.offer_id) == offer_id)
        .order_by(col(OfferVersionRow.version).desc())
        .limit(limit)
    )
    return [
        OfferVersion(
            version=row.version,
            title=row.title,
            title_zh=row.title_zh,
            price=_price_rule(row.price),
            attributes=row.attributes,
            since=row.since,
            visibility=None if row.visibility is None else Visibility(row.visibility),
        )
        for row in session.exec(query)
    ]


def _insert_version(session: Session, offer: Offer) -> None:
    session.connection().execute(insert(OfferVersionRow), [_version_values(offer)])


def _version_values(offer: Offer) -> dict[str, Any]:
    kept = OfferVersion.of(offer)
    return {
        "offer_id": offer.id,
        "version": kept.version,
        "organisation_id": offer.organisation_id,
        "title": kept.title,
        "title_zh": kept.title_zh,
        "price": _price_document(kept.price),
        "attributes": dict(kept.attributes),
        "visibility": offer.visibility.value,
        "since": kept.since,
    }


def insert_promotion(session: Session, promotion: Promotion) -> None:
    session.add(OfferPromotionRow(**asdict(promotion)))
    session.flush()


def update_promotion(session: Session, promotion: Promotion) -> None:
    row = session.get_one(OfferPromotionRow, promotion.id)
    row.state, row.remark = promotion.state.value, promotion.remark
    row.decided_by, row.decided_at = promotion.decided_by, promotion.decided_at
    session.flush()


def promotion_asked(session: Session, offer_id: UUID) -> Promotion | None:
    """The one that awaits a review."""
    query = select(OfferPromotionRow).where(
        col(OfferPromotionRow.offer_id) == offer_id,
        col(OfferPromotionRow.state) == PromotionState.ASKED.value,
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _promotion(row)


def promotions_after(
    session: Session, offer_id: UUID, *, after: UUID | None, limit: int
) -> list[Promotion]:
    query = select(OfferPromotionRow).where(col(OfferPromotionRow.offer_id) == offer_id)
    if after is not None:
        query = query.where(col(OfferPromotionRow.id) > after)
    rows = session.exec(query.order_by(col(OfferPromotionRow.id)).limit(limit))
    return [_promotion(row) for row in rows]


def _promotion(row: OfferPromotionRow) -> Promotion:
    return Promotion(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        offer_id=OfferId(row.offer_id),
        offer_version=row.offer_version,
        state=PromotionState(row.state),
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        remark=row.remark,
    )


def update_state(session: Session, offer: Offer) -> None:
    row = session.get_one(OfferRow, offer.id)
    row.state = offer.state.value
    row.version = offer.version
    row.updated_at = offer.updated_at
    session.flush()


def narrow_offers(
    session: Session,
    organisation_id: UUID,
    *,
    park: str | None,
    space_id: UUID | None,
    now: datetime,
) -> None:
    """Show what is offered in the park, or else in the space, to its own organisation only."""
    shared = (
        and_(col(OfferRow.visibility) == Visibility.PARK, col(OfferRow.park) == park)
        if space_id is None
        else and_(col(OfferRow.visibility) == Visibility.SPACE, col(OfferRow.space_id) == space_id)
    )
    session.exec(
        update(OfferRow)
        .where(col(OfferRow.organisation_id) == organisation_id, shared)
        .values(
            visibility=Visibility.ORGANISATION.value,
            version=col(OfferRow.version) + 1,
            updated_at=now,
        )
    )


def offer(session: Session, offer_id: UUID, *, for_update: bool = False) -> Offer | None:
    row = session.get(OfferRow, offer_id, with_for_update=for_update)
    return None if row is None else _offer(row)


def offers_after(
    session: Session,
    *,
    after: UUID | None,
    limit: int,
    organisation_id: UUID | None,
    state: OfferState | None,
    direction: int | None,
    facets: Sequence[FacetFilter],
) -> list[Offer]:
    query = select(OfferRow).order_by(col(OfferRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(OfferRow.id) > after)
    if organisation_id is not None:
        query = query.where(col(OfferRow.organisation_id) == organisation_id)
    if state is not None:
        query = query.where(col(OfferRow.state) == state.value)
    if direction is not None:
        query = query.where(col(OfferRow.direction) == direction)
    by_index = _by_index(session, facets, direction) if facets else None
    if by_index is not None:
        query = _joined(query, by_index, direction)
    others = [facet for facet in facets if facet is not by_index]
    if others:
        path, values = facet_path(others)
        asked = (cast(path, JSONPATH), cast(values, JSONB))
        query = query.where(func.jsonb_path_match(col(OfferRow.attributes), *asked))
    return [_offer(row) for row in session.exec(query)]


def _by_index(
    session: Session, facets: Sequence[FacetFilter], direction: int | None
) -> FacetFilter | None:
    """The facet whose facts are read from their index; the others are asked of each offer found.

    The one that the fewest facts pass. When all are passed by many, one that is exact: its index
    gives the offers in their order. ``None``: wide ranges only; the offers in order soon fill a
    page.
    """
    counts = {facet: _counted(session, facet, direction) for facet in facets}
    rarest = min(facets, key=counts.__getitem__)
    if counts[rarest] < WIDE:
        return rarest
    return next((facet for facet in facets if _is_exact(facet)), None)


def _counted(session: Session, facet: FacetFilter, direction: int | None) -> int:
    """How many facts pass, counted no further than ``WIDE``."""
    fact = aliased(OfferFactRow)
    some = select(literal(1)).where(*_says(fact, facet, direction)).limit(WIDE).subquery()
    return session.exec(select(func.count()).select_from(some)).one()


def _is_exact(facet: FacetFilter) -> bool:
    return facet.value is not None or facet.low == facet.high


def _joined(query: Any, facet: FacetFilter, direction: int | None) -> Any:
    """Only offers one of whose facts passes ``facet``.

    An offer has each term and each number once.
    """
    fact = aliased(OfferFactRow)
    said = _says(fact, facet, direction)
    if _is_exact(facet):
        return query.join(fact, and_(col(fact.offer_id) == col(OfferRow.id), *said))
    return query.where(col(OfferRow.id).in_(select(fact.offer_id).where(*said)))


def _says(
    fact: type[OfferFactRow], facet: FacetFilter, direction: int | None
) -> list[ColumnElement[bool]]:
    said = [col(fact.name) == facet.name]
    said += [] if direction is None else [col(fact.direction) == direction]
    if facet.value is not None:
        text = str(facet.value)
        return [*said, col(fact.term) == (text.lower() if isinstance(facet.value, bool) else text)]
    said += [] if facet.low is None else [col(fact.number) >= facet.low]
    return said + ([] if facet.high is None else [col(fact.number) <= facet.high])


WIDE: Final = 1_000
"""So many facts are many."""


def _offer(row: OfferRow) -> Offer:
    return Offer(
        id=OfferId(row.id),
        organisation_id=OrganisationId(row.organisation_id),
        direction=row.direction,
        title=row.title,
        title_zh=row.title_zh,
        resource_ids=tuple(ResourceId(resource_id) for resource_id in row.resource_ids),
        price=_price_rule(row.price),
        visibility=Visibility(row.visibility),
        state=OfferState(row.state),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        park=row.park,
        space_id=row.space_id,
        engage=Engagement(row.engage),
        attributes=row.attributes,
    )


def _price_document(rule: PriceRule) -> dict[str, Any]:
    document = asdict(rule)
    for name in _DAYS:
        day = document[name]
        document[name] = None if day is None else day.isoformat()
    return document


def _price_rule(document: Mapping[str, Any]) -> PriceRule:
    """A rule as it was stored; older ones name fewer parts."""
    read = dict(document)
    for name in _DAYS:
        read[name] = date.fromisoformat(read[name]) if read.get(name) else None
    for name, part in _PARTS.items():
        read[name] = tuple(part(**one) for one in read.get(name, ()))
    return PriceRule(**read)


_DAYS: Final = ("valid_from", "valid_to")
_PARTS: Final[Mapping[str, Callable[..., Any]]] = {
    "tiers": Tier,
    "materials": MaterialPrice,
    "surcharges": Surcharge,
}
