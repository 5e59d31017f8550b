"""Use cases of orders: fund, start, deliver, inspect, rework, pay milestones, accept, call off."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.inspecting import (
    Characteristic,
    Inspection,
    InspectionInvalidError,
    Sampled,
    judge,
)
from marketplace.deals.domain.lifecycle import (
    WORKING,
    Guard,
    Move,
    MoveRefusedError,
    Party,
    State,
    advance,
)
from marketplace.deals.domain.orders import (
    Delivery,
    Order,
    OrderLine,
    Paid,
    check_delivery,
    line_of,
    open_milestone,
)
from marketplace.deals.domain.scoring import FactKind
from marketplace.deals.handlers import money
from marketplace.deals.handlers.telling import minutes, record, tell_order, trail_of
from marketplace.deals.store import orders as store
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class OrderNotFoundError(DomainError):
    code: ClassVar[str] = "order-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no order {order_id} that you buy or supply; list /orders."
    zh: ClassVar[str] = "没有您买入或供应的订单 {order_id}；请查看 /orders。"


def get_order(*, session: Session, party: OrganisationId, order_id: UUID) -> Order:
    """An order ``party`` buys or supplies.

    Raises:
        OrderNotFoundError: there is none.
    """
    found = store.find_order(session, order_id, party=party)
    if found is None:
        raise OrderNotFoundError(order_id=order_id)
    return found


def list_orders(
    *, session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[Order]:
    """A page of orders one buys or supplies, in order of award."""
    return store.orders_after(session, party=party, after=after, limit=limit)


def fund(
    *, session: Session, clock: Clock, buyer_id: OrganisationId, order_id: UUID, method: str
) -> Order:
    """Ask the buyer's money into the escrow; production may start once it is there.

    Raises:
        OrderNotFoundError, MoveRefusedError: there is none to be funded.
        EscrowRefusedError, PaymentUnderWayError, BalanceShortError: as the ledger says.
    """
    order = locked(session, order_id, buyer=buyer_id)
    _check_state(order, "fund", (State.AWARDED,))
    if money.request_funding(session, clock, order, method=method):
        return mark_funded(session, clock, order)
    return order


def start(*, session: Session, clock: Clock, supplier_id: OrganisationId, order_id: UUID) -> Order:
    """Note that production has begun.

    Raises:
        OrderNotFoundError, MoveRefusedError, GuardMissingError: as they say.
    """
    order = locked(session, order_id, supplier=supplier_id)
    return save(session, clock, order, moved(order, Move.START, Party.SUPPLIER))


def deliver(
    *,
    session: Session,
    clock: Clock,
    supplier_id: OrganisationId,
    order_id: UUID,
    line: int,
    quantity: int,
    remark: str,
) -> Order:
    """Hand over a part of a line, or all of it.

    Raises:
        OrderNotFoundError, MoveRefusedError, DeliveryInvalidError: as they say.
    """
    order = locked(session, order_id, supplier=supplier_id)
    _check_state(order, "deliver", WORKING)
    of = check_delivery(order, line, quantity)
    delivery = Delivery(
        id=clock.new_id(),
        organisation_id=order.organisation_id,
        supplier_id=order.supplier_id,
        order_id=order.id,
        line=line,
        quantity=quantity,
        note=remark,
        at=clock.now(),
    )
    store.insert_delivery(session, delivery)
    more = replace(of, delivered=of.delivered + quantity)
    note(session, subject_kind="delivery", subject_id=delivery.id, after=delivery)
    return save(session, clock, order, _with_lines(session, order, [more]))


def inspect(
    *,
    session: Session,
    clock: Clock,
    inspector_id: OrganisationId,
    order_id: UUID,
    line: int,
    lot: int,
    sampled: Sequence[Sampled],
    characteristics: Sequence[Characteristic],
) -> Inspection:
    """Keep a report and the verdict computed from it.

    The buyer's report decides: a lot that passes is accepted, and the order is inspected. A
    supplier's is its evidence, and changes nothing else.

    Raises:
        OrderNotFoundError, MoveRefusedError, InspectionInvalidError: as they say.
    """
    order = locked(session, order_id, party=inspector_id)
    _check_state(order, "inspect", WORKING)
    findings = judge(lot, sampled, characteristics)
    of = _inspected_line(order, line, lot)
    inspection = Inspection(
        id=clock.new_id(),
        organisation_id=order.organisation_id,
        supplier_id=order.supplier_id,
        order_id=order.id,
        line=line,
        lot=lot,
        sampled=tuple(sampled),
        characteristics=tuple(characteristics),
        findings=findings,
        passed=all(finding.passed for finding in findings),
        inspected_by=inspector_id,
        created_at=clock.now(),
    )
    store.insert_inspection(session, inspection)
    note(session, subject_kind="inspection", subject_id=inspection.id, after=inspection)
    if order.party(inspector_id) is Party.BUYER:
        _decided_by(session, clock, order, of, inspection)
    return inspection


def send_to_rework(
    *, session: Session, clock: Clock, buyer_id: OrganisationId, order_id: UUID
) -> Order:
    """Send back what was delivered and did not pass; it is to be delivered anew.

    Raises:
        OrderNotFoundError, MoveRefusedError, GuardMissingError: as they say.
    """
    order = locked(session, order_id, buyer=buyer_id)
    reworked = moved(order, Move.REWORK, Party.BUYER)
    back = [replace(line, delivered=line.accepted) for line in order.lines]
    cleared = replace(_with_lines(session, reworked, back), passed=None)
    return save(session, clock, order, cleared)


def release_milestone(
    *, session: Session, clock: Clock, buyer_id: OrganisationId, order_id: UUID, number: int
) -> Order:
    """Pay a milestone to the supplier.

    Raises:
        OrderNotFoundError, MoveRefusedError, MilestoneClosedError: as they say.
    """
    order = locked(session, order_id, buyer=buyer_id)
    _check_state(order, "release", WORKING)
    reached = open_milestone(order, number)
    because = f"milestone {number} of order {order.id}: {reached.title}"
    paid = money.release(
        session, clock, order, reached.amount_minor, because=because, fact_id=reached.id
    )
    done = replace(reached, released_at=clock.now())
    store.save_milestone(session, done)
    milestones = tuple(done if one.id == done.id else one for one in order.milestones)
    return save(session, clock, order, replace(paid, milestones=milestones))


def accept(*, session: Session, clock: Clock, buyer_id: OrganisationId, order_id: UUID) -> Order:
    """Take the order as made: what its escrow holds goes to the supplier, and it is settled.

    Raises:
        OrderNotFoundError, MoveRefusedError, GuardMissingError: as they say.
    """
    order = locked(session, order_id, buyer=buyer_id)
    accepted = moved(order, Move.ACCEPT, Party.BUYER)
    because = f"order {order.id} was delivered whole and accepted"
    paid = money.release(
        session, clock, accepted, accepted.left_minor, because=because, fact_id=order.id
    )
    settled = moved(paid, Move.SETTLE, Party.BUYER)
    record_ended(session, clock, settled, disputed=False)
    return save(session, clock, order, settled)


def call_off(*, session: Session, clock: Clock, buyer_id: OrganisationId, order_id: UUID) -> Order:
    """Give an order up before any money came; its slots are given back by the worker.

    Raises:
        OrderNotFoundError, MoveRefusedError, GuardMissingError: as they say.
    """
    order = locked(session, order_id, buyer=buyer_id)
    gone = moved(order, Move.CALL_OFF, Party.BUYER)
    because = f"order {order.id} was called off before it was funded"
    money.cancel_escrow(session, clock, order, because=because)
    return save(session, clock, order, gone)


def list_inspections(
    *,
    session: Session,
    party: OrganisationId,
    order_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Inspection]:
    """The reports on an order, in order of filing.

    Raises:
        OrderNotFoundError: there is no such order.
    """
    get_order(session=session, party=party, order_id=order_id)
    return store.inspections_after(session, order_id, after=after, limit=limit)


def list_deliveries(
    *,
    session: Session,
    party: OrganisationId,
    order_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Delivery]:
    """What was handed over, in order.

    Raises:
        OrderNotFoundError: there is no such order.
    """
    get_order(session=session, party=party, order_id=order_id)
    return store.deliveries_after(session, order_id, after=after, limit=limit)


def list_money(
    *,
    session: Session,
    party: OrganisationId,
    order_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Paid]:
    """What happened to the money of an order, each step with its reason.

    Raises:
        OrderNotFoundError: there is no such order.
    """
    order = get_order(session=session, party=party, order_id=order_id)
    return money.movements(session, order, viewer=party, after=after, limit=limit)


def locked(
    session: Session,
    order_id: UUID,
    *,
    buyer: OrganisationId | None = None,
    supplier: OrganisationId | None = None,
    party: OrganisationId | None = None,
) -> Order:
    """The order under lock, if it is of the one who asks; another's is as good as absent."""
    asks = buyer or supplier or party
    found = store.find_order(session, order_id, party=asks, lock=True)
    if found is None or not (
        found.organisation_id == buyer or found.supplier_id == supplier or party in found.parties
    ):
        raise OrderNotFoundError(order_id=order_id)
    return found


