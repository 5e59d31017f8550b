"""Use cases of invoices: record one or a credit note, confirm, reject, list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.invoicing import (
    Invoice,
    InvoiceDecidedError,
    InvoiceKind,
    InvoiceLine,
    InvoiceState,
    check_fits,
    check_lines,
    decided,
    recorded_minor,
)
from marketplace.deals.domain.orders import Order
from marketplace.deals.handlers.orders import get_order, locked
from marketplace.deals.store import invoices as store
from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.deals import InvoiceChanged
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.files import handlers as documents
from services.runtime.outbox import emit


class InvoiceNotFoundError(DomainError):
    code: ClassVar[str] = "invoice-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no invoice {invoice_id} that you gave or received; list /invoices."
    )
    zh: ClassVar[str] = "没有您开具或收到的发票 {invoice_id}；请查看 /invoices。"


class InvoiceNumberUsedError(DomainError):
    code: ClassVar[str] = "invoice-number-used"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Your organisation has recorded an invoice {number} already; check the number."
    )
    zh: ClassVar[str] = "贵组织已登记过发票号 {number}；请核对号码。"


@dataclass(frozen=True, slots=True)
class Stated:
    """An invoice as its seller states it."""

    number: str
    kind: InvoiceKind
    issued_on: date
    lines: Sequence[InvoiceLine]
    document_id: UUID | None = None


def record(
    *, session: Session, clock: Clock, acting: Acting, order_id: UUID, stated: Stated
) -> Invoice:
    """Record an invoice for an order that was paid for, up to what was paid.

    Raises:
        OrderNotFoundError: the organisation supplies none such.
        InvoiceInvalidError, InvoiceTooMuchError, InvoiceNumberUsedError: as they say.
        DocumentNotFoundError: it may not see the attached one.
    """
    order = locked(session, order_id, supplier=acting.organisation_id)
    made = _made(session, clock, acting, order, stated)
    known = store.invoices_after(
        session, party=acting.organisation_id, order_id=order_id, after=None, limit=None
    )
    check_fits(made.total_minor, known=recorded_minor(known), whole=order.released_minor)
    return _kept(session, clock, made)


def credit(
    *, session: Session, clock: Clock, acting: Acting, invoice_id: UUID, stated: Stated
) -> Invoice:
    """Record a credit note for a confirmed invoice of one's own, up to its total.

    Raises:
        InvoiceNotFoundError: the organisation gave none such.
        InvoiceDecidedError: it was not confirmed, or is a credit note itself.
        InvoiceInvalidError, InvoiceTooMuchError, InvoiceNumberUsedError: as they say.
    """
    of = get_invoice(session=session, party=acting.organisation_id, invoice_id=invoice_id)
    if of.supplier_id != acting.organisation_id:
        raise InvoiceNotFoundError(invoice_id=invoice_id)
    if of.state is not InvoiceState.CONFIRMED or of.credits is not None:
        state = "a credit note" if of.credits is not None else of.state
        raise InvoiceDecidedError(invoice_id=of.id, state=state, wanted=InvoiceState.CONFIRMED)
    order = locked(session, of.order_id, supplier=acting.organisation_id)
    made = _made(session, clock, acting, order, stated, of=of.id)
    known = store.invoices_after(
        session, party=acting.organisation_id, order_id=order.id, after=None, limit=None
    )
    credited = sum(
        one.total_minor
        for one in known
        if one.credits == of.id and one.state is not InvoiceState.REJECTED
    )
    check_fits(made.total_minor, known=credited, whole=of.total_minor)
    return _kept(session, clock, made)


def decide(
    *,
    session: Session,
    clock: Clock,
    buyer_id: OrganisationId,
    invoice_id: UUID,
    state: InvoiceState,
    reason: str | None = None,
) -> Invoice:
    """Confirm an invoice one received, or reject it for a reason; once.

    Raises:
        InvoiceNotFoundError: the organisation received none such.
        InvoiceDecidedError: it has said so already.
    """
    found = store.find_invoice(session, invoice_id, party=buyer_id, lock=True)
    if found is None or found.organisation_id != buyer_id:
        raise InvoiceNotFoundError(invoice_id=invoice_id)
    done = decided(found, state, now=clock.now(), reason=reason)
    store.save_decision(session, done)
    _tell(session, clock, found, done)
    return done


def get_invoice(*, session: Session, party: OrganisationId, invoice_id: UUID) -> Invoice:
    """An invoice one gave or received.

    Raises:
        InvoiceNotFoundError: there is none.
    """
    found = store.find_invoice(session, invoice_id, party=party)
    if found is None:
        raise InvoiceNotFoundError(invoice_id=invoice_id)
    return found


def list_invoices(
    *,
    session: Session,
    party: OrganisationId,
    after: UUID | None,
    limit: int,
    order_id: UUID | None = None,
) -> list[Invoice]:
    """A page of invoices one gave or received, of one order or of all.

    Raises:
        OrderNotFoundError: there is no such order.
    """
    if order_id is not None:
        get_order(session=session, party=party, order_id=order_id)
    return store.invoices_after(session, party=party, order_id=order_id, after=after, limit=limit)


def list_confirmed(
    *, session: Session, supplier_id: OrganisationId, since: datetime, until: datetime
) -> list[Invoice]:
    """What a supplier invoiced from ``since`` until before ``until`` and its buyers confirmed."""
    return store.confirmed_between(session, supplier_id, since=since, until=until)


def _made(
    session: Session,
    clock: Clock,
    acting: Acting,
    order: Order,
    stated: Stated,
    *,
    of: UUID | None = None,
) -> Invoice:
    net, vat = check_lines(stated.lines)
    if stated.document_id is not None:
        documents.get_document(
            session=session, clock=clock, acting=acting, document_id=stated.document_id
        )
    return Invoice(
        id=clock.new_id(),
        organisation_id=order.organisation_id,
        supplier_id=order.supplier_id,
        order_id=order.id,
        number=stated.number,
        kind=stated.kind,
        issued_on=stated.issued_on,
        currency=order.currency,
        lines=tuple(stated.lines),
        net_minor=net,
        vat_minor=vat,
        total_minor=net + vat,
        state=InvoiceState.RECORDED,
        created_at=clock.now(),
        credits=of,
        document_id=stated.document_id,
    )


def _kept(session: Session, clock: Clock, made: Invoice) -> Invoice:
    if not store.insert_invoice(session, made):
        raise InvoiceNumberUsedError(number=made.number)
    _tell(session, clock, None, made)
    return made


def _tell(session: Session, clock: Clock, before: Invoice | None, after: Invoice) -> None:
    note(session, subject_kind="invoice", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = InvoiceChanged(
        id=clock.new_id(),
        occurred_at=now,
        invoice_id=after.id,
        order_id=after.order_id,
        organisation_id=after.organisation_id,
        supplier_id=after.supplier_id,
        state=after.state,
        audience=Audience(organisation_ids=(after.organisation_id, after.supplier_id)),
    )
    emit(session, event, now=now)
