"""Use cases of early settlements and disputes: propose, agree, open, decide, carry out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.disputes import (
    Category,
    Dispute,
    DisputeState,
    Proposal,
    ProposalState,
    Split,
    check_other_side,
    check_split,
    fair_split,
)
from marketplace.deals.domain.lifecycle import WORKING, Guard, Move, MoveRefusedError, Party, State
from marketplace.deals.domain.orders import Order
from marketplace.deals.handlers import money
from marketplace.deals.handlers.orders import get_order, locked, moved, record_ended, save
from marketplace.deals.store import disputes as store
from marketplace.deals.store import orders as order_store
from services.contracts.access import Acting, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.deals import DisputeChanged
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.files import handlers as documents
from services.runtime.outbox import emit


class DisputeNotFoundError(DomainError):
    code: ClassVar[str] = "dispute-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no dispute {dispute_id} that you may see; list /disputes."
    zh: ClassVar[str] = "没有您可查看的争议 {dispute_id}；请查看 /disputes。"


class DisputeEndedError(DomainError):
    code: ClassVar[str] = "dispute-ended"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Dispute {dispute_id} is {state}; it cannot be decided any more."
    zh: ClassVar[str] = "争议 {dispute_id} 已为 {state}，不能再裁决。"


class ProposalNotFoundError(DomainError):
    code: ClassVar[str] = "proposal-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Order {order_id} has no open proposal {proposal_id}; read it again."
    zh: ClassVar[str] = "订单 {order_id} 没有未决的方案 {proposal_id}；请重新读取。"


def propose(
    *,
    session: Session,
    clock: Clock,
    party: OrganisationId,
    order_id: UUID,
    split: Split | None,
    because: str,
) -> Proposal:
    """Say how one would settle what the escrow holds; an earlier proposal of one's own is over.

    Without ``split`` what was accepted is paid and the rest goes back.

    Raises:
        OrderNotFoundError, MoveRefusedError, SumsWrongError: as they say.
    """
    order = locked(session, order_id, party=party)
    _check_running(order)
    wanted = check_split(order, fair_split(order) if split is None else split)
    store.supersede(session, order_id, by=party)
    proposal = Proposal(
        id=clock.new_id(),
        organisation_id=order.organisation_id,
        supplier_id=order.supplier_id,
        order_id=order.id,
        proposed_by=party,
        split=wanted,
        because=because,
        state=ProposalState.OPEN,
        created_at=clock.now(),
    )
    store.insert_proposal(session, proposal)
    note(session, subject_kind="proposal", subject_id=proposal.id, after=proposal)
    return proposal


def agree(
    *,
    session: Session,
    clock: Clock,
    party: OrganisationId,
    order_id: UUID,
    proposal_id: UUID,
) -> Order:
    """Settle as the other side proposed; a dispute over it ends.

    Raises:
        OrderNotFoundError, ProposalNotFoundError, OwnProposalError, MoveRefusedError: as they say.
        SumsWrongError: money was paid since it was proposed.
    """
    order = locked(session, order_id, party=party)
    proposal = store.open_proposal(session, order_id, proposal_id)
    if proposal is None:
        raise ProposalNotFoundError(order_id=order_id, proposal_id=proposal_id)
    by = check_other_side(order, proposal, party)
    split = check_split(order, proposal.split)
    because = f"both sides of order {order.id} agreed: {proposal.because}"
    dispute = store.lock_open_dispute(session, order_id)
    if dispute is not None:
        money.unfreeze(session, clock, order, because=because)
        _end(session, clock, dispute, DisputeState.AGREED, split, proposal.because)
    paid = _pay(session, clock, order, split, because=because, fact_id=proposal.id)
    settled = moved(paid, Move.AGREE, by, holding={Guard.AGREED})
    store.set_agreed(session, proposal)
    store.supersede(session, order_id)
    record_ended(session, clock, settled, disputed=dispute is not None)
    return save(session, clock, order, settled)


def open_dispute(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    order_id: UUID,
    category: Category,
    reason: str,
    evidence: Sequence[UUID],
) -> Dispute:
    """Have nothing leave the escrow until both agree, or an arbiter decides.

    Raises:
        OrderNotFoundError, MoveRefusedError, GuardMissingError: as they say.
        DocumentNotFoundError: evidence one may not read oneself.
    """
    party = acting.organisation_id
    order = locked(session, order_id, party=party)
    disputed = moved(order, Move.DISPUTE, order.party(party))
    for document_id in evidence:
        documents.get_document(session=session, clock=clock, acting=acting, document_id=document_id)
    dispute = Dispute(
        id=clock.new_id(),
        organisation_id=order.organisation_id,
        supplier_id=order.supplier_id,
        order_id=order.id,
        opened_by=party,
        category=category,
        reason=reason,
        documents=tuple(evidence),
        state=DisputeState.OPEN,
        created_at=clock.now(),
    )
    because = f"dispute {dispute.id} over order {order.id} ({category})"
    money.freeze(session, clock, order, because=because)
    store.insert_dispute(session, dispute)
    save(session, clock, order, disputed)
    _tell(session, clock, dispute)
    note(session, subject_kind="dispute", subject_id=dispute.id, after=dispute)
    return dispute


def decide(
    *, session: Session, clock: Clock, dispute_id: UUID, split: Split, because: str
) -> Dispute:
    """Decide as the platform's arbiter; the worker moves the money.

    Raises:
        DisputeNotFoundError, DisputeEndedError: there is nothing to decide.
        SumsWrongError: it is more or less than the escrow holds.
    """
    dispute = store.find_dispute(session, dispute_id, party=None, lock=True)
    if dispute is None:
        raise DisputeNotFoundError(dispute_id=dispute_id)
    if dispute.state is not DisputeState.OPEN:
        raise DisputeEndedError(dispute_id=dispute_id, state=dispute.state)
    order = order_store.find_order(session, dispute.order_id, party=None)
    assert order is not None, "a dispute is over an order"
    check_split(order, split)
    return _end(session, clock, dispute, DisputeState.DECIDED, split, because)


def carry_out(*, session: Session, clock: Clock, dispute_id: UUID) -> Order | None:
    """Pay what an arbiter decided, in the worker; ``None`` if that is done, or nothing is decided.

    Raises:
        EscrowRefusedError: the escrow is not as it was decided upon.
    """
    dispute = store.find_dispute(session, dispute_id, party=None)
    if dispute is None or dispute.state is not DisputeState.DECIDED or dispute.split is None:
        return None
    order = order_store.find_order(session, dispute.order_id, party=None, lock=True)
    if order is None or order.state is not State.DISPUTED:
        return None
    because = f"dispute {dispute.id} was decided: {dispute.because}"
    money.unfreeze(session, clock, order, because=because)
    paid = _pay(session, clock, order, dispute.split, because=because, fact_id=dispute.id)
    settled = moved(paid, Move.DECIDE, Party.PLATFORM, holding={Guard.DECIDED})
    store.supersede(session, order.id)
    record_ended(session, clock, settled, disputed=True)
    return save(session, clock, order, settled)


def get_dispute(*, session: Session, acting: Acting, dispute_id: UUID) -> Dispute:
    """A dispute one is a party to; any for the platform's arbiter.

    Raises:
        DisputeNotFoundError: there is none.
    """
    found = store.find_dispute(session, dispute_id, party=_reach(acting))
    if found is None:
        raise DisputeNotFoundError(dispute_id=dispute_id)
    return found


def list_disputes(
    *, session: Session, acting: Acting, after: UUID | None, limit: int
) -> list[Dispute]:
    """A page of disputes one is a party to, or of all for the arbiter, in order of opening."""
    return store.disputes_after(session, party=_reach(acting), after=after, limit=limit)


def list_proposals(
    *,
    session: Session,
    party: OrganisationId,
    order_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Proposal]:
    """What was proposed for an order, in order.

    Raises:
        OrderNotFoundError: there is no such order.
    """
    get_order(session=session, party=party, order_id=order_id)
    return store.proposals_after(session, order_id, after=after, limit=limit)


def _reach(acting: Acting) -> OrganisationId | None:
    """Whose disputes the caller reaches: everybody's as arbiter."""
    is_arbiter = acting.principal.platform_role is Role.SYSTEM_ADMIN
    return None if is_arbiter else acting.organisation_id


