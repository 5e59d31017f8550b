"""Use cases of decisions: propose, vote, close when due."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from marketplace.projects import store
from marketplace.projects.domain.deciding import (
    Choice,
    Decision,
    DecisionState,
    Vote,
    Weighing,
    check_vote,
    outcome,
)
from marketplace.projects.domain.project import MemberState, Project
from marketplace.projects.handlers.finding import joined, locked, part, tell, visible
from services.contracts.access import Acting
from services.contracts.ids import OrganisationId
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

AT_ONCE = 100


def propose_decision(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    project_id: UUID,
    title: str,
    text: str,
    weighing: Weighing,
    quorum: int,
    majority: int,
    closes_at: datetime,
) -> Decision:
    """Put something to the vote of who has joined now.

    Raises:
        ProjectNotFoundError, ProjectClosedError: no such project.
        DecisionOverError: it would close before it opens.
    """
    project = locked(session, project_id, organisation_id)
    members = store.members(session, project_id, MemberState.JOINED)
    by_stake = weighing is Weighing.STAKES
    proposed = Decision(
        id=clock.new_id(),
        project_id=project_id,
        organisation_id=organisation_id,
        title=title,
        text=text,
        weighing=weighing,
        quorum=quorum,
        majority=majority,
        weights={one.organisation_id: one.stake if by_stake else 1 for one in members},
        closes_at=closes_at,
        state=DecisionState.OPEN,
        created_at=clock.now(),
    )
    first = max(proposed.weights, key=lambda one: proposed.weights[one])
    check_vote(proposed, first, now=clock.now())
    store.add(session, proposed)
    tell(session, clock, project, "project_decision", before=None, after=proposed)
    return proposed


def vote(
    *, session: Session, clock: Clock, acting: Acting, decision_id: UUID, choice: Choice
) -> Decision:
    """Vote, or vote anew; once all have, it is decided.

    Raises:
        PartNotFoundError, ProjectNotFoundError, ProjectClosedError: no such decision.
        DecisionOverError, NoVoteError: the vote does not count.
    """
    found = part(session, Decision, "decision", decision_id)
    project = locked(session, found.project_id, acting.organisation_id)
    found = part(session, Decision, "decision", decision_id)
    now = clock.now()
    check_vote(found, acting.organisation_id, now=now)
    cast = Vote(
        id=clock.new_id(),
        project_id=project.id,
        decision_id=found.id,
        organisation_id=acting.organisation_id,
        person_id=acting.principal.id,
        choice=choice,
        at=now,
    )
    store.put_vote(session, cast)
    return _decided(session, clock, project, found)


def get_decision(
    *, session: Session, organisation_id: OrganisationId, decision_id: UUID
) -> tuple[Decision, list[Vote]]:
    """A decision and the votes.

    Raises:
        PartNotFoundError, ProjectNotFoundError: no such decision.
    """
    found = part(session, Decision, "decision", decision_id)
    joined(session, found.project_id, organisation_id)
    return found, store.votes(session, decision_id)


def list_decisions(
    *,
    session: Session,
    organisation_id: OrganisationId,
    project_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Decision]:
    """A page of decisions, in order of proposing.

    Raises:
        ProjectNotFoundError: no such project.
    """
    joined(session, project_id, organisation_id)
    return store.page(session, Decision, after=after, limit=limit, project_id=project_id)


def close_due_decisions(*, sessions: Sessions, clock: Clock) -> int:
    """Decide what is to be closed by now; tells how many."""
    with transaction(sessions) as session:
        due = store.due_decisions(session, now=clock.now(), limit=AT_ONCE)
        for decision in due:
            _decided(session, clock, visible(session, decision.project_id), decision)
        return len(due)


def _decided(session: Session, clock: Clock, project: Project, found: Decision) -> Decision:
    now = clock.now()
    state = outcome(found, store.votes(session, found.id), now=now)
    if state is DecisionState.OPEN:
        return found
    decided = replace(found, state=state, decided_at=now)
    store.save(session, decided, "state", "decided_at")
    tell(session, clock, project, "project_decision", before=found, after=decided)
    return decided
