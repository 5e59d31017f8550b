"""SQL of resources, their capabilities, calendars, maintenance and twins."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel
from sqlmodel import select as select_entity

from services.capacity.domain import (
    CapabilityDeclaration,
    CapacityRule,
    Certificate,
    Companion,
    Resource,
    Visibility,
)
from services.capacity.tables import (
    CompanionRow,
    MaintenanceRow,
    TwinRow,
    WorkingCalendarRow,
)
from services.contracts.events.envelope import Audience
from services.contracts.ids import GatewayId, OrganisationId, ResourceId, SiteId
from services.contracts.intervals import Interval

_UNIQUE_VIOLATION = "23505"
_RESOURCE = SQLModel.metadata.tables["resource"]
_CAPABILITY = SQLModel.metadata.tables["capability"]
_COMPANION = SQLModel.metadata.tables["companion"]
"""Read as plain rows: whoever ranks a market reads thousands, and no session need track them."""


def insert_resource(session: Session, resource: Resource, capability_ids: Sequence[UUID]) -> None:
    insert_resources(session, [resource], list(capability_ids))
    _insert_companions(session, resource)


def insert_resources(
    session: Session, resources: Sequence[Resource], capability_ids: Sequence[UUID]
) -> None:
    """All at once, with an id for each of their capabilities in order, without companions."""
    connection = session.connection()
    connection.execute(_RESOURCE.insert(), [_resource_values(one) for one in resources])
    declared = [(one, capability) for one in resources for capability in one.capabilities]
    if declared:
        connection.execute(
            _CAPABILITY.insert(),
            [
                _capability_values(capability_id, resource, capability)
                for capability_id, (resource, capability) in zip(
                    capability_ids, declared, strict=True
                )
            ],
        )


def _resource_values(resource: Resource) -> dict[str, Any]:
    rule = resource.rule
    return {
        "id": resource.id,
        "organisation_id": resource.organisation_id,
        "site_id": resource.site_id,
        "kind": resource.kind,
        "name": resource.name,
        "name_zh": resource.name_zh,
        "timezone": resource.timezone,
        "units": resource.units,
        "setup_minutes": rule.setup_minutes,
        "buffer_before_minutes": rule.buffer_before_minutes,
        "buffer_after_minutes": rule.buffer_after_minutes,
        "notice_minutes": rule.notice_minutes,
        "horizon_days": rule.horizon_days,
        "minimum_hours": rule.minimum_hours,
        "minimum_quantity": rule.minimum_quantity,
        "visibility": resource.visibility.value,
        "park": resource.park,
        "space_id": resource.space_id,
        "created_at": resource.created_at,
    }


def put_companions(session: Session, resource: Resource) -> None:
    """Let ``resource`` need exactly its companions."""
    session.connection().execute(_COMPANION.delete().where(_COMPANION.c.resource_id == resource.id))
    _insert_companions(session, resource)


def _insert_companions(session: Session, resource: Resource) -> None:
    session.add_all(
        CompanionRow(
            resource_id=resource.id,
            companion_id=companion.resource_id,
            organisation_id=resource.organisation_id,
            place=place,
            units=companion.units,
        )
        for place, companion in enumerate(resource.companions)
    )
    session.flush()


def leaders(session: Session, ids: Collection[UUID]) -> set[ResourceId]:
    """Resources of which one of ``ids`` is a companion."""
    query = select(_COMPANION.c.resource_id).where(_COMPANION.c.companion_id.in_(ids))
    return {ResourceId(one) for one in session.connection().execute(query).scalars()}


def lock_resources(session: Session, ids: Collection[UUID]) -> None:
    """Let nobody else change what accompanies what among ``ids`` until this transaction ends."""
    query = select(_RESOURCE.c.id).where(_RESOURCE.c.id.in_(ids)).order_by(_RESOURCE.c.id)
    session.connection().execute(query.with_for_update(key_share=True)).all()


def resources_by_id(session: Session, ids: Sequence[UUID]) -> list[Resource]:
    """Those that exist, by id."""
    if not ids:
        return []
    query = select(_RESOURCE).where(_RESOURCE.c.id.in_(ids)).order_by(_RESOURCE.c.id)
    return _whole(session, session.connection().execute(query).all())


def owners(session: Session, ids: Collection[UUID]) -> dict[ResourceId, OrganisationId]:
    """Whose the resources are."""
    if not ids:
        return {}
    query = select(_RESOURCE.c.id, _RESOURCE.c.organisation_id).where(_RESOURCE.c.id.in_(ids))
    return {
        ResourceId(row.id): OrganisationId(row.organisation_id)
        for row in session.connection().execute(query)
    }


def audiences(session: Session, ids: Collection[UUID]) -> dict[ResourceId, Audience]:
    """Who may hear of the resources."""
    columns = _RESOURCE.c
    query = select(
        columns.id, columns.organisation_id, columns.visibility, columns.park, columns.space_id
    ).where(columns.id.in_(ids))
    return {
        ResourceId(row.id): Audience(
            organisation_ids=(row.organisation_id,),
            visibility=row.visibility,
            park=row.park,
            space_id=row.space_id,
        )
        for row in session.connection().execute(query)
    }


def resources_after(
    session: Session,
    *,
    after: UUID | None,
    limit: int,
    kind: str | None,
    organisation_id: UUID | None,
) -> list[Resource]:
    query = select(_RESOURCE).order_by(_RESOURCE.c.id).limit(limit)
    if after is not None:
        query = query.where(_RESOURCE.c.id > after)
    if kind is not None:
        query = query.where(_RESOURCE.c.kind == kind)
    if organisation_id is not None:
        query = query.where(_RESOURCE.c.organisation_id == organisation_id)
    return _whole(session, session.connection().execute(query).all())


def narrow_to_organisation(
    session: Session, organisation_id: UUID, *, park: str | None, space_id: UUID | None
) -> None:
    """Show what the organisation shares in the park, or else in the space, to itself only."""
    columns = _RESOURCE.c
    shared = (
        (columns.visibility == Visibility.PARK) & (columns.park == park)
        if space_id is None
        else (columns.visibility == Visibility.SPACE) & (columns.space_id == space_id)
    )
    session.connection().execute(
        _RESOURCE.update()
        .where(columns.organisation_id == organisation_id, shared)
        .values(visibility=Visibility.ORGANISATION.value)
    )


def make_public(session: Session, resource_id: UUID) -> None:
    session.connection().execute(
        _RESOURCE.update()
        .where(_RESOURCE.c.id == resource_id)
        .values(visibility=Visibility.PUBLIC.value)
    )


def put_calendar(session: Session, resource: Resource, ics: str) -> None:
    statement = insert(WorkingCalendarRow).values(
        organisation_id=resource.organisation_id, resource_id=resource.id, ics=ics
    )
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["resource_id"], set_={"ics": ics})
    )


def insert_maintenance(
    session: Session, maintenance_id: UUID, resource: Resource, during: Interval, reason: str
) -> None:
    session.add(
        MaintenanceRow(
            id=maintenance_id,
            organisation_id=resource.organisation_id,
            resource_id=resource.id,
            during=Range(during.start, during.end),
            reason=reason,
        )
    )
    session.flush()


def twin_of(session: Session, resource_id: UUID) -> tuple[GatewayId, str] | None:
    """Gateway and device of the resource's twin; the row stays locked for the transaction."""
    query = select_entity(TwinRow).where(TwinRow.resource_id == resource_id).with_for_update()
    row = session.exec(query).one_or_none()
    return None if row is None else (GatewayId(row.gateway_id), row.device)


