"""``/calls``, ``/submissions``, ``/papers``, ``/reviews`` and ``/appeals``."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from marketplace.calls import handlers
from marketplace.calls.schemas import (
    AppealIn,
    AppealOut,
    AskedReviewOut,
    AwardsOut,
    CallIn,
    CallOut,
    DecisionIn,
    DeclineIn,
    JurorsOut,
    NoticesOut,
    PaperOut,
    ReviewOut,
    ScoredListOut,
    ScoresIn,
    ScreeningIn,
    SubmissionIn,
    SubmissionOut,
    VersionsOut,
)
from services.contracts.access import Acting
from services.contracts.policies import Action
from services.runtime.etags import IfMatch, etag, version_named
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    SessionDep,
    acting_organisation,
    requires,
)

calls = api_router(prefix="/calls", tags=["calls"])
submissions = api_router(prefix="/submissions", tags=["calls"])
papers = api_router(prefix="/papers", tags=["calls"])
reviews = api_router(prefix="/reviews", tags=["calls"])
appeals = api_router(prefix="/appeals", tags=["calls"])
ROUTERS: Final[tuple[APIRouter, ...]] = (calls, submissions, papers, reviews, appeals)


@calls.post("", status_code=201, response_model=CallOut, dependencies=[requires(Action.CALL_OPEN)])
def open_call(
    asked: CallIn, session: SessionDep, clock: ClockDep, creation: CreationDep, acting: ActingDep
) -> Response:
    """Announce a challenge, cohort, selection or idea box with its stages and criteria."""
    organisation_id = acting_organisation(acting, asked.organisation_id)

    def work() -> CallOut:
        opened = handlers.open_call(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            kind=asked.kind,
            title=asked.title,
            title_zh=asked.title_zh,
            about=asked.about,
            direction=asked.direction,
            visibility=asked.visibility,
            park=asked.park,
            space_id=asked.space_id,
            rules=asked.rules.rules(),
            schedule=asked.schedule.schedule(),
            prize=None if asked.prize is None else asked.prize.money(),
        )
        return CallOut.of(opened)

    return creation.once(asked, work)


@calls.get("", response_model=Page[CallOut], dependencies=[requires(Action.CALL_READ)])
def list_calls(session: SessionDep, page: PageDep, acting: ActingDep) -> Page[CallOut] | Response:
    """Calls one may see, in order of opening."""
    del acting
    found = handlers.list_calls(session=session, after=page.after, limit=page.fetch)
    return page.answer(found, CallOut.of, name="calls")


@calls.get("/{call_id}", dependencies=[requires(Action.CALL_READ)])
def read_call(call_id: UUID, session: SessionDep, acting: ActingDep) -> CallOut:
    """One call, its stage and when that ends."""
    del acting
    return CallOut.of(handlers.get_call(session=session, call_id=call_id))


@calls.post("/{call_id}/end-stage", dependencies=[requires(Action.CALL_MANAGE)])
def end_call_stage(
    call_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> CallOut:
    """End screening or review early; the worker moves the call on within seconds."""
    ended = handlers.end_stage(
        session=session, clock=clock, organisation_id=acting.organisation_id, call_id=call_id
    )
    return CallOut.of(ended)


@calls.get("/{call_id}/jurors", dependencies=[requires(Action.CALL_MANAGE)])
def list_jurors(call_id: UUID, session: SessionDep, acting: ActingDep) -> JurorsOut:
    """Who judges an own call."""
    found = handlers.list_jurors(
        session=session, organisation_id=acting.organisation_id, call_id=call_id
    )
    return JurorsOut(person_ids=found)


@calls.put(
    "/{call_id}/jurors/{juror_id}", status_code=204, dependencies=[requires(Action.CALL_MANAGE)]
)
def appoint_juror(
    call_id: UUID, juror_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> None:
    """Put a person on the jury; papers of whom it is in conflict with never reach it."""
    handlers.appoint(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        call_id=call_id,
        person_id=juror_id,
    )


@calls.delete(
    "/{call_id}/jurors/{juror_id}", status_code=204, dependencies=[requires(Action.CALL_MANAGE)]
)
def dismiss_juror(
    call_id: UUID, juror_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> None:
    """Take a person off the jury, before the review begins."""
    handlers.dismiss(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        call_id=call_id,
        person_id=juror_id,
    )


@calls.get(
    "/{call_id}/papers", response_model=Page[PaperOut], dependencies=[requires(Action.PAPER_READ)]
)
def list_papers(
    call_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PaperOut] | Response:
    """What was submitted to an own call."""
    found = handlers.list_papers(
        session=session,
        organisation_id=acting.organisation_id,
        call_id=call_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, PaperOut.of, name="papers")


@calls.get("/{call_id}/notices", dependencies=[requires(Action.CALL_AWARDS_READ)])
def list_notices(call_id: UUID, session: SessionDep, acting: ActingDep) -> NoticesOut:
    """Public notices of a call; the last one stands."""
    del acting
    return NoticesOut.of(handlers.list_notices(session=session, call_id=call_id))


@calls.get("/{call_id}/awards", dependencies=[requires(Action.CALL_AWARDS_READ)])
def list_awards(call_id: UUID, session: SessionDep, acting: ActingDep) -> AwardsOut:
    """What was awarded, to whom, with the numbers of the certificates."""
    del acting
    return AwardsOut.of(handlers.list_awards(session=session, call_id=call_id))


@calls.post(
    "/{call_id}/submissions",
    status_code=201,
    response_model=SubmissionOut,
    dependencies=[requires(Action.SUBMISSION_MAKE)],
)
def draft_submission(
    call_id: UUID,
    asked: SubmissionIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Begin a submission; it is nobody else's to see until it is submitted."""

    def work() -> SubmissionOut:
        made = handlers.draft(
            session=session, clock=clock, acting=acting, call_id=call_id, **asked.model_dump()
        )
        return SubmissionOut.of(made)

    return creation.once(asked, work)


