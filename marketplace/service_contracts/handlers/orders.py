"""Use cases of work orders: opened by warnings, answered, reported, closed, paid."""

from datetime import timedelta
from typing import ClassVar, Final
from uuid import UUID, uuid5

from sqlmodel import Session

from marketplace.service_contracts import store
from marketplace.service_contracts.domain import (
    ORDER_LIFE,
    REQUESTED,
    Contract,
    Fact,
    Finding,
    FindingMissingError,
    Move,
    ServiceContractState,
    ServiceFindingKind,
    ServiceParty,
    ServiceRefusedError,
    Warned,
    WorkOrder,
    WorkOrderState,
    accepted,
    changed,
    closing_fact,
    fee_of,
    moved,
    party_of,
    response_fact,
    warned_again,
)
from marketplace.service_contracts.handlers.contracts import found_contract
from marketplace.service_contracts.handlers.telling import tell_escalation, tell_order
from services.capacity import handlers as capacity
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, ResourceId
from services.ledger import handlers as ledger
from services.ledger.domain import Subject
from services.runtime.clock import Clock

AT_ONCE: Final = 200
"""Work orders escalated in one transaction."""
FEE: Final = "service fee"


class WorkOrderNotFoundError(DomainError):
    code: ClassVar[str] = "work-order-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no work order {order_id} of yours; list /work-orders."
    zh: ClassVar[str] = "没有属于贵组织的工单 {order_id}；请查看 /work-orders。"


class WorkOrderUnderWayError(DomainError):
    code: ClassVar[str] = "work-order-under-way"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Work order {order_id} for this machine is not finished; add to it, or wait for its end."
    )
    zh: ClassVar[str] = "该设备的工单 {order_id} 尚未完成；请在其中补充，或等待完成。"


def follow_warning(
    *,
    session: Session,
    clock: Clock,
    resource_id: ResourceId,
    warning: Warned,
    reason: str | None,
) -> list[WorkOrder]:
    """Open a work order under each contract the machine's state warns; once per warning.

    While a work order for the machine is unfinished, further warnings join it.
    """
    contracts = store.contracts_warned(session, resource_id, warning)
    return [_warned(session, clock, one, resource_id, warning, reason) for one in contracts]


def _warned(
    session: Session,
    clock: Clock,
    contract: Contract,
    resource_id: ResourceId,
    warning: Warned,
    reason: str | None,
) -> WorkOrder:
    unfinished = store.lock_unfinished(session, contract.id, resource_id)
    if unfinished is None:
        return _opened(session, clock, contract, resource_id, warning, reason)
    return _save(session, clock, unfinished, warned_again(unfinished, now=clock.now()))


def request_work(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    contract_id: UUID,
    resource_id: ResourceId,
    reason: str,
) -> WorkOrder:
    """Ask for work on an own machine without a warning, e.g. to tune a process.

    Raises:
        ContractNotFoundError: the organisation proposed none such.
        ServiceRefusedError: the contract is not in force.
        ResourceNotFoundError: it does not cover the machine.
        WorkOrderUnderWayError: there is an unfinished one.
    """
    contract = found_contract(
        session, contract_id, organisation_id, side=ServiceParty.OWNER, lock=True
    )
    if contract.state is not ServiceContractState.ACTIVE:
        raise ServiceRefusedError(
            thing=contract.thing,
            state=contract.state,
            move="request work",
            party=ServiceParty.OWNER,
            sources=ServiceContractState.ACTIVE,
        )
    if resource_id not in contract.terms.resource_ids:
        raise capacity.ResourceNotFoundError(resource_id=resource_id)
    unfinished = store.lock_unfinished(session, contract_id, resource_id)
    if unfinished is not None:
        raise WorkOrderUnderWayError(order_id=unfinished.id)
    return _opened(session, clock, contract, resource_id, REQUESTED, reason)


def get_order(*, session: Session, party: OrganisationId, order_id: UUID) -> WorkOrder:
    """A work order one is a party to.

    Raises:
        WorkOrderNotFoundError: there is none.
    """
    return found_order(session, order_id, party)


