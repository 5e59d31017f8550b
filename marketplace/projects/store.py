"""SQL of projects. Dataclasses of the domain and rows have fields of the same names."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, select

from marketplace.projects.domain.agreeing import (
    Agreement,
    AgreementKind,
    AgreementState,
    Consent,
)
from marketplace.projects.domain.deciding import Choice, Decision, DecisionState, Vote, Weighing
from marketplace.projects.domain.gigs import (
    Done,
    Gig,
    GigApplication,
    GigState,
    Standing,
    TeamIncome,
)
from marketplace.projects.domain.planning import FileVersion, PlanItem, PlanKind, PlanState
from marketplace.projects.domain.pooling import Pool, PooledDemand, PooledState, PoolState
from marketplace.projects.domain.project import (
    Member,
    MemberState,
    Project,
    ProjectKind,
    ProjectState,
)
from marketplace.projects.tables import (
    GigApplicationRow,
    GigRow,
    LotPoolDemandRow,
    LotPoolRow,
    ProjectAgreementRow,
    ProjectConsentRow,
    ProjectDecisionRow,
    ProjectDownloadRow,
    ProjectFileRow,
    ProjectMemberRow,
    ProjectPlanItemRow,
    ProjectRow,
    ProjectVoteRow,
    TeamIncomeRow,
    WorkStandingRow,
)
from services.capacity.domain import Visibility
from services.contracts.ids import OrganisationId

KeptT = TypeVar("KeptT")
_ROWS: Final[Mapping[type[Any], type[SQLModel]]] = {
    Project: ProjectRow,
    Member: ProjectMemberRow,
    Agreement: ProjectAgreementRow,
    Consent: ProjectConsentRow,
    PlanItem: ProjectPlanItemRow,
    FileVersion: ProjectFileRow,
    Decision: ProjectDecisionRow,
    Vote: ProjectVoteRow,
    Gig: GigRow,
    GigApplication: GigApplicationRow,
    TeamIncome: TeamIncomeRow,
    Pool: LotPoolRow,
    PooledDemand: LotPoolDemandRow,
}
_WORDS: Final[Mapping[tuple[type[Any], str], type[Enum]]] = {
    (Project, "kind"): ProjectKind,
    (Project, "state"): ProjectState,
    (Project, "visibility"): Visibility,
    (Member, "state"): MemberState,
    (Agreement, "kind"): AgreementKind,
    (Agreement, "state"): AgreementState,
    (PlanItem, "kind"): PlanKind,
    (PlanItem, "state"): PlanState,
    (Decision, "weighing"): Weighing,
    (Decision, "state"): DecisionState,
    (Vote, "choice"): Choice,
    (Gig, "state"): GigState,
    (Pool, "state"): PoolState,
    (PooledDemand, "state"): PooledState,
}
_PARTS: Final = frozenset({"parts", "weights"})
_COUNTED: Final = frozenset({"downloads"})


def add(session: Session, *kept: Any) -> None:
    """Write new things, in their order."""
    for one in kept:
        row = _ROWS[type(one)]
        session.connection().execute(insert(row).inline().values(_values(one)))


def save(session: Session, one: Any, *names: str) -> None:
    """Write the named fields of a thing read under lock."""
    row = _ROWS[type(one)]
    values = {name: held for name, held in _values(one).items() if name in names}
    session.connection().execute(update(row).where(_column(row, "id") == one.id).values(values))


def find(session: Session, kind: type[KeptT], one_id: UUID, *, lock: bool = False) -> KeptT | None:
    """A thing the caller may see."""
    row = _ROWS[kind]
    query = select(row).where(_column(row, "id") == one_id)
    found = session.exec(
        query.with_for_update() if lock else query, execution_options={"populate_existing": True}
    ).one_or_none()
    return None if found is None else _kept(kind, found)


def page(
    session: Session, kind: type[KeptT], *, after: UUID | None, limit: int, **where: Any
) -> list[KeptT]:
    """Things the caller may see, in order of making."""
    row = _ROWS[kind]
    query = select(row)
    for name, value in where.items():
        query = query.where(_column(row, name) == value)
    if after is not None:
        query = query.where(_column(row, "id") > after)
    found = session.exec(
        query.order_by(_column(row, "id")).limit(limit),
        execution_options={"populate_existing": True},
    )
    return [_kept(kind, one) for one in found]


def lock_project(session: Session, project_id: UUID) -> Project | None:
    """Whatever changes who has a place, or is agreed, is one after the other."""
    return find(session, Project, project_id, lock=True)


def members(session: Session, project_id: UUID, state: MemberState | None = None) -> list[Member]:
    query = select(ProjectMemberRow).where(col(ProjectMemberRow.project_id) == project_id)
    if state is not None:
        query = query.where(col(ProjectMemberRow.state) == state)
    rows = session.exec(
        query.order_by(col(ProjectMemberRow.id)), execution_options={"populate_existing": True}
    )
    return [_kept(Member, row) for row in rows]


def agreements(session: Session, project_id: UUID, state: AgreementState) -> list[Agreement]:
    query = select(ProjectAgreementRow).where(
        col(ProjectAgreementRow.project_id) == project_id,
        col(ProjectAgreementRow.state) == state,
    )
    return [
        _kept(Agreement, row) for row in session.exec(query.order_by(col(ProjectAgreementRow.id)))
    ]


def next_number(session: Session, row: type[SQLModel], **where: Any) -> int:
    query = select(func.coalesce(func.max(_column(row, "number")), 0))
    for name, value in where.items():
        query = query.where(_column(row, name) == value)
    return int(session.exec(query).one()) + 1


def consents(session: Session, agreement_id: UUID) -> list[Consent]:
    query = select(ProjectConsentRow).where(col(ProjectConsentRow.agreement_id) == agreement_id)
    return [_kept(Consent, row) for row in session.exec(query.order_by(col(ProjectConsentRow.id)))]


def votes(session: Session, decision_id: UUID) -> list[Vote]:
    query = select(ProjectVoteRow).where(col(ProjectVoteRow.decision_id) == decision_id)
    rows = session.exec(
        query.order_by(col(ProjectVoteRow.id)), execution_options={"populate_existing": True}
    )
    return [_kept(Vote, row) for row in rows]


def put_vote(session: Session, vote: Vote) -> None:
    """A member's vote replaces its earlier one."""
    values = _values(vote)
    again = {name: values[name] for name in ("choice", "person_id", "at")}
    session.connection().execute(
        insert(ProjectVoteRow)
        .inline()
        .values(values)
        .on_conflict_do_update(index_elements=["decision_id", "organisation_id"], set_=again)
    )


