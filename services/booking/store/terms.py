"""SQL of the terms resources are booked under."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.booking.domain import NO_TERMS, Terms
from services.booking.store.bookings import terms_of
from services.booking.tables import CancellationPolicyRow
from services.contracts.ids import OrganisationId, ResourceId


def find_terms(session: Session, resource_id: ResourceId) -> Terms:
    query = select(CancellationPolicyRow).where(
        col(CancellationPolicyRow.resource_id) == resource_id
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return NO_TERMS if row is None else terms_of(row)


def save_terms(
    session: Session,
    resource_id: ResourceId,
    terms: Terms,
    *,
    organisation_id: OrganisationId,
    now: datetime,
) -> None:
    written = {**asdict(terms), "updated_at": now}
    statement = insert(CancellationPolicyRow).values(
        resource_id=resource_id, organisation_id=organisation_id, **written
    )
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["resource_id"], set_=written)
    )
