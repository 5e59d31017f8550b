"""What one organisation owes another: fees of late cancellation and the like, and paying them."""

from uuid import UUID, uuid5

from sqlmodel import Session

from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger.domain import Account, AccountKind, Leg, Subject, TransactionKind
from services.ledger.domain.accounts import check_amount
from services.ledger.handlers.posting import post
from services.runtime.clock import Clock


def charge(
    *,
    session: Session,
    clock: Clock,
    debtor: OrganisationId,
    creditor: OrganisationId,
    amount: Money,
    because: str,
    subject: Subject,
) -> bool:
    """Book that ``debtor`` owes ``creditor``, once per subject and reason; whether it was not yet.

    Raises:
        AmountInvalidError: no such amount.
    """
    check_amount(amount)
    posted = post(
        session=session,
        clock=clock,
        kind=TransactionKind.CHARGE,
        because=because,
        subject=subject,
        fact_id=uuid5(subject.id, because),
        legs=(
            Leg(Account(AccountKind.PAYABLE, debtor, amount.currency), -amount.minor),
            Leg(Account(AccountKind.RECEIVABLE, creditor, amount.currency), amount.minor),
        ),
    )
    return posted is not None


def pay_owed(
    *,
    session: Session,
    clock: Clock,
    debtor: OrganisationId,
    creditor: OrganisationId,
    amount: Money,
    because: str,
    subject: Subject,
    fact_id: UUID,
) -> bool:
    """Pay what is owed from wallet to wallet; whether it was not yet.

    Raises:
        AmountInvalidError: no such amount.
        BalanceShortError: the wallet holds less.
    """
    check_amount(amount)
    currency, minor = amount.currency, amount.minor
    posted = post(
        session=session,
        clock=clock,
        kind=TransactionKind.SETTLEMENT,
        because=because,
        subject=subject,
        fact_id=fact_id,
        legs=(
            Leg(Account(AccountKind.WALLET, debtor, currency), -minor),
            Leg(Account(AccountKind.WALLET, creditor, currency), minor),
            Leg(Account(AccountKind.PAYABLE, debtor, currency), minor),
            Leg(Account(AccountKind.RECEIVABLE, creditor, currency), -minor),
        ),
    )
    return posted is not None
