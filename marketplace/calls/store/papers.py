"""Submissions, papers, reviews and scores in the database."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select, update

from marketplace.calls.domain import (
    Paper,
    Review,
    ReviewState,
    Scored,
    Screening,
    Submission,
    SubmissionState,
    SubmissionVersion,
)
from marketplace.calls.tables import (
    CallPaperRow,
    CallReviewRow,
    CallScoreRow,
    CallSubmissionRow,
    CallSubmissionVersionRow,
)
from services.contracts.ids import OrganisationId


def insert_submission(session: Session, submission: Submission) -> None:
    session.add(CallSubmissionRow(**_submission_values(submission)))
    session.flush()
    _keep_version(session, submission)


def save_submission(session: Session, submission: Submission) -> None:
    session.exec(
        update(CallSubmissionRow)
        .where(col(CallSubmissionRow.id) == submission.id)
        .values(**_submission_values(submission))
    )


def save_edit(session: Session, submission: Submission) -> None:
    """Save a new version beside those before."""
    save_submission(session, submission)
    _keep_version(session, submission)


def find_submission(
    session: Session,
    submission_id: UUID,
    organisation_id: OrganisationId,
    *,
    for_update: bool = False,
) -> Submission | None:
    """The organisation's own submission."""
    query = select(CallSubmissionRow).where(
        col(CallSubmissionRow.id) == submission_id,
        col(CallSubmissionRow.organisation_id) == organisation_id,
    )
    if for_update:
        query = query.with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _submission(row)


def submissions_after(
    session: Session, organisation_id: OrganisationId, *, after: UUID | None, limit: int
) -> list[Submission]:
    query = select(CallSubmissionRow).where(
        col(CallSubmissionRow.organisation_id) == organisation_id
    )
    if after is not None:
        query = query.where(col(CallSubmissionRow.id) > after)
    rows = session.exec(query.order_by(col(CallSubmissionRow.id)).limit(limit))
    return [_submission(row) for row in rows]


def versions_of(session: Session, submission_id: UUID) -> list[SubmissionVersion]:
    query = select(CallSubmissionVersionRow).where(
        col(CallSubmissionVersionRow.submission_id) == submission_id
    )
    return [
        SubmissionVersion(row.version, row.title, row.body, tuple(row.document_ids), row.since)
        for row in session.exec(query.order_by(col(CallSubmissionVersionRow.version)))
    ]


def submitters(session: Session, call_id: UUID) -> dict[UUID, OrganisationId]:
    """Who submitted what, as far as row security tells the transaction."""
    query = select(CallSubmissionRow.id, CallSubmissionRow.organisation_id).where(
        col(CallSubmissionRow.call_id) == call_id
    )
    return {one: OrganisationId(firm) for one, firm in session.exec(query)}


def insert_paper(session: Session, paper: Paper) -> None:
    session.add(CallPaperRow(**asdict(paper) | {"trace": list(paper.trace)}))
    session.flush()


def save_text(session: Session, paper: Paper) -> None:
    _update(session, paper, "title", "body", "documents", "withdrawn")


def save_screening(session: Session, paper: Paper) -> None:
    _update(session, paper, "screening", "reason")


def save_exclusion(session: Session, paper: Paper) -> None:
    _update(session, paper, "excluded")


def save_ranking(session: Session, paper: Paper) -> None:
    _update(session, paper, "rank", "score", "trace")


def admit_waiting(session: Session, call_id: UUID) -> None:
    """Admit what nobody objected to in time."""
    session.exec(
        update(CallPaperRow)
        .where(
            col(CallPaperRow.call_id) == call_id, col(CallPaperRow.screening) == Screening.PENDING
        )
        .values(screening=Screening.ADMITTED)
    )


def find_paper(session: Session, paper_id: UUID, *, for_update: bool = False) -> Paper | None:
    """The paper, if row security shows it."""
    query = select(CallPaperRow).where(col(CallPaperRow.id) == paper_id)
    if for_update:
        query = query.with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _paper(row)


