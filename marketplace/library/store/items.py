"""SQL of items, their versions and files; row security says which of them the caller sees."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlmodel import Session, and_, col, func, select, update

from marketplace.library.domain import (
    File,
    Item,
    ItemState,
    ItemVersion,
    Terms,
    TermsKind,
)
from marketplace.library.tables import FileRow, ItemRow, VersionRow
from services.capacity.domain import Visibility
from services.contracts.ids import OrganisationId
from services.contracts.money import Money


def insert_item(session: Session, item: Item) -> None:
    session.add(
        ItemRow(
            id=item.id,
            organisation_id=item.organisation_id,
            direction=item.direction,
            kind=item.kind,
            visibility=item.visibility.value,
            park=item.park,
            space_id=item.space_id,
            created_at=item.created_at,
            **_said(item),
        )
    )
    session.flush()


def save_item(session: Session, item: Item) -> None:
    session.exec(update(ItemRow).where(col(ItemRow.id) == item.id).values(**_said(item)))


def find_item(session: Session, item_id: UUID, *, lock: bool = False) -> Item | None:
    query = select(ItemRow).where(col(ItemRow.id) == item_id)
    row = session.exec(
        query.with_for_update() if lock else query,
        execution_options={"populate_existing": True},
    ).one_or_none()
    return None if row is None else _item(row)


def items_after(
    session: Session,
    *,
    after: UUID | None,
    limit: int,
    organisation_id: OrganisationId | None,
    direction: int | None,
    kind: str | None,
    state: ItemState | None,
) -> list[Item]:
    query = select(ItemRow).order_by(col(ItemRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(ItemRow.id) > after)
    if organisation_id is not None:
        query = query.where(col(ItemRow.organisation_id) == organisation_id)
    if direction is not None:
        query = query.where(col(ItemRow.direction) == direction)
    if kind is not None:
        query = query.where(col(ItemRow.kind) == kind)
    if state is not None:
        query = query.where(col(ItemRow.state) == state.value)
    return [_item(row) for row in session.exec(query)]


def narrow_items(
    session: Session, organisation_id: UUID, *, park: str | None, space_id: UUID | None
) -> None:
    """Show what is shared in the park, or else in the space, to its own organisation only."""
    shared = (
        and_(col(ItemRow.visibility) == Visibility.PARK, col(ItemRow.park) == park)
        if space_id is None
        else and_(col(ItemRow.visibility) == Visibility.SPACE, col(ItemRow.space_id) == space_id)
    )
    session.exec(
        update(ItemRow)
        .where(col(ItemRow.organisation_id) == organisation_id, shared)
        .values(visibility=Visibility.ORGANISATION.value, revision=col(ItemRow.revision) + 1)
    )


def next_number(session: Session, item_id: UUID) -> int:
    asked = select(func.coalesce(func.max(VersionRow.number), 0)).where(
        col(VersionRow.item_id) == item_id
    )
    return int(session.exec(asked).one()) + 1


def insert_version(session: Session, version: ItemVersion) -> None:
    row = asdict(version)
    del row["files"]
    session.add(VersionRow(**row))
    session.flush()
    session.add_all(
        FileRow(version_id=version.id, organisation_id=version.organisation_id, **asdict(one))
        for one in version.files
    )
    session.flush()


def save_withdrawal(session: Session, version: ItemVersion) -> None:
    session.exec(
        update(VersionRow)
        .where(col(VersionRow.id) == version.id)
        .values(withdrawn_at=version.withdrawn_at)
    )


def find_version(session: Session, version_id: UUID, *, lock: bool = False) -> ItemVersion | None:
    query = select(VersionRow).where(col(VersionRow.id) == version_id)
    row = session.exec(
        query.with_for_update() if lock else query,
        execution_options={"populate_existing": True},
    ).one_or_none()
    return None if row is None else _versions(session, [row])[0]


def versions_after(
    session: Session, item_id: UUID, *, after: UUID | None, limit: int
) -> list[ItemVersion]:
    query = select(VersionRow).where(col(VersionRow.item_id) == item_id)
    if after is not None:
        query = query.where(col(VersionRow.id) > after)
    rows = session.exec(query.order_by(col(VersionRow.id)).limit(limit))
    return _versions(session, list(rows))


def terms_document(terms: Terms) -> dict[str, Any]:
    return asdict(terms) | {"kind": terms.kind.value}


def terms_of(document: Mapping[str, Any]) -> Terms:
    fee = document["fee"]
    return Terms(
        kind=TermsKind(document["kind"]),
        fee=None if fee is None else Money(fee["minor"], fee["currency"]),
        days=document["days"],
        attribution=document["attribution"],
        nda=document["nda"],
    )


def _said(item: Item) -> dict[str, Any]:
    """What may change."""
    return {
        "title": item.title,
        "title_zh": item.title_zh,
        "abstract": item.abstract,
        "abstract_zh": item.abstract_zh,
        "terms": terms_document(item.terms),
        "attributes": dict(item.attributes),
        "state": item.state.value,
        "revision": item.revision,
        "updated_at": item.updated_at,
    }


def _item(row: ItemRow) -> Item:
    return Item(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        direction=row.direction,
        kind=row.kind,
        title=row.title,
        title_zh=row.title_zh,
        abstract=row.abstract,
        abstract_zh=row.abstract_zh,
        terms=terms_of(row.terms),
        visibility=Visibility(row.visibility),
        state=ItemState(row.state),
        revision=row.revision,
        created_at=row.created_at,
        updated_at=row.updated_at,
        park=row.park,
        space_id=row.space_id,
        attributes=row.attributes,
    )


def _versions(session: Session, rows: Sequence[VersionRow]) -> list[ItemVersion]:
    files = _files(session, [row.id for row in rows])
    return [
        ItemVersion(
            id=row.id,
            organisation_id=OrganisationId(row.organisation_id),
            item_id=row.item_id,
            number=row.number,
            label=row.label,
            changelog=row.changelog,
            created_at=row.created_at,
            withdrawn_at=row.withdrawn_at,
            files=files.get(row.id, ()),
        )
        for row in rows
    ]


def _files(session: Session, version_ids: Iterable[UUID]) -> dict[UUID, tuple[File, ...]]:
    query = (
        select(FileRow)
        .where(col(FileRow.version_id).in_(list(version_ids)))
        .order_by(col(FileRow.version_id), col(FileRow.document_id))
    )
    return {
        version_id: tuple(
            File(row.document_id, row.name, row.media_type, row.size, bytes(row.sha256))
            for row in rows
        )
        for version_id, rows in groupby(session.exec(query), key=lambda row: row.version_id)
    }
