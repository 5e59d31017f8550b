"""What the ledger decides: accounts and postings, escrow, commission, VAT, shares, payments."""

from services.ledger.domain.accounts import (
    Account,
    AccountKind,
    Entry,
    Leg,
    Transaction,
    TransactionKind,
    account_id,
)
from services.ledger.domain.escrow import Escrow, EscrowState, EscrowTerms, Movement, MovementKind
from services.ledger.domain.payment import Answer, Payment, PaymentKind, PaymentState, Verdict
from services.ledger.domain.shares import ShareMember, ShareRule
from services.ledger.domain.subject import Subject

__all__ = [
    "Account",
    "AccountKind",
    "Answer",
    "Entry",
    "Escrow",
    "EscrowState",
    "EscrowTerms",
    "Leg",
    "Movement",
    "MovementKind",
    "Payment",
    "PaymentKind",
    "PaymentState",
    "ShareMember",
    "ShareRule",
    "Subject",
    "Transaction",
    "TransactionKind",
    "Verdict",
    "account_id",
]
