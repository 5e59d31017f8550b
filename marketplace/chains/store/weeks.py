"""SQL of weekly figures."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col, select, text

from marketplace.chains.domain.weeks import Bounds, Figure, FigureKind, Line, Source
from marketplace.chains.tables import FigureRow
from services.contracts.ids import OrganisationId

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 0))")


def lock_figures(session: Session, space_id: UUID, parties: Collection[OrganisationId]) -> None:
    """Let nobody else add figures between these parties until the transaction ends."""
    who = f"chain_figure {space_id} {sorted(map(str, parties))}"
    session.connection().execute(_ONE_AT_A_TIME, {"who": who})


def insert_figures(session: Session, figures: Iterable[Figure]) -> None:
    session.add_all(
        FigureRow(
            id=one.id,
            organisation_id=one.organisation_id,
            space_id=one.space_id,
            week=one.week,
            source=one.source.value,
            version=one.version,
            created_at=one.created_at,
            **asdict(one.bounds),
            **asdict(one.line) | {"kind": one.line.kind.value},
        )
        for one in figures
    )
    session.flush()


def versions(
    session: Session,
    space_id: UUID,
    *,
    organisation_id: OrganisationId,
    line: Line,
    weeks: Collection[str],
) -> dict[str, int]:
    """The newest version of each week that has one."""
    query = (
        select(FigureRow.week, func.max(FigureRow.version))
        .where(
            col(FigureRow.space_id) == space_id,
            col(FigureRow.organisation_id) == organisation_id,
            col(FigureRow.kind) == line.kind.value,
            col(FigureRow.partner_id) == line.partner_id,
            col(FigureRow.item) == line.item,
            col(FigureRow.unit) == line.unit,
            col(FigureRow.week).in_(weeks),
        )
        .group_by(col(FigureRow.week))
    )
    return dict(session.exec(query).all())


def figures_after(
    session: Session, space_id: UUID, *, after: UUID | None, limit: int
) -> list[Figure]:
    query = select(FigureRow).where(col(FigureRow.space_id) == space_id)
    if after is not None:
        query = query.where(col(FigureRow.id) > after)
    return [_figure(row) for row in session.exec(query.order_by(col(FigureRow.id)).limit(limit))]


def newest_figures(
    session: Session,
    space_id: UUID,
    *,
    item: str,
    first: str,
    last: str,
    limit: int,
) -> list[Figure]:
    """The newest version of each line's weeks from ``first`` to ``last``."""
    line = (
        col(FigureRow.week),
        col(FigureRow.unit),
        col(FigureRow.kind),
        col(FigureRow.organisation_id),
        col(FigureRow.partner_id),
    )
    query = (
        select(FigureRow)
        .where(
            col(FigureRow.space_id) == space_id,
            col(FigureRow.item) == item,
            col(FigureRow.week).between(first, last),
        )
        .ext(distinct_on(*line))
        .order_by(*line, col(FigureRow.version).desc())
        .limit(limit)
    )
    return [_figure(row) for row in session.exec(query)]


def _figure(row: FigureRow) -> Figure:
    return Figure(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        space_id=row.space_id,
        line=Line(FigureKind(row.kind), OrganisationId(row.partner_id), row.item, row.unit),
        week=row.week,
        bounds=Bounds(row.lowest, row.quantity, row.highest),
        source=Source(row.source),
        version=row.version,
        created_at=row.created_at,
    )
