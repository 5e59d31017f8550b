"""``/idea-boxes`` and ``/ideas``: the own firm's ideas, votes, comments and funding."""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from fastapi import Response
from sqlmodel import Session

from marketplace.ideas import handlers
from marketplace.ideas.domain import Idea
from marketplace.ideas.loader import load_stages
from marketplace.ideas.schemas import (
    CommentIn,
    CommentOut,
    IdeaBoxEdit,
    IdeaBoxIn,
    IdeaBoxOut,
    IdeaDecisionIn,
    IdeaDecisionOut,
    IdeaIn,
    IdeaOut,
    VoteIn,
)
from services.contracts.access import Acting
from services.contracts.policies import Action
from services.runtime.etags import IfMatch, etag, version_named
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

STAGES: Final = load_stages()

router = api_router(tags=["ideas"])


@router.post(
    "/idea-boxes",
    status_code=201,
    response_model=IdeaBoxOut,
    dependencies=[requires(Action.IDEA_BOX_OPEN)],
)
def open_idea_box(
    asked: IdeaBoxIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Open a box for ideas, funded from a budget in stages; the own firm alone sees it."""

    def work() -> IdeaBoxOut:
        box = handlers.open_box(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            title=asked.title,
            about=asked.about,
            account_id=asked.account_id,
            budget_minor=asked.budget_minor,
            closes_at=asked.closes_at,
            stages=STAGES,
            amounts=asked.amounts_minor,
        )
        return IdeaBoxOut.of(box)

    return creation.once(asked, work)


@router.get(
    "/idea-boxes", response_model=Page[IdeaBoxOut], dependencies=[requires(Action.IDEA_READ)]
)
def list_idea_boxes(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[IdeaBoxOut] | Response:
    """Boxes of the own firm, in order of opening."""
    found = handlers.list_boxes(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, IdeaBoxOut.of, name="idea-boxes")


@router.get("/idea-boxes/{box_id}", dependencies=[requires(Action.IDEA_READ)])
def read_idea_box(
    box_id: UUID, session: SessionDep, acting: ActingDep, response: Response
) -> IdeaBoxOut:
    """One box with its stages, its budget and what was given of it."""
    box = handlers.get_box(session=session, organisation_id=acting.organisation_id, box_id=box_id)
    response.headers["ETag"] = etag(box.version)
    return IdeaBoxOut.of(box)


@router.put("/idea-boxes/{box_id}", dependencies=[requires(Action.IDEA_BOX_OPEN)])
def change_idea_box(
    box_id: UUID,
    asked: IdeaBoxEdit,
    session: SessionDep,
    acting: ActingDep,
    response: Response,
    if_match: IfMatch = None,
) -> IdeaBoxOut:
    """Change its words, its budget, or until when it takes ideas and votes."""
    box = handlers.change_box(
        session=session,
        organisation_id=acting.organisation_id,
        box_id=box_id,
        title=asked.title,
        about=asked.about,
        budget_minor=asked.budget_minor,
        closes_at=asked.closes_at,
        expected_version=version_named(if_match),
    )
    response.headers["ETag"] = etag(box.version)
    return IdeaBoxOut.of(box)


@router.post(
    "/idea-boxes/{box_id}/ideas",
    status_code=201,
    response_model=IdeaOut,
    dependencies=[requires(Action.IDEA_SUBMIT)],
)
def submit_idea(
    box_id: UUID,
    asked: IdeaIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Have an idea."""

    def work() -> IdeaOut:
        idea = handlers.submit_idea(
            session=session,
            clock=clock,
            acting=acting,
            box_id=box_id,
            title=asked.title,
            text=asked.text,
        )
        return _shown(session, acting, [idea])(idea)

    return creation.once(asked, work)


@router.get(
    "/idea-boxes/{box_id}/ideas",
    response_model=Page[IdeaOut],
    dependencies=[requires(Action.IDEA_READ)],
)
def list_ideas(
    box_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[IdeaOut] | Response:
    """Ideas in a box with their votes, in the order they came."""
    found = handlers.list_ideas(
        session=session,
        organisation_id=acting.organisation_id,
        box_id=box_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, _shown(session, acting, found), name="ideas")


@router.get("/ideas/{idea_id}", dependencies=[requires(Action.IDEA_READ)])
def read_idea(idea_id: UUID, session: SessionDep, acting: ActingDep) -> IdeaOut:
    """One idea, its votes, and where its money is."""
    idea = handlers.get_idea(
        session=session, organisation_id=acting.organisation_id, idea_id=idea_id
    )
    return _shown(session, acting, [idea])(idea)


@router.put("/ideas/{idea_id}/vote", dependencies=[requires(Action.IDEA_VOTE)])
def vote_on_idea(
    idea_id: UUID, asked: VoteIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> IdeaOut:
    """Vote, or change one's vote; each person has one, until the box closes."""
    idea = handlers.vote(
        session=session, clock=clock, acting=acting, idea_id=idea_id, value=asked.value
    )
    return _shown(session, acting, [idea])(idea)


@router.delete("/ideas/{idea_id}/vote", dependencies=[requires(Action.IDEA_VOTE)])
def take_back_vote(
    idea_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> IdeaOut:
    """Take one's vote back, until the box closes."""
    idea = handlers.vote(session=session, clock=clock, acting=acting, idea_id=idea_id, value=None)
    return _shown(session, acting, [idea])(idea)


@router.post(
    "/ideas/{idea_id}/comments",
    status_code=201,
    response_model=CommentOut,
    dependencies=[requires(Action.IDEA_SUBMIT)],
)
def comment_on_idea(
    idea_id: UUID,
    asked: CommentIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Say something about an idea."""

    def work() -> CommentOut:
        comment = handlers.add_comment(
            session=session, clock=clock, acting=acting, idea_id=idea_id, text=asked.text
        )
        return CommentOut.model_validate(comment)

    return creation.once(asked, work)


@router.get(
    "/ideas/{idea_id}/comments",
    response_model=Page[CommentOut],
    dependencies=[requires(Action.IDEA_READ)],
)
def list_idea_comments(
    idea_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[CommentOut] | Response:
    """Comments on an idea, in their order."""
    found = handlers.list_comments(
        session=session,
        organisation_id=acting.organisation_id,
        idea_id=idea_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, CommentOut.model_validate, name="comments")


@router.post(
    "/ideas/{idea_id}/decisions",
    status_code=201,
    response_model=IdeaDecisionOut,
    dependencies=[requires(Action.IDEA_DECIDE)],
)
def decide_on_idea(
    idea_id: UUID,
    asked: IdeaDecisionIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Advance an idea with the money of its next stage, or decline it; each stage names who may."""

    def work() -> IdeaDecisionOut:
        decision = handlers.decide(
            session=session,
            clock=clock,
            acting=acting,
            idea_id=idea_id,
            outcome=asked.outcome,
            reason=asked.reason,
        )
        return IdeaDecisionOut.of(decision)

    return creation.once(asked, work)


@router.get(
    "/ideas/{idea_id}/decisions",
    response_model=Page[IdeaDecisionOut],
    dependencies=[requires(Action.IDEA_READ)],
)
def list_idea_decisions(
    idea_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[IdeaDecisionOut] | Response:
    """What was decided on an idea, at which stage, with how much money and why."""
    found = handlers.list_decisions(
        session=session,
        organisation_id=acting.organisation_id,
        idea_id=idea_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, IdeaDecisionOut.of, name="decisions")


def _shown(session: Session, acting: Acting, ideas: Sequence[Idea]) -> Callable[[Idea], IdeaOut]:
    """How each of ``ideas`` is shown; their votes are counted once for all of them."""
    found = handlers.tallies(session=session, acting=acting, ideas=ideas)
    return lambda idea: IdeaOut.of(idea, found[idea.id])
