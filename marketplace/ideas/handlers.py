"""Use cases of the idea box: open one, have ideas, vote, comment, decide and fund."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.ideas import store
from marketplace.ideas.domain import (
    Box,
    Comment,
    Idea,
    IdeaDecision,
    IdeaState,
    Outcome,
    Stage,
    Tally,
    changed_box,
    check_open,
    decided,
    staged,
)
from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.ideas import IdeaDecided
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers as ledger
from services.ledger.domain import AccountKind, Subject
from services.ledger.domain.accounts import INTERNAL_KINDS
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class IdeaBoxNotFoundError(DomainError):
    code: ClassVar[str] = "idea-box-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation has no idea box {box_id}; list /idea-boxes."
    zh: ClassVar[str] = "贵组织没有创意箱 {box_id}；请查看 /idea-boxes。"


class IdeaNotFoundError(DomainError):
    code: ClassVar[str] = "idea-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation has no idea {idea_id}; list the ideas of a box."
    zh: ClassVar[str] = "贵组织没有创意 {idea_id}；请查看创意箱中的创意。"


class BudgetAccountError(DomainError):
    code: ClassVar[str] = "idea-budget-account"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Account {account_id} holds no innovation budget: name a cost centre under /cost-centres."
    )
    zh: ClassVar[str] = "账户 {account_id} 不能承载创新预算；请指定 /cost-centres 中的成本中心。"


def open_box(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    title: str,
    about: str,
    account_id: UUID,
    budget_minor: int,
    closes_at: datetime,
    stages: tuple[Stage, ...],
    amounts: Mapping[str, int],
) -> Box:
    """Open a box whose ideas are funded from the cost centre ``account_id``, stage by stage.

    Raises:
        AccountNotFoundError, BudgetAccountError: no such cost centre.
        StageUnknownError: an amount of a stage there is not.
        BoxClosedError: it would be closed already.
    """
    account = ledger.get_account(
        session=session, organisation_id=organisation_id, account_id=account_id
    )
    if account.account.kind not in INTERNAL_KINDS:
        raise BudgetAccountError(account_id=account_id)
    now = clock.now()
    box = Box(
        id=clock.new_id(),
        organisation_id=organisation_id,
        title=title,
        about=about,
        account_id=account_id,
        currency=account.balance.currency,
        budget_minor=budget_minor,
        spent_minor=0,
        stages=staged(stages, amounts),
        closes_at=closes_at,
        version=1,
        created_at=now,
    )
    check_open(box, now=now)
    store.insert_box(session, box)
    note(session, subject_kind="idea_box", subject_id=box.id, after=box)
    return box


def change_box(
    *,
    session: Session,
    organisation_id: OrganisationId,
    box_id: UUID,
    title: str,
    about: str,
    budget_minor: int,
    closes_at: datetime,
    expected_version: int | None,
) -> Box:
    """Change what a box says, its budget, or until when it is open.

    Raises:
        IdeaBoxNotFoundError: the organisation has none with that id.
        BoxVersionMismatchError: it moved on since it was read.
        BudgetBelowSpentError: more was given already.
    """
    before = get_box(session=session, organisation_id=organisation_id, box_id=box_id, lock=True)
    box = changed_box(
        before,
        title=title,
        about=about,
        budget_minor=budget_minor,
        closes_at=closes_at,
        expected=expected_version,
    )
    store.update_box(session, box)
    note(session, subject_kind="idea_box", subject_id=box.id, before=before, after=box)
    return box


def get_box(
    *, session: Session, organisation_id: OrganisationId, box_id: UUID, lock: bool = False
) -> Box:
    """A box of the organisation.

    Raises:
        IdeaBoxNotFoundError: it has none with that id.
    """
    box = store.find_box(session, box_id, organisation_id, lock=lock)
    if box is None:
        raise IdeaBoxNotFoundError(box_id=box_id)
    return box


def list_boxes(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Box]:
    return store.boxes_after(session, organisation_id, after=after, limit=limit)


def submit_idea(
    *, session: Session, clock: Clock, acting: Acting, box_id: UUID, title: str, text: str
) -> Idea:
    """Have an idea.

    Raises:
        IdeaBoxNotFoundError, BoxClosedError: no box takes it.
    """
    now = clock.now()
    box = get_box(session=session, organisation_id=acting.organisation_id, box_id=box_id)
    check_open(box, now=now)
    idea = Idea(
        id=clock.new_id(),
        organisation_id=acting.organisation_id,
        box_id=box.id,
        author_id=_person(acting),
        title=title,
        text=text,
        state=IdeaState.OPEN,
        stage=0,
        created_at=now,
        updated_at=now,
    )
    store.insert_idea(session, idea)
    note(session, subject_kind="idea", subject_id=idea.id, after=idea)
    return idea


def get_idea(
    *, session: Session, organisation_id: OrganisationId, idea_id: UUID, lock: bool = False
) -> Idea:
    """An idea of the organisation.

    Raises:
        IdeaNotFoundError: it has none with that id.
    """
    idea = store.find_idea(session, idea_id, organisation_id, lock=lock)
    if idea is None:
        raise IdeaNotFoundError(idea_id=idea_id)
    return idea


def list_ideas(
    *,
    session: Session,
    organisation_id: OrganisationId,
    box_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Idea]:
    """Ideas in a box, in the order they came.

    Raises:
        IdeaBoxNotFoundError: there is no such box.
    """
    box = get_box(session=session, organisation_id=organisation_id, box_id=box_id)
    return store.ideas_after(session, box.id, after=after, limit=limit)


def tallies(*, session: Session, acting: Acting, ideas: Sequence[Idea]) -> dict[UUID, Tally]:
    """How the votes on each of ``ideas`` stand, and the caller's own."""
    found = store.tallies(session, [idea.id for idea in ideas], acting.principal.id)
    return {idea.id: found.get(idea.id, Tally()) for idea in ideas}


