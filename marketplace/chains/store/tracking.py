"""SQL of tracked products and their records."""

from dataclasses import asdict
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select, text

from marketplace.chains.domain.tracking import Record, RecordKind, TrackedProduct
from marketplace.chains.tables import RecordRow, TrackedProductRow
from services.contracts.ids import OrganisationId

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")


def insert_product(session: Session, product: TrackedProduct) -> bool:
    """Whether it was stored; not when its maker has one of that serial in the space."""
    statement = insert(TrackedProductRow).values(**asdict(product)).on_conflict_do_nothing()
    done = session.connection().execute(statement.returning(col(TrackedProductRow.id)))
    return done.first() is not None


def find_product(session: Session, product_id: UUID) -> TrackedProduct | None:
    row = session.get(TrackedProductRow, product_id)
    return None if row is None else _product(row)


def products_after(
    session: Session, space_id: UUID, *, after: UUID | None, limit: int
) -> list[TrackedProduct]:
    query = select(TrackedProductRow).where(col(TrackedProductRow.space_id) == space_id)
    if after is not None:
        query = query.where(col(TrackedProductRow.id) > after)
    rows = session.exec(query.order_by(col(TrackedProductRow.id)).limit(limit))
    return [_product(row) for row in rows]


def lock_last_record(session: Session, product_id: UUID) -> Record | None:
    """The newest record; nobody else adds one until the transaction ends."""
    session.connection().execute(_ONE_AT_A_TIME, {"what": f"chain_record {product_id}"})
    query = (
        select(RecordRow)
        .where(col(RecordRow.product_id) == product_id)
        .order_by(col(RecordRow.position).desc())
        .limit(1)
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _record(row)


def insert_record(session: Session, record: Record) -> None:
    session.add(RecordRow(**asdict(record) | {"kind": record.kind.value}))
    session.flush()


def records_of(session: Session, product_id: UUID) -> list[Record]:
    query = (
        select(RecordRow)
        .where(col(RecordRow.product_id) == product_id)
        .order_by(col(RecordRow.position))
    )
    return [_record(row) for row in session.exec(query)]


def _product(row: TrackedProductRow) -> TrackedProduct:
    return TrackedProduct(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        space_id=row.space_id,
        item=row.item,
        serial=row.serial,
        created_at=row.created_at,
    )


def _record(row: RecordRow) -> Record:
    return Record(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        space_id=row.space_id,
        product_id=row.product_id,
        position=row.position,
        kind=RecordKind(row.kind),
        facts=row.facts,
        created_at=row.created_at,
        prior_sha256=row.prior_sha256,
        sha256=row.sha256,
    )
