"""The SQL of matching."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Text, cast
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert
from sqlmodel import Session, and_, col, or_, select, text, update

from services.capacity.domain import Visibility
from services.contracts.ids import DemandId, MatchId, OfferId, OrganisationId, ResourceId
from services.identity.domain import Reach
from services.matching.domain import (
    Listing,
    MatchResult,
    Place,
    Rate,
    Requirement,
    StoredMatch,
)
from services.matching.tables import ListingRow, MatchRow
from services.runtime.nda_rule import LISTING_SUBJECTS, under_nda

_REQUIREMENT: TypeAdapter[Requirement] = TypeAdapter(Requirement)
NO_REACH = Reach()
_CONFIDED = text(under_nda("listing", subjects=LISTING_SUBJECTS, caller=":viewer"))
_RESULT: TypeAdapter[MatchResult] = TypeAdapter(MatchResult)


def upsert_listing(
    session: Session, listing: Listing, *, processes: Sequence[str], now: datetime
) -> None:
    values = _values(listing, processes, now)
    key = {"offer_id": listing.offer_id, "resource_id": listing.resource_id}
    statement = insert(ListingRow).values(**key, **values, created_at=now)
    session.exec(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def insert_listings(
    session: Session, listings: Sequence[tuple[Listing, Sequence[str]]], *, now: datetime
) -> None:
    """New ones, each with the processes of its resource."""
    rows = [
        {"offer_id": one.offer_id, "resource_id": one.resource_id, "created_at": now}
        | _values(one, processes, now)
        for one, processes in listings
    ]
    session.connection().execute(insert(ListingRow), rows)


def _values(listing: Listing, processes: Sequence[str], now: datetime) -> dict[str, Any]:
    place = listing.place
    return {
        "organisation_id": listing.organisation_id,
        "currency": listing.rate.currency,
        "per_hour_minor": listing.rate.per_hour_minor,
        "setup_minor": listing.rate.setup_minor,
        "minimum_minor": listing.rate.minimum_minor,
        "visibility": listing.visibility,
        "park": listing.park,
        "space_id": listing.space_id,
        "processes": list(processes),
        "active": True,
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
        "updated_at": now,
    }


def deactivate_listings(session: Session, offer_id: OfferId, *, now: datetime) -> None:
    session.exec(
        update(ListingRow)
        .where(col(ListingRow.offer_id) == offer_id, col(ListingRow.active))
        .values(active=False, updated_at=now)
    )


def find_listing(
    session: Session,
    *,
    offer_id: OfferId,
    resource_id: ResourceId,
    viewer: OrganisationId,
    reach: Reach,
) -> Listing | None:
    """The active listing, if ``viewer`` with its ``reach`` may see it."""
    query = select(ListingRow).where(
        col(ListingRow.offer_id) == offer_id,
        col(ListingRow.resource_id) == resource_id,
        col(ListingRow.active),
        _seen_by(viewer, reach),
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _listing(row)


def visible_listings(
    session: Session,
    *,
    viewer: OrganisationId | None,
    reach: Reach = NO_REACH,
    processes: Collection[str] | None = None,
) -> list[Listing]:
    """Active listings that everybody, or ``viewer`` with its ``reach``, may see; in key order.

    Only those of one of ``processes``, when given.
    """
    found = select(ListingRow).where(col(ListingRow.active), _seen_by(viewer, reach))
    if processes is not None:
        found = found.where(col(ListingRow.processes).op("&&")(cast(list(processes), ARRAY(Text))))
    rows = session.exec(found.order_by(col(ListingRow.offer_id), col(ListingRow.resource_id)))
    return [_listing(row) for row in rows]


def active_listings(
    session: Session, offer_ids: Collection[OfferId] | None = None
) -> list[Listing]:
    """What is on the market whoever may see it, in key order; only of ``offer_ids``, when given."""
    found = select(ListingRow).where(col(ListingRow.active))
    if offer_ids is not None:
        found = found.where(col(ListingRow.offer_id).in_(offer_ids))
    rows = session.exec(found.order_by(col(ListingRow.offer_id), col(ListingRow.resource_id)))
    return [_listing(row) for row in rows]


def confided_listings(session: Session, viewer: OrganisationId) -> list[tuple[OfferId, ResourceId]]:
    """Which ``nda`` and ``private`` listings ``viewer`` may see: neither goes by membership."""
    rows = session.exec(
        select(ListingRow.offer_id, ListingRow.resource_id).where(
            col(ListingRow.active),
            col(ListingRow.visibility).in_((Visibility.NDA, Visibility.PRIVATE)),
            _seen_by(viewer, NO_REACH),
        )
    )
    return [(OfferId(offer_id), ResourceId(resource_id)) for offer_id, resource_id in rows]


def _seen_by(viewer: OrganisationId | None, reach: Reach) -> ColumnElement[bool]:
    """What row security says too: public, own, or shared with the viewer."""
    visibility = col(ListingRow.visibility)
    if viewer is None:
        return visibility == Visibility.PUBLIC
    return or_(
        visibility == Visibility.PUBLIC,
        col(ListingRow.organisation_id) == viewer,
        and_(visibility == Visibility.PARK, col(ListingRow.park).in_(reach.parks)),
        and_(visibility == Visibility.SPACE, col(ListingRow.space_id).in_(reach.spaces)),
        and_(visibility == Visibility.NDA, _CONFIDED.bindparams(viewer=viewer)),
    )


def narrow_listings(
    session: Session,
    organisation_id: OrganisationId,
    *,
    park: str | None,
    space_id: UUID | None,
    now: datetime,
) -> list[OfferId]:
    """Show what is listed in the park, or else in the space, to its own organisation only.

    Returns:
        The offers concerned.
    """
    shared = (
        and_(col(ListingRow.visibility) == Visibility.PARK, col(ListingRow.park) == park)
        if space_id is None
        else and_(
            col(ListingRow.visibility) == Visibility.SPACE, col(ListingRow.space_id) == space_id
        )
    )
    narrowed = session.exec(
        update(ListingRow)
        .where(col(ListingRow.organisation_id) == organisation_id, shared)
        .values(visibility=Visibility.ORGANISATION.value, updated_at=now)
        .returning(col(ListingRow.offer_id))
    )
    return sorted({OfferId(offer_id) for (offer_id,) in narrowed})


def add_match(session: Session, match: StoredMatch) -> None:
    session.add(
        MatchRow(
            id=match.id,
            organisation_id=match.organisation_id,
            demand_id=match.demand_id,
            requirement=_REQUIREMENT.dump_python(match.requirement, mode="json"),
            result=_RESULT.dump_python(match.result, mode="json"),
            state_hash=match.result.state_hash,
            took_ms=match.took_ms,
            created_at=match.created_at,
        )
    )
    session.flush()


def find_match(session: Session, match_id: MatchId) -> StoredMatch | None:
    row = session.get(MatchRow, match_id)
    return _match(row) if row is not None else None


def latest_matches(session: Session, *, demand_id: DemandId, limit: int) -> list[StoredMatch]:
    rows = session.exec(
        select(MatchRow)
        .where(col(MatchRow.demand_id) == demand_id)
        .order_by(col(MatchRow.id).desc())
        .limit(limit)
    )
    return [_match(row) for row in rows]


def latest_match_of_each(
    session: Session, demand_ids: Sequence[DemandId]
) -> dict[DemandId, StoredMatch]:
    rows = session.exec(
        select(MatchRow)
        .ext(distinct_on(col(MatchRow.demand_id)))
        .where(col(MatchRow.demand_id).in_(demand_ids))
        .order_by(col(MatchRow.demand_id), col(MatchRow.id).desc())
    )
    return {DemandId(row.demand_id): _match(row) for row in rows}


def _listing(row: ListingRow) -> Listing:
    place = None
    if row.latitude is not None and row.longitude is not None:
        place = Place(row.latitude, row.longitude)
    return Listing(
        offer_id=OfferId(row.offer_id),
        resource_id=ResourceId(row.resource_id),
        organisation_id=OrganisationId(row.organisation_id),
        rate=Rate(
            per_hour_minor=row.per_hour_minor,
            setup_minor=row.setup_minor,
            minimum_minor=row.minimum_minor,
            currency=row.currency,
        ),
        visibility=Visibility(row.visibility),
        place=place,
        park=row.park,
        space_id=row.space_id,
    )


def _match(row: MatchRow) -> StoredMatch:
    return StoredMatch(
        id=MatchId(UUID(str(row.id))),
        organisation_id=OrganisationId(row.organisation_id),
        demand_id=DemandId(row.demand_id),
        requirement=_REQUIREMENT.validate_python(row.requirement),
        result=_RESULT.validate_python(row.result),
        took_ms=row.took_ms,
        created_at=row.created_at,
    )