def moved(order: Order, move: Move, by: Party, *, holding: Iterable[Guard] = ()) -> Order:
    """``order`` after ``move``, by what is on record and ``holding`` beside.

    Raises:
        MoveRefusedError, NotYourMoveError, GuardMissingError: its life does not go there.
    """
    found = order.guards() | frozenset(holding)
    return replace(order, state=advance(order.state, move, by=by, holding=found, thing=order.thing))


def save(session: Session, clock: Clock, before: Order, after: Order) -> Order:
    """Keep, tell and record what became of a locked order; its next version."""
    saved = replace(after, version=before.version + 1, updated_at=clock.now())
    store.save_order(session, saved)
    tell_order(session, clock, saved)
    note(
        session,
        subject_kind="order",
        subject_id=saved.id,
        before=before,
        after=saved,
        organisation_id=trail_of(session, saved.organisation_id),
    )
    return saved


def mark_funded(session: Session, clock: Clock, order: Order) -> Order:
    """The locked order whose escrow holds the money; once."""
    if order.funded_at is not None:
        return order
    now = clock.now()
    record(
        session,
        clock,
        FactKind.PAID,
        of=order.organisation_id,
        seen_with=order.supplier_id,
        source_id=order.id,
        value=minutes(order.created_at, now),
    )
    return save(session, clock, order, replace(order, funded_at=now))