def vote(
    *, session: Session, clock: Clock, acting: Acting, idea_id: UUID, value: int | None
) -> Idea:
    """Give, change or take back one's own vote; ``value`` is 1, -1 or ``None``.

    Raises:
        IdeaNotFoundError, BoxClosedError: it cannot be voted on, or not any more.
    """
    now, organisation_id = clock.now(), acting.organisation_id
    idea = get_idea(session=session, organisation_id=organisation_id, idea_id=idea_id)
    check_open(
        get_box(session=session, organisation_id=organisation_id, box_id=idea.box_id), now=now
    )
    if value is None:
        store.delete_vote(session, idea.id, _person(acting))
    else:
        store.put_vote(session, idea, _person(acting), value, now=now)
    return idea


def add_comment(
    *, session: Session, clock: Clock, acting: Acting, idea_id: UUID, text: str
) -> Comment:
    """Say something about an idea.

    Raises:
        IdeaNotFoundError: the organisation has none with that id.
    """
    idea = get_idea(session=session, organisation_id=acting.organisation_id, idea_id=idea_id)
    comment = Comment(
        clock.new_id(), idea.organisation_id, idea.id, _person(acting), text, clock.now()
    )
    store.insert_comment(session, comment)
    return comment


def list_comments(
    *,
    session: Session,
    organisation_id: OrganisationId,
    idea_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Comment]:
    """Comments on an idea, in their order.

    Raises:
        IdeaNotFoundError: the organisation has none with that id.
    """
    idea = get_idea(session=session, organisation_id=organisation_id, idea_id=idea_id)
    return store.comments_after(session, idea.id, after=after, limit=limit)


def decide(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    idea_id: UUID,
    outcome: Outcome,
    reason: str,
) -> IdeaDecision:
    """Advance an idea to its next stage with the money of that stage, or decline it.

    The money goes from the budget's cost centre to a team account of the idea, which is opened with
    the first of it.

    Raises:
        IdeaNotFoundError: the organisation has none with that id.
        IdeaEndedError, StageRoleError, OwnIdeaError, BudgetShortError: it cannot be decided so.
    """
    now, organisation_id, person = clock.now(), acting.organisation_id, _person(acting)
    idea = get_idea(session=session, organisation_id=organisation_id, idea_id=idea_id, lock=True)
    box = get_box(session=session, organisation_id=organisation_id, box_id=idea.box_id, lock=True)
    spent, after, stage = decided(
        box, idea, outcome, by=person, roles=acting.principal.roles, now=now
    )
    given = spent.spent_minor - box.spent_minor
    decision = IdeaDecision(
        id=clock.new_id(),
        organisation_id=organisation_id,
        idea_id=idea.id,
        stage=stage.key,
        outcome=outcome,
        amount=Money(given, box.currency),
        reason=reason,
        decided_by=person,
        decided_at=now,
    )
    store.insert_decision(session, decision)
    if given:
        after = _fund(session, clock, box, after, decision)
        store.update_box(session, spent)
    store.update_idea(session, after)
    note(session, subject_kind="idea", subject_id=idea.id, before=idea, after=after)
    _tell(session, clock, decision)
    return decision


def list_decisions(
    *,
    session: Session,
    organisation_id: OrganisationId,
    idea_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[IdeaDecision]:
    """What was decided on an idea, in its order.

    Raises:
        IdeaNotFoundError: the organisation has none with that id.
    """
    idea = get_idea(session=session, organisation_id=organisation_id, idea_id=idea_id)
    return store.decisions_after(session, idea.id, after=after, limit=limit)


def _fund(session: Session, clock: Clock, box: Box, idea: Idea, decision: IdeaDecision) -> Idea:
    """Move the stage's money; the idea with the account it has from then on."""
    account_id = idea.account_id
    if account_id is None:
        opened = ledger.open_internal_account(
            session=session,
            clock=clock,
            organisation_id=box.organisation_id,
            kind=AccountKind.TEAM,
            code=f"idea-{idea.id}",
            name=idea.title,
            currency=box.currency,
        )
        account_id = opened.account.id
    ledger.book_internally(
        session=session,
        clock=clock,
        organisation_id=box.organisation_id,
        source=box.account_id,
        target=account_id,
        amount=decision.amount,
        because=f"idea {idea.title!r}, stage {decision.stage}",
        subject=Subject("idea", idea.id),
        fact_id=decision.id,
    )
    return replace(idea, account_id=account_id)


def _tell(session: Session, clock: Clock, decision: IdeaDecision) -> None:
    now = clock.now()
    event = IdeaDecided(
        id=clock.new_id(),
        occurred_at=now,
        idea_id=decision.idea_id,
        organisation_id=decision.organisation_id,
        stage=decision.stage,
        outcome=decision.outcome.value,
        audience=Audience(organisation_ids=(decision.organisation_id,)),
    )
    emit(session, event, now=now)


def _person(acting: Acting) -> UUID:
    assert acting.principal.id is not None, "the policies let persons pass only"
    return acting.principal.id
