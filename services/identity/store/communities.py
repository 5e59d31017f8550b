"""SQL of parks and chain spaces."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, delete, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select, text

from services.contracts.ids import OrganisationId
from services.identity.domain import CommunityMember, Park, Reach, Space
from services.identity.domain.communities import REACH_MAX
from services.identity.store.organisations import inserted
from services.identity.tables import (
    OrganisationRow,
    ParkMemberRow,
    ParkRow,
    SpaceMemberRow,
    SpaceRow,
)

_REACH = text(
    """
    SELECT ARRAY(SELECT code FROM park WHERE organisation_id = :organisation
                 UNION
                 (SELECT park FROM park_member WHERE organisation_id = :organisation
                   ORDER BY admitted_at, park LIMIT :most)) AS parks,
           ARRAY(SELECT id FROM space WHERE organisation_id = :organisation
                 UNION
                 (SELECT space_id FROM space_member WHERE organisation_id = :organisation
                   ORDER BY joined_at, space_id LIMIT :most)) AS spaces
    """
)


def reach(session: Session, organisation_id: UUID) -> Reach:
    row = (
        session.connection()
        .execute(_REACH, {"organisation": organisation_id, "most": REACH_MAX})
        .one()
    )
    return Reach(parks=frozenset(row.parks), spaces=frozenset(row.spaces))


def insert_park(session: Session, park: Park) -> bool:
    """Whether it was stored; not when another has its code."""
    return inserted(
        session,
        ParkRow(
            code=park.code,
            organisation_id=park.organisation_id,
            name=park.name,
            name_zh=park.name_zh,
        ),
    )


def park(session: Session, code: str) -> Park | None:
    row = session.get(ParkRow, code)
    return None if row is None else _park(row)


def parks_by_code(session: Session, codes: Collection[str]) -> list[Park]:
    query = select(ParkRow).where(col(ParkRow.code).in_(codes))
    return [_park(row) for row in session.exec(query)]


def parks_after(session: Session, after: str | None, limit: int) -> list[Park]:
    query = select(ParkRow).order_by(col(ParkRow.code)).limit(limit)
    if after is not None:
        query = query.where(col(ParkRow.code) > after)
    return [_park(row) for row in session.exec(query)]


def count_parks(session: Session, organisation_id: UUID) -> int:
    query = select(func.count()).where(col(ParkRow.organisation_id) == organisation_id)
    return session.exec(query).one()


def insert_space(session: Session, space: Space) -> None:
    session.add(
        SpaceRow(
            id=space.id,
            organisation_id=space.organisation_id,
            name=space.name,
            name_zh=space.name_zh,
            created_at=space.created_at,
        )
    )
    session.flush()


def space_of(session: Session, organisation_id: UUID, space_id: UUID) -> Space | None:
    """A chain space the organisation leads or is a member of."""
    query = _spaces_of(organisation_id).where(col(SpaceRow.id) == space_id)
    row = session.exec(query).one_or_none()
    return None if row is None else _space(row)


def spaces_after(
    session: Session, organisation_id: UUID, *, after: UUID | None, limit: int
) -> list[Space]:
    query = _spaces_of(organisation_id).order_by(col(SpaceRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(SpaceRow.id) > after)
    return [_space(row) for row in session.exec(query)]


def count_spaces(session: Session, organisation_id: UUID) -> int:
    query = select(func.count()).where(col(SpaceRow.organisation_id) == organisation_id)
    return session.exec(query).one()


def insert_park_member(session: Session, code: str, organisation_id: UUID, at: datetime) -> bool:
    """Whether it was added; not when it is there already."""
    return _added(
        session,
        insert(ParkMemberRow).values(park=code, organisation_id=organisation_id, admitted_at=at),
    )


def insert_space_member(
    session: Session, space_id: UUID, organisation_id: UUID, at: datetime
) -> bool:
    """Whether it was added; not when it is there already."""
    return _added(
        session,
        insert(SpaceMemberRow).values(
            space_id=space_id, organisation_id=organisation_id, joined_at=at
        ),
    )


def delete_park_member(session: Session, code: str, organisation_id: UUID) -> bool:
    """Whether it was there."""
    done: CursorResult[Any] = session.connection().execute(
        delete(ParkMemberRow).where(
            col(ParkMemberRow.park) == code, col(ParkMemberRow.organisation_id) == organisation_id
        )
    )
    return done.rowcount == 1


def delete_space_member(session: Session, space_id: UUID, organisation_id: UUID) -> bool:
    """Whether it was there."""
    done: CursorResult[Any] = session.connection().execute(
        delete(SpaceMemberRow).where(
            col(SpaceMemberRow.space_id) == space_id,
            col(SpaceMemberRow.organisation_id) == organisation_id,
        )
    )
    return done.rowcount == 1


def park_members(
    session: Session,
    code: str,
    *,
    after: UUID | None,
    limit: int,
    organisation_id: UUID | None = None,
) -> list[CommunityMember]:
    """By organisation; only ``organisation_id`` if given."""
    return _members(
        session,
        select(OrganisationRow, ParkMemberRow.admitted_at)
        .join(ParkMemberRow, col(ParkMemberRow.organisation_id) == col(OrganisationRow.id))
        .where(ParkMemberRow.park == code),
        after=after,
        limit=limit,
        organisation_id=organisation_id,
    )


def space_members(
    session: Session,
    space_id: UUID,
    *,
    after: UUID | None,
    limit: int,
    organisation_id: UUID | None = None,
) -> list[CommunityMember]:
    """By organisation; only ``organisation_id`` if given."""
    return _members(
        session,
        select(OrganisationRow, SpaceMemberRow.joined_at)
        .join(SpaceMemberRow, col(SpaceMemberRow.organisation_id) == col(OrganisationRow.id))
        .where(SpaceMemberRow.space_id == space_id),
        after=after,
        limit=limit,
        organisation_id=organisation_id,
    )


def _members(
    session: Session,
    query: Any,
    *,
    after: UUID | None,
    limit: int,
    organisation_id: UUID | None,
) -> list[CommunityMember]:
    query = query.order_by(col(OrganisationRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(OrganisationRow.id) > after)
    if organisation_id is not None:
        query = query.where(col(OrganisationRow.id) == organisation_id)
    return [
        CommunityMember(
            organisation_id=OrganisationId(row.id),
            name=row.name,
            name_zh=row.name_zh,
            since=since,
        )
        for row, since in session.exec(query)
    ]


def _spaces_of(organisation_id: UUID) -> Any:
    joined = select(SpaceMemberRow.space_id).where(
        SpaceMemberRow.organisation_id == organisation_id
    )
    return select(SpaceRow).where(
        or_(
            col(SpaceRow.organisation_id) == organisation_id,
            col(SpaceRow.id).in_(joined),
        )
    )


def _added(session: Session, statement: Any) -> bool:
    done: CursorResult[Any] = session.connection().execute(
        statement.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}
    )
    return done.rowcount == 1


def _park(row: ParkRow) -> Park:
    return Park(
        code=row.code,
        organisation_id=OrganisationId(row.organisation_id),
        name=row.name,
        name_zh=row.name_zh,
    )


def _space(row: SpaceRow) -> Space:
    return Space(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        name=row.name,
        name_zh=row.name_zh,
        created_at=row.created_at,
    )
