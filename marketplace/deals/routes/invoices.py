"""``/invoices``: what sellers invoiced for orders, and what buyers say to it."""

from uuid import UUID

from fastapi import Response

from marketplace.deals.domain.invoicing import InvoiceState
from marketplace.deals.handlers import invoices as handlers
from marketplace.deals.schemas.invoices import InvoiceIn, InvoiceOut, RejectionIn
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["deals"])


@router.post(
    "/orders/{order_id}/invoices",
    status_code=201,
    response_model=InvoiceOut,
    dependencies=[requires(Action.INVOICE_RECORD)],
)
def record_invoice(
    order_id: UUID,
    asked: InvoiceIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Record an invoice for an order, up to what the order has paid."""

    def work() -> InvoiceOut:
        made = handlers.record(
            session=session, clock=clock, acting=acting, order_id=order_id, stated=asked.stated()
        )
        return InvoiceOut.of(made)

    return creation.once(asked, work)


@router.get(
    "/orders/{order_id}/invoices",
    response_model=Page[InvoiceOut],
    dependencies=[requires(Action.INVOICE_READ)],
)
def list_order_invoices(
    order_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[InvoiceOut] | Response:
    """The invoices and credit notes of one order."""
    found = handlers.list_invoices(
        session=session,
        party=acting.organisation_id,
        order_id=order_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, InvoiceOut.of, name="invoices")


@router.get(
    "/invoices", response_model=Page[InvoiceOut], dependencies=[requires(Action.INVOICE_READ)]
)
def list_invoices(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[InvoiceOut] | Response:
    """Invoices one gave or received, in order of recording."""
    found = handlers.list_invoices(
        session=session, party=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, InvoiceOut.of, name="invoices")


@router.get("/invoices/{invoice_id}", dependencies=[requires(Action.INVOICE_READ)])
def read_invoice(invoice_id: UUID, session: SessionDep, acting: ActingDep) -> InvoiceOut:
    """One invoice."""
    found = handlers.get_invoice(
        session=session, party=acting.organisation_id, invoice_id=invoice_id
    )
    return InvoiceOut.of(found)


@router.post("/invoices/{invoice_id}/confirm", dependencies=[requires(Action.INVOICE_DECIDE)])
def confirm_invoice(
    invoice_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> InvoiceOut:
    """Confirm an invoice or credit note one received."""
    done = handlers.decide(
        session=session,
        clock=clock,
        buyer_id=acting.organisation_id,
        invoice_id=invoice_id,
        state=InvoiceState.CONFIRMED,
    )
    return InvoiceOut.of(done)


@router.post("/invoices/{invoice_id}/reject", dependencies=[requires(Action.INVOICE_DECIDE)])
def reject_invoice(
    invoice_id: UUID, asked: RejectionIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> InvoiceOut:
    """Reject an invoice or credit note, and say why."""
    done = handlers.decide(
        session=session,
        clock=clock,
        buyer_id=acting.organisation_id,
        invoice_id=invoice_id,
        state=InvoiceState.REJECTED,
        reason=asked.reason,
    )
    return InvoiceOut.of(done)


@router.post(
    "/invoices/{invoice_id}/credit-notes",
    status_code=201,
    response_model=InvoiceOut,
    dependencies=[requires(Action.INVOICE_RECORD)],
)
def record_credit_note(
    invoice_id: UUID,
    asked: InvoiceIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Correct a confirmed invoice: invoices are never edited, credit notes take them back."""

    def work() -> InvoiceOut:
        made = handlers.credit(
            session=session,
            clock=clock,
            acting=acting,
            invoice_id=invoice_id,
            stated=asked.stated(),
        )
        return InvoiceOut.of(made)

    return creation.once(asked, work)
