"""SQL of park services and requests."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, or_, select

from marketplace.parks.domain import (
    ServiceEntry,
    ServiceKind,
    ServiceRequest,
    State,
)
from marketplace.parks.tables import ServiceRequestRow, ServiceRow
from services.contracts.ids import OrganisationId


def insert_service(session: Session, service: ServiceEntry) -> None:
    session.add(ServiceRow(**asdict(service) | {"kind": service.kind.value}))
    session.flush()


def find_service(session: Session, service_id: UUID) -> ServiceEntry | None:
    row = session.get(ServiceRow, service_id)
    return None if row is None else _service(row)


def services_after(
    session: Session, park: str, *, kind: ServiceKind | None, after: UUID | None, limit: int
) -> list[ServiceEntry]:
    query = select(ServiceRow).where(col(ServiceRow.park) == park)
    if kind is not None:
        query = query.where(col(ServiceRow.kind) == kind.value)
    if after is not None:
        query = query.where(col(ServiceRow.id) > after)
    return [_service(row) for row in session.exec(query.order_by(col(ServiceRow.id)).limit(limit))]


def insert_request(session: Session, request: ServiceRequest) -> None:
    session.add(ServiceRequestRow(**asdict(request) | {"state": request.state.value}))
    session.flush()


def lock_request(
    session: Session, request_id: UUID, *, party: OrganisationId
) -> ServiceRequest | None:
    query = (
        select(ServiceRequestRow)
        .where(col(ServiceRequestRow.id) == request_id, _of(party))
        .with_for_update()
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _request(row)


def save_request(session: Session, request: ServiceRequest) -> None:
    row = session.get_one(ServiceRequestRow, request.id)
    row.state, row.version = request.state.value, request.version
    row.updated_at, row.answered_at = request.updated_at, request.answered_at
    row.done_at, row.remark = request.done_at, request.remark
    session.flush()


def requests_after(
    session: Session, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[ServiceRequest]:
    query = select(ServiceRequestRow).where(_of(party))
    if after is not None:
        query = query.where(col(ServiceRequestRow.id) > after)
    rows = session.exec(query.order_by(col(ServiceRequestRow.id)).limit(limit))
    return [_request(row) for row in rows]


def _of(party: OrganisationId) -> Any:
    return or_(
        col(ServiceRequestRow.organisation_id) == party,
        col(ServiceRequestRow.provider_id) == party,
    )


def _service(row: ServiceRow) -> ServiceEntry:
    return ServiceEntry(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        park=row.park,
        kind=ServiceKind(row.kind),
        title=row.title,
        title_zh=row.title_zh,
        text=row.text,
        answer_hours=row.answer_hours,
        created_at=row.created_at,
    )


def _request(row: ServiceRequestRow) -> ServiceRequest:
    return ServiceRequest(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        provider_id=OrganisationId(row.provider_id),
        service_id=row.service_id,
        park=row.park,
        text=row.text,
        state=State(row.state),
        version=row.version,
        due_at=row.due_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        answered_at=row.answered_at,
        done_at=row.done_at,
        remark=row.remark,
    )
