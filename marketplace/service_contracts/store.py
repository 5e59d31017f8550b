"""SQL of service contracts, work orders, sessions and their logs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import any_, literal
from sqlmodel import Session, col, or_, select

from marketplace.offers.pricing import Price, PriceLine, PriceRule
from marketplace.service_contracts.domain import (
    UNFINISHED,
    Contract,
    Fact,
    Finding,
    RemoteSession,
    RemoteSessionState,
    ServiceContractState,
    ServiceFindingKind,
    ServiceParty,
    SessionEntry,
    SessionEntryKind,
    Shown,
    Terms,
    Warned,
    WorkOrder,
    WorkOrderState,
)
from marketplace.service_contracts.tables import (
    ContractRow,
    CoveredRow,
    FactRow,
    FindingRow,
    SessionEntryRow,
    SessionRow,
    WorkOrderRow,
)
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.money import Money

_RULES: Final = TypeAdapter(PriceRule)
_FRESH: Final = {"populate_existing": True}


def insert_contract(session: Session, contract: Contract) -> None:
    terms = contract.terms
    session.add(
        ContractRow(
            id=contract.id,
            organisation_id=contract.organisation_id,
            provider_id=contract.provider_id,
            title=terms.title,
            warnings=[one.value for one in terms.warnings],
            shows=[one.value for one in terms.shows],
            response_minutes=terms.response_minutes,
            session_minutes=terms.session_minutes,
            late_discount=terms.late_discount,
            price=_RULES.dump_python(terms.price, mode="json"),
            state=contract.state.value,
            version=contract.version,
            created_at=contract.created_at,
            updated_at=contract.updated_at,
        )
    )
    session.flush()
    session.add_all(
        CoveredRow(
            contract_id=contract.id,
            resource_id=resource_id,
            organisation_id=contract.organisation_id,
            provider_id=contract.provider_id,
        )
        for resource_id in terms.resource_ids
    )
    session.flush()


def save_contract(session: Session, contract: Contract) -> None:
    row = session.get_one(ContractRow, contract.id)
    row.state, row.version = contract.state.value, contract.version
    row.updated_at = contract.updated_at
    session.flush()


def find_contract(
    session: Session, contract_id: UUID, *, party: OrganisationId, lock: bool = False
) -> Contract | None:
    query = select(ContractRow).where(
        col(ContractRow.id) == contract_id, _party(ContractRow, party)
    )
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    return None if row is None else _contracts(session, [row])[0]


def contracts_after(
    session: Session, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[Contract]:
    query = select(ContractRow).where(_party(ContractRow, party))
    if after is not None:
        query = query.where(col(ContractRow.id) > after)
    return _contracts(session, session.exec(query.order_by(col(ContractRow.id)).limit(limit)).all())


def contracts_warned(session: Session, resource_id: ResourceId, warning: Warned) -> list[Contract]:
    """Those in force that cover the machine and are warned by such a state, in order of id."""
    query = (
        select(ContractRow)
        .join(CoveredRow, col(CoveredRow.contract_id) == col(ContractRow.id))
        .where(
            col(CoveredRow.resource_id) == resource_id,
            col(ContractRow.state) == ServiceContractState.ACTIVE.value,
            literal(warning.value) == any_(col(ContractRow.warnings)),
        )
        .order_by(col(ContractRow.id))
        .with_for_update(of=ContractRow)
    )
    return _contracts(session, session.exec(query).all())


def insert_order(session: Session, order: WorkOrder) -> None:
    session.add(
        WorkOrderRow(
            id=order.id,
            organisation_id=order.organisation_id,
            provider_id=order.provider_id,
            contract_id=order.contract_id,
            resource_id=order.resource_id,
            cause=order.cause,
            reason=order.reason,
            warnings=order.warnings,
            warned_at=order.warned_at,
            due_at=order.due_at,
            state=order.state.value,
            version=order.version,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )
    )
    session.flush()


def save_order(session: Session, order: WorkOrder) -> None:
    row = session.get_one(WorkOrderRow, order.id)
    row.state, row.warnings = order.state.value, order.warnings
    row.version, row.updated_at = order.version, order.updated_at
    row.escalated_at, row.accepted_at = order.escalated_at, order.accepted_at
    row.worked_minutes = order.worked_minutes
    row.closed_at, row.paid_at = order.closed_at, order.paid_at
    if order.fee is not None:
        row.fee_minor, row.fee_currency = order.fee.total.minor, order.fee.total.currency
        row.fee_lines = [
            {"rule": line.rule, "amount_minor": line.amount_minor} for line in order.fee.lines
        ]
    session.flush()


def find_order(
    session: Session, order_id: UUID, *, party: OrganisationId, lock: bool = False
) -> WorkOrder | None:
    query = select(WorkOrderRow).where(
        col(WorkOrderRow.id) == order_id, _party(WorkOrderRow, party)
    )
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    return None if row is None else _order(row)


def lock_unfinished(
    session: Session, contract_id: UUID, resource_id: ResourceId
) -> WorkOrder | None:
    """The one work order that a further warning of the machine joins."""
    query = (
        select(WorkOrderRow)
        .where(
            col(WorkOrderRow.contract_id) == contract_id,
            col(WorkOrderRow.resource_id) == resource_id,
            col(WorkOrderRow.state).in_(UNFINISHED),
        )
        .with_for_update()
    )
    row = session.exec(query, execution_options=_FRESH).one_or_none()
    return None if row is None else _order(row)


def lock_overdue(session: Session, *, now: datetime, limit: int) -> list[WorkOrder]:
    """Work orders nobody responded to in time, and nobody was told of yet."""
    query = (
        select(WorkOrderRow)
        .where(
            col(WorkOrderRow.state) == WorkOrderState.OPEN.value,
            col(WorkOrderRow.escalated_at).is_(None),
            col(WorkOrderRow.due_at) <= now,
        )
        .order_by(col(WorkOrderRow.due_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_order(row) for row in session.exec(query, execution_options=_FRESH)]


def orders_after(
    session: Session, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[WorkOrder]:
    query = select(WorkOrderRow).where(_party(WorkOrderRow, party))
    if after is not None:
        query = query.where(col(WorkOrderRow.id) > after)
    return [_order(row) for row in session.exec(query.order_by(col(WorkOrderRow.id)).limit(limit))]


def insert_session(session: Session, made: RemoteSession) -> None:
    session.add(
        SessionRow(
            id=made.id,
            organisation_id=made.organisation_id,
            provider_id=made.provider_id,
            order_id=made.order_id,
            purpose=made.purpose,
            minutes=made.minutes,
            state=made.state.value,
            requested_by=made.requested_by,
            requested_at=made.requested_at,
        )
    )
    session.flush()


def save_session(session: Session, changed: RemoteSession) -> None:
    row = session.get_one(SessionRow, changed.id)
    row.state = changed.state.value
    row.decided_by, row.decided_at = changed.decided_by, changed.decided_at
    row.expires_at, row.ended_at = changed.expires_at, changed.ended_at
    session.flush()


def find_session(
    session: Session, session_id: UUID, *, party: OrganisationId, lock: bool = False
) -> RemoteSession | None:
    query = select(SessionRow).where(col(SessionRow.id) == session_id, _party(SessionRow, party))
    row = session.exec(
        query.with_for_update() if lock else query, execution_options=_FRESH
    ).one_or_none()
    return None if row is None else _session(row)


def sessions_after(
    session: Session, order_id: UUID, *, after: UUID | None, limit: int
) -> list[RemoteSession]:
    query = select(SessionRow).where(col(SessionRow.order_id) == order_id)
    if after is not None:
        query = query.where(col(SessionRow.id) > after)
    return [_session(row) for row in session.exec(query.order_by(col(SessionRow.id)).limit(limit))]


def insert_entry(session: Session, of: RemoteSession, entry: SessionEntry) -> None:
    session.add(
        SessionEntryRow(
            id=entry.id,
            organisation_id=of.organisation_id,
            provider_id=of.provider_id,
            session_id=entry.session_id,
            kind=entry.kind.value,
            party=entry.party.value,
            actor_id=entry.actor_id,
            at=entry.at,
            shown=None if entry.shown is None else dict(entry.shown),
        )
    )
    session.flush()


def entries_after(
    session: Session, session_id: UUID, *, after: UUID | None, limit: int
) -> list[SessionEntry]:
    query = select(SessionEntryRow).where(col(SessionEntryRow.session_id) == session_id)
    if after is not None:
        query = query.where(col(SessionEntryRow.id) > after)
    return [
        SessionEntry(
            id=row.id,
            session_id=row.session_id,
            kind=SessionEntryKind(row.kind),
            party=ServiceParty(row.party),
            actor_id=row.actor_id,
            at=row.at,
            shown=row.shown,
        )
        for row in session.exec(query.order_by(col(SessionEntryRow.id)).limit(limit))
    ]


def insert_finding(session: Session, order: WorkOrder, finding: Finding) -> None:
    session.add(
        FindingRow(
            id=finding.id,
            organisation_id=order.organisation_id,
            provider_id=order.provider_id,
            order_id=order.id,
            kind=finding.kind.value,
            text=finding.text,
            sha256=finding.sha256,
            at=finding.at,
        )
    )
    session.flush()


def findings_after(
    session: Session, order_id: UUID, *, after: UUID | None, limit: int
) -> list[Finding]:
    query = select(FindingRow).where(col(FindingRow.order_id) == order_id)
    if after is not None:
        query = query.where(col(FindingRow.id) > after)
    return [
        Finding(row.id, row.order_id, ServiceFindingKind(row.kind), row.text, row.at, row.sha256)
        for row in session.exec(query.order_by(col(FindingRow.id)).limit(limit))
    ]


def insert_fact(session: Session, order: WorkOrder, fact: Fact) -> None:
    session.add(
        FactRow(
            order_id=order.id,
            kind=fact.kind.value,
            organisation_id=order.organisation_id,
            provider_id=order.provider_id,
            value=fact.value,
            at=fact.at,
        )
    )
    session.flush()


def has_fact(session: Session, fact: Fact) -> bool:
    return session.get(FactRow, (fact.order_id, fact.kind.value)) is not None


def _party(table: Any, party: OrganisationId) -> Any:
    return or_(col(table.organisation_id) == party, col(table.provider_id) == party)


def _contracts(session: Session, rows: Sequence[ContractRow]) -> list[Contract]:
    query = (
        select(CoveredRow)
        .where(col(CoveredRow.contract_id).in_([row.id for row in rows]))
        .order_by(col(CoveredRow.resource_id))
    )
    covered = session.exec(query).all() if rows else []
    return [
        _contract(row, [one.resource_id for one in covered if one.contract_id == row.id])
        for row in rows
    ]


def _contract(row: ContractRow, resource_ids: Sequence[UUID]) -> Contract:
    terms = Terms(
        title=row.title,
        resource_ids=tuple(map(ResourceId, resource_ids)),
        warnings=tuple(map(Warned, row.warnings)),
        shows=tuple(map(Shown, row.shows)),
        response_minutes=row.response_minutes,
        session_minutes=row.session_minutes,
        price=_RULES.validate_python(row.price),
        late_discount=row.late_discount,
    )
    return Contract(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        provider_id=OrganisationId(row.provider_id),
        terms=terms,
        state=ServiceContractState(row.state),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _order(row: WorkOrderRow) -> WorkOrder:
    fee = None
    if row.fee_minor is not None and row.fee_currency is not None:
        lines = [PriceLine(one["rule"], one["amount_minor"]) for one in row.fee_lines or ()]
        fee = Price(Money(row.fee_minor, row.fee_currency), tuple(lines))
    return WorkOrder(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        provider_id=OrganisationId(row.provider_id),
        contract_id=row.contract_id,
        resource_id=ResourceId(row.resource_id),
        cause=row.cause,
        reason=row.reason,
        warnings=row.warnings,
        warned_at=row.warned_at,
        due_at=row.due_at,
        state=WorkOrderState(row.state),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        escalated_at=row.escalated_at,
        accepted_at=row.accepted_at,
        worked_minutes=row.worked_minutes,
        fee=fee,
        closed_at=row.closed_at,
        paid_at=row.paid_at,
    )


def _session(row: SessionRow) -> RemoteSession:
    return RemoteSession(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        provider_id=OrganisationId(row.provider_id),
        order_id=row.order_id,
        purpose=row.purpose,
        minutes=row.minutes,
        state=RemoteSessionState(row.state),
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )
