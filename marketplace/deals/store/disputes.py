"""Disputes and proposals."""

from typing import Any
from uuid import UUID

from sqlmodel import Session, col, or_, select, update

from marketplace.deals.domain.disputes import (
    Category,
    Dispute,
    DisputeState,
    Proposal,
    ProposalState,
    Split,
)
from marketplace.deals.tables import DisputeRow, ProposalRow
from services.contracts.ids import OrganisationId


def insert_dispute(session: Session, dispute: Dispute) -> None:
    session.add(
        DisputeRow(
            id=dispute.id,
            organisation_id=dispute.organisation_id,
            supplier_id=dispute.supplier_id,
            order_id=dispute.order_id,
            opened_by=dispute.opened_by,
            category=dispute.category.value,
            reason=dispute.reason,
            documents=list(dispute.documents),
            state=dispute.state.value,
            created_at=dispute.created_at,
        )
    )
    session.flush()


def save_end(session: Session, dispute: Dispute) -> None:
    """How the dispute ended."""
    row = session.get_one(DisputeRow, dispute.id)
    assert dispute.split is not None, "a dispute ends with a split"
    row.state = dispute.state.value
    row.release_minor = dispute.split.release_minor
    row.refund_minor = dispute.split.refund_minor
    row.because = dispute.because
    row.ended_at = dispute.ended_at
    session.flush()


def find_dispute(
    session: Session, dispute_id: UUID, *, party: OrganisationId | None, lock: bool = False
) -> Dispute | None:
    """The dispute ``party`` has a part in; anybody's for ``None``."""
    query = select(DisputeRow).where(col(DisputeRow.id) == dispute_id)
    return _one(session, query if party is None else query.where(_of(party)), lock=lock)


def lock_open_dispute(session: Session, order_id: UUID) -> Dispute | None:
    query = select(DisputeRow).where(
        col(DisputeRow.order_id) == order_id, col(DisputeRow.state) == DisputeState.OPEN
    )
    return _one(session, query, lock=True)


def disputes_after(
    session: Session, *, party: OrganisationId | None, after: UUID | None, limit: int
) -> list[Dispute]:
    query = select(DisputeRow)
    if party is not None:
        query = query.where(_of(party))
    if after is not None:
        query = query.where(col(DisputeRow.id) > after)
    rows = session.exec(query.order_by(col(DisputeRow.id)).limit(limit))
    return [_dispute(row) for row in rows]


def insert_proposal(session: Session, proposal: Proposal) -> None:
    session.add(
        ProposalRow(
            id=proposal.id,
            organisation_id=proposal.organisation_id,
            supplier_id=proposal.supplier_id,
            order_id=proposal.order_id,
            proposed_by=proposal.proposed_by,
            release_minor=proposal.split.release_minor,
            refund_minor=proposal.split.refund_minor,
            because=proposal.because,
            state=proposal.state.value,
            created_at=proposal.created_at,
        )
    )
    session.flush()


def supersede(session: Session, order_id: UUID, *, by: OrganisationId | None = None) -> None:
    """End the open proposals of an order, or those of one side."""
    change = update(ProposalRow).where(
        col(ProposalRow.order_id) == order_id, col(ProposalRow.state) == ProposalState.OPEN
    )
    if by is not None:
        change = change.where(col(ProposalRow.proposed_by) == by)
    session.exec(change.values(state=ProposalState.SUPERSEDED.value))


def set_agreed(session: Session, proposal: Proposal) -> None:
    change = update(ProposalRow).where(col(ProposalRow.id) == proposal.id)
    session.exec(change.values(state=ProposalState.AGREED.value))


def open_proposal(session: Session, order_id: UUID, proposal_id: UUID) -> Proposal | None:
    query = select(ProposalRow).where(
        col(ProposalRow.id) == proposal_id,
        col(ProposalRow.order_id) == order_id,
        col(ProposalRow.state) == ProposalState.OPEN,
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _proposal(row)


def proposals_after(
    session: Session, order_id: UUID, *, after: UUID | None, limit: int
) -> list[Proposal]:
    query = select(ProposalRow).where(col(ProposalRow.order_id) == order_id)
    if after is not None:
        query = query.where(col(ProposalRow.id) > after)
    rows = session.exec(query.order_by(col(ProposalRow.id)).limit(limit))
    return [_proposal(row) for row in rows]


def _of(party: OrganisationId) -> Any:
    return or_(col(DisputeRow.organisation_id) == party, col(DisputeRow.supplier_id) == party)


def _one(session: Session, query: Any, *, lock: bool) -> Dispute | None:
    asked = query.with_for_update() if lock else query
    row = session.exec(asked, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _dispute(row)


def _dispute(row: DisputeRow) -> Dispute:
    release, refund = row.release_minor, row.refund_minor
    return Dispute(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        supplier_id=OrganisationId(row.supplier_id),
        order_id=row.order_id,
        opened_by=OrganisationId(row.opened_by),
        category=Category(row.category),
        reason=row.reason,
        documents=tuple(row.documents),
        state=DisputeState(row.state),
        created_at=row.created_at,
        split=None if release is None or refund is None else Split(release, refund),
        because=row.because,
        ended_at=row.ended_at,
    )


def _proposal(row: ProposalRow) -> Proposal:
    return Proposal(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        supplier_id=OrganisationId(row.supplier_id),
        order_id=row.order_id,
        proposed_by=OrganisationId(row.proposed_by),
        split=Split(row.release_minor, row.refund_minor),
        because=row.because,
        state=ProposalState(row.state),
        created_at=row.created_at,
    )