def _check_running(order: Order) -> None:
    states = (*WORKING, State.DISPUTED)
    if order.state not in states:
        named = ", ".join(sorted(states))
        raise MoveRefusedError(thing=order.thing, state=order.state, move="propose", sources=named)


def _pay(
    session: Session, clock: Clock, order: Order, split: Split, *, because: str, fact_id: UUID
) -> Order:
    released = money.release(
        session, clock, order, split.release_minor, because=because, fact_id=fact_id
    )
    return money.refund(
        session, clock, released, split.refund_minor, because=because, fact_id=fact_id
    )


def _end(
    session: Session,
    clock: Clock,
    dispute: Dispute,
    state: DisputeState,
    split: Split,
    because: str,
) -> Dispute:
    ended = replace(dispute, state=state, split=split, because=because, ended_at=clock.now())
    store.save_end(session, ended)
    _tell(session, clock, ended)
    note(session, subject_kind="dispute", subject_id=dispute.id, before=dispute, after=ended)
    return ended


def _tell(session: Session, clock: Clock, dispute: Dispute) -> None:
    now = clock.now()
    event = DisputeChanged(
        id=clock.new_id(),
        occurred_at=now,
        dispute_id=dispute.id,
        order_id=dispute.order_id,
        organisation_id=dispute.organisation_id,
        supplier_id=dispute.supplier_id,
        state=dispute.state,
        audience=Audience(organisation_ids=dispute.parties),
    )
    emit(session, event, now=now)