def list_orders(
    *, session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[WorkOrder]:
    """A page of the work orders one is a party to, in order of opening."""
    return store.orders_after(session, party=party, after=after, limit=limit)


def accept_order(
    *, session: Session, clock: Clock, provider_id: OrganisationId, order_id: UUID
) -> WorkOrder:
    """Respond to a work order; how late is written down as a fact.

    Raises:
        WorkOrderNotFoundError, ServiceRefusedError: as they say.
    """
    found = found_order(session, order_id, provider_id, side=ServiceParty.PROVIDER, lock=True)
    after = _save(session, clock, found, accepted(found, provider_id, now=clock.now()))
    _write_down(session, after, response_fact(after))
    return after


def add_finding(
    *,
    session: Session,
    clock: Clock,
    provider_id: OrganisationId,
    order_id: UUID,
    kind: ServiceFindingKind,
    text: str,
    sha256: str | None,
) -> Finding:
    """Record a finding while the work is under way. It is never changed.

    Raises:
        WorkOrderNotFoundError, ServiceRefusedError: as they say.
    """
    order = found_order(session, order_id, provider_id, side=ServiceParty.PROVIDER, lock=True)
    if order.state is not WorkOrderState.ACCEPTED:
        raise ServiceRefusedError(
            thing=order.thing,
            state=order.state,
            move="record a finding",
            party=ServiceParty.PROVIDER,
            sources=WorkOrderState.ACCEPTED,
        )
    finding = Finding(clock.new_id(), order_id, kind, text, clock.now(), sha256)
    store.insert_finding(session, order, finding)
    return finding


def list_findings(
    *, session: Session, party: OrganisationId, order_id: UUID, after: UUID | None, limit: int
) -> list[Finding]:
    """A page of what was found, in order.

    Raises:
        WorkOrderNotFoundError: no such work order.
    """
    found_order(session, order_id, party)
    return store.findings_after(session, order_id, after=after, limit=limit)


def report_order(
    *,
    session: Session,
    clock: Clock,
    provider_id: OrganisationId,
    order_id: UUID,
    worked_minutes: int,
) -> WorkOrder:
    """Report the work done and how long it took; the owner closes it, or returns it.

    Raises:
        WorkOrderNotFoundError, ServiceRefusedError: as they say.
        FindingMissingError: nothing was found yet.
    """
    found = found_order(session, order_id, provider_id, side=ServiceParty.PROVIDER, lock=True)
    state = WorkOrderState(moved(ORDER_LIFE, found, Move.REPORT, provider_id))
    if not store.findings_after(session, order_id, after=None, limit=1):
        raise FindingMissingError(order_id=order_id)
    after = changed(found, now=clock.now(), state=state, worked_minutes=worked_minutes)
    return _save(session, clock, found, after)


def answer_report(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    order_id: UUID,
    move: Move,
) -> WorkOrder:
    """Return reported work to its provider, or cancel what nobody has taken up.

    Raises:
        WorkOrderNotFoundError, ServiceRefusedError: as they say.
    """
    found = found_order(session, order_id, organisation_id, side=ServiceParty.OWNER, lock=True)
    state = WorkOrderState(moved(ORDER_LIFE, found, move, organisation_id))
    return _save(session, clock, found, changed(found, now=clock.now(), state=state))


def close_order(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, order_id: UUID
) -> WorkOrder:
    """Close reported work: its fee is worked out by the contract's rule and booked as owed.

    Raises:
        WorkOrderNotFoundError, ServiceRefusedError: as they say.
        PriceNotValidError: the contract's price does not hold today.
    """
    found = found_order(session, order_id, organisation_id, side=ServiceParty.OWNER, lock=True)
    state, now = WorkOrderState(moved(ORDER_LIFE, found, Move.CLOSE, organisation_id)), clock.now()
    contract = found_contract(session, found.contract_id, organisation_id)
    fee = fee_of(found, contract.terms, now=now)
    after = changed(found, now=now, state=state, fee=fee, closed_at=now)
    if fee.total.minor:
        ledger.charge(
            session=session,
            clock=clock,
            debtor=found.organisation_id,
            creditor=found.provider_id,
            amount=fee.total,
            because=FEE,
            subject=Subject("work_order", found.id),
        )
    _save(session, clock, found, after)
    _write_down(session, after, closing_fact(after, now=now))
    return after


def pay_fee(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, order_id: UUID
) -> WorkOrder:
    """Pay the fee of a closed work order from wallet to wallet. Paid twice, it stays paid once.

    Raises:
        WorkOrderNotFoundError, ServiceRefusedError: as they say.
        BalanceShortError: the wallet holds less.
    """
    found = found_order(session, order_id, organisation_id, side=ServiceParty.OWNER, lock=True)
    if found.paid_at is not None:
        return found
    if found.state is not WorkOrderState.CLOSED or found.fee is None:
        raise ServiceRefusedError(
            thing=found.thing,
            state=found.state,
            move="pay",
            party=ServiceParty.OWNER,
            sources=WorkOrderState.CLOSED,
        )
    if found.fee.total.minor:
        ledger.pay_owed(
            session=session,
            clock=clock,
            debtor=found.organisation_id,
            creditor=found.provider_id,
            amount=found.fee.total,
            because=FEE,
            subject=Subject("work_order", found.id),
            fact_id=uuid5(found.id, FEE),
        )
    return _save(session, clock, found, changed(found, now=clock.now(), paid_at=clock.now()))


def escalate_overdue(*, session: Session, clock: Clock) -> int:
    """Tell of work orders nobody responded to in time, each once; how many there were."""
    overdue = store.lock_overdue(session, now=clock.now(), limit=AT_ONCE)
    for order in overdue:
        after = changed(order, now=clock.now(), escalated_at=clock.now())
        _save(session, clock, order, after)
        tell_escalation(session, clock, after)
    return len(overdue)


def found_order(
    session: Session,
    order_id: UUID,
    party: OrganisationId,
    *,
    side: ServiceParty | None = None,
    lock: bool = False,
) -> WorkOrder:
    """Of which ``party`` is ``side``, or either."""
    found = store.find_order(session, order_id, party=party, lock=lock)
    if found is None or side not in {None, party_of(found, party)}:
        raise WorkOrderNotFoundError(order_id=order_id)
    return found


def _opened(
    session: Session,
    clock: Clock,
    contract: Contract,
    resource_id: ResourceId,
    cause: str,
    reason: str | None,
) -> WorkOrder:
    now = clock.now()
    order = WorkOrder(
        id=clock.new_id(),
        organisation_id=contract.organisation_id,
        provider_id=contract.provider_id,
        contract_id=contract.id,
        resource_id=resource_id,
        cause=cause,
        reason=reason,
        warnings=1 if cause != REQUESTED else 0,
        warned_at=now,
        due_at=now + timedelta(minutes=contract.terms.response_minutes),
        state=WorkOrderState.OPEN,
        version=1,
        created_at=now,
        updated_at=now,
    )
    store.insert_order(session, order)
    tell_order(session, clock, None, order)
    return order


def _save(session: Session, clock: Clock, before: WorkOrder, after: WorkOrder) -> WorkOrder:
    store.save_order(session, after)
    tell_order(session, clock, before, after)
    return after


def _write_down(session: Session, order: WorkOrder, fact: Fact) -> None:
    """Once of a kind for each work order; the first one stays."""
    if not store.has_fact(session, fact):
        store.insert_fact(session, order, fact)
