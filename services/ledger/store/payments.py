"""Payments, payouts and the answers that were taken."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select, update

from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger.domain import Answer, Payment, PaymentKind, PaymentState
from services.ledger.domain.payment import Consequence
from services.ledger.store.adding import is_added
from services.ledger.tables import NoticeRow, PaymentRow

_UNDER_WAY: Final = (PaymentState.REQUESTED, PaymentState.SENT)


def insert_payment(session: Session, payment: Payment) -> bool:
    """Whether it was added: one payment at a time is under way into an escrow."""
    values = {
        "id": payment.id,
        "organisation_id": payment.organisation_id,
        "kind": payment.kind,
        "escrow_id": payment.escrow_id,
        "source": payment.source,
        "amount_minor": payment.amount.minor,
        "currency": payment.amount.currency,
        "method": payment.method,
        "created_at": payment.created_at,
        **_course(payment),
    }
    return is_added(session, PaymentRow, values)


def save_payment(session: Session, payment: Payment) -> None:
    session.exec(
        update(PaymentRow).where(col(PaymentRow.id) == payment.id).values(**_course(payment))
    )


def lock_payment(session: Session, payment_id: UUID) -> Payment | None:
    query = select(PaymentRow).where(col(PaymentRow.id) == payment_id).with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _payment(row)


def lock_due(session: Session, *, now: datetime) -> Payment | None:
    """The payment that waits longest for its next step and that nobody else is taking."""
    query = (
        select(PaymentRow)
        .where(col(PaymentRow.state).in_(_UNDER_WAY), col(PaymentRow.next_at) <= now)
        .order_by(col(PaymentRow.next_at), col(PaymentRow.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _payment(row)


def find_payment(
    session: Session, payment_id: UUID, organisation_id: OrganisationId, kind: PaymentKind
) -> Payment | None:
    query = select(PaymentRow).where(
        col(PaymentRow.id) == payment_id,
        col(PaymentRow.organisation_id) == organisation_id,
        col(PaymentRow.kind) == kind,
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _payment(row)


def payments_after(
    session: Session,
    *,
    organisation_id: OrganisationId,
    kind: PaymentKind,
    after: UUID | None,
    limit: int,
) -> list[Payment]:
    query = select(PaymentRow).where(
        col(PaymentRow.organisation_id) == organisation_id, col(PaymentRow.kind) == kind
    )
    if after is not None:
        query = query.where(col(PaymentRow.id) > after)
    rows = session.exec(query.order_by(col(PaymentRow.id)).limit(limit))
    return [_payment(row) for row in rows]


def insert_notice(
    session: Session, payment: Payment, answer: Answer, consequence: Consequence, *, now: datetime
) -> None:
    session.connection().execute(
        insert(NoticeRow)
        .values(
            payment_id=payment.id,
            notice_id=answer.id,
            organisation_id=payment.organisation_id,
            verdict=answer.verdict,
            because=answer.because,
            consequence=consequence,
            at=now,
        )
        .on_conflict_do_nothing()
    )


def is_taken(session: Session, payment_id: UUID, answer: Answer) -> bool:
    """Whether this very answer was taken before."""
    query = select(NoticeRow.notice_id).where(
        col(NoticeRow.payment_id) == payment_id, col(NoticeRow.notice_id) == answer.id
    )
    return session.exec(query).one_or_none() is not None


def _course(payment: Payment) -> dict[str, Any]:
    return {
        "state": payment.state,
        "attempts": payment.attempts,
        "next_at": payment.next_at,
        "explanation": payment.explanation,
        "updated_at": payment.updated_at,
    }


def _payment(row: PaymentRow) -> Payment:
    return Payment(
        id=row.id,
        kind=PaymentKind(row.kind),
        organisation_id=OrganisationId(row.organisation_id),
        amount=Money(row.amount_minor, row.currency),
        method=row.method,
        state=PaymentState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        escrow_id=row.escrow_id,
        source=row.source,
        attempts=row.attempts,
        next_at=row.next_at,
        explanation=row.explanation,
    )
