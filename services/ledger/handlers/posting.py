"""Posting: the one way entries come about."""

from collections.abc import Iterable
from typing import ClassVar, Final
from uuid import UUID

import psycopg
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.ledger.domain import Leg, Subject, Transaction, TransactionKind
from services.ledger.domain.accounts import INTERNAL_KINDS, balanced, reversed_legs
from services.ledger.store import accounts as store
from services.runtime.clock import Clock
from services.runtime.db import all_or_nothing
from services.runtime.tenancy import principal_of

BECAUSE_MAX: Final = 500


class BalanceShortError(DomainError):
    code: ClassVar[str] = "balance-short"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "An account holds less than this takes from it ({because}); read the balance and ask less."
    )
    zh: ClassVar[str] = "账户余额不足以支付（{because}）；请查询余额后减少金额。"


def post(
    *,
    session: Session,
    clock: Clock,
    kind: TransactionKind,
    because: str,
    subject: Subject,
    fact_id: UUID,
    legs: Iterable[Leg],
    reverses: UUID | None = None,
) -> Transaction | None:
    """Write a transaction whose legs add up to nothing; ``None``: the fact was posted before.

    Raises:
        UnbalancedError: the legs leave something.
        BalanceShortError: an account that never goes below zero would.
    """
    moved = balanced(legs)
    if not moved:
        return None
    now, initiator_id = clock.now(), principal_of(session).organisation_id
    transaction = Transaction(
        id=clock.new_id(),
        kind=kind,
        because=because[:BECAUSE_MAX],
        subject=subject,
        fact_id=fact_id,
        at=now,
        reverses=reverses,
    )
    entries = [(clock.new_id(), leg) for leg in moved]

    def write() -> bool:
        if not store.insert_transaction(session, transaction, initiator_id=initiator_id):
            return False
        touched = [leg.account for leg in moved if leg.account.kind not in INTERNAL_KINDS]
        if touched:
            store.open_accounts(session, touched, opened_by=initiator_id, now=now)
        store.insert_entries(session, transaction, entries, initiator_id=initiator_id)
        return True

    try:
        return transaction if all_or_nothing(session, write) else None
    except IntegrityError as error:
        if _broken(error) not in store.FLOORS:
            raise
        raise BalanceShortError(because=because) from error


def reverse(
    *, session: Session, clock: Clock, transaction: Transaction, because: str, fact_id: UUID
) -> Transaction | None:
    """Undo a transaction by its mirror image; nothing written is ever changed.

    For the worker, who sees every leg. ``None``: it was reversed before.

    Raises:
        BalanceShortError: what it brought has been spent.
    """
    return post(
        session=session,
        clock=clock,
        kind=TransactionKind.REVERSAL,
        because=because,
        subject=transaction.subject,
        fact_id=fact_id,
        legs=reversed_legs(store.legs_of(session, transaction.id)),
        reverses=transaction.id,
    )


def _broken(error: IntegrityError) -> str | None:
    """The constraint that refused."""
    cause = error.orig
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
