"""Submitting, and screening what was submitted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.calls.domain import (
    Call,
    Paper,
    Screening,
    Stage,
    Submission,
    SubmissionState,
    SubmissionVersion,
    check_nameless,
    check_stage,
    edited,
    submitted,
    withdrawn,
)
from marketplace.calls.handlers.calls import find_own, get_call
from marketplace.calls.store import papers as store
from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.calls import SubmissionReceived
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.files import handlers as documents
from services.runtime.outbox import emit


class SubmissionNotFoundError(DomainError):
    code: ClassVar[str] = "submission-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "You have no submission {submission_id}; list /submissions."
    zh: ClassVar[str] = "您没有提交 {submission_id}；请查看 /submissions。"


class PaperNotFoundError(DomainError):
    code: ClassVar[str] = "paper-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no paper {paper_id} in a call of yours."
    zh: ClassVar[str] = "您的征集中没有材料 {paper_id}。"


def draft(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    call_id: UUID,
    title: str,
    body: str,
    document_ids: Sequence[UUID],
) -> Submission:
    """Begin a submission to a call the organisation sees; nobody else sees it yet.

    Raises:
        CallNotFoundError, DocumentNotFoundError: nothing of that id for the organisation.
        StageClosedError: the call takes no submissions now.
    """
    call = get_call(session=session, call_id=call_id)
    check_stage(call, Stage.SUBMISSION, now=clock.now())
    _check_documents(session, clock, acting, document_ids)
    made = Submission(
        id=clock.new_id(),
        organisation_id=acting.organisation_id,
        owner_id=call.organisation_id,
        call_id=call_id,
        title=title,
        body=body,
        document_ids=tuple(document_ids),
        state=SubmissionState.DRAFT,
        version=1,
        updated_at=clock.now(),
    )
    store.insert_submission(session, made)
    note(session, subject_kind="submission", subject_id=made.id, after=made)
    return made


def edit(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    submission_id: UUID,
    title: str,
    body: str,
    document_ids: Sequence[UUID],
    based_on: int | None,
) -> Submission:
    """Give an own submission its next version while the call takes submissions.

    Raises:
        SubmissionNotFoundError, DocumentNotFoundError: nothing of that id for the organisation.
        StageClosedError, SubmissionStateError, SubmissionStaleError: too late, withdrawn, changed.
        SubmitterNamedError: it was submitted to a blind call and says who wrote it.
    """
    before, call = _own_open(session, clock, acting.organisation_id, submission_id)
    _check_documents(session, clock, acting, document_ids)
    after = edited(
        before,
        title=title,
        body=body,
        document_ids=tuple(document_ids),
        based_on=based_on,
        now=clock.now(),
    )
    store.save_edit(session, after)
    if after.state is SubmissionState.SUBMITTED:
        _check_blind(session, call, after)
        paper = store.find_paper(session, submission_id, for_update=True)
        assert paper is not None, "what is submitted has a paper"
        store.save_text(session, _worded(paper, after))
    note(session, subject_kind="submission", subject_id=after.id, before=before, after=after)
    return after


def submit(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, submission_id: UUID
) -> Submission:
    """Hand an own draft in. Its paper bears a code drawn by lot, not a name.

    Raises:
        SubmissionNotFoundError: the organisation has none of this id.
        StageClosedError, SubmissionStateError: too late, or it was submitted before.
        SubmitterNamedError: the call is blind and the text says who wrote it.
    """
    before, call = _own_open(session, clock, organisation_id, submission_id)
    after = submitted(before, now=clock.now())
    _check_blind(session, call, after)
    store.save_submission(session, after)
    paper = Paper(
        id=after.id,
        organisation_id=call.organisation_id,
        call_id=call.id,
        code=clock.new_id().hex[-8:].upper(),
        title=after.title,
        body=after.body,
        documents=len(after.document_ids),
        screening=Screening.PENDING,
    )
    store.insert_paper(session, paper)
    # The paper's foreign key waited for whoever was moving the call: look where it is now.
    check_stage(get_call(session=session, call_id=call.id), Stage.SUBMISSION, now=clock.now())
    note(session, subject_kind="submission", subject_id=after.id, before=before, after=after)
    told = SubmissionReceived(
        id=clock.new_id(),
        occurred_at=clock.now(),
        call_id=call.id,
        submission_id=after.id,
        audience=Audience(organisation_ids=(call.organisation_id, organisation_id)),
    )
    emit(session, told, now=clock.now())
    return after


def withdraw(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, submission_id: UUID
) -> Submission:
    """Take an own submission back while the call takes submissions; raises as ``submit``."""
    before, _ = _own_open(session, clock, organisation_id, submission_id)
    after = withdrawn(before, now=clock.now())
    store.save_submission(session, after)
    paper = store.find_paper(session, submission_id, for_update=True)
    if paper is not None:
        store.save_text(session, replace(paper, withdrawn=True))
    note(session, subject_kind="submission", subject_id=after.id, before=before, after=after)
    return after


def get_submission(
    *, session: Session, organisation_id: OrganisationId, submission_id: UUID
) -> Submission:
    """An own submission.

    Raises:
        SubmissionNotFoundError: the organisation has none of this id.
    """
    found = store.find_submission(session, submission_id, organisation_id)
    if found is None:
        raise SubmissionNotFoundError(submission_id=submission_id)
    return found


def paper_of(*, session: Session, submission: Submission) -> Paper | None:
    """How an own submission is judged: its code, screening and, once there is one, its rank."""
    return store.find_paper(session, submission.id)


def list_submissions(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Submission]:
    return store.submissions_after(session, organisation_id, after=after, limit=limit)


def list_versions(
    *, session: Session, organisation_id: OrganisationId, submission_id: UUID
) -> list[SubmissionVersion]:
    """What an own submission said, oldest first.

    Raises:
        SubmissionNotFoundError: the organisation has none of this id.
    """
    get_submission(session=session, organisation_id=organisation_id, submission_id=submission_id)
    return store.versions_of(session, submission_id)


def list_papers(
    *,
    session: Session,
    organisation_id: OrganisationId,
    call_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Paper]:
    """A page of what was submitted to an own call.

    Raises:
        CallNotFoundError: it is none of the organisation's.
    """
    find_own(session=session, organisation_id=organisation_id, call_id=call_id)
    return store.papers_after(session, call_id, after=after, limit=limit)


def get_paper(*, session: Session, organisation_id: OrganisationId, paper_id: UUID) -> Paper:
    """A paper in an own call.

    Raises:
        PaperNotFoundError: there is none.
    """
    found = store.find_paper(session, paper_id)
    if found is None or found.organisation_id != organisation_id:
        raise PaperNotFoundError(paper_id=paper_id)
    return found


def screen(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    paper_id: UUID,
    refused_because: str | None,
) -> Paper:
    """Admit a paper to the review, or refuse it with a reason its submitter reads.

    Raises:
        PaperNotFoundError: it is in no call of the organisation's.
        StageClosedError: the call is not being screened.
    """
    before = get_paper(session=session, organisation_id=organisation_id, paper_id=paper_id)
    call = find_own(
        session=session, organisation_id=organisation_id, call_id=before.call_id, for_update=True
    )
    check_stage(call, Stage.SCREENING, now=clock.now())
    verdict = Screening.ADMITTED if refused_because is None else Screening.REFUSED
    after = replace(before, screening=verdict, reason=refused_because)
    store.save_screening(session, after)
    note(session, subject_kind="paper", subject_id=paper_id, before=before, after=after)
    return after


def _own_open(
    session: Session, clock: Clock, organisation_id: OrganisationId, submission_id: UUID
) -> tuple[Submission, Call]:
    found = store.find_submission(session, submission_id, organisation_id, for_update=True)
    if found is None:
        raise SubmissionNotFoundError(submission_id=submission_id)
    call = get_call(session=session, call_id=found.call_id)
    check_stage(call, Stage.SUBMISSION, now=clock.now())
    return found, call


def _check_documents(
    session: Session, clock: Clock, acting: Acting, document_ids: Sequence[UUID]
) -> None:
    for one in document_ids:
        found = documents.get_document(session=session, clock=clock, acting=acting, document_id=one)
        if found.organisation_id != acting.organisation_id:
            raise documents.DocumentNotFoundError(document_id=one)


def _check_blind(session: Session, call: Call, submission: Submission) -> None:
    if call.rules.blind:
        own = identity.get_organisation(session=session, organisation_id=submission.organisation_id)
        check_nameless((submission.title, submission.body), (own.name, own.name_zh, own.uscc))


def _worded(paper: Paper, submission: Submission) -> Paper:
    return replace(
        paper,
        title=submission.title,
        body=submission.body,
        documents=len(submission.document_ids),
    )
