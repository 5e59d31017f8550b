"""SQL of boxes, ideas, votes, comments and decisions."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import literal
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, delete, func, select

from marketplace.ideas.domain import (
    Box,
    Comment,
    Idea,
    IdeaDecision,
    IdeaState,
    Outcome,
    Stage,
    Tally,
)
from marketplace.ideas.tables import (
    IdeaBoxRow,
    IdeaCommentRow,
    IdeaDecisionRow,
    IdeaRow,
    IdeaVoteRow,
)
from services.contracts.access import Role
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

_FRESH: Final = {"populate_existing": True}


def insert_box(session: Session, box: Box) -> None:
    session.add(IdeaBoxRow(**(asdict(box) | {"stages": [_document(one) for one in box.stages]})))
    session.flush()


def update_box(session: Session, box: Box) -> None:
    row = session.get_one(IdeaBoxRow, box.id)
    row.title, row.about, row.closes_at = box.title, box.about, box.closes_at
    row.budget_minor, row.spent_minor = box.budget_minor, box.spent_minor
    row.version = box.version
    session.flush()


def find_box(
    session: Session, box_id: UUID, organisation_id: OrganisationId, *, lock: bool = False
) -> Box | None:
    query = select(IdeaBoxRow).where(
        col(IdeaBoxRow.id) == box_id, col(IdeaBoxRow.organisation_id) == organisation_id
    )
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    return None if row is None else _box(row)


def boxes_after(
    session: Session, organisation_id: OrganisationId, *, after: UUID | None, limit: int
) -> list[Box]:
    query = select(IdeaBoxRow).where(col(IdeaBoxRow.organisation_id) == organisation_id)
    if after is not None:
        query = query.where(col(IdeaBoxRow.id) > after)
    return [_box(row) for row in session.exec(query.order_by(col(IdeaBoxRow.id)).limit(limit))]


def insert_idea(session: Session, idea: Idea) -> None:
    session.add(IdeaRow(**asdict(idea)))
    session.flush()


def update_idea(session: Session, idea: Idea) -> None:
    row = session.get_one(IdeaRow, idea.id)
    row.state, row.stage = idea.state.value, idea.stage
    row.account_id, row.updated_at = idea.account_id, idea.updated_at
    session.flush()


def find_idea(
    session: Session, idea_id: UUID, organisation_id: OrganisationId, *, lock: bool = False
) -> Idea | None:
    query = select(IdeaRow).where(
        col(IdeaRow.id) == idea_id, col(IdeaRow.organisation_id) == organisation_id
    )
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    return None if row is None else _idea(row)


def ideas_after(session: Session, box_id: UUID, *, after: UUID | None, limit: int) -> list[Idea]:
    query = select(IdeaRow).where(col(IdeaRow.box_id) == box_id)
    if after is not None:
        query = query.where(col(IdeaRow.id) > after)
    return [_idea(row) for row in session.exec(query.order_by(col(IdeaRow.id)).limit(limit))]


def put_vote(session: Session, idea: Idea, person_id: UUID, value: int, *, now: datetime) -> None:
    said = {"value": value, "given_at": now}
    key = {"idea_id": idea.id, "person_id": person_id}
    statement = insert(IdeaVoteRow).values(**key, organisation_id=idea.organisation_id, **said)
    session.exec(statement.on_conflict_do_update(index_elements=list(key), set_=said))


def delete_vote(session: Session, idea_id: UUID, person_id: UUID) -> None:
    session.exec(
        delete(IdeaVoteRow).where(
            col(IdeaVoteRow.idea_id) == idea_id, col(IdeaVoteRow.person_id) == person_id
        )
    )


def tallies(
    session: Session, idea_ids: Collection[UUID], person_id: UUID | None
) -> dict[UUID, Tally]:
    """Of those somebody voted on."""
    value, mine = col(IdeaVoteRow.value), col(IdeaVoteRow.person_id) == literal(person_id)
    query = (
        select(
            IdeaVoteRow.idea_id,
            func.count().filter(value > 0),
            func.count().filter(value < 0),
            func.max(value).filter(mine),
        )
        .where(col(IdeaVoteRow.idea_id).in_(idea_ids))
        .group_by(col(IdeaVoteRow.idea_id))
    )
    return {row[0]: Tally(row[1], row[2], row[3]) for row in session.exec(query)}


def insert_comment(session: Session, comment: Comment) -> None:
    session.add(IdeaCommentRow(**asdict(comment)))
    session.flush()


def comments_after(
    session: Session, idea_id: UUID, *, after: UUID | None, limit: int
) -> list[Comment]:
    query = select(IdeaCommentRow).where(col(IdeaCommentRow.idea_id) == idea_id)
    if after is not None:
        query = query.where(col(IdeaCommentRow.id) > after)
    rows = session.exec(query.order_by(col(IdeaCommentRow.id)).limit(limit))
    return [
        Comment(
            row.id,
            OrganisationId(row.organisation_id),
            row.idea_id,
            row.person_id,
            row.text,
            row.created_at,
        )
        for row in rows
    ]


def insert_decision(session: Session, decision: IdeaDecision) -> None:
    session.add(
        IdeaDecisionRow(
            id=decision.id,
            organisation_id=decision.organisation_id,
            idea_id=decision.idea_id,
            stage=decision.stage,
            outcome=decision.outcome.value,
            amount_minor=decision.amount.minor,
            currency=decision.amount.currency,
            reason=decision.reason,
            decided_by=decision.decided_by,
            decided_at=decision.decided_at,
        )
    )
    session.flush()


def decisions_after(
    session: Session, idea_id: UUID, *, after: UUID | None, limit: int
) -> list[IdeaDecision]:
    query = select(IdeaDecisionRow).where(col(IdeaDecisionRow.idea_id) == idea_id)
    if after is not None:
        query = query.where(col(IdeaDecisionRow.id) > after)
    rows = session.exec(query.order_by(col(IdeaDecisionRow.id)).limit(limit))
    return [
        IdeaDecision(
            id=row.id,
            organisation_id=OrganisationId(row.organisation_id),
            idea_id=row.idea_id,
            stage=row.stage,
            outcome=Outcome(row.outcome),
            amount=Money(row.amount_minor, row.currency),
            reason=row.reason,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
        for row in rows
    ]


def _document(stage: Stage) -> dict[str, Any]:
    return asdict(stage) | {"decided_by": [role.value for role in stage.decided_by]}


def _box(row: IdeaBoxRow) -> Box:
    stages = tuple(
        Stage(**(one | {"decided_by": tuple(Role(role) for role in one["decided_by"])}))
        for one in row.stages
    )
    return Box(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        title=row.title,
        about=row.about,
        account_id=row.account_id,
        currency=row.currency,
        budget_minor=row.budget_minor,
        spent_minor=row.spent_minor,
        stages=stages,
        closes_at=row.closes_at,
        version=row.version,
        created_at=row.created_at,
    )


def _idea(row: IdeaRow) -> Idea:
    return Idea(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        box_id=row.box_id,
        author_id=row.author_id,
        title=row.title,
        text=row.text,
        state=IdeaState(row.state),
        stage=row.stage,
        created_at=row.created_at,
        updated_at=row.updated_at,
        account_id=row.account_id,
    )