def record_ended(session: Session, clock: Clock, order: Order, *, disputed: bool) -> None:
    """Of both sides, whether the order ended by a dispute."""
    buyer, supplier = order.parties
    for of, other in ((buyer, supplier), (supplier, buyer)):
        record(
            session,
            clock,
            FactKind.DISPUTED,
            of=of,
            seen_with=other,
            source_id=order.id,
            value=int(disputed),
        )


def _check_state(order: Order, wanted: str, states: Sequence[State]) -> None:
    if order.state not in states:
        named = ", ".join(sorted(states))
        raise MoveRefusedError(thing=order.thing, state=order.state, move=wanted, sources=named)


def _inspected_line(order: Order, number: int, lot: int) -> OrderLine:
    line = line_of(order, number)
    waiting = 0 if line is None else line.delivered - line.accepted
    if line is None or not 0 < lot <= waiting:
        raise InspectionInvalidError(
            field="lot",
            en=f"{waiting} of line {number} wait to be inspected, not {lot}",
            zh=f"第 {number} 行待检 {waiting}，而非 {lot}",
        )
    return line


def _decided_by(
    session: Session, clock: Clock, order: Order, line: OrderLine, inspection: Inspection
) -> None:
    inspected = moved(order, Move.INSPECT, Party.BUYER)
    accepted = line.accepted + (inspection.lot if inspection.passed else 0)
    more = _with_lines(session, inspected, [replace(line, accepted=accepted)])
    save(session, clock, order, replace(more, passed=inspection.passed))
    record(
        session,
        clock,
        FactKind.INSPECTED,
        of=order.supplier_id,
        seen_with=order.organisation_id,
        source_id=inspection.id,
        value=int(inspection.passed),
    )


def _with_lines(session: Session, order: Order, changed: Sequence[OrderLine]) -> Order:
    for line in changed:
        store.save_line(session, line)
    by_id = {line.id: line for line in changed}
    return replace(order, lines=tuple(by_id.get(line.id, line) for line in order.lines))
