"""What is submitted: the submitter's own record, and the paper without a name that is judged."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

BODY_MAX: Final = 50_000
DOCUMENTS_MAX: Final = 20
REASON_MAX: Final = 2_000
NAME_MIN: Final = 3
"""Shorter names are words of the language: they betray nobody."""


class SubmissionState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    WITHDRAWN = "withdrawn"


class Screening(StrEnum):
    PENDING = "pending"
    ADMITTED = "admitted"
    REFUSED = "refused"


class AppealState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    """The paper is out; the next one moves up and stands open to objection anew."""
    DISMISSED = "dismissed"


class SubmissionStateError(DomainError):
    code: ClassVar[str] = "submission-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Submission {submission_id} is {state}, so it cannot be {wanted}."
    zh: ClassVar[str] = "提交 {submission_id} 状态为 {state}，不能变为 {wanted}。"


class SubmissionStaleError(DomainError):
    code: ClassVar[str] = "submission-stale"
    kind: ClassVar[ErrorKind] = ErrorKind.STALE
    en: ClassVar[str] = "Submission {submission_id} is at version {version} now; read it again."
    zh: ClassVar[str] = "提交 {submission_id} 已是版本 {version}；请重新读取。"


class SubmitterNamedError(DomainError):
    code: ClassVar[str] = "submitter-named"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "The call is judged blind, and the text names your organisation: {name!r}; leave it out."
    )
    zh: ClassVar[str] = "本征集实行匿名评审，而文中出现了贵组织名称：{name!r}；请删去。"


class AppealDecidedError(DomainError):
    code: ClassVar[str] = "appeal-decided"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Appeal {appeal_id} is {state} already."
    zh: ClassVar[str] = "异议 {appeal_id} 已处理：{state}。"


@dataclass(frozen=True, slots=True)
class Submission:
    """Of ``organisation_id``, in a call of ``owner_id``; ``paper_id`` once it is submitted."""

    id: UUID
    organisation_id: OrganisationId
    owner_id: OrganisationId
    call_id: UUID
    title: Annotated[str, CONFIDENTIAL]
    body: Annotated[str, CONFIDENTIAL]
    document_ids: tuple[UUID, ...]
    state: SubmissionState
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SubmissionVersion:
    """What a submission said ``since`` then."""

    version: int
    title: Annotated[str, CONFIDENTIAL]
    body: Annotated[str, CONFIDENTIAL]
    document_ids: tuple[UUID, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Paper:
    """A submission as it is judged. Its owner is the call's: it names no submitter.

    ``rank`` and ``score`` are there once the jury has ended; ``excluded``: by an upheld appeal.
    """

    id: UUID
    organisation_id: OrganisationId
    call_id: UUID
    code: str
    title: Annotated[str, CONFIDENTIAL]
    body: Annotated[str, CONFIDENTIAL]
    documents: int
    screening: Screening
    reason: str | None = None
    rank: int | None = None
    score: int | None = None
    trace: tuple[str, ...] = ()
    excluded: bool = False
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """公示: what is proposed, numbered within its call; ``places`` best first."""

    id: UUID
    organisation_id: OrganisationId
    call_id: UUID
    number: int
    places: tuple["Place", ...]
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """``submitter_id`` is told in calls that are not blind."""

    code: str
    title: str
    rank: int
    score: int
    submitter_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Appeal:
    """异议 of ``organisation_id`` against a proposed award; the call's owner decides."""

    id: UUID
    organisation_id: OrganisationId
    owner_id: OrganisationId
    call_id: UUID
    code: str
    ground: str
    state: AppealState
    created_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Award:
    """What a paper won; ``certificate`` is unique. ``escrow_id``: where its prize is set aside."""

    id: UUID
    organisation_id: OrganisationId
    winner_id: OrganisationId
    call_id: UUID
    paper_id: UUID
    code: str
    title: str
    rank: int
    certificate: str
    prize_minor: int | None
    currency: str | None
    escrow_id: UUID | None
    created_at: datetime


def edited(
    submission: Submission,
    *,
    title: str,
    body: str,
    document_ids: tuple[UUID, ...],
    based_on: int | None,
    now: datetime,
) -> Submission:
    """Its next version.

    Raises:
        SubmissionStaleError, SubmissionStateError: it has changed since, or is withdrawn.
    """
    if based_on is not None and based_on != submission.version:
        raise SubmissionStaleError(submission_id=submission.id, version=submission.version)
    if submission.state is SubmissionState.WITHDRAWN:
        raise _refused(submission, "edited")
    return replace(
        submission,
        title=title,
        body=body,
        document_ids=document_ids,
        version=submission.version + 1,
        updated_at=now,
    )


def submitted(submission: Submission, *, now: datetime) -> Submission:
    """Handed in. Raises: SubmissionStateError: it was before."""
    if submission.state is not SubmissionState.DRAFT:
        raise _refused(submission, SubmissionState.SUBMITTED)
    return replace(submission, state=SubmissionState.SUBMITTED, updated_at=now)


def withdrawn(submission: Submission, *, now: datetime) -> Submission:
    """Taken back. Raises: SubmissionStateError: it is already."""
    if submission.state is SubmissionState.WITHDRAWN:
        raise _refused(submission, SubmissionState.WITHDRAWN)
    return replace(submission, state=SubmissionState.WITHDRAWN, updated_at=now)


def check_nameless(texts: Iterable[str], names: Iterable[str | None]) -> None:
    """Let a blind paper pass that does not say who wrote it.

    Raises:
        SubmitterNamedError: it holds a name or the credit code of the submitter.
    """
    told = re.sub(r"\s+", " ", " ".join(texts)).casefold()
    for name in names:
        if name and len(name) >= NAME_MIN and name.casefold() in told:
            raise SubmitterNamedError(name=name)


def proposed(papers: Iterable[Paper], awards: int) -> list[Paper]:
    """Who would be awarded: the best that nothing excludes. Of equals, the one listed first."""
    standing = [one for one in papers if one.rank is not None and not one.excluded]
    return sorted(standing, key=lambda one: (one.rank or 0, one.id))[:awards]


def _refused(submission: Submission, wanted: str) -> SubmissionStateError:
    return SubmissionStateError(submission_id=submission.id, state=submission.state, wanted=wanted)
