"""``/payments`` into escrows and ``/payouts`` to the bank, over a sandbox that moves no money."""

from uuid import UUID

from fastapi import Request, Response

from services.contracts.money import Money
from services.contracts.policies import Action
from services.ledger import handlers
from services.ledger.domain import AccountKind, PaymentKind
from services.ledger.handlers.callbacks import check_provider
from services.ledger.schemas import FundingIn, PaymentOut, PayoutIn
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["ledger"])


@router.post(
    "/payments",
    status_code=201,
    response_model=PaymentOut,
    dependencies=[requires(Action.PAYMENT_REQUEST)],
)
def request_funding(
    request: Request,
    asked: FundingIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Pay the agreed amount into an own escrow; the worker asks the provider within seconds.

    The provider is a demonstration sandbox and no licensed payment institution
    (演示沙箱，非持牌支付机构): no real money moves.
    """
    provider = request.app.state.settings.payment_provider

    def work() -> PaymentOut:
        check_provider(asked.method, provider=provider)
        payment = handlers.request_funding(
            session=session,
            clock=clock,
            escrow_id=asked.escrow_id,
            method=asked.method,
            payer=acting.organisation_id,
        )
        return PaymentOut.of(payment)

    return creation.once(asked, work)


@router.get(
    "/payments", response_model=Page[PaymentOut], dependencies=[requires(Action.PAYMENT_READ)]
)
def list_payments(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PaymentOut] | Response:
    """Own payments, in order of asking."""
    found = handlers.list_payments(
        session=session,
        organisation_id=acting.organisation_id,
        kind=PaymentKind.FUNDING,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, PaymentOut.of, name="payments")


@router.get("/payments/{payment_id}", dependencies=[requires(Action.PAYMENT_READ)])
def read_payment(payment_id: UUID, session: SessionDep, acting: ActingDep) -> PaymentOut:
    """How an own payment stands, or ended."""
    found = handlers.get_payment(
        session=session,
        organisation_id=acting.organisation_id,
        payment_id=payment_id,
        kind=PaymentKind.FUNDING,
    )
    return PaymentOut.of(found)


@router.post(
    "/payouts",
    status_code=201,
    response_model=PaymentOut,
    dependencies=[requires(Action.PAYOUT_REQUEST)],
)
def request_payout(
    request: Request,
    asked: PayoutIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Have an own balance paid out: taken now, given back should the provider refuse.

    The provider is a demonstration sandbox and no licensed payment institution
    (演示沙箱，非持牌支付机构): no real money moves.
    """
    provider = request.app.state.settings.payment_provider

    def work() -> PaymentOut:
        check_provider(asked.method, provider=provider)
        payout = handlers.request_payout(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            amount=Money(asked.amount_minor, asked.currency),
            method=asked.method,
            source=AccountKind(asked.source),
        )
        return PaymentOut.of(payout)

    return creation.once(asked, work)


@router.get(
    "/payouts", response_model=Page[PaymentOut], dependencies=[requires(Action.PAYOUT_READ)]
)
def list_payouts(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PaymentOut] | Response:
    """Own payouts, in order of asking."""
    found = handlers.list_payments(
        session=session,
        organisation_id=acting.organisation_id,
        kind=PaymentKind.PAYOUT,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, PaymentOut.of, name="payouts")


@router.get("/payouts/{payout_id}", dependencies=[requires(Action.PAYOUT_READ)])
def read_payout(payout_id: UUID, session: SessionDep, acting: ActingDep) -> PaymentOut:
    """How an own payout stands, or ended."""
    found = handlers.get_payment(
        session=session,
        organisation_id=acting.organisation_id,
        payment_id=payout_id,
        kind=PaymentKind.PAYOUT,
    )
    return PaymentOut.of(found)