def due_decisions(session: Session, *, now: datetime, limit: int) -> list[Decision]:
    """Open ones whose time is over; another worker's are left to it."""
    query = (
        select(ProjectDecisionRow)
        .where(
            col(ProjectDecisionRow.state) == DecisionState.OPEN,
            col(ProjectDecisionRow.closes_at) <= now,
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_kept(Decision, row) for row in session.exec(query)]


def due_pools(session: Session, *, now: datetime, limit: int) -> list[Pool]:
    """As ``due_decisions``."""
    query = (
        select(LotPoolRow)
        .where(col(LotPoolRow.state) == PoolState.OPEN, col(LotPoolRow.closes_at) <= now)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_kept(Pool, row) for row in session.exec(query)]


def add_download(
    session: Session,
    version: FileVersion,
    *,
    download_id: UUID,
    organisation_id: OrganisationId,
    person_id: UUID | None,
    now: datetime,
) -> None:
    session.connection().execute(
        insert(ProjectDownloadRow)
        .inline()
        .values(
            id=download_id,
            project_id=version.project_id,
            file_id=version.id,
            organisation_id=organisation_id,
            person_id=person_id,
            at=now,
        )
    )


def downloads(session: Session, file_ids: Sequence[UUID]) -> dict[UUID, int]:
    query = (
        select(ProjectDownloadRow.file_id, func.count())
        .where(col(ProjectDownloadRow.file_id).in_(file_ids))
        .group_by(col(ProjectDownloadRow.file_id))
    )
    return dict(session.exec(query).all())


def has_income(session: Session, escrow_id: UUID) -> bool:
    query = select(TeamIncomeRow.id).where(col(TeamIncomeRow.escrow_id) == escrow_id)
    return session.exec(query).first() is not None


def settled_gigs(session: Session) -> list[Gig]:
    """Every accepted gig of everybody: for the worker."""
    query = select(GigRow).where(col(GigRow.state) == GigState.ACCEPTED)
    return [_kept(Gig, row) for row in session.exec(query.order_by(col(GigRow.id)))]


def done_of(gig: Gig) -> Done:
    """The facts of an accepted gig."""
    assert gig.handed_in_at is not None, "accepted work was handed in"
    return Done(gig.pay_minor, gig.handed_in_at <= gig.due_at, gig.hand_ins == 1)


def save_standing(
    session: Session,
    kind: str,
    found: Standing,
    *,
    organisation_id: OrganisationId,
    currency: str,
    now: datetime,
) -> None:
    values = {
        "organisation_id": organisation_id,
        "settled_minor": found.settled_minor,
        "settled": found.settled,
        "punctual": found.punctual,
        "first_time": found.first_time,
        "as_of": now,
    }
    statement = insert(WorkStandingRow).values(
        kind=kind, subject_id=found.subject_id, currency=currency, **values
    )
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "subject_id", "currency"], set_=values
        )
    )


def standings(session: Session, kind: str, *, currency: str, limit: int) -> list[Standing]:
    """The best first: by settled value, then punctuality, then acceptance at the first time."""
    query = (
        select(WorkStandingRow)
        .where(col(WorkStandingRow.kind) == kind, col(WorkStandingRow.currency) == currency)
        .order_by(
            col(WorkStandingRow.settled_minor).desc(),
            col(WorkStandingRow.punctual).desc(),
            col(WorkStandingRow.first_time).desc(),
            col(WorkStandingRow.subject_id),
        )
        .limit(limit)
    )
    return [
        Standing(row.subject_id, row.settled_minor, row.settled, row.punctual, row.first_time)
        for row in session.exec(query)
    ]


def _column(row: type[SQLModel], name: str) -> Any:
    return col(getattr(row, name))


def _values(one: Any) -> dict[str, Any]:
    values = {name: held for name, held in asdict(one).items() if name not in _COUNTED}
    for name, held in values.items():
        if name in _PARTS:
            values[name] = {str(key): part for key, part in held.items()}
        elif isinstance(held, tuple):
            values[name] = list(held)
    return values


def _kept(kind: type[KeptT], row: Any) -> KeptT:
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type] # every kept kind is a dataclass
        if field.name in _COUNTED:
            continue
        held = getattr(row, field.name)
        word = _WORDS.get((kind, field.name))
        if word is not None:
            held = word(held)
        elif field.name in _PARTS:
            held = {OrganisationId(UUID(key)): part for key, part in held.items()}
        elif isinstance(held, list):
            held = tuple(held)
        values[field.name] = held
    return kind(**values)