def put_twin(session: Session, resource: Resource, gateway_id: UUID, device: str) -> bool:
    """Whether the twin was bound; not when the device is another resource's."""
    statement = insert(TwinRow).values(
        organisation_id=resource.organisation_id,
        resource_id=resource.id,
        gateway_id=gateway_id,
        device=device,
    )
    try:
        with session.begin_nested():
            session.connection().execute(
                statement.on_conflict_do_update(
                    index_elements=["resource_id"],
                    set_={"gateway_id": gateway_id, "device": device},
                )
            )
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION:
            return False
        raise
    return True


def devices_of(session: Session, gateway_id: UUID) -> dict[str, ResourceId]:
    """Resources by the device of the gateway that is their twin."""
    query = select_entity(TwinRow.device, TwinRow.resource_id).where(
        TwinRow.gateway_id == gateway_id
    )
    return {device: ResourceId(resource_id) for device, resource_id in session.exec(query)}


def _whole(session: Session, rows: Sequence[Row[Any]]) -> list[Resource]:
    """The resources of ``rows`` with what other tables say of them."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    query = select(_CAPABILITY).where(_CAPABILITY.c.resource_id.in_(ids)).order_by(_CAPABILITY.c.id)
    capabilities: dict[UUID, list[CapabilityDeclaration]] = defaultdict(list)
    for capability in session.connection().execute(query):
        capabilities[capability.resource_id].append(_capability(capability))
    companions = _companions(session, ids)
    return [_resource(row, capabilities[row.id], companions[row.id]) for row in rows]


def _companions(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[Companion]]:
    query = select(_COMPANION).where(_COMPANION.c.resource_id.in_(ids)).order_by(_COMPANION.c.place)
    found: dict[UUID, list[Companion]] = defaultdict(list)
    for row in session.connection().execute(query):
        found[row.resource_id].append(Companion(ResourceId(row.companion_id), row.units))
    return found


def _resource(
    row: Row[Any],
    capabilities: Iterable[CapabilityDeclaration],
    companions: Iterable[Companion],
) -> Resource:
    return Resource(
        id=ResourceId(row.id),
        organisation_id=OrganisationId(row.organisation_id),
        site_id=SiteId(row.site_id),
        kind=row.kind,
        name=row.name,
        name_zh=row.name_zh,
        timezone=row.timezone,
        units=row.units,
        rule=CapacityRule(
            setup_minutes=row.setup_minutes,
            buffer_before_minutes=row.buffer_before_minutes,
            buffer_after_minutes=row.buffer_after_minutes,
            notice_minutes=row.notice_minutes,
            horizon_days=row.horizon_days,
            minimum_hours=row.minimum_hours,
            minimum_quantity=row.minimum_quantity,
        ),
        capabilities=tuple(capabilities),
        visibility=Visibility(row.visibility),
        created_at=row.created_at,
        park=row.park,
        space_id=row.space_id,
        companions=tuple(companions),
    )


def _capability_values(
    capability_id: UUID, resource: Resource, capability: CapabilityDeclaration
) -> dict[str, Any]:
    return {
        "id": capability_id,
        "organisation_id": resource.organisation_id,
        "resource_id": resource.id,
        "process": capability.process,
        "materials": list(capability.materials),
        "envelope_mm": list(capability.envelope_mm) if capability.envelope_mm else None,
        "tolerance_um": capability.tolerance_um,
        "certificates": [_certificate_document(held) for held in capability.certificates],
        "attributes": dict(capability.attributes),
    }


def _capability(row: Row[Any]) -> CapabilityDeclaration:
    envelope = row.envelope_mm
    return CapabilityDeclaration(
        process=row.process,
        materials=tuple(row.materials),
        envelope_mm=None if envelope is None else (envelope[0], envelope[1], envelope[2]),
        tolerance_um=row.tolerance_um,
        certificates=tuple(_certificate(document) for document in row.certificates),
        attributes=row.attributes,
    )


def _certificate_document(certificate: Certificate) -> dict[str, Any]:
    return {
        "kind": certificate.kind,
        "scope": certificate.scope,
        "number": certificate.number,
        "issuer": certificate.issuer,
        "valid_to": certificate.valid_to.isoformat() if certificate.valid_to else None,
        "verified_by": certificate.verified_by,
    }


def _certificate(document: dict[str, Any]) -> Certificate:
    valid_to = document["valid_to"]
    return Certificate(
        kind=document["kind"],
        scope=document["scope"],
        number=document["number"],
        issuer=document["issuer"],
        valid_to=date.fromisoformat(valid_to) if valid_to else None,
        verified_by=document.get("verified_by", ""),
    )