@calls.post(
    "/{call_id}/appeals",
    status_code=201,
    response_model=AppealOut,
    dependencies=[requires(Action.APPEAL_MAKE)],
)
def make_appeal(
    call_id: UUID,
    asked: AppealIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Object to a proposed award while the notice stands."""

    def work() -> AppealOut:
        made = handlers.appeal(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            call_id=call_id,
            code=asked.code,
            ground=asked.ground,
        )
        return AppealOut.of(made)

    return creation.once(asked, work)


@submissions.get(
    "", response_model=Page[SubmissionOut], dependencies=[requires(Action.SUBMISSION_READ)]
)
def list_submissions(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[SubmissionOut] | Response:
    """Own submissions, in order of beginning."""
    found = handlers.list_submissions(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, SubmissionOut.of, name="submissions")


@submissions.get("/{submission_id}", dependencies=[requires(Action.SUBMISSION_READ)])
def read_submission(
    submission_id: UUID, session: SessionDep, acting: ActingDep, response: Response
) -> SubmissionOut:
    """An own submission and how its paper fares."""
    found = handlers.get_submission(
        session=session, organisation_id=acting.organisation_id, submission_id=submission_id
    )
    response.headers["ETag"] = etag(found.version)
    return SubmissionOut.of(found, handlers.paper_of(session=session, submission=found))


@submissions.get("/{submission_id}/versions", dependencies=[requires(Action.SUBMISSION_READ)])
def list_submission_versions(
    submission_id: UUID, session: SessionDep, acting: ActingDep
) -> VersionsOut:
    """What an own submission said, oldest first."""
    found = handlers.list_versions(
        session=session, organisation_id=acting.organisation_id, submission_id=submission_id
    )
    return VersionsOut.of(found)


@submissions.put("/{submission_id}", dependencies=[requires(Action.SUBMISSION_CHANGE)])
def edit_submission(
    submission_id: UUID,
    asked: SubmissionIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    response: Response,
    if_match: IfMatch = None,
) -> SubmissionOut:
    """Give an own submission its next version, while the call takes submissions."""
    after = handlers.edit(
        session=session,
        clock=clock,
        acting=acting,
        submission_id=submission_id,
        **asked.model_dump(),
        based_on=version_named(if_match),
    )
    response.headers["ETag"] = etag(after.version)
    return SubmissionOut.of(after)


@submissions.post("/{submission_id}/submit", dependencies=[requires(Action.SUBMISSION_CHANGE)])
def submit_to_call(
    submission_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> SubmissionOut:
    """Hand an own draft in."""
    after = handlers.submit(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        submission_id=submission_id,
    )
    return SubmissionOut.of(after, handlers.paper_of(session=session, submission=after))


@submissions.post("/{submission_id}/withdraw", dependencies=[requires(Action.SUBMISSION_CHANGE)])
def withdraw_submission(
    submission_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> SubmissionOut:
    """Take an own submission back, while the call takes submissions."""
    after = handlers.withdraw(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        submission_id=submission_id,
    )
    return SubmissionOut.of(after)


@papers.get("/{paper_id}", dependencies=[requires(Action.PAPER_READ)])
def read_paper(paper_id: UUID, session: SessionDep, acting: ActingDep) -> PaperOut:
    """What was submitted to an own call, without who did."""
    return PaperOut.of(
        handlers.get_paper(
            session=session, organisation_id=acting.organisation_id, paper_id=paper_id
        )
    )


@papers.post("/{paper_id}/screening", dependencies=[requires(Action.PAPER_SCREEN)])
def screen_paper(
    paper_id: UUID, asked: ScreeningIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> PaperOut:
    """Admit a paper to the review, or refuse it with a reason."""
    after = handlers.screen(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        paper_id=paper_id,
        refused_because=asked.refused_because,
    )
    return PaperOut.of(after)


@reviews.get("", response_model=Page[ReviewOut], dependencies=[requires(Action.REVIEW_READ)])
def list_reviews(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ReviewOut] | Response:
    """What one is asked to judge."""
    found = handlers.list_reviews(
        session=session, person_id=_person(acting), after=page.after, limit=page.fetch
    )
    return page.answer(found, ReviewOut.of, name="reviews")


@reviews.get("/{review_id}", dependencies=[requires(Action.REVIEW_READ)])
def read_review(review_id: UUID, session: SessionDep, acting: ActingDep) -> AskedReviewOut:
    """A paper to judge, and the criteria."""
    found = handlers.get_review(session=session, person_id=_person(acting), review_id=review_id)
    return AskedReviewOut.with_paper(*found)


@reviews.get("/{review_id}/scores", dependencies=[requires(Action.REVIEW_READ)])
def read_given_scores(review_id: UUID, session: SessionDep, acting: ActingDep) -> ScoredListOut:
    """All reviews of the paper that are in, once the own one is."""
    found = handlers.others(session=session, person_id=_person(acting), review_id=review_id)
    return ScoredListOut.of(found)


@reviews.post("/{review_id}/decline", dependencies=[requires(Action.REVIEW_WRITE)])
def decline_review(
    review_id: UUID, asked: DeclineIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ReviewOut:
    """Declare a conflict of interest; somebody else of the jury is asked."""
    after = handlers.decline(
        session=session,
        clock=clock,
        person_id=_person(acting),
        review_id=review_id,
        reason=asked.reason,
    )
    return ReviewOut.of(after)


@reviews.put("/{review_id}/scores", dependencies=[requires(Action.REVIEW_WRITE)])
def score_paper(
    review_id: UUID, asked: ScoresIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ReviewOut:
    """Hand a review in; it stays as it is."""
    after = handlers.score(
        session=session,
        clock=clock,
        person_id=_person(acting),
        review_id=review_id,
        scores=asked.scores,
        comment=asked.comment,
    )
    return ReviewOut.of(after)


@appeals.get("", response_model=Page[AppealOut], dependencies=[requires(Action.APPEAL_READ)])
def list_appeals(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[AppealOut] | Response:
    """Own appeals, and those to own calls."""
    found = handlers.list_appeals(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, AppealOut.of, name="appeals")


@appeals.get("/{appeal_id}", dependencies=[requires(Action.APPEAL_READ)])
def read_appeal(appeal_id: UUID, session: SessionDep, acting: ActingDep) -> AppealOut:
    """An own appeal, or one to an own call."""
    del acting
    return AppealOut.of(handlers.get_appeal(session=session, appeal_id=appeal_id))


@appeals.post("/{appeal_id}/decision", dependencies=[requires(Action.APPEAL_DECIDE)])
def decide_appeal(
    appeal_id: UUID, asked: DecisionIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> AppealOut:
    """Decide an appeal to an own call; upheld, the next paper moves up and a new notice stands."""
    after = handlers.decide_appeal(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        appeal_id=appeal_id,
        upheld=asked.upheld,
        reason=asked.reason,
    )
    return AppealOut.of(after)


def _person(acting: Acting) -> UUID:
    assert acting.principal.id is not None, "who acts for an organisation is somebody"
    return acting.principal.id
