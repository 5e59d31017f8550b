"""SQL of licences, counted downloads, reuse, and what became of an item."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, or_, select, text, update

from marketplace.library.domain import (
    Access,
    Licence,
    LicenceState,
    Reuse,
    Use,
    VersionUse,
)
from marketplace.library.store.items import terms_document, terms_of
from marketplace.library.tables import AccessRow, LicenceRow, ReuseRow
from services.contracts.ids import OrganisationId

_TOTALS = text(
    "SELECT (SELECT count(*) FROM library_access WHERE item_id = :item) AS downloads,"
    " (SELECT count(DISTINCT organisation_id) FROM library_access WHERE item_id = :item)"
    " AS licensees,"
    " (SELECT count(*) FROM library_licence WHERE item_id = :item AND state = 'active')"
    " AS licences,"
    " (SELECT count(*) FROM library_reuse WHERE item_id = :item) AS reuses,"
    " (SELECT coalesce(sum(minutes_saved), 0) FROM library_reuse WHERE item_id = :item)"
    " AS minutes_saved"
)
_VERSIONS = text(
    "SELECT version.number, to_char(access.at AT TIME ZONE 'UTC', 'YYYY-MM') AS month,"
    " count(*) AS downloads, count(DISTINCT access.organisation_id) AS licensees"
    " FROM library_access AS access JOIN library_version AS version"
    " ON version.id = access.version_id WHERE access.item_id = :item"
    " GROUP BY version.number, month ORDER BY month, version.number"
)


def insert_licence(session: Session, licence: Licence) -> None:
    session.add(LicenceRow(**_licence_columns(licence)))
    session.flush()


def save_licence(session: Session, licence: Licence) -> None:
    session.exec(
        update(LicenceRow)
        .where(col(LicenceRow.id) == licence.id)
        .values(
            state=licence.state.value,
            valid_until=licence.valid_until,
            updated_at=licence.updated_at,
        )
    )


def find_licence(
    session: Session, licence_id: UUID, *, party: OrganisationId | None, lock: bool = False
) -> Licence | None:
    """Of which ``party`` is one side; of anybody for ``None``."""
    query = select(LicenceRow).where(col(LicenceRow.id) == licence_id)
    if party is not None:
        query = query.where(_of(party))
    row = session.exec(
        query.with_for_update() if lock else query,
        execution_options={"populate_existing": True},
    ).one_or_none()
    return None if row is None else _licence(row)


def licences_after(
    session: Session,
    *,
    party: OrganisationId,
    after: UUID | None,
    limit: int,
    item_id: UUID | None = None,
) -> list[Licence]:
    query = select(LicenceRow).where(_of(party))
    if item_id is not None:
        query = query.where(col(LicenceRow.item_id) == item_id)
    if after is not None:
        query = query.where(col(LicenceRow.id) > after)
    rows = session.exec(query.order_by(col(LicenceRow.id)).limit(limit))
    return [_licence(row) for row in rows]


def lock_newest_licence(
    session: Session, item_id: UUID, *, organisation_id: OrganisationId
) -> Licence | None:
    """The newest that is active, of those with anything left; else the newest at all."""
    query = (
        select(LicenceRow)
        .where(
            col(LicenceRow.item_id) == item_id,
            col(LicenceRow.organisation_id) == organisation_id,
        )
        .order_by(
            (col(LicenceRow.state) == LicenceState.ACTIVE.value).desc(),
            (col(LicenceRow.used) >= col(LicenceRow.downloads)).asc().nulls_first(),
            col(LicenceRow.id).desc(),
        )
        .limit(1)
        .with_for_update()
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _licence(row)


def insert_access(session: Session, access: Access) -> None:
    """A trigger counts it under its licence, and refuses one that is not open."""
    session.add(AccessRow(**asdict(access)))
    session.flush()


def find_access(
    session: Session, access_id: UUID, *, organisation_id: OrganisationId
) -> Access | None:
    query = select(AccessRow).where(
        col(AccessRow.id) == access_id, col(AccessRow.organisation_id) == organisation_id
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _access(row)


def accesses_after(
    session: Session,
    *,
    after: UUID | None,
    limit: int,
    organisation_id: OrganisationId | None = None,
    item_id: UUID | None = None,
) -> list[Access]:
    query = select(AccessRow)
    if organisation_id is not None:
        query = query.where(col(AccessRow.organisation_id) == organisation_id)
    if item_id is not None:
        query = query.where(col(AccessRow.item_id) == item_id)
    if after is not None:
        query = query.where(col(AccessRow.id) > after)
    rows = session.exec(query.order_by(col(AccessRow.id)).limit(limit))
    return [_access(row) for row in rows]


def insert_reuse(session: Session, reuse: Reuse) -> None:
    session.add(ReuseRow(**asdict(reuse)))
    session.flush()


def reuses_after(
    session: Session, item_id: UUID, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[Reuse]:
    """Those ``party`` stated, or all of an item of its own."""
    query = select(ReuseRow).where(
        col(ReuseRow.item_id) == item_id,
        or_(col(ReuseRow.organisation_id) == party, col(ReuseRow.owner_id) == party),
    )
    if after is not None:
        query = query.where(col(ReuseRow.id) > after)
    rows = session.exec(query.order_by(col(ReuseRow.id)).limit(limit))
    return [
        Reuse(
            id=row.id,
            organisation_id=OrganisationId(row.organisation_id),
            owner_id=OrganisationId(row.owner_id),
            item_id=row.item_id,
            licence_id=row.licence_id,
            about=row.about,
            citation=row.citation,
            minutes_saved=row.minutes_saved,
            at=row.at,
        )
        for row in rows
    ]


def use_of(session: Session, item_id: UUID) -> Use:
    """As far as the caller sees the rows: its owner sees all."""
    asked = {"item": item_id}
    totals = session.connection().execute(_TOTALS, asked).one()
    versions = session.connection().execute(_VERSIONS, asked)
    return Use(
        **{name: int(value) for name, value in totals._mapping.items()},  # noqa: SLF001 - SQLAlchemy's public name
        versions=tuple(
            VersionUse(row.number, row.month, row.downloads, row.licensees) for row in versions
        ),
    )


def _of(party: OrganisationId) -> Any:
    return or_(col(LicenceRow.organisation_id) == party, col(LicenceRow.owner_id) == party)


def _licence_columns(licence: Licence) -> dict[str, Any]:
    return asdict(licence) | {
        "terms": terms_document(licence.terms),
        "state": licence.state.value,
    }


def _licence(row: LicenceRow) -> Licence:
    return Licence(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        owner_id=OrganisationId(row.owner_id),
        item_id=row.item_id,
        terms=terms_of(row.terms),
        state=LicenceState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        downloads=row.downloads,
        used=row.used,
        escrow_id=row.escrow_id,
        valid_until=row.valid_until,
    )


def _access(row: AccessRow) -> Access:
    return Access(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        owner_id=OrganisationId(row.owner_id),
        item_id=row.item_id,
        version_id=row.version_id,
        licence_id=row.licence_id,
        actor_id=row.actor_id,
        at=row.at,
    )
