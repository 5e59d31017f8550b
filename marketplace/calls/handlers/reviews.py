"""What jurors do: read a paper without a name, declare a conflict of interest, score."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.calls.domain import (
    Call,
    Paper,
    Review,
    ReviewState,
    Scored,
    Stage,
    check_scores,
    check_stage,
)
from marketplace.calls.handlers.calls import get_call
from marketplace.calls.store import papers as store
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class ReviewNotFoundError(DomainError):
    code: ClassVar[str] = "review-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "You are not asked for a review {review_id}; list /reviews."
    zh: ClassVar[str] = "没有分配给您的评审 {review_id}；请查看 /reviews。"


class ReviewDecidedError(DomainError):
    code: ClassVar[str] = "review-decided"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Review {review_id} is {state}; this belongs to one that is {wanted}."
    zh: ClassVar[str] = "评审 {review_id} 状态为 {state}；该操作要求状态为 {wanted}。"


def list_reviews(
    *, session: Session, person_id: UUID, after: UUID | None, limit: int
) -> list[Review]:
    """What the person is asked to judge."""
    return store.reviews_after(session, person_id, after=after, limit=limit)


def get_review(*, session: Session, person_id: UUID, review_id: UUID) -> tuple[Review, Paper, Call]:
    """A review of the person's, with the paper and the criteria; who submitted is in none of them.

    Raises:
        ReviewNotFoundError: the person is not asked for it.
    """
    found = store.find_review(session, review_id, person_id)
    if found is None:
        raise ReviewNotFoundError(review_id=review_id)
    return found, _paper(session, found), get_call(session=session, call_id=found.call_id)


def decline(
    *, session: Session, clock: Clock, person_id: UUID, review_id: UUID, reason: str
) -> Review:
    """Declare a conflict of interest (利益冲突声明); somebody else of the jury judges instead.

    Raises:
        ReviewNotFoundError, ReviewDecidedError, StageClosedError: nothing to decline now.
    """
    before = _waiting(session, clock, person_id, review_id)
    after = replace(before, state=ReviewState.DECLINED, reason=reason, decided_at=clock.now())
    store.save_review(session, after)
    note(session, subject_kind="review", subject_id=review_id, before=before, after=after)
    return after


def score(
    *,
    session: Session,
    clock: Clock,
    person_id: UUID,
    review_id: UUID,
    scores: Mapping[str, int],
    comment: str,
) -> Review:
    """Hand a review in. It says by that that the juror knows of no conflict, and stays as it is.

    Raises:
        ReviewNotFoundError, ReviewDecidedError, StageClosedError: nothing to score now.
        ScoresInvalidError: a criterion is missing, unknown or out of bounds.
    """
    before = _waiting(session, clock, person_id, review_id)
    call = get_call(session=session, call_id=before.call_id)
    check_scores(call.rules.criteria, scores)
    after = replace(before, state=ReviewState.DONE, decided_at=clock.now())
    store.save_review(session, after)
    store.insert_scores(session, after, Scored(review_id, after.paper_id, scores, comment))
    note(session, subject_kind="review", subject_id=review_id, before=before, after=after)
    return after


def others(*, session: Session, person_id: UUID, review_id: UUID) -> list[Scored]:
    """Reviews of the same paper, the own one too, once the own one is in.

    Raises:
        ReviewNotFoundError: the person is not asked for it.
        ReviewDecidedError: the own review is not in yet.
    """
    found, paper, _ = get_review(session=session, person_id=person_id, review_id=review_id)
    if found.state is not ReviewState.DONE:
        raise ReviewDecidedError(review_id=review_id, state=found.state, wanted=ReviewState.DONE)
    return store.scores_of_paper(session, paper.id)


def _waiting(session: Session, clock: Clock, person_id: UUID, review_id: UUID) -> Review:
    found = store.find_review(session, review_id, person_id, for_update=True)
    if found is None:
        raise ReviewNotFoundError(review_id=review_id)
    call = get_call(session=session, call_id=found.call_id)
    check_stage(call, Stage.REVIEW, now=clock.now())
    if found.state is not ReviewState.ASSIGNED:
        raise ReviewDecidedError(
            review_id=review_id, state=found.state, wanted=ReviewState.ASSIGNED
        )
    return found


def _paper(session: Session, review: Review) -> Paper:
    found = store.find_paper(session, review.paper_id)
    assert found is not None, "a juror sees what it judges"
    return found
