"""What changed in service contracts, for the audit trail and for those who listen."""

from sqlmodel import Session

from marketplace.service_contracts.domain import Contract, RemoteSession, WorkOrder
from services.contracts.events.envelope import Audience
from services.contracts.events.service_contracts import (
    ContractChanged,
    RemoteSessionChanged,
    WorkOrderChanged,
    WorkOrderEscalated,
)
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


def tell_contract(session: Session, clock: Clock, before: Contract | None, after: Contract) -> None:
    note(session, subject_kind="service_contract", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = ContractChanged(
        id=clock.new_id(),
        occurred_at=now,
        contract_id=after.id,
        organisation_id=after.organisation_id,
        provider_id=after.provider_id,
        state=after.state,
        audience=Audience(organisation_ids=after.parties),
    )
    emit(session, event, now=now)


def tell_order(session: Session, clock: Clock, before: WorkOrder | None, after: WorkOrder) -> None:
    note(session, subject_kind="work_order", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = WorkOrderChanged(
        id=clock.new_id(),
        occurred_at=now,
        order_id=after.id,
        contract_id=after.contract_id,
        resource_id=after.resource_id,
        organisation_id=after.organisation_id,
        provider_id=after.provider_id,
        cause=after.cause,
        state=after.state,
        due_at=after.due_at,
        audience=Audience(organisation_ids=after.parties),
    )
    emit(session, event, now=now)


def tell_escalation(session: Session, clock: Clock, order: WorkOrder) -> None:
    now = clock.now()
    event = WorkOrderEscalated(
        id=clock.new_id(),
        occurred_at=now,
        order_id=order.id,
        organisation_id=order.organisation_id,
        provider_id=order.provider_id,
        due_at=order.due_at,
        audience=Audience(organisation_ids=order.parties),
    )
    emit(session, event, now=now)


def tell_session(
    session: Session, clock: Clock, before: RemoteSession | None, after: RemoteSession
) -> None:
    note(session, subject_kind="remote_session", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = RemoteSessionChanged(
        id=clock.new_id(),
        occurred_at=now,
        session_id=after.id,
        order_id=after.order_id,
        organisation_id=after.organisation_id,
        provider_id=after.provider_id,
        state=after.state,
        expires_at=after.expires_at,
        audience=Audience(organisation_ids=after.parties),
    )
    emit(session, event, now=now)
