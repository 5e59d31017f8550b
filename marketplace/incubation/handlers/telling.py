"""What incubation tells downstream, and to whom."""

from sqlmodel import Session

from marketplace.incubation.domain import FactKind, Introduction, Team
from services.contracts.events.envelope import Audience
from services.contracts.events.incubation import IntroductionChanged, TeamChanged
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


def tell_team(session: Session, clock: Clock, team: Team, fact: FactKind) -> None:
    now = clock.now()
    event = TeamChanged(
        id=clock.new_id(),
        occurred_at=now,
        incubated_team_id=team.id,
        organisation_id=team.organisation_id,
        team_id=team.team_id,
        fact=fact,
        audience=Audience(organisation_ids=(team.organisation_id, team.team_id)),
    )
    emit(session, event, now=now)


def tell_introduction(
    session: Session, clock: Clock, before: Introduction | None, after: Introduction
) -> None:
    note(session, subject_kind="introduction", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = IntroductionChanged(
        id=clock.new_id(),
        occurred_at=now,
        introduction_id=after.id,
        organisation_id=after.organisation_id,
        investor_id=after.investor_id,
        state=after.state,
        audience=Audience(organisation_ids=after.parties),
    )
    emit(session, event, now=now)
