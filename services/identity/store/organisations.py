"""SQL of organisations, sites and gateways."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from services.contracts.ids import GatewayId, OrganisationId, SiteId
from services.identity.domain import Gateway, Organisation, OrganisationKind, Site, Verification
from services.identity.tables import GatewayMemberRow, GatewayRow, OrganisationRow, SiteRow

_UNIQUE_VIOLATION = "23505"
_FOREIGN_KEY_VIOLATION = "23503"


def insert_organisation(session: Session, organisation: Organisation) -> bool:
    """Whether it was stored; not when another has its credit code."""
    return inserted(
        session,
        OrganisationRow(
            id=organisation.id,
            name=organisation.name,
            name_zh=organisation.name_zh,
            kind=organisation.kind.value,
            uscc=organisation.uscc,
        ),
    )


def insert_site(session: Session, site: Site) -> bool:
    """Whether it was stored; not when another has its code."""
    return inserted(
        session,
        SiteRow(
            id=site.id,
            organisation_id=site.organisation_id,
            code=site.code,
            name=site.name,
            name_zh=site.name_zh,
            region_code=site.region_code,
            park=site.park,
            lat=site.lat,
            lon=site.lon,
        ),
    )


def insert_gateway(session: Session, gateway: Gateway) -> bool:
    """Whether it was stored; not when its site already has that edge node."""
    stored = inserted(
        session,
        GatewayRow(
            id=gateway.id,
            organisation_id=gateway.organisation_id,
            site_id=gateway.site_id,
            edge_node=gateway.edge_node,
        ),
    )
    if stored:
        insert_gateway_member(session, gateway, gateway.organisation_id)
    return stored


def insert_gateway_member(session: Session, gateway: Gateway, organisation_id: UUID) -> None:
    """Let the gateway serve machines of the organisation; again changes nothing."""
    values = {
        "gateway_id": gateway.id,
        "organisation_id": organisation_id,
        "owner_id": gateway.organisation_id,
    }
    session.connection().execute(insert(GatewayMemberRow).values(**values).on_conflict_do_nothing())


def delete_gateway_member(session: Session, gateway: Gateway, organisation_id: UUID) -> bool:
    """Whether it was undone; not while a machine of the organisation is served."""
    statement = delete(GatewayMemberRow).where(
        col(GatewayMemberRow.gateway_id) == gateway.id,
        col(GatewayMemberRow.organisation_id) == organisation_id,
    )
    try:
        with session.begin_nested():
            session.connection().execute(statement)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) == _FOREIGN_KEY_VIOLATION:
            return False
        raise
    return True


def gateway_members(session: Session, gateway_id: UUID) -> list[Organisation]:
    """The organisations whose machines the gateway serves."""
    query = (
        select(OrganisationRow)
        .join(GatewayMemberRow, col(GatewayMemberRow.organisation_id) == col(OrganisationRow.id))
        .where(col(GatewayMemberRow.gateway_id) == gateway_id)
        .order_by(col(OrganisationRow.id))
    )
    return [_organisation(row) for row in session.exec(query)]


def is_gateway_member(session: Session, gateway_id: UUID, organisation_id: UUID) -> bool:
    return session.get(GatewayMemberRow, (gateway_id, organisation_id)) is not None


def organisation(session: Session, organisation_id: UUID) -> Organisation | None:
    row = session.get(OrganisationRow, organisation_id)
    return None if row is None else _organisation(row)


def platform(session: Session) -> Organisation | None:
    query = select(OrganisationRow).where(OrganisationRow.kind == OrganisationKind.PLATFORM.value)
    row = session.exec(query).one_or_none()
    return None if row is None else _organisation(row)


def lock_organisation(session: Session, organisation_id: UUID) -> Organisation | None:
    """As it is now, and stays until the transaction ends; ``None``: not the caller's to change."""
    query = (
        select(OrganisationRow)
        .where(OrganisationRow.id == organisation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _organisation(row)


def update_organisation(session: Session, organisation: Organisation) -> bool:
    """Whether it was stored; not when another has its credit code."""
    statement = (
        update(OrganisationRow)
        .where(col(OrganisationRow.id) == organisation.id)
        .values(
            name=organisation.name,
            name_zh=organisation.name_zh,
            uscc=organisation.uscc,
            verification=organisation.verification.value,
        )
    )
    try:
        with session.begin_nested():
            session.connection().execute(statement)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION:
            return False
        raise
    return True


def site(session: Session, site_id: UUID) -> Site | None:
    row = session.get(SiteRow, site_id)
    return None if row is None else _site(row)


def gateway(session: Session, gateway_id: UUID) -> Gateway | None:
    row = session.get(GatewayRow, gateway_id)
    return None if row is None else _gateway(row)


def organisations_after(session: Session, after: UUID | None, limit: int) -> list[Organisation]:
    query = select(OrganisationRow).order_by(col(OrganisationRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(OrganisationRow.id) > after)
    return [_organisation(row) for row in session.exec(query)]


def sites_after(
    session: Session, after: UUID | None, limit: int, organisation_id: UUID | None
) -> list[Site]:
    query = select(SiteRow).order_by(col(SiteRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(SiteRow.id) > after)
    if organisation_id is not None:
        query = query.where(col(SiteRow.organisation_id) == organisation_id)
    return [_site(row) for row in session.exec(query)]


def gateways_after(
    session: Session,
    organisation_id: UUID,
    *,
    after: UUID | None,
    limit: int,
    site_id: UUID | None,
) -> list[Gateway]:
    query = (
        select(GatewayRow)
        .where(col(GatewayRow.organisation_id) == organisation_id)
        .order_by(col(GatewayRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(GatewayRow.id) > after)
    if site_id is not None:
        query = query.where(col(GatewayRow.site_id) == site_id)
    return [_gateway(row) for row in session.exec(query)]


def organisations_by_id(session: Session, ids: Sequence[UUID]) -> list[Organisation]:
    query = select(OrganisationRow).where(col(OrganisationRow.id).in_(ids))
    return [_organisation(row) for row in session.exec(query)]


def sites_by_id(session: Session, ids: Sequence[UUID]) -> list[Site]:
    query = select(SiteRow).where(col(SiteRow.id).in_(ids))
    return [_site(row) for row in session.exec(query)]


def owner_of_site(session: Session, code: str) -> OrganisationId | None:
    found = session.exec(select(SiteRow.organisation_id).where(SiteRow.code == code)).one_or_none()
    return None if found is None else OrganisationId(found)


def gateway_at(session: Session, group: str, edge_node: str) -> Gateway | None:
    query = (
        select(GatewayRow)
        .join(SiteRow, col(SiteRow.id) == col(GatewayRow.site_id))
        .where(SiteRow.code == group, GatewayRow.edge_node == edge_node)
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _gateway(row)


def inserted(session: Session, row: SQLModel) -> bool:
    """Whether ``row`` was stored; not when a unique constraint says that it is there already."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION:
            return False
        raise
    return True


def _organisation(row: OrganisationRow) -> Organisation:
    return Organisation(
        id=OrganisationId(row.id),
        name=row.name,
        name_zh=row.name_zh,
        kind=OrganisationKind(row.kind),
        uscc=row.uscc,
        verification=Verification(row.verification),
    )


def _site(row: SiteRow) -> Site:
    return Site(
        id=SiteId(row.id),
        organisation_id=OrganisationId(row.organisation_id),
        code=row.code,
        name=row.name,
        name_zh=row.name_zh,
        region_code=row.region_code,
        park=row.park,
        lat=row.lat,
        lon=row.lon,
    )


def _gateway(row: GatewayRow) -> Gateway:
    return Gateway(
        id=GatewayId(row.id),
        organisation_id=OrganisationId(row.organisation_id),
        site_id=SiteId(row.site_id),
        edge_node=row.edge_node,
    )
