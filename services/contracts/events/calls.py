"""Events of calls. None of them ties a submission to an organisation before the award."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class CallOpened(Event):
    """A call is announced."""

    type: ClassVar[str] = "calls.call-opened.v1"

    call_id: UUID
    organisation_id: UUID
    kind: str
    submit_until: datetime


class CallMoved(Event):
    """A call is in its next stage."""

    type: ClassVar[str] = "calls.call-moved.v1"

    call_id: UUID
    stage: str
    until: datetime


class SubmissionReceived(Event):
    """A submission was handed in; by whom is not told."""

    type: ClassVar[str] = "calls.submission-received.v1"

    call_id: UUID
    submission_id: UUID


class ReviewAsked(Event):
    """A juror is asked to judge a paper."""

    type: ClassVar[str] = "calls.review-asked.v1"

    call_id: UUID
    review_id: UUID
    person_id: UUID


class NoticePublished(Event):
    """Proposed awards stand open to objection until ``closes_at``."""

    type: ClassVar[str] = "calls.notice-published.v1"

    call_id: UUID
    number: int
    closes_at: datetime


class AppealMade(Event):
    """Somebody objects to a proposed award."""

    type: ClassVar[str] = "calls.appeal-made.v1"

    appeal_id: UUID
    call_id: UUID


class AppealDecided(Event):
    """The owner of the call decided an appeal."""

    type: ClassVar[str] = "calls.appeal-decided.v1"

    appeal_id: UUID
    call_id: UUID
    upheld: bool


class CallAwarded(Event):
    """A submission won."""

    type: ClassVar[str] = "calls.call-awarded.v1"

    call_id: UUID
    award_id: UUID
    winner_id: UUID
    certificate: str
