"""Invoices and credit notes."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, or_, select

from marketplace.deals.domain.invoicing import Invoice, InvoiceKind, InvoiceLine, InvoiceState
from marketplace.deals.tables import InvoiceRow
from services.contracts.ids import OrganisationId

_LINES: Final = TypeAdapter(tuple[InvoiceLine, ...])


def insert_invoice(session: Session, invoice: Invoice) -> bool:
    """Write it down, unless its supplier has used the number; whether it was written."""
    lines = {"lines": _LINES.dump_python(invoice.lines, mode="json")}
    statement = (
        insert(InvoiceRow)
        .values(**asdict(invoice) | lines)
        .on_conflict_do_nothing(index_elements=["supplier_id", "number"])
        .returning(col(InvoiceRow.id))
    )
    return session.connection().execute(statement).one_or_none() is not None


def save_decision(session: Session, invoice: Invoice) -> None:
    row = session.get_one(InvoiceRow, invoice.id)
    row.state, row.reason = invoice.state.value, invoice.reason
    row.decided_at = invoice.decided_at
    session.flush()


def find_invoice(
    session: Session, invoice_id: UUID, *, party: OrganisationId, lock: bool = False
) -> Invoice | None:
    query = select(InvoiceRow).where(col(InvoiceRow.id) == invoice_id, _of(party))
    row = session.exec(
        query.with_for_update() if lock else query, execution_options={"populate_existing": True}
    ).one_or_none()
    return None if row is None else _invoice(row)


def invoices_after(
    session: Session,
    *,
    party: OrganisationId,
    order_id: UUID | None,
    after: UUID | None,
    limit: int | None,
) -> list[Invoice]:
    query = select(InvoiceRow).where(_of(party))
    if order_id is not None:
        query = query.where(col(InvoiceRow.order_id) == order_id)
    if after is not None:
        query = query.where(col(InvoiceRow.id) > after)
    rows = session.exec(
        query.order_by(col(InvoiceRow.id)).limit(limit),
        execution_options={"populate_existing": True},
    )
    return [_invoice(row) for row in rows]


def confirmed_between(
    session: Session, supplier_id: OrganisationId, *, since: datetime, until: datetime
) -> list[Invoice]:
    query = select(InvoiceRow).where(
        col(InvoiceRow.supplier_id) == supplier_id,
        col(InvoiceRow.state) == InvoiceState.CONFIRMED,
        col(InvoiceRow.created_at) >= since,
        col(InvoiceRow.created_at) < until,
    )
    return [_invoice(row) for row in session.exec(query.order_by(col(InvoiceRow.id)))]


def _of(party: OrganisationId) -> Any:
    return or_(col(InvoiceRow.organisation_id) == party, col(InvoiceRow.supplier_id) == party)


def _invoice(row: InvoiceRow) -> Invoice:
    facts = row.model_dump() | {
        "lines": _LINES.validate_python(row.lines),
        "kind": InvoiceKind(row.kind),
        "state": InvoiceState(row.state),
    }
    return Invoice(**facts)
