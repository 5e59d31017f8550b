"""SQL of launch targets and launches."""

from dataclasses import asdict
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.booking.domain.launching import Launch, LaunchTarget
from services.booking.tables import LaunchRow, LaunchTargetRow
from services.contracts.ids import BookingId, OrganisationId, ResourceId


def find_target(session: Session, resource_id: ResourceId) -> LaunchTarget | None:
    query = select(LaunchTargetRow).where(col(LaunchTargetRow.resource_id) == resource_id)
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        return None
    return LaunchTarget(
        ResourceId(row.resource_id),
        OrganisationId(row.organisation_id),
        row.url_template,
        row.updated_at,
    )


def save_target(session: Session, target: LaunchTarget) -> None:
    statement = insert(LaunchTargetRow).values(asdict(target))
    changed = {"url_template": target.url_template, "updated_at": target.updated_at}
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["resource_id"], set_=changed)
    )


def insert_launch(session: Session, launch: Launch) -> None:
    session.add(LaunchRow(**asdict(launch)))
    session.flush()


def launches_after(
    session: Session, booking_id: BookingId, *, after: UUID | None, limit: int
) -> list[Launch]:
    query = select(LaunchRow).where(col(LaunchRow.booking_id) == booking_id)
    if after is not None:
        query = query.where(col(LaunchRow.id) > after)
    rows = session.exec(query.order_by(col(LaunchRow.id)).limit(limit))
    return [
        Launch(
            id=row.id,
            organisation_id=OrganisationId(row.organisation_id),
            provider_id=OrganisationId(row.provider_id),
            booking_id=BookingId(row.booking_id),
            resource_id=ResourceId(row.resource_id),
            seat=row.seat,
            actor_id=row.actor_id,
            at=row.at,
            expires_at=row.expires_at,
            until=row.until,
        )
        for row in rows
    ]
