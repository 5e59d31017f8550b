"""SQL of the verified-firm flow."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col, select

from services.contracts.ids import OrganisationId, PersonId
from services.identity.domain import RequestState, VerificationRequest
from services.identity.domain.verification import EVIDENCE
from services.identity.tables import VerificationRow
from services.runtime.files.tables import DocumentRow


def insert_request(session: Session, request: VerificationRequest) -> None:
    session.add(
        VerificationRow(
            id=request.id,
            organisation_id=request.organisation_id,
            name=request.name,
            name_zh=request.name_zh,
            uscc=request.uscc,
            document_ids=list(request.document_ids),
            requested_by=request.requested_by,
            requested_at=request.requested_at,
            state=request.state.value,
        )
    )
    session.flush()


def latest(session: Session, organisation_id: UUID) -> VerificationRequest | None:
    query = (
        select(VerificationRow)
        .where(VerificationRow.organisation_id == organisation_id)
        .order_by(col(VerificationRow.id).desc())
        .limit(1)
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _request(row)


def lock_pending(session: Session, organisation_id: UUID) -> VerificationRequest | None:
    """The request nobody decided yet, which nobody else decides meanwhile."""
    query = (
        select(VerificationRow)
        .where(
            VerificationRow.organisation_id == organisation_id,
            VerificationRow.state == RequestState.PENDING.value,
        )
        .with_for_update()
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _request(row)


def requests_after(
    session: Session, *, after: UUID | None, limit: int, state: RequestState
) -> list[VerificationRequest]:
    query = (
        select(VerificationRow)
        .where(VerificationRow.state == state.value)
        .order_by(col(VerificationRow.id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(VerificationRow.id) > after)
    return [_request(row) for row in session.exec(query)]


def update_request(session: Session, request: VerificationRequest) -> None:
    """Store what was decided."""
    session.connection().execute(
        update(VerificationRow)
        .where(col(VerificationRow.id) == request.id)
        .values(
            state=request.state.value,
            decided_by=request.decided_by,
            decided_at=request.decided_at,
            reason=request.reason,
        )
    )


def withdraw_pending(session: Session, organisation_id: UUID) -> None:
    session.connection().execute(
        update(VerificationRow)
        .where(
            col(VerificationRow.organisation_id) == organisation_id,
            col(VerificationRow.state) == RequestState.PENDING.value,
        )
        .values(state=RequestState.WITHDRAWN.value)
    )


def evidence(
    session: Session, organisation_id: UUID, document_ids: Collection[UUID]
) -> frozenset[UUID]:
    """Which of these are documents the organisation uploaded to prove who it is."""
    query = select(DocumentRow.id).where(
        col(DocumentRow.id).in_(document_ids),
        DocumentRow.organisation_id == organisation_id,
        DocumentRow.subject_kind == EVIDENCE,
    )
    return frozenset(session.exec(query))


def _request(row: VerificationRow) -> VerificationRequest:
    return VerificationRequest(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        name=row.name,
        name_zh=row.name_zh,
        uscc=row.uscc,
        document_ids=tuple(row.document_ids),
        requested_by=PersonId(row.requested_by),
        requested_at=row.requested_at,
        state=RequestState(row.state),
        decided_by=None if row.decided_by is None else PersonId(row.decided_by),
        decided_at=row.decided_at,
        reason=row.reason,
    )