def find_paper_by_code(session: Session, call_id: UUID, code: str) -> Paper | None:
    query = select(CallPaperRow).where(
        col(CallPaperRow.call_id) == call_id, col(CallPaperRow.code) == code
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _paper(row)


def papers_of(session: Session, call_id: UUID) -> list[Paper]:
    """Those still in the call, in order of submission."""
    query = select(CallPaperRow).where(
        col(CallPaperRow.call_id) == call_id, ~col(CallPaperRow.withdrawn)
    )
    rows = session.exec(
        query.order_by(col(CallPaperRow.id)), execution_options={"populate_existing": True}
    )
    return [_paper(row) for row in rows]


def papers_after(session: Session, call_id: UUID, *, after: UUID | None, limit: int) -> list[Paper]:
    query = select(CallPaperRow).where(col(CallPaperRow.call_id) == call_id)
    if after is not None:
        query = query.where(col(CallPaperRow.id) > after)
    return [_paper(row) for row in session.exec(query.order_by(col(CallPaperRow.id)).limit(limit))]


def insert_reviews(session: Session, reviews: Collection[Review]) -> None:
    session.add_all(CallReviewRow(**asdict(one)) for one in reviews)
    session.flush()


def reviews_of(session: Session, call_id: UUID) -> list[Review]:
    query = select(CallReviewRow).where(col(CallReviewRow.call_id) == call_id)
    rows = session.exec(
        query.order_by(col(CallReviewRow.id)), execution_options={"populate_existing": True}
    )
    return [_review(row) for row in rows]


def find_review(
    session: Session, review_id: UUID, person_id: UUID, *, for_update: bool = False
) -> Review | None:
    """The review, if it is the person's."""
    query = select(CallReviewRow).where(
        col(CallReviewRow.id) == review_id, col(CallReviewRow.person_id) == person_id
    )
    if for_update:
        query = query.with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _review(row)


def reviews_after(
    session: Session, person_id: UUID, *, after: UUID | None, limit: int
) -> list[Review]:
    query = select(CallReviewRow).where(col(CallReviewRow.person_id) == person_id)
    if after is not None:
        query = query.where(col(CallReviewRow.id) > after)
    rows = session.exec(query.order_by(col(CallReviewRow.id)).limit(limit))
    return [_review(row) for row in rows]


def save_review(session: Session, review: Review) -> None:
    session.exec(
        update(CallReviewRow)
        .where(col(CallReviewRow.id) == review.id)
        .values(state=review.state, reason=review.reason, decided_at=review.decided_at)
    )


def mark_replaced(session: Session, call_id: UUID) -> None:
    """Say of every declined review of a call that others were asked."""
    session.exec(
        update(CallReviewRow)
        .where(
            col(CallReviewRow.call_id) == call_id, col(CallReviewRow.state) == ReviewState.DECLINED
        )
        .values(state=ReviewState.REPLACED)
    )


def insert_scores(session: Session, review: Review, scored: Scored) -> None:
    session.add(
        CallScoreRow(
            review_id=review.id,
            organisation_id=review.organisation_id,
            call_id=review.call_id,
            paper_id=review.paper_id,
            person_id=review.person_id,
            scores=dict(scored.scores),
            comment=scored.comment,
        )
    )
    session.flush()


def scores_of_call(session: Session, call_id: UUID) -> list[Scored]:
    query = select(CallScoreRow).where(col(CallScoreRow.call_id) == call_id)
    return [_scored(row) for row in session.exec(query.order_by(col(CallScoreRow.review_id)))]


def scores_of_paper(session: Session, paper_id: UUID) -> list[Scored]:
    """As far as row security shows them: others' once the own review is in."""
    query = select(CallScoreRow).where(col(CallScoreRow.paper_id) == paper_id)
    return [_scored(row) for row in session.exec(query.order_by(col(CallScoreRow.review_id)))]


def _keep_version(session: Session, submission: Submission) -> None:
    session.add(
        CallSubmissionVersionRow(
            submission_id=submission.id,
            version=submission.version,
            organisation_id=submission.organisation_id,
            title=submission.title,
            body=submission.body,
            document_ids=list(submission.document_ids),
            since=submission.updated_at,
        )
    )
    session.flush()


def _update(session: Session, paper: Paper, *names: str) -> None:
    values = {name: getattr(paper, name) for name in names}
    if "trace" in values:
        values["trace"] = list(paper.trace)
    session.exec(update(CallPaperRow).where(col(CallPaperRow.id) == paper.id).values(**values))


def _submission_values(submission: Submission) -> dict[str, Any]:
    return asdict(submission) | {"document_ids": list(submission.document_ids)}


def _submission(row: CallSubmissionRow) -> Submission:
    return Submission(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        owner_id=OrganisationId(row.owner_id),
        call_id=row.call_id,
        title=row.title,
        body=row.body,
        document_ids=tuple(row.document_ids),
        state=SubmissionState(row.state),
        version=row.version,
        updated_at=row.updated_at,
    )


def _paper(row: CallPaperRow) -> Paper:
    return Paper(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        call_id=row.call_id,
        code=row.code,
        title=row.title,
        body=row.body,
        documents=row.documents,
        screening=Screening(row.screening),
        reason=row.reason,
        rank=row.rank,
        score=row.score,
        trace=tuple(row.trace),
        excluded=row.excluded,
        withdrawn=row.withdrawn,
    )


def _review(row: CallReviewRow) -> Review:
    return Review(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        call_id=row.call_id,
        paper_id=row.paper_id,
        person_id=row.person_id,
        state=ReviewState(row.state),
        assigned_at=row.assigned_at,
        decided_at=row.decided_at,
        reason=row.reason,
    )


def _scored(row: CallScoreRow) -> Scored:
    return Scored(row.review_id, row.paper_id, row.scores, row.comment)
