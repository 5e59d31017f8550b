"""Releases to a payee, and what is held for it."""

from datetime import datetime

from sqlmodel import Session, col, select

from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger.domain import EscrowState, MovementKind
from services.ledger.domain.income import Held, Income
from services.ledger.tables import EscrowRow, MovementRow


def income(
    session: Session, payee_id: OrganisationId, *, since: datetime, until: datetime
) -> list[Income]:
    query = (
        select(MovementRow, EscrowRow.currency)
        .join(EscrowRow, col(EscrowRow.id) == col(MovementRow.escrow_id))
        .where(
            col(EscrowRow.payee_id) == payee_id,
            col(MovementRow.kind) == MovementKind.RELEASED,
            col(MovementRow.at) >= since,
            col(MovementRow.at) < until,
        )
        .order_by(col(MovementRow.id))
    )
    return [
        Income(row.id, Money(row.minor, currency), row.at) for row, currency in session.exec(query)
    ]


def held_for(session: Session, payee_id: OrganisationId) -> list[Held]:
    query = (
        select(EscrowRow)
        .where(col(EscrowRow.payee_id) == payee_id, col(EscrowRow.state) == EscrowState.FUNDED)
        .order_by(col(EscrowRow.id))
    )
    return [
        Held(
            row.id,
            Money(row.funded_minor - row.released_minor - row.refunded_minor, row.currency),
        )
        for row in session.exec(query)
    ]
