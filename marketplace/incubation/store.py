"""SQL of programmes, teams, milestones, facts, approvals and introductions."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import exists
from sqlmodel import Session, SQLModel, col, or_, select

from marketplace.incubation.domain import (
    Approval,
    Fact,
    FactKind,
    Figure,
    FigureKind,
    Introduction,
    IntroductionState,
    Milestone,
    MilestoneState,
    Programme,
    Shown,
    Side,
    Team,
    TeamState,
)
from marketplace.incubation.tables import (
    ApprovalRow,
    FactRow,
    IntroductionRow,
    MilestoneRow,
    ProgrammeRow,
    ShownRow,
    TeamRow,
)
from services.contracts.ids import OrganisationId

RowT = TypeVar("RowT", bound=SQLModel)
_FRESH: Any = {"populate_existing": True}


def insert(session: Session, *things: Programme | Team | Milestone | Fact | Approval) -> None:
    tables: dict[type, type[SQLModel]] = {
        Programme: ProgrammeRow,
        Team: TeamRow,
        Milestone: MilestoneRow,
        Fact: FactRow,
        Approval: ApprovalRow,
    }
    for thing in things:
        session.add(tables[type(thing)](**asdict(thing)))
    session.flush()


def find_programme(session: Session, programme_id: UUID) -> Programme | None:
    row = _one(session, select(ProgrammeRow).where(col(ProgrammeRow.id) == programme_id))
    return None if row is None else _programme(row)


def programme_of_call(session: Session, call_id: UUID) -> Programme | None:
    row = _one(session, select(ProgrammeRow).where(col(ProgrammeRow.call_id) == call_id))
    return None if row is None else _programme(row)


def programmes_after(session: Session, *, after: UUID | None, limit: int) -> list[Programme]:
    rows = _page(session, ProgrammeRow, select(ProgrammeRow), after=after, limit=limit)
    return [_programme(row) for row in rows]


def find_team(
    session: Session, team_id: UUID, *, seen_by: OrganisationId, lock: bool = False
) -> Team | None:
    query = select(TeamRow).where(col(TeamRow.id) == team_id, _seen_by(seen_by))
    row = _one(session, query, lock=lock)
    return None if row is None else _team(row)


def teams_after(
    session: Session, *, seen_by: OrganisationId, after: UUID | None, limit: int
) -> list[Team]:
    query = select(TeamRow).where(_seen_by(seen_by))
    return [_team(row) for row in _page(session, TeamRow, query, after=after, limit=limit)]


def teams_of_programme(session: Session, programme_id: UUID) -> list[Team]:
    query = select(TeamRow).where(col(TeamRow.programme_id) == programme_id)
    return [_team(row) for row in session.exec(query.order_by(col(TeamRow.id)))]


def save_team(session: Session, team: Team) -> None:
    session.get_one(TeamRow, team.id).state = team.state.value
    session.flush()


def find_milestone(
    session: Session, milestone_id: UUID, *, seen_by: OrganisationId
) -> Milestone | None:
    query = select(MilestoneRow).where(
        col(MilestoneRow.id) == milestone_id,
        or_(
            col(MilestoneRow.organisation_id) == seen_by,
            col(MilestoneRow.team_id) == seen_by,
        ),
    )
    row = _one(session, query, lock=True)
    return None if row is None else _milestone(row)


def milestones_of(session: Session, incubated_id: UUID) -> list[Milestone]:
    query = select(MilestoneRow).where(col(MilestoneRow.incubated_id) == incubated_id)
    return [_milestone(row) for row in session.exec(query.order_by(col(MilestoneRow.id)))]


def save_milestone(session: Session, milestone: Milestone) -> None:
    row = session.get_one(MilestoneRow, milestone.id)
    row.state, row.said = milestone.state.value, milestone.said
    session.flush()


def facts_of(session: Session, incubated_id: UUID) -> list[Fact]:
    query = select(FactRow).where(col(FactRow.incubated_id) == incubated_id)
    return [_fact(row) for row in session.exec(query.order_by(col(FactRow.id)))]


def find_approval(
    session: Session, approval_id: UUID, *, organisation_id: OrganisationId
) -> Approval | None:
    query = select(ApprovalRow).where(
        col(ApprovalRow.id) == approval_id,
        col(ApprovalRow.organisation_id) == organisation_id,
    )
    row = _one(session, query, lock=True)
    return None if row is None else _approval(row)


def approval_in_force(
    session: Session, *, organisation_id: OrganisationId, investor_id: OrganisationId
) -> Approval | None:
    query = select(ApprovalRow).where(
        col(ApprovalRow.organisation_id) == organisation_id,
        col(ApprovalRow.investor_id) == investor_id,
        col(ApprovalRow.withdrawn_at).is_(None),
    )
    row = _one(session, query)
    return None if row is None else _approval(row)


def approvals_after(session: Session, *, after: UUID | None, limit: int) -> list[Approval]:
    rows = _page(session, ApprovalRow, select(ApprovalRow), after=after, limit=limit)
    return [_approval(row) for row in rows]


def save_withdrawal(session: Session, approval: Approval) -> None:
    session.get_one(ApprovalRow, approval.id).withdrawn_at = approval.withdrawn_at
    session.flush()


def insert_introduction(session: Session, introduction: Introduction) -> None:
    session.add(IntroductionRow(**asdict(introduction)))
    session.flush()


def find_introduction(
    session: Session, introduction_id: UUID, *, seen_by: OrganisationId, lock: bool = False
) -> Introduction | None:
    query = select(IntroductionRow).where(
        col(IntroductionRow.id) == introduction_id, _of_party(seen_by)
    )
    row = _one(session, query, lock=lock)
    return None if row is None else _introduction(row)


def open_request(
    session: Session, *, organisation_id: OrganisationId, investor_id: OrganisationId
) -> Introduction | None:
    query = select(IntroductionRow).where(
        col(IntroductionRow.organisation_id) == organisation_id,
        col(IntroductionRow.investor_id) == investor_id,
        col(IntroductionRow.state) == IntroductionState.ASKED.value,
    )
    row = _one(session, query)
    return None if row is None else _introduction(row)


def introductions_after(
    session: Session, *, seen_by: OrganisationId, after: UUID | None, limit: int
) -> list[Introduction]:
    query = select(IntroductionRow).where(_of_party(seen_by))
    rows = _page(session, IntroductionRow, query, after=after, limit=limit)
    return [_introduction(row) for row in rows]


def save_introduction(session: Session, introduction: Introduction) -> None:
    row = session.get_one(IntroductionRow, introduction.id)
    row.state = introduction.state.value
    row.consented_at, row.expires_at = introduction.consented_at, introduction.expires_at
    row.ended_at = introduction.ended_at
    session.flush()


def insert_shown(session: Session, shown: Iterable[Shown]) -> None:
    for one in shown:
        facts = asdict(one)
        figure = facts.pop("figure") or {}
        session.add(ShownRow(**facts, **figure))
    session.flush()


def shown_of(session: Session, introduction_id: UUID, *, reader: OrganisationId) -> list[Shown]:
    """All of it for the team; for the investor what an approval in force lets through."""
    vouched = (
        select(ApprovalRow.id)
        .join(IntroductionRow, col(IntroductionRow.approval_id) == col(ApprovalRow.id))
        .where(
            col(IntroductionRow.id) == col(ShownRow.introduction_id),
            col(ApprovalRow.withdrawn_at).is_(None),
        )
    )
    query = select(ShownRow).where(
        col(ShownRow.introduction_id) == introduction_id,
        or_(col(ShownRow.organisation_id) == reader, exists(vouched)),
    )
    return [_shown(row) for row in session.exec(query.order_by(col(ShownRow.id)))]


def _seen_by(reader: OrganisationId) -> Any:
    """Who incubates, the team itself, and whom the incubator vouches for."""
    vouched = select(ApprovalRow.id).where(
        col(ApprovalRow.organisation_id) == col(TeamRow.organisation_id),
        col(ApprovalRow.investor_id) == reader,
        col(ApprovalRow.withdrawn_at).is_(None),
    )
    return or_(
        col(TeamRow.organisation_id) == reader, col(TeamRow.team_id) == reader, exists(vouched)
    )


def _of_party(reader: OrganisationId) -> Any:
    return or_(
        col(IntroductionRow.organisation_id) == reader,
        col(IntroductionRow.investor_id) == reader,
        col(IntroductionRow.incubator_id) == reader,
    )


def _one(session: Session, query: Any, *, lock: bool = False) -> Any:
    asked = query.with_for_update() if lock else query
    return session.exec(asked, execution_options=_FRESH).one_or_none()


def _page(
    session: Session, table: type[RowT], query: Any, *, after: UUID | None, limit: int
) -> list[RowT]:
    key = table.__table__.c.id  # type: ignore[attr-defined]  # every table has one
    if after is not None:
        query = query.where(key > after)
    return list(session.exec(query.order_by(key).limit(limit)))


def _programme(row: ProgrammeRow) -> Programme:
    return Programme(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        call_id=row.call_id,
        space_id=row.space_id,
        title=row.title,
        title_zh=row.title_zh,
        created_at=row.created_at,
    )


def _team(row: TeamRow) -> Team:
    return Team(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        team_id=OrganisationId(row.team_id),
        programme_id=row.programme_id,
        award_id=row.award_id,
        title=row.title,
        state=TeamState(row.state),
        admitted_at=row.admitted_at,
    )


def _milestone(row: MilestoneRow) -> Milestone:
    return Milestone(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        team_id=OrganisationId(row.team_id),
        incubated_id=row.incubated_id,
        title=row.title,
        due_on=row.due_on,
        state=MilestoneState(row.state),
        created_at=row.created_at,
        said=row.said,
    )


def _fact(row: FactRow) -> Fact:
    return Fact(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        team_id=OrganisationId(row.team_id),
        incubated_id=row.incubated_id,
        kind=FactKind(row.kind),
        occurred_on=row.occurred_on,
        because=row.because,
        created_at=row.created_at,
    )


def _approval(row: ApprovalRow) -> Approval:
    return Approval(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        investor_id=OrganisationId(row.investor_id),
        because=row.because,
        created_at=row.created_at,
        withdrawn_at=row.withdrawn_at,
    )


def _introduction(row: IntroductionRow) -> Introduction:
    return Introduction(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        investor_id=OrganisationId(row.investor_id),
        incubator_id=OrganisationId(row.incubator_id),
        incubated_id=row.incubated_id,
        approval_id=row.approval_id,
        asked_by=Side(row.asked_by),
        purpose=row.purpose,
        state=IntroductionState(row.state),
        created_at=row.created_at,
        consented_at=row.consented_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )


def _shown(row: ShownRow) -> Shown:
    figure = None
    if row.kind is not None:
        assert row.value is not None, "a figure has a value"
        assert row.rows is not None, "a figure is of rows"
        assert row.rows_sha256 is not None, "a figure is of rows"
        figure = Figure(FigureKind(row.kind), row.currency, row.value, row.rows, row.rows_sha256)
    return Shown(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        investor_id=OrganisationId(row.investor_id),
        introduction_id=row.introduction_id,
        figure=figure,
        document_id=row.document_id,
    )
