"""Facts, and the scores made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from marketplace.deals.domain.scoring import MEASURES, Fact, FactKind, Score
from marketplace.deals.tables import DealFactRow, DealScoreRow
from services.contracts.ids import OrganisationId


def insert_facts(session: Session, facts: Iterable[Fact]) -> None:
    """Add facts; what is known already stays as it was first seen."""
    for fact in facts:
        statement = insert(DealFactRow).values(**asdict(fact)).on_conflict_do_nothing()
        session.connection().execute(statement)


def stale_organisations(session: Session, *, limit: int) -> list[OrganisationId]:
    """Organisations with facts that their scores do not count yet."""
    counted = (
        select(DealScoreRow.organisation_id, func.sum(DealScoreRow.sample).label("facts"))
        .group_by(col(DealScoreRow.organisation_id))
        .subquery()
    )
    query = (
        select(DealFactRow.organisation_id)
        .outerjoin(counted, counted.c.organisation_id == DealFactRow.organisation_id)
        .group_by(col(DealFactRow.organisation_id), counted.c.facts)
        .having(func.count() > func.coalesce(counted.c.facts, 0))
        .order_by(col(DealFactRow.organisation_id))
        .limit(limit)
    )
    return [OrganisationId(one) for one in session.exec(query)]


def facts_of(session: Session, organisation_id: OrganisationId) -> list[tuple[FactKind, int]]:
    query = select(DealFactRow.kind, DealFactRow.value).where(
        col(DealFactRow.organisation_id) == organisation_id
    )
    return [(FactKind(kind), value) for kind, value in session.exec(query)]


def facts_between(
    session: Session,
    organisation_id: OrganisationId,
    kind: FactKind,
    *,
    since: datetime,
    until: datetime,
) -> list[Fact]:
    query = (
        select(DealFactRow)
        .where(
            col(DealFactRow.organisation_id) == organisation_id,
            col(DealFactRow.kind) == kind,
            col(DealFactRow.at) >= since,
            col(DealFactRow.at) < until,
        )
        .order_by(col(DealFactRow.id))
    )
    return [
        Fact(
            id=row.id,
            organisation_id=OrganisationId(row.organisation_id),
            counterparty_id=OrganisationId(row.counterparty_id),
            kind=FactKind(row.kind),
            source_id=row.source_id,
            value=row.value,
            at=row.at,
        )
        for row in session.exec(query)
    ]


def save_scores(
    session: Session, organisation_id: OrganisationId, scores: Sequence[Score], *, now: datetime
) -> None:
    for score in scores:
        values = {"sample": score.sample, "value": score.value, "as_of": now}
        statement = insert(DealScoreRow).values(
            organisation_id=organisation_id, measure=score.measure.name, **values
        )
        session.connection().execute(
            statement.on_conflict_do_update(
                index_elements=["organisation_id", "measure"], set_=values
            )
        )


def scores_of(session: Session, organisation_id: UUID) -> list[Score]:
    """Every measure in their order; what was never seen has no sample."""
    query = select(DealScoreRow).where(col(DealScoreRow.organisation_id) == organisation_id)
    kept = {row.measure: row for row in session.exec(query)}
    return [
        Score(measure, kept[measure.name].sample, kept[measure.name].value)
        if measure.name in kept
        else Score(measure, 0, None)
        for measure in MEASURES
    ]
